/*
 * Registers of a tracee by sets, and its calls by i386's ways in.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include "tracing.h"

#define GETREGSET 0x4204
#define SETREGSET 0x4205
#define I386 0x40000003
#define I386_GETPPID 64
#define I386_EXIT_GROUP 252

/* As it is told: *n is how much there is room for, and then how much there was. */
static long set_of(long request, pid_t pid, unsigned long type, void *at, size_t *n)
{
	struct iovec v = { at, *n };
	long result = trace(request, pid, type, &v);

	*n = v.iov_len;
	return result;
}

static void check_set(long request, pid_t pid, unsigned long type, size_t n, long expected,
		      const char *sentence)
{
	static char bytes[8192];

	check_equal(set_of(request, pid, type, bytes, &n), expected, "%s", sentence);
}

static void returns_rax(void)
{
	long value;

	syscall(SYS_getppid);
	__asm__ volatile("movq %%xmm9, %0" : "=r"(value));
	_exit((int)value);
}

static void of_numbers(pid_t pid)
{
	struct user_regs_struct all, part;
	size_t n = sizeof(part);

	trace(PTRACE_GETREGS, pid, 0, &all);
	check_equal(set_of(GETREGSET, pid, NT_PRSTATUS, &part, &n), 0, "a set is read");
	check_equal((int64_t)n, sizeof(all), "of 27 words");
	check_true(memcmp(&all, &part, sizeof(all)) == 0, "which are those of GETREGS");
	n = 4096;
	check_equal(set_of(GETREGSET, pid, NT_PRSTATUS, (char[4096]){ 0 }, &n), 0, "where there is more room");
	check_equal((int64_t)n, sizeof(all), "no more is read");
	memset(&part, 0, sizeof(part));
	n = 24;
	check_equal(set_of(GETREGSET, pid, NT_PRSTATUS, &part, &n), 0, "three words are read");
	check_true(n == 24 && part.r13 == all.r13 && part.r12 == 0, "and no others");
	part.r15 = 1;
	part.r14 = 2;
	n = 16;
	check_equal(set_of(SETREGSET, pid, NT_PRSTATUS, &part, &n), 0, "two words are written");
	trace(PTRACE_GETREGS, pid, 0, &part);
	check_true(part.r15 == 1 && part.r14 == 2 && part.r13 == all.r13, "and no others");
	n = 16;
	set_of(SETREGSET, pid, NT_PRSTATUS, &all, &n);
	check_set(GETREGSET, pid, NT_PRSTATUS, 12, -EINVAL, "no half word is read");
	check_set(SETREGSET, pid, NT_PRSTATUS, 12, -EINVAL, "nor written");
	check_set(GETREGSET, pid, NT_PRSTATUS, 0, 0, "nothing is");
	check_set(GETREGSET, pid, 0x99, 8, -EINVAL, "of a set that is none nothing");
	check_equal(trace(GETREGSET, pid, NT_PRSTATUS, (void *)8), -EFAULT, "a bad address of the vector");
	n = 8;
	check_equal(set_of(GETREGSET, pid, NT_PRSTATUS, (void *)8, &n), -EFAULT, "a bad address in it");
	n = 8;
	check_equal(set_of(SETREGSET, pid, NT_PRSTATUS, (void *)8, &n), -EFAULT, "to write from");
}

void registers(void)
{
	struct user_fpregs_struct fpu, other;
	pid_t pid = begin(returns_rax, PTRACE_O_TRACESYSGOOD);
	size_t n = sizeof(fpu);

	to_call(pid, PTRACE_SYSCALL, SYS_getppid);
	of_numbers(pid);
	check_equal(set_of(GETREGSET, pid, NT_PRFPREG, &fpu, &n), 0, "the FPU's set is read");
	check_equal((int64_t)n, 512, "all of it");
	check_equal(fpu.cwd, 0x37f, "with its control word");
	check_equal(fpu.mxcsr, 0x1f80, "and SSE's");
	check_equal(trace(PTRACE_GETFPREGS, pid, 0, &other), 0, "GETFPREGS reads");
	check_true(memcmp(&fpu, &other, 416) == 0, "the same");
	fpu.xmm_space[9 * 4] = 77;
	check_set(SETREGSET, pid, NT_PRFPREG, 256, -EINVAL, "it is written whole");
	fpu.mxcsr = 0x10000;
	check_equal(trace(PTRACE_SETFPREGS, pid, 0, &fpu), -EINVAL, "with no bit that MXCSR has not");
	fpu.mxcsr = 0x1f80;
	check_equal(set_of(SETREGSET, pid, NT_PRFPREG, &fpu, &n), 0, "then it is written");
	check_equal(go_on(PTRACE_CONT, pid), 77 << 8, "and the program's XMM9");
}

/* ---- i386's calls ----------------------------------------------------------------------- */

static void by_int80(void)
{
	int result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(I386_GETPPID), "b"(0x100000001), "c"(2), "d"(3), "S"(4), "D"(5)
			 : "memory", "r8", "r9", "r10", "r11");
	_exit(result == 99 ? 5 : result == getppid());
}

void calls_by_int80(void)
{
	struct user_regs_struct regs;
	struct call_info info;
	pid_t pid = begin(by_int80, PTRACE_O_TRACESYSGOOD);

	check_equal(to_call(pid, PTRACE_SYSCALL, I386_GETPPID), CALL_STOP, "INT 0x80 stops");
	info = info_of(pid);
	check_equal(info.arch, I386, "as i386's call");
	check_equal((int64_t)info.args[0], 0x100000001, "an argument is the whole register");
	for (unsigned i = 1; i < 5; i++)
		check_equal((int64_t)info.args[i], i + 1, "argument %u", i + 1);
	trace(PTRACE_GETREGS, pid, 0, &regs);
	check_equal((int64_t)regs.orig_rax, I386_GETPPID, "its number is in orig_rax");
	check_equal((int64_t)regs.rax, -ENOSYS, "and -ENOSYS in rax");
	check_equal(go_on(PTRACE_SYSCALL, pid), CALL_STOP, "and behind it");
	info = info_of(pid);
	check_equal(info.op, 2, "which is an end");
	check_equal(info.arch, I386, "of i386's call");
	check_equal(info.rval, getpid(), "with its result");
	check_equal(go_on(PTRACE_CONT, pid), 1 << 8, "that the program has, too");

	pid = begin(by_int80, PTRACE_O_TRACESYSGOOD);
	check_equal(to_call(pid, SYSEMU, I386_GETPPID), CALL_STOP, "SYSEMU stops at INT 0x80");
	trace(PTRACE_GETREGS, pid, 0, &regs);
	regs.rax = 99;
	trace(PTRACE_SETREGS, pid, 0, &regs);
	check_equal(go_on(PTRACE_CONT, pid), 5 << 8, "and its result is the tracer's");
}

static char program32[4096];

static void execs_32(void)
{
	dup2(open("/dev/null", O_WRONLY), 1);
	execl(program32, "cost32", "sysinfo", "20", NULL);
}

/* All calls of a 32-bit program, by whatever way it has, and its registers. */
void calls_of_32_bits(void)
{
	long begun = 0, ended = 0, others = 0, last = 0;
	unsigned narrow[17], at_exec = 0;
	struct user_regs_struct regs;
	size_t n = sizeof(narrow);
	char *name;
	pid_t pid;
	int status;

	readlink("/proc/self/exe", program32, sizeof(program32) - 10);
	name = strrchr(program32, '/');
	strcpy(name ? name + 1 : program32, "cost32");
	pid = begin(execs_32, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC);
	status = go_on(PTRACE_CONT, pid);
	check_equal(status, EVENT(PTRACE_EVENT_EXEC), "a 32-bit program begins");
	check_equal(go_on(PTRACE_SYSCALL, pid), CALL_STOP, "and makes a call");
	check_equal(set_of(GETREGSET, pid, NT_PRSTATUS, narrow, &n), 0, "its set is read");
	check_equal((int64_t)n, 68, "of 17 words of 32 bits");
	trace(PTRACE_GETREGS, pid, 0, &regs);
	check_true(narrow[0] == (unsigned)regs.rbx && narrow[5] == (unsigned)regs.rbp &&
		   narrow[11] == (unsigned)regs.orig_rax && narrow[12] == regs.rip &&
		   narrow[13] == regs.cs && narrow[15] == regs.rsp, "which are GETREGS'");
	narrow[0] = 0x80000001;
	check_equal(set_of(SETREGSET, pid, NT_PRSTATUS, narrow, (n = 4, &n)), 0, "one is written");
	narrow[0] = (unsigned)regs.rbx;
	trace(PTRACE_GETREGS, pid, 0, &regs);
	check_equal((int64_t)regs.rbx, 0x80000001, "and has 32 bits");
	set_of(SETREGSET, pid, NT_PRSTATUS, narrow, &n);
	at_exec = info_of(pid).op;
	for (status = CALL_STOP; status == CALL_STOP; status = go_on(PTRACE_SYSCALL, pid)) {
		struct call_info info;

		trace(GET_SYSCALL_INFO, pid, sizeof(info), &info);
		others += info.arch != I386;
		begun += info.op == 1;
		ended += info.op == 2;
		last = info.op == 1 ? (long)info.nr : last;
	}
	check_equal(status, 0, "it ends");
	check_equal(others, 0, "all its calls are i386's");
	check_equal(last, I386_EXIT_GROUP, "the last is exit_group");
	check_true(begun > 5 && begun - ended == (at_exec == 1), "each of the others has an end");
}
