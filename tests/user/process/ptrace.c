/*
 * ptrace: a parent looks at its child and changes it: stops before signals,
 * registers, memory, single steps, and values that must be refused.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `ptrace -q` prints failed steps only.
 */
#define _GNU_SOURCE 1

#include "../lib/check.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRACEME, PEEKTEXT, PEEKDATA, PEEKUSER, POKETEXT, POKEDATA, POKEUSER, CONT, KILL, SINGLESTEP,
       GETREGS = 12, SETREGS, ATTACH = 16, DETACH };

#define WORD(field) offsetof(struct user_regs_struct, field)
#define USER_END 0x7ffffffff000ul

static volatile long shared = 0x1122334455667788;
static volatile int got_usr1, got_usr2;

static long trace(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, addr, data) < 0 ? -errno : 0;
}

static unsigned long peek(pid_t pid, unsigned long word)
{
	unsigned long value = 0;

	check_equal(trace(PEEKUSER, pid, word, (unsigned long)&value), 0, "word %lu can be read", word / 8);
	return value;
}

static void count(int signal)
{
	if (signal == SIGUSR1)
		got_usr1++;
	else
		got_usr2++;
}

/* Its exit status says which handlers ran. */
static void child(void)
{
	signal(SIGUSR1, count);
	signal(SIGUSR2, count);
	trace(TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	__asm__ volatile("nop; nop");
	raise(SIGUSR1);
	_exit(got_usr1 + 2 * got_usr2 + (shared == 77 ? 4 : 0));
}

static int wait_for(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static void check_refusals(pid_t pid)
{
	unsigned long cs = peek(pid, WORD(cs));

	check_equal((int64_t)cs, 0x33, "its CS");
	check_equal(trace(POKEUSER, pid, WORD(cs), 0x10), -EIO, "CS of ring 0 is refused");
	check_equal(trace(POKEUSER, pid, WORD(cs), 0), -EIO, "CS null is refused");
	check_equal(trace(POKEUSER, pid, WORD(ss), 0x18), -EIO, "SS of ring 0 is refused");
	check_equal(trace(POKEUSER, pid, WORD(ds), 0x18), -EIO, "DS of ring 0 is refused");
	check_equal(trace(POKEUSER, pid, WORD(fs_base), USER_END), -EIO, "a base beyond the user half is refused");
	check_equal(trace(POKEUSER, pid, WORD(gs_base), ~0ul), -EIO, "another");
	check_equal(trace(POKEUSER, pid, WORD(gs_base), 0x123456789), 0, "GS's base is set");
	check_equal((int64_t)peek(pid, WORD(gs_base)), 0x123456789, "and read");
	check_equal(trace(POKEUSER, pid, WORD(gs), 0x43), 0, "a selector of ring 3 that leads nowhere");
	check_equal(trace(POKEUSER, pid, WORD(gs), 0), 0, "GS null");
	check_equal(trace(POKEUSER, pid, 4, 0), -EIO, "an offset that is no word's");
	check_equal(trace(PEEKUSER, pid, 1 << 20, 0), -EIO, "an offset too large");
	check_equal(trace(PEEKUSER, pid, 0, 0), -EFAULT, "to nowhere");
	check_equal(trace(CONT, pid, 0, 65), -EIO, "to go on with signal 65");
	check_equal(trace(12345, pid, 0, 0), -EIO, "no such request");
	check_equal(trace(CONT, 0x3ffffff, 0, 0), -ESRCH, "nobody");
	check_equal(trace(CONT, getpid(), 0, 0), -ESRCH, "no child of ours");
	check_equal(trace(ATTACH, getpid(), 0, 0), -EPERM, "ourselves");
}

static void check_memory(pid_t pid)
{
	unsigned long value = 0;

	check_equal(trace(PEEKDATA, pid, (unsigned long)&shared, (unsigned long)&value), 0, "its memory is read");
	check_equal((int64_t)value, shared, "and is like ours");
	check_equal(trace(POKEDATA, pid, (unsigned long)&shared, 77), 0, "and written");
	check_equal(shared, 0x1122334455667788, "and ours is not");
	check_equal(trace(PEEKDATA, pid, 0x10000, (unsigned long)&value), -EIO, "nothing is there");
	check_equal(trace(PEEKDATA, pid, ~0xffful, (unsigned long)&value), -EIO, "nor in the kernel");
	check_equal(trace(POKETEXT, pid, ~0xffful, 0), -EIO, "which is not written either");
}

static void check_registers(pid_t pid)
{
	struct user_regs_struct regs, again;

	memset(&regs, 0, sizeof(regs));
	check_equal(trace(GETREGS, pid, 0, (unsigned long)&regs), 0, "all registers are read");
	check_equal((int64_t)regs.rip, (int64_t)peek(pid, WORD(rip)), "RIP is as one of them");
	regs.r15 = 0x1515;
	check_equal(trace(SETREGS, pid, 0, (unsigned long)&regs), 0, "all registers are written");
	trace(GETREGS, pid, 0, (unsigned long)&again);
	check_equal((int64_t)again.r15, 0x1515, "and are so");
	check_equal(trace(SETREGS, pid, 0, 0x10000), -EFAULT, "from nowhere");
}

static void check_steps(pid_t pid)
{
	unsigned long before = peek(pid, WORD(rip)), after;
	int status = 0;

	for (int i = 0; i < 10; i++) {
		check_equal(trace(SINGLESTEP, pid, 0, 0), 0, "step %d", i);
		status = wait_for(pid);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			break;
	}
	check_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP, "each ends in SIGTRAP");
	after = peek(pid, WORD(rip));
	check_true(before != after, "and RIP moves");
	check_equal((int64_t)(peek(pid, WORD(eflags)) & 0x100), 0, "TF is not shown");
}

static void test_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		child();
	status = wait_for(pid);
	check_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "it stops before SIGSTOP");
	check_refusals(pid);
	check_memory(pid);
	check_registers(pid);
	check_steps(pid);
	check_equal(trace(CONT, pid, 0, 0), 0, "it goes on");
	status = wait_for(pid);
	check_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1, "and stops before SIGUSR1");
	check_equal(trace(CONT, pid, 0, SIGUSR2), 0, "it goes on with SIGUSR2");
	status = wait_for(pid);
	check_true(WIFEXITED(status), "it exits");
	check_equal(WEXITSTATUS(status), 2 + 4, "SIGUSR2's handler ran, and its memory was changed");
	check_equal(trace(CONT, pid, 0, 0), -ESRCH, "it is gone");
}

/* Values that the child must bear, and not the kernel. */
static void test_hostile(void)
{
	static const struct {
		const char *name;
		unsigned long word, value;
	} rows[] = {
		{ "RIP non-canonical", WORD(rip), 0x800000000000 },
		{ "RIP in the kernel", WORD(rip), 0xffffffff80000000 },
		{ "CS a data segment", WORD(cs), 0x2b },
		{ "CS beyond the GDT", WORD(cs), 0xfffb },
		{ "SS of the TSS", WORD(ss), 0x43 },
		{ "SS in no LDT", WORD(ss), 7 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			child();
		wait_for(pid);
		check_equal(trace(POKEUSER, pid, rows[i].word, rows[i].value), 0, "%s", rows[i].name);
		trace(CONT, pid, 0, 0);
		status = wait_for(pid);
		check_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSEGV, "%s: SIGSEGV", rows[i].name);
		check_equal(trace(KILL, pid, 0, 0), 0, "%s: it is killed", rows[i].name);
		status = wait_for(pid);
		check_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s: by SIGKILL", rows[i].name);
	}
}

/* One that runs is attached to, and let go. */
static void test_attach(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		for (;;)
			pause();
	check_equal(trace(ATTACH, pid, 0, 0), 0, "a child that runs is attached to");
	check_equal(trace(ATTACH, pid, 0, 0), -EPERM, "not twice");
	status = wait_for(pid);
	check_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "it stops");
	check_equal(trace(DETACH, pid, 0, 0), 0, "it is let go");
	check_equal(trace(CONT, pid, 0, 0), -ESRCH, "and is not ours any more");
	kill(pid, SIGTERM);
	status = wait_for(pid);
	check_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "signals reach it again");
}

extern const char stepped_call[], stepped_call_end[];

static void calls_once(void)
{
	trace(TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	__asm__ volatile("stepped_call: syscall; stepped_call_end: nop"
			 : : "a"(SYS_getpid) : "rcx", "r11", "memory");
	_exit(4);
}

/* A system call is one step, as other instructions are. */
static void test_step_over_call(void)
{
	struct user_regs_struct regs;
	pid_t pid = fork();
	int status, steps = 0;

	if (pid == 0)
		calls_once();
	wait_for(pid);
	memset(&regs, 0, sizeof(regs));
	while (regs.rip != (unsigned long)stepped_call && steps++ < 1000) {
		trace(SINGLESTEP, pid, 0, 0);
		status = wait_for(pid);
		if (!WIFSTOPPED(status) || trace(GETREGS, pid, 0, (unsigned long)&regs))
			break;
	}
	check_equal((int64_t)regs.rip, (int64_t)stepped_call, "steps lead to a system call");
	check_equal(trace(SINGLESTEP, pid, 0, 0), 0, "and one over it");
	check_equal(wait_for(pid), SIGTRAP << 8 | 0x7f, "which ends in SIGTRAP");
	trace(GETREGS, pid, 0, (unsigned long)&regs);
	check_equal((int64_t)regs.rip, (int64_t)stepped_call_end, "right behind it");
	check_equal((int64_t)regs.rax, pid, "when it has its result");
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), 4 << 8, "without steps it goes on to its end");
}

extern const char behind_handler[];

/* Its exit status says whether its own child lived, and the handler ran. */
static void handles_and_forks(void)
{
	int status = 1;
	pid_t pid;

	signal(SIGUSR1, count);
	trace(TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	raise(SIGUSR1);
	__asm__ volatile("behind_handler: nop");
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, &status, 0);
	_exit(status == 0 && got_usr1 == 1 ? 5 : 6);
}

/* Steps lead into a handler, back from it, and do not go over to a child. */
static void test_steps_through_handler(void)
{
	unsigned long signal = 0, rip = 0;
	bool behind = false;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		handles_and_forks();
	status = wait_for(pid);
	for (int i = 0; i < 20000 && WIFSTOPPED(status); i++) {
		trace(PEEKUSER, pid, WORD(rip), (unsigned long)&rip);
		behind = behind || rip == (unsigned long)behind_handler;
		signal = WSTOPSIG(status) == SIGUSR1 ? SIGUSR1 : 0;
		trace(SINGLESTEP, pid, 0, signal);
		status = wait_for(pid);
	}
	check_true(behind, "steps lead through a handler and back");
	check_equal(status, 5 << 8, "and its child is not stepped");
}

static volatile long *handled;

static void count_shared(int signal)
{
	*handled += signal == SIGUSR1;
}

/* Not its child: its tracer can wait for it all the same. */
static int attach_and_end(pid_t tracee)
{
	int status = 0;

	if (trace(ATTACH, tracee, 0, 0) || waitpid(tracee, &status, __WALL) != tracee ||
	    status != (SIGSTOP << 8 | 0x7f))
		return 1;
	if (trace(CONT, tracee, 0, 0) || kill(tracee, SIGUSR1))
		return 2;
	return waitpid(tracee, &status, __WALL) == tracee && status == (SIGUSR1 << 8 | 0x7f) ? 0 : 3;
}

/* A tracer that ends lets go of whom it traces, without the signal that it saw. */
static void test_tracer_ends(void)
{
	pid_t tracee, tracer;

	handled = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	signal(SIGUSR1, count_shared);
	tracee = fork();
	if (tracee == 0)
		for (;;)
			pause();
	tracer = fork();
	if (tracer == 0)
		_exit(attach_and_end(tracee));
	check_equal(wait_for(tracer), 0, "a tracer ends while its tracee is stopped");
	usleep(20000);
	check_equal(*handled, 0, "and has taken the signal with it");
	kill(tracee, SIGTERM);
	check_equal(wait_for(tracee), SIGTERM, "and is nobody's");
	signal(SIGUSR1, SIG_DFL);
}

/* ---- Breakpoints ------------------------------------------------------------------- */

#define DEBUGREG(n) (offsetof(struct user, u_debugreg) + (n) * sizeof(unsigned long))
#define DR7_WRITE_8_BYTES_0 0x90001
#define DR7_ACCESS_2_BYTES_0 0x70001

/* MOV SS puts off the trap of its own operand until behind the next instruction. */
static volatile uint16_t stack_selector;

static void watched_child(void)
{
	trace(TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	shared = 5;
	raise(SIGSTOP);
	__asm__ volatile("mov %0, %%ss\n\t"
			 "syscall\n\t"
			 "mov $20, %%eax\n\t" /* i386's getpid */
			 "mov %0, %%ss\n\t"
			 "int $0x80"
			 : : "m"(stack_selector), "a"(SYS_getpid) : "rcx", "r11", "memory");
	_exit(9);
}

static void check_bad_breakpoints(pid_t pid)
{
	static const unsigned long address[] = {
		USER_END, 0xffff888000000000, 0xfffffe0000000000, 0xfffffe7ffc01e000,
		0xfffffe8000000000, 0xffffffff80100000, ~0ul,
	};

	for (unsigned i = 0; i < sizeof(address) / sizeof(address[0]); i++)
		check_equal(trace(POKEUSER, pid, DEBUGREG(0), address[i]), -EINVAL,
			    "no breakpoint at %#lx", address[i]);
	check_equal(trace(POKEUSER, pid, DEBUGREG(4), 0), -EIO, "there is no DR4");
}

/* What MOV SS held back may come as SIGTRAP, or be lost in the kernel. */
static int survive(pid_t pid)
{
	int status;

	trace(CONT, pid, 0, 0);
	while (WIFSTOPPED(status = wait_for(pid)))
		trace(CONT, pid, 0, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	return status;
}

static void test_breakpoints(void)
{
	pid_t pid;

	__asm__ volatile("mov %%ss, %0" : "=m"(stack_selector));
	pid = fork();
	if (pid == 0)
		watched_child();
	wait_for(pid);
	check_bad_breakpoints(pid);
	check_equal(trace(POKEUSER, pid, DEBUGREG(0), (unsigned long)&shared), 0, "DR0 is set");
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), DR7_WRITE_8_BYTES_0), 0, "and armed");
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), SIGTRAP << 8 | 0x7f, "the watched store stops it");
	check_equal((int64_t)(peek(pid, DEBUGREG(6)) & 15), 1, "DR6 says which");
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), SIGSTOP << 8 | 0x7f, "it goes on to its next stop");
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), 0), 0, "disarmed");
	check_equal(trace(POKEUSER, pid, DEBUGREG(0), (unsigned long)&stack_selector), 0, "DR0 is moved");
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), DR7_ACCESS_2_BYTES_0), 0, "and armed");
	check_equal(survive(pid), 9 << 8, "system calls right behind MOV SS do no harm");
}

/* What one debug exception has said is not there at the next one. */
static void test_dr6(void)
{
	pid_t pid = fork();

	if (pid == 0)
		watched_child();
	wait_for(pid);
	trace(SINGLESTEP, pid, 0, 0);
	check_equal(wait_for(pid), SIGTRAP << 8 | 0x7f, "a step");
	check_equal((int64_t)(peek(pid, DEBUGREG(6)) & 0x400f), 0x4000, "DR6 says that it was one");
	trace(POKEUSER, pid, DEBUGREG(0), (unsigned long)&shared);
	trace(POKEUSER, pid, DEBUGREG(7), DR7_WRITE_8_BYTES_0);
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), SIGTRAP << 8 | 0x7f, "a watched store");
	check_equal((int64_t)(peek(pid, DEBUGREG(6)) & 0x400f), 1, "DR6 says nothing of a step");
	trace(KILL, pid, 0, 0);
	check_equal(wait_for(pid), SIGKILL, "enough");
}

#define STORE "-store"

/* The same program once more, in which the store is not watched. */
static void test_breakpoints_at_exec(void)
{
	char *const argv[] = { (char *)"ptrace", (char *)STORE, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		trace(TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execve("/proc/self/exe", argv, NULL);
		_exit(9);
	}
	wait_for(pid);
	trace(POKEUSER, pid, DEBUGREG(0), (unsigned long)&shared);
	trace(POKEUSER, pid, DEBUGREG(7), DR7_WRITE_8_BYTES_0);
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), SIGTRAP << 8 | 0x7f, "execve is reported");
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), 3 << 8, "breakpoints end with the program that they were for");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], STORE) == 0) {
		shared = 1;
		_exit(3);
	}
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_child();
	test_hostile();
	test_attach();
	test_step_over_call();
	test_steps_through_handler();
	test_tracer_ends();
	test_breakpoints();
	test_dr6();
	test_breakpoints_at_exec();
	return check_end();
}
