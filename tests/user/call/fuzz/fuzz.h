/*
 * fuzz.h: what the parts of tests/user/call/fuzz.c share.
 *
 * Every part draws from one generator, which a child seeds from the seed of the
 * storm and its own number: the same child does the same each time, as far as
 * pids, addresses and the other CPUs let it.
 */
#ifndef TESTS_USER_FUZZ_H
#define TESTS_USER_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

/* ---- values.c ---------------------------------------------------------------------- */

void fuzz_seed(uint64_t seed, uint64_t number);
uint64_t fuzz_random(void);
unsigned fuzz_below(unsigned n);
bool fuzz_one_in(unsigned n);

/*
 * The memory that arguments point to, below 4 GiB: pages of random values to
 * read and write, one to read, one to execute, and none.
 */
#define FUZZ_MEMORY 0x20000000UL
#define FUZZ_PAGE 4096UL
#define FUZZ_WRITABLE_PAGES 8
#define FUZZ_READABLE (FUZZ_MEMORY + FUZZ_WRITABLE_PAGES * FUZZ_PAGE)
#define FUZZ_CODE (FUZZ_READABLE + FUZZ_PAGE)
#define FUZZ_NOTHING (FUZZ_CODE + FUZZ_PAGE)
void fuzz_map_memory(void);

/* A nasty value: an address, a number, a size, flags, a selector, a pid of ours. */
uint64_t fuzz_value(void);

/* The same, of the selectors. */
uint16_t fuzz_selector(void);

/* Fills [at, at + size) with such values. */
void fuzz_fill(void *at, unsigned long size);

/* The last child that a fuzzed call made; or ourselves. */
extern volatile int fuzz_last_child;

/* ---- raw.c: no libc between us and the kernel ---------------------------------------- */

/*
 * A system call by SYSCALL or INT 0x80.  `forks`: it may return twice; the
 * second never comes back, but does what `fate` says and ends.
 */
long fuzz_syscall(uint64_t number, const uint64_t arg[6], bool forks, unsigned fate);
long fuzz_int80(uint64_t number, const uint64_t arg[6], bool forks, unsigned fate);
long fuzz_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* ---- Kinds of children: each returns, or dies ------------------------------------------ */

/* What children of the storm count, in memory shared with the supervisor. */
struct fuzz_counts {
	uint64_t calls, trials, changes;
};
extern volatile struct fuzz_counts *fuzz_counts;

void fuzz_calls_as_nobody(void);  /* calls.c */
void fuzz_calls_as_root(void);
void fuzz_calls_of_i386(void);
void fuzz_ports(void);
void fuzz_frames(void);           /* frames.c */
void fuzz_code(void);
void fuzz_tracing(void);          /* tracing.c */
void fuzz_shared_memory(void);    /* shots.c: exits with 1 if a change did not
                                     reach all CPUs */

/* files.c.  All but the first exit with 1 if bytes changed on their way, a limit was passed, or
 * one ended that had not taken the memory. */
#define FUZZ_FILES "/tmp/fuzz"
void fuzz_files(void);
void fuzz_stream(void);
void fuzz_forks(void);
void fuzz_hog(void);

void fuzz_crowd(void);            /* crowd.c */
void fuzz_bomb(void);

/* The same for a member of a crowd that has become this program. */
__attribute__((noreturn)) void fuzz_crowd_again(uint64_t seed, unsigned generations);

/* shots.c: an access that may fault; false: the store did, the load found 0. */
uint64_t fuzz_load(uint64_t at);
bool fuzz_store(uint64_t at, uint64_t value);
void fuzz_catch_faults(void);

/* Gives up all rights, and may harm nobody but itself. */
void fuzz_become_nobody(void);

#endif
