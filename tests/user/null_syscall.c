/*
 * null_syscall: what the cheapest system call costs. (A measurement, not a test.)
 *
 * The loop is LOOP instructions a turn, the system call's own included:
 *	mov	$110, %eax	getppid
 *	syscall
 *	dec	%ebx
 *	jnz
 * and the two RDTSC stand right around it. Under QEMU's -icount shift=0 the TSC
 * counts guest instructions, and the ticks a call, less LOOP - 1, are what the
 * kernel executes from SYSCALL's target to SYSRET; outside the loop stand fewer
 * than ten instructions, which 10000 turns make disappear.
 * Right outcome: two lines, exit status 0. argv[1]: another number of calls.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#define LOOP 4

_Static_assert(SYS_getppid == 110, "the number in the loop");

static uint64_t measure(uint32_t calls)
{
	uint64_t start, end;

	__asm__ volatile("rdtsc\n\t"
			 "shl $32, %%rdx\n\t"
			 "lea (%%rax, %%rdx), %[start]\n"
			 "1:\tmov $110, %%eax\n\t"
			 "syscall\n\t"
			 "dec %[calls]\n\t"
			 "jnz 1b\n\t"
			 "rdtsc\n\t"
			 "shl $32, %%rdx\n\t"
			 "lea (%%rax, %%rdx), %[end]"
			 : [start] "=&r"(start), [end] "=&r"(end), [calls] "+&b"(calls)
			 :
			 : "rax", "rcx", "rdx", "r11", "cc", "memory");
	return end - start;
}

int main(int argc, char **argv)
{
	uint32_t calls = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 10000;
	uint64_t ticks;

	if (calls == 0)
		return 2;
	measure(100);		/* caches, and pages not yet touched */
	ticks = measure(calls);
	printf("null syscall: %llu.%llu TSC ticks each\n", (unsigned long long)(ticks / calls),
	       (unsigned long long)(ticks % calls * 10 / calls));
	printf("null syscall: %u calls, %llu ticks, %d user instructions in each call's turn of the loop\n", calls,
	       (unsigned long long)ticks, LOOP);
	return 0;
}
