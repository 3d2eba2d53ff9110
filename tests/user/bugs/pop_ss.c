/*
 * CVE-2018-8897, "POP SS" (May 2018; Linux, Windows, FreeBSD, Xen and others).
 *
 * MOV SS and POP SS put off interrupts and debug traps until behind the next
 * instruction, so that SP can follow.  A watchpoint on the selector's own memory
 * then fires behind INT 3, INT n or SYSCALL: on the first instruction of the
 * kernel, at CPL 0, with the user's GS and, after SYSCALL, the user's stack.
 * Kernels that took CS = kernel for "GS is ours" ran on the user's GS; Linux's
 * #BP had an IST stack that the #DB on top of it overwrote.
 *
 * In Postern: #DB has an IST stack alone (arch/idt.c), the paranoid entry finds
 * its CPU by that stack's address and never by GS (entry/paranoid.asm, steps 2
 * and 3), an entry's RSP is not believed (.from_the_top), and the trap that comes
 * of it is noted and no more (debugreg_kernel_trap() in arch/state/debugreg.c).
 *
 * Right: the child lives, or dies of what its instruction does by itself; its GS
 * base is what it was.  TCG raises #DB at once, in user mode; Bochs as hardware.
 */
#include "lib/bugs.h"

#include <sys/syscall.h>
#include <unistd.h>

#define GS_MARK 0x123456789000
#define ACCESS_2_BYTES 0x70001	/* DR7: DR0, read or write */
#define TRAP_FLAG "pushfq; orl $0x100, (%%rsp); popfq\n\t"

static volatile uint16_t selector;
static uint64_t kernel_rsp, rsp;

#define SS "mov %[ss], %%ss\n\t"

#define CASE(name, code)                                                      \
	static void name(void)                                                \
	{                                                                     \
		syscall(SYS_arch_prctl, ARCH_SET_GS, GS_MARK);                \
		__asm__ volatile("mov %%rsp, %[rsp]\n\t" code "\n\t"          \
				 "mov %[rsp], %%rsp"                          \
				 : [rsp] "+m"(rsp), [bad] "+m"(kernel_rsp)    \
				 : [ss] "m"(selector), "a"(39)                \
				 : "rcx", "r11", "cc", "memory");             \
		_exit(gs_base() == GS_MARK ? 9 : 8);                          \
	}

CASE(nothing, SS "nop")
CASE(by_syscall, SS "syscall")
CASE(syscall_bad_stack, "mov %[bad], %%rsp\n\t" SS "syscall")
CASE(by_int80, "mov $20, %%eax\n\t" SS "int $0x80")
CASE(by_int3, SS "int3")
CASE(by_int4, SS "int $4")
CASE(by_int1, SS ".byte 0xf1")
CASE(by_int14, SS "int $14")
CASE(by_ud2, SS "ud2")
CASE(by_fault, SS "movb 0, %%al")
CASE(twice, SS SS "syscall")
CASE(stepped, TRAP_FLAG SS "syscall\n\tpushq $2; popfq")
CASE(stepped_int3, TRAP_FLAG SS "int3\n\tpushq $2; popfq")
CASE(stepped_int80, TRAP_FLAG SS "int $0x80\n\tpushq $2; popfq")

static const struct {
	const char *name;
	void (*function)(void);
	int status, least;	/* how it ends, how many SIGTRAPs at least */
	bool by_kernel_rsp;
} cases[] = {
	{ "nothing", nothing, EXITED(9), 1, false },
	{ "SYSCALL", by_syscall, EXITED(9), 0, false },
	{ "SYSCALL, RSP in the kernel", syscall_bad_stack, EXITED(9), 0, true },
	{ "INT 0x80", by_int80, EXITED(9), 0, false },
	{ "INT3", by_int3, EXITED(9), 1, false },
	{ "INT 4", by_int4, SIGSEGV, 0, false },
	{ "INT1", by_int1, -1, 0, false },
	{ "INT 14", by_int14, SIGSEGV, 0, false },
	{ "UD2", by_ud2, SIGILL, 0, false },
	{ "a page fault", by_fault, SIGSEGV, 0, false },
	{ "another, and SYSCALL", twice, EXITED(9), 0, false },
	{ "with TF, SYSCALL", stepped, EXITED(9), 1, false },
	{ "with TF, INT3", stepped_int3, EXITED(9), 1, false },
	{ "with TF, INT 0x80", stepped_int80, EXITED(9), 1, false },
};

/* Those that are to kill do; what runs is a child's copy. */
static void prepare(void)
{
	static const int signals[] = { SIGSEGV, SIGILL, SIGTRAP };

	for (unsigned i = 0; i < 3; i++)
		signal(signals[i], SIG_DFL);
}

static void run(unsigned i, bool watched)
{
	pid_t pid = trace_start(cases[i].function);
	const char *how = watched ? "watched " : "";
	int traps, status;

	if (watched) {
		check_equal(trace(POKEUSER, pid, DEBUGREG(0), (unsigned long)&selector), 0, "DR0 is set");
		check_equal(trace(POKEUSER, pid, DEBUGREG(7), ACCESS_2_BYTES), 0, "and armed");
	}
	status = trace_to_end(pid, &traps);
	if (cases[i].status >= 0)
		check_equal(status & ~0x80, cases[i].status, "behind a %sMOV SS: %s", how, cases[i].name);
	else
		check_true(status == EXITED(9) || (status & 0x7f) == SIGILL,
			   "behind a %sMOV SS: %s", how, cases[i].name);
	if (watched)
		check_true(traps >= cases[i].least, "and at least %d SIGTRAP: %d", cases[i].least, traps);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	prepare();
	__asm__ volatile("mov %%ss, %0" : "=m"(selector));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned last = cases[i].by_kernel_rsp ? kernel_address_count : 1;

		for (unsigned k = 0; k < last; k++) {
			kernel_rsp = kernel_addresses[k];
			run(i, true);
		}
		run(i, false);
	}
	return check_end();
}
