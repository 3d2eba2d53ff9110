/*
 * NT, AC, TF and DF through every entry of 64-bit code; tests/user32/flags32.c has
 * those of 32-bit code, tests/suites/compat_entry.c 64-bit code's SYSENTER.
 *
 * DF: compilers take it for clear; kernels that forgot CLD copied downwards
 * (CVE-2008-1367 was the same towards signal handlers).  NT: an IRET with it set
 * is a task switch that there is not, a #GP (Linux, October 2014, SYSENTER).  AC:
 * it is SMAP's switch; a program that sets it turns SMAP off on any way in that has
 * no CLAC (Linux's INT 0x80).  TF: a #DB on the first instruction of the kernel.
 *
 * In Postern: SFMASK (arch/syscall_msrs.c) clears all four for SYSCALL; CLD in
 * entry/interrupt.asm and entry/paranoid.asm; user_access_end() first in every C
 * entry (kernel/trap.c, kernel/syscall.c); debugreg_kernel_trap() for TF.
 *
 * Right: each entry works with each of them set, and returns with it as it was;
 * handlers begin with DF and TF clear; the flags are in the frame.
 */
#include "lib/bugs.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TF 0x100ul
#define DF 0x400ul
#define NT 0x4000ul
#define AC 0x40000ul
#define ID 0x200000ul
#define CLEAN 0x202ul
#define KEPT (DF | NT | AC | ID)
#define PAGE 4096

static volatile uint64_t in_handler;

/* One instruction with these flags; what the flags are behind it. */
#define WITH_FLAGS(name, rax, code)                                            \
	static uint64_t name(uint64_t flags, int64_t *result)                  \
	{                                                                      \
		uint64_t after;                                                \
		__asm__ volatile("push %[flags]; popfq\n\t" code "\n\t"       \
				 "pushfq; pop %[after]\n\t"                    \
				 "pushq $0x202; popfq"                         \
				 : [after] "=r"(after), "=a"(*result)          \
				 : [flags] "r"(flags), "1"(rax),               \
				   "D"(&name_of_us), "S"(0L), "d"(0L)         \
				 : "rbx", "rcx", "r8", "r9", "r10", "r11", "cc", "memory"); \
		return after;                                                  \
	}

static char name_of_us[6 * 65];
WITH_FLAGS(by_syscall, (int64_t)SYS_uname, "syscall")
WITH_FLAGS(by_getpid, (int64_t)SYS_getpid, "syscall")
WITH_FLAGS(by_int80, 20L, "int $0x80")
WITH_FLAGS(by_int80_uname, 122L, "mov %%edi, %%ebx; int $0x80")
WITH_FLAGS(by_nothing, 0L, "1: inc %%eax; cmp $100000, %%eax; jne 1b; xor %%eax, %%eax")

static void note_flags(ucontext_t *uc)
{
	uint64_t now;

	(void)uc;
	__asm__ volatile("pushfq; pop %0" : "=r"(now));
	in_handler = now;
}

#define RAISE(name, code)                                                      \
	static void name(uint64_t flags)                                       \
	{                                                                      \
		__asm__ volatile("push %0; popfq\n\t" code "\n\t"              \
				 "pushq $0x202; popfq"                         \
				 : : "r"(flags) : "cc", "rax", "memory");      \
	}

RAISE(int3, "int3")
RAISE(ud2, "ud2")
RAISE(page_fault, "movb 0, %%al")
RAISE(hlt, "hlt")

/* Both copy, which is where the kernel's own DF shows. */
static void check_copies(uint64_t (*by)(uint64_t, int64_t *), const char *way, uint64_t flag, const char *name)
{
	int64_t result;

	memset(name_of_us, 0, sizeof(name_of_us));
	check_equal((int64_t)(by(CLEAN | flag, &result) & KEPT), (int64_t)flag, "%s keeps %s", way, name);
	check_true(result == 0 && name_of_us[0] && name_of_us[65 * 4], "and copies the right way");
}

/* A page of zeroes is made in the fault. */
static void check_new_page(uint64_t flag, const char *name)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t after, sum = 0;

	__asm__ volatile("push %[flags]; popfq; movb $0, (%[page]); pushfq; pop %[after]; pushq $0x202; popfq"
			 : [after] "=r"(after) : [flags] "r"(CLEAN | flag), [page] "r"(page) : "cc", "memory");
	for (unsigned i = 0; i < PAGE; i++)
		sum += page[i] != 0;
	check_equal((int64_t)(after & KEPT), (int64_t)flag, "a fault that maps a page keeps %s", name);
	check_equal((int64_t)sum, 0, "and it is empty");
	munmap(page, PAGE);
}

static void check_calls(uint64_t flag, const char *name)
{
	int64_t result;

	check_copies(by_syscall, "SYSCALL", flag, name);
	check_copies(by_int80_uname, "INT 0x80", flag, name);
	check_new_page(flag, name);
	check_equal((int64_t)(by_getpid(CLEAN | flag, &result) & KEPT), (int64_t)flag, "again");
	check_equal(result, getpid(), "getpid");
	check_equal((int64_t)(by_int80(CLEAN | flag, &result) & KEPT), (int64_t)flag, "INT 0x80 keeps %s", name);
	check_equal(result, getpid(), "getpid");
	check_equal((int64_t)(by_nothing(CLEAN | flag, &result) & KEPT), (int64_t)flag,
		    "interrupts keep %s", name);
}

static void check_faults(uint64_t flag, const char *name)
{
	static void (*const faults[])(uint64_t) = { int3, ud2, page_fault, hlt };
	static const int signals[] = { SIGTRAP, SIGILL, SIGSEGV, SIGSEGV };

	for (unsigned i = 0; i < 4; i++) {
		check_equal(CAUGHT(faults[i](CLEAN | flag)), signals[i], "exception %u with %s", i, name);
		check_equal((int64_t)(caught.flags & flag), (int64_t)flag, "%s is in the frame", name);
	}
}

/* A signal from a system call's end, flags set by the frame that is returned to. */
static volatile uint64_t wanted;

static void set_flags(ucontext_t *uc)
{
	note_flags(uc);
	uc->uc_mcontext.gregs[REG_EFL] |= (greg_t)wanted;
}

static void check_handler(uint64_t flag, const char *name)
{
	uint64_t after;

	wanted = flag;
	on_usr1 = set_flags;
	__asm__ volatile("syscall; pushfq; pop %0; pushq $0x202; popfq"
			 : "=b"(after) : "a"(SYS_tkill), "D"(syscall(SYS_gettid)), "S"(SIGUSR1)
			 : "rcx", "r11", "cc", "memory");
	on_usr1 = NULL;
	check_equal((int64_t)(in_handler & (TF | DF)), 0, "a handler begins with TF and DF clear");
	/* ID is not a flag that it takes. */
	check_equal((int64_t)(after & flag & ~ID), (int64_t)(flag & ~ID), "sigreturn sets %s", name);
}

/* ---- TF ----------------------------------------------------------------------------- */

static volatile int traps;
static volatile uint64_t trap_ip;

static void count_trap(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	traps++;
	trap_ip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

static void test_step(void)
{
	struct sigaction sa, old;
	int64_t result;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = count_trap;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigaction(SIGTRAP, &sa, &old);
	by_getpid(CLEAN | TF, &result);
	check_equal(result, getpid(), "SYSCALL with TF");
	check_true(traps >= 2 && trap_ip < 0x7ffffffff000, "traps behind it, in user mode: %d", traps);
	traps = 0;
	by_int80(CLEAN | TF, &result);
	check_equal(result, getpid(), "INT 0x80 with TF");
	check_true(traps >= 2 && trap_ip < 0x7ffffffff000, "traps behind it, in user mode: %d", traps);
	traps = 0;
	by_getpid(CLEAN | TF | DF | AC | NT, &result);
	check_equal(result, getpid(), "SYSCALL with all of them");
	check_true(traps >= 2, "traps");
	sigaction(SIGTRAP, &old, NULL);
	check_equal(CAUGHT(page_fault(CLEAN | TF)) != 0, 1, "a fault with TF");
}

int main(int argc, char **argv)
{
	static const struct {
		uint64_t flag;
		const char *name;
	} flags[] = {
		{ 0, "none" }, { DF, "DF" }, { NT, "NT" }, { AC, "AC" }, { ID, "ID" },
		{ DF | NT, "DF and NT" }, { KEPT, "all" },
	};

	bugs_begin(argc, argv);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		check_calls(flags[i].flag, flags[i].name);
		check_faults(flags[i].flag, flags[i].name);
		if (!(flags[i].flag & NT))
			check_handler(flags[i].flag, flags[i].name);
	}
	test_step();
	return check_end();
}
