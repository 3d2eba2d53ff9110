/*
 * System calls on time: clocks and sleeps.  A sleep that a signal ends goes on through
 * restart_syscall until the same moment, however often it is ended.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/user_time.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

enum clock_id {
	CLOCK_REALTIME = 0,
	CLOCK_MONOTONIC = 1,
	CLOCK_PROCESS_CPUTIME_ID = 2,
	CLOCK_THREAD_CPUTIME_ID = 3,
	CLOCK_MONOTONIC_RAW = 4,
	CLOCK_REALTIME_COARSE = 5,
	CLOCK_MONOTONIC_COARSE = 6,
	CLOCK_BOOTTIME = 7,
};

#define TIMER_ABSTIME 1
#define COARSE_NS 4000000
#define NSEC_PER_USEC 1000

/* ---- Clocks --------------------------------------------------------------------- */

static int read_clock(enum clock_id id, u64 *ns)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE: *ns = clock_realtime_ns(); return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: *ns = clock_ns(); return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		SPIN_SCOPE(&process_lock)
			*ns = sched_group_run_ns(&current_process()->run_ns);
		return 0;
	case CLOCK_THREAD_CPUTIME_ID: *ns = sched_run_ns(task_of(current_thread())); return 0;
	default: return -EINVAL;
	}
}

long sys_clock_gettime(struct pt_regs *regs)
{
	struct timespec ts;
	u64 ns;
	int err = read_clock((u32)regs->di, &ns);

	if (err)
		return err;
	ts = timespec_from_ns(ns);
	return timespec_write(regs->si, &ts, time_form());
}

long sys_clock_getres(struct pt_regs *regs)
{
	enum clock_id id = (u32)regs->di;
	struct timespec ts = { 0, 1 };
	u64 ns;
	int err = read_clock(id, &ns);

	if (err)
		return err;
	if (id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE)
		ts.nsec = COARSE_NS;
	return regs->si ? timespec_write(regs->si, &ts, time_form()) : 0;
}

long sys_gettimeofday(struct pt_regs *regs)
{
	const struct {
		s32 minutes_west, dst;
	} zone = { 0, 0 };
	struct timespec ts = timespec_from_ns(clock_realtime_ns());

	if (regs->di && (abi_put_word(regs->di, (u64)ts.sec) ||
			 abi_put_word(regs->di + abi_width(), (u64)ts.nsec / NSEC_PER_USEC)))
		return -EFAULT;
	return regs->si && copy_to_user(regs->si, &zone, sizeof(zone)) ? -EFAULT : 0;
}

long sys_time(struct pt_regs *regs)
{
	u64 now = clock_realtime_ns() / NSEC_PER_SEC;

	if (regs->di && abi_put_word(regs->di, now))
		return -EFAULT;
	return abi_is_ia32() ? (s32)now : (long)now;
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
	*restart = (struct restart_block){ resume_sleep, when, rem, form == TIME_32, 0 };
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

long sys_nanosleep(struct pt_regs *regs)
{
	struct timespec ts;
	int err = timespec_read(&ts, regs->di);

	if (err)
		return err;
	return sleep_restartable(clock_ns() + timespec_ns(&ts), regs->si, time_form());
}

long sys_clock_nanosleep(struct pt_regs *regs)
{
	enum clock_id id = (u32)regs->di;
	struct timespec ts;
	u64 ns;
	int err = read_clock(id, &ns);

	if (err)
		return err;
	if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME)
		return -EOPNOTSUPP;
	err = timespec_read(&ts, regs->dx);
	if (err)
		return err;
	if (!(regs->si & TIMER_ABSTIME))
		return sleep_restartable(clock_ns() + timespec_ns(&ts), regs->r10, time_form());
	ns = timespec_ns(&ts);
	if (id == CLOCK_REALTIME)
		ns = time_of_realtime(ns);
	return sleep_until(ns) ? 0 : -ERESTARTNOHAND;
}
