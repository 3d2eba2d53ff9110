/*
 * cost32: what a 32-bit program's system call costs by the way that AT_SYSINFO
 * leads: SYSENTER with an Intel processor, SYSCALL with AMD's. (A measurement,
 * not a test; tests/user/time/cost.c says how.)
 *
 *	cost32 sysinfo [TURNS]
 *
 * A turn is getppid(), through the page's pushes, landing pad and pops, and the
 * loop's four instructions.
 * Right outcome: a line `cost: sysinfo: N.N TSC ticks each`, exit status 0.
 */
#include "lib/lib.h"

#define WARM_UP 100	/* turns at most, before those that count */
#define TURNS 10000

static uint64_t rdtsc(void)
{
	uint64_t now;

	__asm__ volatile("rdtsc" : "=A"(now) : : "memory");
	return now;
}

static uint32_t run(uint32_t turns)
{
	uint32_t sysinfo = auxv(AT_SYSINFO);
	uint64_t start = rdtsc();

	__asm__ volatile("1:\tmov $64, %%eax\n\t"
			 "call *%1\n\t"
			 "dec %0\n\t"
			 "jnz 1b"
			 : "+&S"(turns) : "D"(sysinfo) : "eax", "cc", "memory");
	return (uint32_t)(rdtsc() - start);
}

static uint32_t number(const char *text)
{
	uint32_t n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (uint32_t)(*text++ - '0');
	return n;
}

int test_main(int argc, char **argv)
{
	uint32_t turns = argc > 2 ? number(argv[2]) : TURNS, ticks;

	if (turns == 0 || !auxv(AT_SYSINFO))
		return 2;
	run(turns < WARM_UP ? turns : WARM_UP);
	ticks = run(turns);
	put("cost: sysinfo: ");
	put_number(ticks / turns);
	put(".");
	put_number(ticks % turns * 10 / turns);
	put(" TSC ticks each");
	end_line();
	return 0;
}
