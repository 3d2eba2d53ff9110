/*
 * hello32: an ordinary 32-bit program with glibc, which at its start asks for
 * all that a C library wants of a kernel: thread-local storage, memory, files'
 * status.
 *
 *	hello32 WORDS...
 *
 * Right outcome, on Linux and on Postern alike: exit status 0, and the lines
 * that tests/programs.cfg and tests/user/check_on_linux.py look for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define BLOCKS 300

static _Thread_local int per_thread = 42;

/* Small blocks come from brk, large ones from mmap. */
static int check_malloc(void)
{
	char *block[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		size_t size = i % 50 == 0 ? 200000 : 1000;

		block[i] = malloc(size);
		if (!block[i])
			return 1;
		memset(block[i], i, size);
	}
	for (int i = 0; i < BLOCKS; i++) {
		if (block[i][999] != (char)i)
			return 1;
		free(block[i]);
	}
	return 0;
}

static int check_sleep(void)
{
	struct timespec before, after, ten = { 0, 10000000 };

	clock_gettime(CLOCK_MONOTONIC, &before);
	if (nanosleep(&ten, NULL))
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &after);
	return (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec <
	       10000000;
}

int main(int argc, char **argv)
{
	struct utsname names;

	printf("hello32: %zu-bit program, %d words:", 8 * sizeof(void *), argc - 1);
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	printf("\n");
	if (uname(&names) || strcmp(names.machine, "x86_64") != 0)
		return 1;
	printf("hello32: pid %d, thread-local %d, %.3f\n", getpid(), per_thread, 1.5);
	if (check_malloc() || check_sleep())
		return 2;
	printf("hello32: malloc and nanosleep are fine\n");
	return 0;
}
