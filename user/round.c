/*
 * round: what `make gdb` steps through if no PROGRAM is given: the ways into the kernel,
 * one after the other, and again.
 *
 * Each round is a system call, a page that is touched for the first time, arithmetic for
 * longer than a tick of the timer takes to come, and a signal with a handler.
 * Right outcome: a line for each round, exit status 0 behind the last.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define ROUNDS 1000
#define STEPS 10000000 /* some ticks in QEMU; each a hundred times slower beside a breakpoint */

static volatile sig_atomic_t signals;
static volatile unsigned long sum;

static void handler(int signal)
{
	(void)signal;
	signals++;
}

/* None of these is inlined: gdb's `next` goes over each. */
__attribute__((noinline)) static void call(void)
{
	getppid();
}

/* The page was never there, or has been given back. */
__attribute__((noinline)) static void page_fault(char *page)
{
	*(volatile char *)page = 1;
	madvise(page, PAGE_BYTES, MADV_DONTNEED);
}

__attribute__((noinline)) static void arithmetic(void)
{
	for (unsigned long i = 0; i < STEPS; i++)
		sum += i;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
	char *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page == MAP_FAILED)
		return 1;
	signal(SIGUSR1, handler);
	for (int i = 1; i <= rounds; i++) {
		call();
		page_fault(page);
		arithmetic();
		raise(SIGUSR1);
		printf("round: %d of %d: a call, a page fault, ticks, %d signals\n", i, rounds,
		       (int)signals);
		fflush(stdout);
	}
	return signals == rounds ? 0 : 1;
}
