/*
 * What the supervisor of a storm tells the kernel's suite (tests/suites/storm.c),
 * which reads it when the supervisor has ended: words at a fixed address, since
 * what children of a storm write and how they die is not shown.
 */
#ifndef TESTS_USER_FUZZ_REPORT_H
#define TESTS_USER_FUZZ_REPORT_H

#define FUZZ_REPORT_AT 0x10000000UL

enum fuzz_word {
	FUZZ_CHILDREN,  /* started */
	FUZZ_CALLS,     /* system calls with hostile arguments */
	FUZZ_TRIALS,    /* hostile frames and pieces of code */
	FUZZ_CHANGES,   /* of shared address spaces */
	FUZZ_EXITED,    /* children that exited, or died by a signal, or were */
	FUZZ_DIED,      /* still there at the end of their time */
	FUZZ_LATE,
	FUZZ_GOOD,      /* of the exited: those that had to exit with 0, and did */
	FUZZ_BAD,       /* and did not */
	FUZZ_BAD_CHILD, /* the last of these: its number, its wait status */
	FUZZ_BAD_STATUS,
	FUZZ_STUCK,     /* 1: somebody outlived SIGKILL, by two minutes */
	FUZZ_DONE,      /* 1: the supervisor came to its end */
	FUZZ_WORDS
};

#endif
