/*
 * RSP bad on every entry: CVE-2015-3291's program, and all its kind.
 *
 * SYSCALL changes neither RSP nor GS: whatever stands on a kernel's way in and
 * uses the stack, or draws conclusions from where it is, does so for the program.
 * An NMI, #DB or #MC on those first instructions sees it, too: see the stories in
 * tests/suites/bugs_nmi.c and pop_ss.c.
 *
 * In Postern: the trampolines store RSP and load the task's before the first push
 * (steps 1 to 3 in entry/trampoline.asm; entry/direct.asm), all other entries
 * have the TSS's stacks; entry/paranoid.asm's .from_the_top.
 *
 * Right: a system call with any RSP does its work and leaves it alone; an exception
 * with any RSP becomes a signal on the alternate stack, with it in the frame;
 * without such a stack the process dies.
 *
 *	bad_rsp [-q] [-long [ADDRESS]...]	for bugs_nmi.c: only system calls, until
 *		SIGUSR1, every other one with RSP at one of these places (in hexadecimal)
 */
#include "lib/bugs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t kept;

/* getpid with that RSP; what RSP is behind it comes back through `after`. */
static long call_with(uint64_t rsp, uint64_t *after)
{
	long result;

	__asm__ volatile("mov %%rsp, %[kept]\n\t"
			 "mov %[rsp], %%rsp\n\t"
			 "syscall\n\t"
			 "mov %%rsp, %[rsp]\n\t"
			 "mov %[kept], %%rsp"
			 : "=a"(result), [rsp] "+r"(rsp), [kept] "+m"(kept) : "0"(SYS_getpid)
			 : "rcx", "r11", "memory");
	*after = rsp;
	return result;
}

static long int80_with(uint64_t rsp, uint64_t *after)
{
	long result;

	__asm__ volatile("mov %%rsp, %[kept]\n\t"
			 "mov %[rsp], %%rsp\n\t"
			 "int $0x80\n\t"
			 "mov %%rsp, %[rsp]\n\t"
			 "mov %[kept], %%rsp"
			 : "=a"(result), [rsp] "+r"(rsp), [kept] "+m"(kept) : "0"(20)
			 : "r8", "r9", "r10", "r11", "memory");
	*after = rsp;
	return result;
}

#define WITH_RSP(name, code)                                                   \
	static void name(uint64_t rsp)                                         \
	{                                                                      \
		__asm__ volatile("mov %0, %%rsp\n\t" code "\n\tud2"            \
				 : : "r"(rsp) : "memory");                     \
	}

WITH_RSP(by_int3, "int3")
WITH_RSP(by_ud2, "ud2")
WITH_RSP(by_fault, "movb 0, %%al")
WITH_RSP(by_divide, "xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx")
WITH_RSP(by_gp, "hlt")
WITH_RSP(by_int4, "int $4")

static const struct {
	const char *name;
	void (*function)(uint64_t rsp);
	int signal;
} entries[] = {
	{ "INT3", by_int3, SIGTRAP },
	{ "#UD", by_ud2, SIGILL },
	{ "#PF", by_fault, SIGSEGV },
	{ "#DE", by_divide, SIGFPE },
	{ "#GP", by_gp, SIGSEGV },
	{ "INT 4", by_int4, SIGSEGV },
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static const uint64_t user_addresses[] = { 0, 8, 0x1000, 0x41414141, 0x7ffffffffff8, 0x4141414141414141 };

static void check_rsp(uint64_t rsp)
{
	uint64_t after;

	check_equal(call_with(rsp, &after), getpid(), "SYSCALL with RSP %#lx", rsp);
	check_equal((int64_t)after, (int64_t)rsp, "and it is kept");
	check_equal(int80_with(rsp, &after), getpid(), "INT 0x80 with RSP %#lx", rsp);
	check_equal((int64_t)after, (int64_t)rsp, "and it is kept");
	for (unsigned i = 0; i < ENTRIES; i++) {
		check_equal(CAUGHT(entries[i].function(rsp)), entries[i].signal, "%s with RSP %#lx",
			    entries[i].name, rsp);
		check_equal((int64_t)caught.sp, (int64_t)rsp, "is in the frame");
	}
}

/* No alternate stack: the frame cannot be written. */
static void dies(void)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	sigaltstack(&none, NULL);
	by_ud2(kernel_addresses[0]);
}

/* With the GS base there, too: NMIs find both (tests/user/bugs/gs_base.c). */
static int call_once(uint64_t rsp)
{
	bool gs = has_fsgsbase();
	uint64_t after;
	int wrong;

	if (gs)
		write_gs(rsp);
	wrong = call_with(rsp, &after) != getpid() || after != rsp;
	return wrong || (gs && read_gs() != rsp);
}

static int call_each(int count, char **addresses)
{
	int wrong = 0;

	for (unsigned k = 0; k < kernel_address_count; k++) {
		wrong += call_once(kernel_addresses[k]);
		if (count > 0)
			wrong += call_once(strtoul(addresses[(int)k % count], NULL, 16));
	}
	return wrong;
}

static volatile bool stop;

static void stop_now(ucontext_t *uc)
{
	(void)uc;
	stop = true;
}

int main(int argc, char **argv)
{
	bool until_stop = argc > 2 && strcmp(argv[2], "-long") == 0;
	int wrong = 0;

	on_usr1 = stop_now;
	bugs_begin(argc, argv);
	for (int i = 0; until_stop ? !stop && !wrong : i < 20; i++)
		wrong += call_each(until_stop ? argc - 3 : 0, argv + 3);
	check_equal(wrong, 0, "system calls that went wrong");
	if (until_stop)
		return check_end();
	for (unsigned i = 0; i < kernel_address_count; i++)
		check_rsp(kernel_addresses[i]);
	for (unsigned i = 0; i < sizeof(user_addresses) / sizeof(user_addresses[0]); i++)
		check_rsp(user_addresses[i]);
	check_equal(in_child(dies) & 0x7f, SIGSEGV, "a frame that cannot be written is SIGSEGV");
	return check_end();
}
