/*
 * missing: asks for system calls that Postern has not, each more than once. Postern says so
 * on the console, once for each number and program; Linux says nothing.
 *
 * Right outcome: exit status 0; on Postern the lines that tests/test_run.py expects, once
 * each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static long answer(long number)
{
	return syscall(number, -1, -1, -1, -1, -1, -1) < 0 ? errno : 0;
}

/* i386's number 26, ptrace, with a request that there is not. */
static long answer_ia32(void)
{
	long result = 26;

	__asm__ volatile("int $0x80" : "+a"(result) : "b"(-1), "c"(-1), "d"(-1), "S"(-1), "D"(-1)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

int main(void)
{
	for (int i = 0; i < 3; i++) {
		printf("quotactl %ld, acct %ld, none %ld\n", answer(SYS_quotactl), answer(SYS_acct),
		       answer(1999));
		answer(334); /* rseq: asked for by every program, and not told of */
		answer_ia32();
	}
	prctl(PR_SET_NAME, "another");
	answer(SYS_acct);
	printf("missing: done\n");
	return 0;
}
