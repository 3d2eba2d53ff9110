/*
 * spin: keeps the CPU busy for argv[1] milliseconds (100 without it).
 *
 * It makes no system call but to look at the clock, and seldom; whoever else is
 * to run on this CPU needs the timer's interrupt. Right outcome: one line with
 * how far it counted, exit status 0. Started several times on one CPU, the
 * counts come out about equal, and all end at about the same time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOPS_PER_LOOK 100000

static long long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	long long wanted = argc > 1 ? atoll(argv[1]) : 100;
	long long start = now_ms(), spent;
	unsigned long long count = 0;

	do {
		for (volatile int i = 0; i < LOOPS_PER_LOOK; i++)
			;
		count++;
		spent = now_ms() - start;
	} while (spent < wanted);
	printf("spin: pid %d counted to %llu00000 in %lld ms\n", (int)getpid(), count, spent);
	return 0;
}
