/*
 * System calls on time.
 */
#include "arch/clock.h"
#include "kernel/base/errno.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "mm/uaccess.h"

enum clock_id {
	CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME_ID = 2,
	CLOCK_THREAD_CPUTIME_ID = 3, CLOCK_MONOTONIC_RAW = 4,
	CLOCK_REALTIME_COARSE = 5, CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7,
};

struct timespec {
	s64 sec, nsec;
};

long sys_clock_gettime(struct pt_regs *regs)
{
	struct timespec ts;
	u64 ns;

	switch ((int)regs->di) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		ns = clock_realtime_ns();
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		ns = clock_ns();
		break;
	default: /* CPU time is not kept */
		return -EINVAL;
	}
	ts.sec = (s64)(ns / NSEC_PER_SEC);
	ts.nsec = (s64)(ns % NSEC_PER_SEC);
	return copy_to_user(regs->si, &ts, sizeof(ts)) ? -EFAULT : 0;
}

/* Never interrupted (there are no signals), so `rem` is never written. */
long sys_nanosleep(struct pt_regs *regs)
{
	struct timespec ts;
	u64 when = ~0ULL - 1;

	if (copy_from_user(&ts, regs->di, sizeof(ts)))
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	if ((u64)ts.sec < ~0ULL / NSEC_PER_SEC / 2)
		when = clock_ns() + (u64)ts.sec * NSEC_PER_SEC + (u64)ts.nsec;
	sched_sleep_until(when);
	return 0;
}
