/*
 * The lock checker's faults, for the suite that provokes them.
 */
#ifndef TESTS_DEBUG_LOCKS_LOCK_CHECK_H
#define TESTS_DEBUG_LOCKS_LOCK_CHECK_H

#include "kernel/base/types.h"

/* The text of a fault; and its places: the held lock's (0: none), and this one's. */
#define LOCK_FAULT_TEXT 320
struct lock_fault {
	char text[LOCK_FAULT_TEXT];
	u64 held_at, at;
};

/* If not NULL, gets the next fault in place of a panic, and is NULL again. */
extern struct lock_fault *lock_fault_caught;

#endif
