/*
 * System calls on time.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/calls/user_time.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/syscalls.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

enum clock_id {
	CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME_ID = 2,
	CLOCK_THREAD_CPUTIME_ID = 3, CLOCK_MONOTONIC_RAW = 4,
	CLOCK_REALTIME_COARSE = 5, CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7,
};

#define TIMER_ABSTIME 1
#define COARSE_NS 4000000
#define NSEC_PER_USEC 1000

struct timespec32 {
	s32 sec, nsec;
};

int timespec_read(struct timespec *ts, virt_addr_t from, enum time_form form)
{
	struct timespec32 ts32;

	if (form == TIME_32) {
		if (copy_from_user(&ts32, from, sizeof(ts32)))
			return -EFAULT;
		*ts = (struct timespec){ ts32.sec, ts32.nsec };
	} else if (copy_from_user(ts, from, sizeof(*ts))) {
		return -EFAULT;
	}
	if (form == TIME_64_IA32)
		ts->nsec = (u32)ts->nsec;
	if (ts->sec < 0 || ts->nsec < 0 || ts->nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	return 0;
}

int timespec_write(virt_addr_t to, const struct timespec *ts, enum time_form form)
{
	struct timespec32 ts32 = { (s32)ts->sec, (s32)ts->nsec };

	if (form == TIME_32)
		return copy_to_user(to, &ts32, sizeof(ts32)) ? -EFAULT : 0;
	return copy_to_user(to, ts, sizeof(*ts)) ? -EFAULT : 0;
}

u64 timespec_ns(const struct timespec *ts)
{
	if ((u64)ts->sec >= TIME_NEVER / NSEC_PER_SEC / 2)
		return TIME_NEVER / 2;
	return (u64)ts->sec * NSEC_PER_SEC + (u64)ts->nsec;
}

struct timespec timespec_from_ns(u64 ns)
{
	return (struct timespec){ (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };
}

u64 time_of_realtime(u64 ns)
{
	u64 boot = clock_realtime_ns() - clock_ns();

	return ns > boot ? ns - boot : 0;
}

/* ---- Clocks --------------------------------------------------------------------- */

static u64 current_process_ns(void)
{
	SPIN_GUARD(&process_lock);

	return sched_group_run_ns(&current_process()->run_ns);
}

static int read_clock(enum clock_id id, u64 *ns)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		*ns = clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = clock_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = current_process_ns();
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = sched_run_ns(task_of(current_thread()));
		return 0;
	default:
		return -EINVAL;
	}
}

static long do_clock_gettime(const struct pt_regs *regs, enum time_form form)
{
	struct timespec ts;
	u64 ns;
	int err = read_clock((u32)regs->di, &ns);

	if (err)
		return err;
	ts = timespec_from_ns(ns);
	return timespec_write(regs->si, &ts, form);
}

long sys_clock_gettime(struct pt_regs *regs)
{
	return do_clock_gettime(regs, TIME_64);
}

long ia32_sys_clock_gettime(struct pt_regs *regs)
{
	return do_clock_gettime(regs, TIME_32);
}

static long do_clock_getres(const struct pt_regs *regs, enum time_form form)
{
	enum clock_id id = (u32)regs->di;
	struct timespec ts = { 0, 1 };
	u64 ns;
	int err = read_clock(id, &ns);

	if (err)
		return err;
	if (id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE)
		ts.nsec = COARSE_NS;
	return regs->si ? timespec_write(regs->si, &ts, form) : 0;
}

long sys_clock_getres(struct pt_regs *regs)
{
	return do_clock_getres(regs, TIME_64);
}

long ia32_sys_clock_getres(struct pt_regs *regs)
{
	return do_clock_getres(regs, TIME_32);
}

static int put_timeval(virt_addr_t to, const struct timespec *ts, enum time_form form)
{
	if (form == TIME_32)
		return put_user_u32(to, (u32)ts->sec) ||
		       put_user_u32(to + sizeof(u32), (u32)ts->nsec);
	return put_user_u64(to, (u64)ts->sec) ||
	       put_user_u64(to + sizeof(u64), (u64)ts->nsec);
}

static long do_gettimeofday(const struct pt_regs *regs, enum time_form form)
{
	const struct { s32 minutes_west, dst; } zone = { 0, 0 };
	struct timespec ts = timespec_from_ns(clock_realtime_ns());

	ts.nsec /= NSEC_PER_USEC; /* which makes it a timeval */
	if (regs->di && put_timeval(regs->di, &ts, form))
		return -EFAULT;
	return regs->si && copy_to_user(regs->si, &zone, sizeof(zone)) ? -EFAULT : 0;
}

long sys_gettimeofday(struct pt_regs *regs)
{
	return do_gettimeofday(regs, TIME_64);
}

long ia32_sys_gettimeofday(struct pt_regs *regs)
{
	return do_gettimeofday(regs, TIME_32);
}

long sys_time(struct pt_regs *regs)
{
	u64 now = clock_realtime_ns() / NSEC_PER_SEC;

	if (regs->di && put_user_u64(regs->di, now))
		return -EFAULT;
	return (long)now;
}

long ia32_sys_time(struct pt_regs *regs)
{
	s32 now = (s32)(clock_realtime_ns() / NSEC_PER_SEC);

	return regs->di && put_user_u32(regs->di, (u32)now) ? -EFAULT : now;
}

/* ---- Sleeping ------------------------------------------------------------------- */

/* True: the time has come.  False: a signal was first. */
static bool sleep_until(u64 when)
{
	while (clock_ns() < when) {
		if (signal_interrupted())
			return false;
		sched_sleep_until(when);
	}
	return true;
}

static long resume_sleep(struct restart_block *r);

/* Of a sleep that a signal ended, the rest goes to *rem, if there is one. */
static long sleep_restartable(u64 when, virt_addr_t rem, enum time_form form)
{
	struct restart_block *restart = &current_thread()->signals.restart;
	struct timespec left;
	u64 now;

	if (sleep_until(when))
		return 0;
	now = clock_ns();
	left = timespec_from_ns(when > now ? when - now : 0);
	if (rem && timespec_write(rem, &left, form))
		return -EFAULT;
	*restart = (struct restart_block){ resume_sleep, when, rem, form == TIME_32 };
	return -ERESTART_RESTARTBLOCK;
}

static long resume_sleep(struct restart_block *r)
{
	return sleep_restartable(r->when, r->rem, r->narrow ? TIME_32 : TIME_64);
}

long sys_restart_syscall(struct pt_regs *regs __unused)
{
	struct restart_block *r = &current_thread()->signals.restart;

	return r->resume ? r->resume(r) : -EINTR;
}

static long do_nanosleep(const struct pt_regs *regs, enum time_form form)
{
	struct timespec ts;
	int err = timespec_read(&ts, regs->di, form);

	return err ? err : sleep_restartable(clock_ns() + timespec_ns(&ts), regs->si, form);
}

long sys_nanosleep(struct pt_regs *regs)
{
	return do_nanosleep(regs, TIME_64);
}

long ia32_sys_nanosleep(struct pt_regs *regs)
{
	return do_nanosleep(regs, TIME_32);
}

static long do_clock_nanosleep(const struct pt_regs *regs, enum time_form form)
{
	enum clock_id id = (u32)regs->di;
	struct timespec ts;
	u64 ns;
	int err = read_clock(id, &ns);

	if (err)
		return err;
	if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME)
		return -EOPNOTSUPP;
	err = timespec_read(&ts, regs->dx, form);
	if (err)
		return err;
	if (!(regs->si & TIMER_ABSTIME))
		return sleep_restartable(clock_ns() + timespec_ns(&ts), regs->r10, form);
	ns = timespec_ns(&ts);
	if (id == CLOCK_REALTIME)
		ns = time_of_realtime(ns);
	return sleep_until(ns) ? 0 : -ERESTARTNOHAND;
}

long sys_clock_nanosleep(struct pt_regs *regs)
{
	return do_clock_nanosleep(regs, TIME_64);
}

long ia32_sys_clock_nanosleep(struct pt_regs *regs)
{
	return do_clock_nanosleep(regs, TIME_32);
}

long ia32_sys_clock_nanosleep64(struct pt_regs *regs)
{
	return do_clock_nanosleep(regs, TIME_64_IA32);
}
