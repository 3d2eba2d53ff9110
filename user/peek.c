/*
 * peek: tries to read one byte of kernel memory.
 *
 * Right outcome: it says what it is about to do and is killed by SIGSEGV (11).
 * If it lives it prints what it read and exits with status 1.
 * Another address may be given: peek 0xfffffe7fffffe000
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	uint64_t address = argc > 1 ? strtoull(argv[1], NULL, 0) : 0xffffffff80000000;
	volatile const unsigned char *byte = (const unsigned char *)address;

	printf("peek: reading kernel memory at 0x%llx\n", (unsigned long long)address);
	fflush(stdout);
	printf("peek: it holds 0x%02x, and nobody stopped me\n", *byte);
	return 1;
}
