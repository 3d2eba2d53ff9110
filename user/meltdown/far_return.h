/*
 * far_return.h: what a program can read by a far return whose stack is the
 * kernel's; far_return.c has the theory.
 */
#ifndef USER_MELTDOWN_FAR_RETURN_H
#define USER_MELTDOWN_FAR_RETURN_H

#include <stdbool.h>
#include <stdint.h>

/* What a word is when the tables do not map all 16 bytes around it. */
#define NO_ANSWER (-1)

/* Takes SIGSEGV, SIGBUS and SIGTRAP over; to be called first. */
void far_return_begin(void);

/*
 * Asks for the 16-bit words at `at`, at + step, ...: out[i] has bits 15:2 of the
 * i-th (bits 1:0 are 0), or NO_ANSWER.  One word needs [at - 8, at + 8) mapped.
 * Not from a signal handler, nor from two threads.
 */
void far_return_scan(uint64_t at, uint64_t step, unsigned count, int32_t *out);

/* One word. */
int far_return_word(uint64_t at);

/*
 * `count` bytes; those whose word has no answer are NO_ANSWER: at the edge of
 * what is mapped, the first nine and the last six of a page.
 */
void far_return_bytes(uint64_t at, unsigned count, int16_t *out);

/* Does this machine answer at all?  At the IDT's alias, which every table maps. */
bool far_return_works(void);

#endif
