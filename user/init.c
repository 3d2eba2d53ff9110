/*
 * init: what `init=/init` runs when nothing else is asked for.
 *
 * Shows what the kernel hands to a new program on its stack: arguments,
 * environment, and the auxiliary vector that follows them.
 * Right outcome: a greeting, exit status 0.
 */
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char **argv, char **envp)
{
	printf("init: greetings from user mode, I am pid %d\n", (int)getpid());
	for (int i = 0; i < argc; i++)
		printf("init: argument %d is \"%s\"\n", i, argv[i]);
	for (int i = 0; envp[i]; i++)
		printf("init: environment has \"%s\"\n", envp[i]);
	printf("init: pages have %lu bytes\n", getauxval(AT_PAGESZ));
	return 0;
}
