/*
 * Clean registers at exec.
 *
 * What a program leaves in a register that exec forgets, the next finds: FPU state
 * (Linux's lazy and eager switches, many times), PKRU, the bases and selectors of FS
 * and GS, TLS entries of the GDT, an LDT, and breakpoints, which then stop a program
 * at addresses that are not its own any more, set-uid ones included.
 *
 * In Postern: kernel/linux/program/exec.c starts the new program from zeroed registers, a new FPU
 * page, no LDT, no TLS, no debug registers.
 *
 * Right: everything is filled with a pattern, then execve of this very program: it
 * finds nothing of it.  What it finds in the general registers is tests/user/gate/regs.c's,
 * which ends this (exec again).
 */
#include "lib/bugs.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARK 0x5a5a5a5a5a5a5a5aul
#define GET_THREAD_AREA 244
#define SET_THREAD_AREA 243

static uint32_t tls[4];
static const char *self;

static bool has_pku(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_OSPKE);
}

static void fill_fpu(void)
{
	static uint64_t word[2] = { MARK, MARK };
	static uint32_t mxcsr = 0x7f80;

	__asm__ volatile("fninit; fldpi; fldpi; fldln2; ldmxcsr %1\n\t"
			 "movups %0, %%xmm0; movups %0, %%xmm1; movups %0, %%xmm7\n\t"
			 "movups %0, %%xmm8; movups %0, %%xmm15"
			 : : "m"(*word), "m"(mxcsr) : "memory");
}

static void fill_and_exec(void)
{
	static char quiet[] = "-q", again[] = "-second";
	char *argv[] = { (char *)(uintptr_t)self, quiet, again, NULL }, *envp[] = { NULL };
	uint32_t desc[4] = { 12, 0x5a5a5000, 0xfff, SEG_32BIT };

	memcpy(tls, desc, sizeof(tls));
	int80(SET_THREAD_AREA, (uintptr_t)tls, 0, 0);
	ldt_write(0, 0x5a5a5000, 0xfff, SEG_32BIT);
	syscall(SYS_arch_prctl, ARCH_SET_GS, 0x5a5a5a5a5a5a);
	fill_fpu();
	if (has_pku())
		__asm__ volatile("wrpkru" : : "a"(0x55555550), "c"(0), "d"(0));
	__asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(0x2b));
	execve(self, argv, envp);
	_exit(99);
}

static void check_fpu(void)
{
	uint8_t area[512] __attribute__((aligned(16))), zero[16 * 16];
	uint32_t mxcsr;

	memset(zero, 0, sizeof(zero));
	__asm__ volatile("fxsave64 %0" : "=m"(area));
	memcpy(&mxcsr, area + 24, 4);
	check_equal(area[4], 0, "the x87 stack is empty");
	check_equal(mxcsr & 0xffc0, 0x1f80, "MXCSR");
	check_true(memcmp(area + 32, zero, 128) == 0, "the x87 registers are zero");
	check_true(!memmem(area, sizeof(area), "\x5a\x5a\x5a\x5a", 4), "nothing of XMM is left");
}

static void second(void)
{
	uint16_t ds, es, fs, gs;
	uint64_t table[1] = { 0 };
	uint32_t pkru = 0x55555554, high;

	__asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
			 : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
	check_fpu();
	check_true(ds == 0 && es == 0 && fs == 0 && gs == 0, "selectors are null");
	check_equal((int64_t)gs_base(), 0, "GS base");
	check_equal(syscall(SYS_modify_ldt, 0, table, 8), 0, "no LDT");
	memset(tls, 0, sizeof(tls));
	tls[0] = 12;
	check_equal(int80(GET_THREAD_AREA, (uintptr_t)tls, 0, 0), 0, "TLS entry 12");
	check_equal(tls[1], 0, "is empty");
	if (has_pku())
		__asm__ volatile("rdpkru" : "=a"(pkru), "=d"(high) : "c"(0));
	check_equal(pkru, 0x55555554, "PKRU denies all keys but 0");
}

/* Breakpoints that the tracer set are the old program's. */
static void test_breakpoints(void)
{
	pid_t pid = trace_start(fill_and_exec);
	int traps, status;

	trace(POKEUSER, pid, DEBUGREG(1), (unsigned long)&caught);
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), 0x00d00004), 0, "DR1 is armed");
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), STOPPED(SIGTRAP), "exec stops it");
	check_equal((int64_t)trace_peek_user(pid, DEBUGREG(7)), 0, "DR7");
	check_equal((int64_t)trace_peek_user(pid, DEBUGREG(1)), 0, "DR1");
	check_equal((int64_t)trace_peek_user(pid, DEBUGREG(6)) & 15, 0, "DR6");
	status = trace_to_end(pid, &traps);
	check_equal(status, EXITED(0), "the next program finds nothing");
	check_equal(traps, 0, "and is not stopped");
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 2 && strcmp(argv[2], "-second") == 0) {
		check_begin(true);
		second();
		return check_status();
	}
	bugs_begin(argc, argv);
	check_equal(in_child(fill_and_exec), EXITED(0), "the next program finds nothing");
	test_breakpoints();
	return check_end();
}
