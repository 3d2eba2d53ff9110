/*
 * GS base equal to kernel addresses (the FSGSBASE story, Linux 2012 to 5.9).
 *
 * Entries that may interrupt the kernel anywhere used to ask "is GS ours?" by the
 * sign of its base: the kernel's is negative.  With FSGSBASE a program writes any
 * canonical base without asking, the kernel's own per-CPU address included; that
 * is why Linux had FSGSBASE off until its entries found their CPU otherwise.
 *
 * In Postern GS decides nothing: from user mode it is swapped by the saved CS
 * (entry_from_user in entry/interrupt.asm), and the paranoid entries find the vault
 * by their stack's address (entry/paranoid.asm, step 3) and put back what they found.
 *
 * Right: every entry with any base works, and the base is what it was.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t base;

static void int3(void) { write_gs(base); __asm__ volatile("int3"); }
static void ud2(void) { write_gs(base); __asm__ volatile("ud2"); }
static void page_fault(void) { write_gs(base); __asm__ volatile("movb %%al, 8" : : : "memory"); }
static void hlt(void) { write_gs(base); __asm__ volatile("hlt"); }
static void step(void)
{
	write_gs(base);
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "cc", "memory");
}
static void through_gs(void) { write_gs(base); __asm__ volatile("movq %%gs:0, %%rax" : : : "rax"); }

static void check_faults(void)
{
	static const struct {
		const char *name;
		void (*function)(void);
		int signal;
	} rows[] = {
		{ "INT3", int3, SIGTRAP }, { "#UD", ud2, SIGILL }, { "#PF", page_fault, SIGSEGV },
		{ "#GP", hlt, SIGSEGV }, { "#DB", step, SIGTRAP },
		{ "a load through GS", through_gs, SIGSEGV },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_equal(CAUGHT(rows[i].function()), rows[i].signal, "%s with GS base %#lx", rows[i].name, base);
		check_equal((int64_t)read_gs(), (int64_t)base, "and it is kept");
	}
}

static void check_base(uint64_t value)
{
	volatile uint64_t n;

	base = value;
	write_gs(base);
	check_equal(syscall(SYS_getpid), getpid(), "SYSCALL with GS base %#lx", base);
	check_equal(int80(20, 0, 0, 0), getpid(), "INT 0x80");
	for (n = 0; n < 20000; n++)
		;	/* for the timer to come by */
	syscall(SYS_sched_yield);
	raise_usr1();
	check_equal((int64_t)read_gs(), (int64_t)base, "and it is kept");
	check_equal((int64_t)gs_base(), (int64_t)base, "and told");
	check_faults();
	write_gs(0);
	check_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, value) < 0 ? -errno : 0, -EPERM,
		    "arch_prctl refuses it, as Linux has it");
}

static bool canonical(uint64_t value)
{
	return (uint64_t)((int64_t)(value << 16) >> 16) == value;
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	if (!has_fsgsbase()) {
		check_skip("no FSGSBASE", "GS bases of the kernel's");
		return check_end();
	}
	for (unsigned i = 0; i < kernel_address_count; i++)
		if (canonical(kernel_addresses[i]))
			check_base(kernel_addresses[i]);
	return check_end();
}
