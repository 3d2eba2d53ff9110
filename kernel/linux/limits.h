/*
 * Limits of what a process may use, by Linux's numbers, and their defaults.
 */
#ifndef KERNEL_LINUX_LIMITS_H
#define KERNEL_LINUX_LIMITS_H

#include "kernel/base/types.h"

enum limit_number {
	LIMIT_CPU,
	LIMIT_FSIZE,
	LIMIT_DATA,
	LIMIT_STACK,
	LIMIT_CORE,
	LIMIT_RSS,
	LIMIT_NPROC,
	LIMIT_NOFILE,
	LIMIT_MEMLOCK,
	LIMIT_AS,
	LIMIT_LOCKS,
	LIMIT_SIGPENDING,
	LIMIT_MSGQUEUE,
	LIMIT_NICE,
	LIMIT_RTPRIO,
	LIMIT_RTTIME,
	NR_LIMITS
};
#define UNLIMITED (~0ULL)

struct limit {
	u64 soft, hard;
};

/* What a process that the kernel starts has.  Once memory is known. */
void limits_init(struct limit limits[NR_LIMITS]);

/* RLIMIT_STACK of the current process as its next program has it, or of the first. */
u64 limits_exec_stack(void);

/*
 * The most bytes of strings and pointers to them that execve takes: a quarter of that
 * stack, within bounds.
 */
u64 limits_exec_strings(void);

/* How many tasks there may be in all, as memory allows. */
u64 limits_max_tasks(void);

/* The most that RLIMIT_NOFILE can be: Linux's fs.nr_open. */
#define LIMIT_NOFILE_MAX 1048576

#endif
