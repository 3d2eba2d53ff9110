/*
 * CVE-2012-0217 (June 2012; Xen, FreeBSD, Windows, illumos; in Linux it had been
 * CVE-2006-0744, and by ptrace CVE-2014-4699).
 *
 * SYSRET takes RIP from RCX.  If RCX is not canonical, Intel's processors raise
 * #GP while still at CPL 0, but with RSP, GS and CR3 the user's already: the
 * fault's frame is pushed where the user's RSP says.  AMD's fault at CPL 3.  Ways
 * to such an RCX: SYSCALL as the last two bytes of the user half, sigreturn, a
 * tracer's registers.
 *
 * In Postern: what SYSRET may return to is decided in one place (the tests of
 * ip, flags and selectors in kernel/syscall.c), all else goes by IRET, whose
 * fault entry_iret_fault in entry/interrupt.asm gives to the process; and the
 * user half's last page below the hole is never mapped (USER_END in
 * kernel/base/layout.h).
 *
 * Right: SIGSEGV at the address gone to, every register the program's own.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define USER_LAST 0x7fffffffe000ul
#define PAGE 4096
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static const uint64_t bad_rip[] = {
	0x7ffffffff000, 0x800000000000, 0x800000000001, 0x4141414141414141, 0xffff7fffffffffff,
	0xffff800000000000, 0xffffffff80000000, ~0ul,
};
static volatile uint64_t rip, sp;

/* As SYSCALL would have left them, so that nothing but RIP speaks for IRET. */
static void go_there(ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;

	r[REG_RIP] = r[REG_RCX] = (greg_t)rip;
	r[REG_R11] = r[REG_EFL];
	r[REG_RSP] = (greg_t)sp;
}

static void test_sigreturn(void)
{
	on_usr1 = go_there;
	for (unsigned i = 0; i < sizeof(bad_rip) / sizeof(bad_rip[0]); i++) {
		for (unsigned k = 0; k < kernel_address_count; k++) {
			rip = bad_rip[i];
			sp = kernel_addresses[k];
			check_equal(CAUGHT(raise_usr1()), SIGSEGV, "sigreturn to %#lx", rip);
			check_equal((int64_t)caught.ip, (int64_t)rip, "RIP");
			check_equal((int64_t)caught.sp, (int64_t)sp, "RSP");
		}
	}
	on_usr1 = NULL;
}

static void nothing(void)
{
}

static void test_ptrace(void)
{
	for (unsigned i = 0; i < sizeof(bad_rip) / sizeof(bad_rip[0]); i++) {
		pid_t pid = trace_start(nothing);
		struct user_regs_struct r;

		trace(GETREGS, pid, 0, (unsigned long)&r);
		r.rip = r.rcx = bad_rip[i];
		r.r11 = r.eflags;
		r.rsp = kernel_addresses[i];
		check_equal(trace(SETREGS, pid, 0, (unsigned long)&r), 0, "a tracer sets RIP %#lx", bad_rip[i]);
		trace(CONT, pid, 0, 0);
		check_equal(wait_for(pid), STOPPED(SIGSEGV), "and it faults");
		check_equal((int64_t)trace_peek_user(pid, USER_WORD(rip)), (int64_t)bad_rip[i], "with its RIP");
		trace_kill(pid);
	}
}

/* getpid by a SYSCALL whose RCX is the first address that is not the user's. */
static void call_at_the_end(void)
{
	__asm__ volatile("call *%1" : : "a"(SYS_getpid), "r"(USER_LAST + PAGE - 2)
			 : "rcx", "r11", "memory");
}

static void test_last_bytes(void)
{
	void *at = mmap((void *)(USER_LAST + PAGE), PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0);

	check_true(at == MAP_FAILED && errno == ENOMEM, "the page below the hole cannot be mapped");
	at = mmap((void *)USER_LAST, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (at != (void *)USER_LAST) {
		check_skip("the stack is there", "SYSCALL as the last two bytes of the user half");
		return;
	}
	memcpy((char *)at + PAGE - 2, "\x0f\x05", 2);
	check_equal(mprotect(at, PAGE, PROT_READ | PROT_EXEC), 0, "the last page is code");
	check_equal(CAUGHT(call_at_the_end()), SIGSEGV, "SYSCALL as the last two bytes of the user half");
	check_equal((int64_t)caught.ip, USER_LAST + PAGE, "returns to the hole and faults there");
	munmap(at, PAGE);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	test_sigreturn();
	test_ptrace();
	test_last_bytes();
	return check_end();
}
