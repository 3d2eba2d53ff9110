/*
 * cost.h: what the files of the program `cost` share.  A path of files runs so many turns and
 * says what they took; 0: it could not be tried.
 */
#ifndef TESTS_USER_COST_H
#define TESTS_USER_COST_H

#include <stdint.h>

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

uint64_t do_pipe(uint32_t turns);
uint64_t do_ping(uint32_t turns);
uint64_t do_open(uint32_t turns);
uint64_t do_stat(uint32_t turns);
uint64_t do_path(uint32_t turns);

#endif
