/*
 * ioports: ioperm and iopl, their errors and what they open, as root (on a Linux
 * that has them: many do not).  Port 0x80 is read and written, which does
 * nothing.
 *
 *	ioports [-q]	-q: prints only what failed
 *
 * What must end in a signal is in fault.c.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/check.h"

#define PORT 0x80

static long result(long returned)
{
	return returned < 0 ? -errno : returned;
}

static long call_ioperm(unsigned long from, unsigned long n, int on)
{
	return result(syscall(SYS_ioperm, from, n, on));
}

static void test_errors(void)
{
	check_equal(call_ioperm(0, 0, 1), -EINVAL, "ioperm of no port");
	check_equal(call_ioperm(65536, 1, 1), -EINVAL, "ioperm behind the last port");
	check_equal(call_ioperm(65535, 2, 0), -EINVAL, "ioperm across the last port");
	check_equal(call_ioperm(~0ul, 2, 1), -EINVAL, "ioperm that wraps");
	check_equal(call_ioperm(1, ~0ul, 0), -EINVAL, "ioperm of too many");
	check_equal(call_ioperm(65535, 1, 0), 0, "closing a port that is closed");
	check_equal(result(syscall(SYS_iopl, 4)), -EINVAL, "iopl 4");
	check_equal(result(syscall(SYS_iopl, -1)), -EINVAL, "iopl -1");
	check_equal(result(syscall(SYS_iopl, 1L << 32)), 0, "only 32 bits of iopl's count");
}

static void test_ports(void)
{
	uint64_t flags;

	check_equal(call_ioperm(PORT, 1, 1), 0, "ioperm opens a port");
	inb(PORT);
	outb(0, PORT);
	check_true(true, "which can be read and written");
	syscall(SYS_sched_yield);
	inb(PORT);
	check_equal(call_ioperm(PORT, 1, 2), 0, "any number opens");
	check_equal(call_ioperm(PORT + 1, 3, 1), 0, "and three more");
	inl(PORT);
	check_true(true, "which can be read all four");
	check_equal(call_ioperm(0, 65536, 0), 0, "ioperm closes all");
	check_equal(call_ioperm(65535, 1, 1), 0, "ioperm opens the last port");
	check_equal(result(syscall(SYS_iopl, 3)), 0, "iopl 3");
	inb(PORT);
	__asm__ volatile("pushfq; pop %0" : "=r"(flags));
	check_equal((int64_t)(flags & 0x3200), 0x200, "the flags' IOPL is 0, IF is set");
	check_equal(result(syscall(SYS_iopl, 3)), 0, "iopl 3 once more");
	check_equal(call_ioperm(PORT, 1, 1), 0, "ioperm under iopl 3");
	check_equal(result(syscall(SYS_iopl, 0)), 0, "iopl 0");
	inb(PORT);
	check_true(true, "leaves what ioperm opened");
}

/* Closing is anybody's right, and so is iopl at the level that there is. */
static void test_nobody(void)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int wrong = syscall(SYS_setresuid, 1000, 1000, 1000) != 0;

		wrong |= (call_ioperm(PORT + 4, 1, 1) != -EPERM) << 1;
		wrong |= (call_ioperm(PORT, 1, 0) != 0) << 2;
		wrong |= (result(syscall(SYS_iopl, 3)) != -EPERM) << 3;
		wrong |= (result(syscall(SYS_iopl, 0)) != 0) << 4;
		_exit(wrong);
	}
	check_equal(waitpid(pid, &status, 0), pid, "a child without rights");
	check_equal(status, 0, "opens no port and raises no IOPL");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_errors();
	test_ports();
	test_nobody();
	return check_end();
}
