/*
 * check.h: one step of a test, one line of output.
 *
 *	ok 7 - write to fd 99 gives EBADF
 *	not ok 8 - brk grows: got 0x1000, expected 0x2000
 *
 * The sentence is a printf format, and the last line is the plan, 1..N.
 */
#ifndef TESTS_USER_CHECK_H
#define TESTS_USER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* quiet: print only the steps that fail, and the plan. */
void check_begin(bool quiet);

void check_equal(int64_t got, int64_t expected, const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));
void check_range(int64_t got, int64_t low, int64_t high, const char *sentence, ...)
	__attribute__((format(printf, 4, 5)));
void check_true(bool good, const char *sentence, ...)
	__attribute__((format(printf, 2, 3)));
void check_skip(const char *reason, const char *sentence);

/* Prints the plan; the exit status: 0 if all steps were ok. */
int check_end(void);

/* The same without a plan: of a program that another one's step runs. */
int check_status(void);

#endif
