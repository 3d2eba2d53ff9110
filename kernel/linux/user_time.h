/*
 * Times as programs give them.
 */
#ifndef KERNEL_LINUX_USER_TIME_H
#define KERNEL_LINUX_USER_TIME_H

#include "kernel/base/types.h"

struct timespec {
	s64 sec, nsec;
};

/* A sleep without an end (kernel/task/sched.h). */
#define TIME_NEVER (~0ULL)

/*
 * How the current call has it: two numbers of 64 bits, or of 32 in i386's old calls.
 * In i386's newer ones, the upper half of the nanoseconds means nothing.  Asks pt_regs'
 * orig_ax, which inside a call is its number: a tracer changes it at stops alone.
 */
enum time_form { TIME_64, TIME_32, TIME_64_IA32 };
enum time_form time_form(void);

/*
 * Reads one in the call's form: 0, -EFAULT, or -EINVAL: negative, or no number of
 * nanoseconds.  Writes one: 0 or -EFAULT.
 */
int timespec_read(struct timespec *ts, virt_addr_t from);
int timespec_write(virt_addr_t to, const struct timespec *ts, enum time_form form);

/* struct rusage: run_ns as user time, all else zero.  0 or -EFAULT. */
long usage_write(virt_addr_t to, u64 run_ns);

/* In nanoseconds, at most TIME_NEVER / 2. */
u64 timespec_ns(const struct timespec *ts);
struct timespec timespec_from_ns(u64 ns);

/* The clock_ns() at which clock_realtime_ns() is `ns`; 0 if that is past. */
u64 time_of_realtime(u64 ns);

#endif
