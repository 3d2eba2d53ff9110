/*
 * ending: ends as its argument says, for those who ask what the end comes out as
 * (tests/test_run.py):
 *
 *	ending N		exit status N
 *	ending kill		a load from nowhere: SIGSEGV
 *	ending copy		standard input, byte for byte, to standard output; 0
 *	ending late		the same, when it has computed for three seconds
 *	ending ask		1 if standard input is a terminal, else 0
 *	ending keys		SIGINT is waited for twice; 5
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t keys;
static volatile char *volatile nowhere;

static void count(int signal)
{
	static const char line[] = "asked for\n";

	(void)signal;
	keys++;
	write(1, line, sizeof(line) - 1);
}

static int copy(void)
{
	static char bytes[3000];
	ssize_t n;

	while ((n = read(0, bytes, sizeof(bytes))) > 0)
		if (write(1, bytes, (size_t)n) != n)
			return 1;
	return n ? 1 : 0;
}

/* Does not sleep: the kernel polls the console in its CPU's timer interrupts. */
static int copy_late(void)
{
	time_t end = time(NULL) + 4;

	while (time(NULL) < end)
		continue;
	return copy();
}

static int wait_for_keys(void)
{
	static const char line[] = "waiting\n";

	signal(SIGINT, count);
	write(1, line, sizeof(line) - 1);
	while (keys < 2)
		pause();
	return 5;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "0";

	if (strcmp(how, "kill") == 0)
		return *nowhere;
	if (strcmp(how, "copy") == 0)
		return copy();
	if (strcmp(how, "late") == 0)
		return copy_late();
	if (strcmp(how, "ask") == 0)
		return isatty(0);
	if (strcmp(how, "keys") == 0)
		return wait_for_keys();
	return atoi(how);
}
