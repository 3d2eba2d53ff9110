/*
 * crowd.h: what the parts of a crowd share (tests/user/call/fuzz/crowd.c).
 *
 * A member is a thread that draws its actions from a generator of its own, which
 * is seeded by the child's seed and the member's number: fuzz_random() has one
 * state for all threads of a process, and what one drew would depend on the
 * others.  Members call the kernel without libc (errno is shared, too).
 */
#ifndef TESTS_USER_FUZZ_CROWD_H
#define TESTS_USER_FUZZ_CROWD_H

#include "fuzz.h"

#define CROWD_PLACES 32
#define CROWD_WORDS 16

/* In shared memory: what is known of all members, at CROWD_AT in each. */
struct crowd {
	volatile int tid[CROWD_PLACES], pid[CROWD_PLACES]; /* they may have ended */
	volatile uint32_t word[CROWD_WORDS];               /* futexes */
	volatile uint32_t born;                            /* members so far */
};
#define CROWD_AT 0x40000000UL
#define CROWD ((struct crowd *)CROWD_AT)

/* Private words, each process its own; and what is mapped and unmapped. */
#define CROWD_PRIVATE (CROWD_AT + FUZZ_PAGE)
#define CROWD_ARENA 0x41000000UL
#define CROWD_ARENA_PAGES 64

/* At the bottom of its stack. */
struct member {
	uint64_t state;
	unsigned number, most; /* so many members there may be */
};

uint64_t crowd_random(struct member *me);
unsigned crowd_below(struct member *me, unsigned n);
uint64_t crowd_pick(struct member *me, const uint64_t *list, unsigned count);
#define CROWD_PICK(me, ...)                                                      \
	crowd_pick(me, (const uint64_t[]){ __VA_ARGS__ },                        \
		   sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* A thread or process of the crowd, that may have ended; seldom nobody. */
uint64_t crowd_any_tid(struct member *me);
uint64_t crowd_any_pid(struct member *me);

/* A system call of up to six arguments. */
#define CROWD_CALL(number, ...)                                                  \
	fuzz_syscall(number, (const uint64_t[6]){ __VA_ARGS__ }, false, 0)

/* Makes a member by clone() with these flags; false: there are enough. */
bool crowd_bear(struct member *me, uint64_t flags);

/* Actions: crowd_acts.c, crowd_memory.c. */
void crowd_signal(struct member *me);
void crowd_stop(struct member *me);
void crowd_trace(struct member *me);
void crowd_wait(struct member *me);
void crowd_futex(struct member *me);
void crowd_change_self(struct member *me);
void crowd_sleep(struct member *me);
void crowd_map(struct member *me);
void crowd_touch(struct member *me);
void crowd_hog(struct member *me);
void crowd_long_call(struct member *me);

#endif
