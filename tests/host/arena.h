/*
 * What stands in for RAM, and for the end of the machine, in tests of mm/:
 * the arena behind tests/host/include/kernel/base/phys.h, and a panic() that a test can
 * catch.
 */
#ifndef TESTS_HOST_ARENA_H
#define TESTS_HOST_ARENA_H

#include "kernel/base/types.h"

struct arena {
	u8 *base;   /* of physical address 0 */
	u64 size;
	u32 *held;  /* the spinlock that is taken, or NULL */
};
extern struct arena arena;

/* Physical memory of `size` bytes, zero; pages cost nothing until touched. */
void arena_make(u64 size);
void arena_free(void);

/*
 * Calls fn(arg).  If it panics, returns the message (releasing the lock that
 * was held); NULL: it returned.  A panic elsewhere ends the program.
 */
const char *arena_catch(void (*fn)(void *arg), void *arg);

#endif
