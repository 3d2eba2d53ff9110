/*
 * ITIMER_REAL, the one interval timer of a process that counts time as it passes, and
 * RLIMIT_CPU.  The timers that count a process's own CPU time are not here: -EINVAL.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/process/alarm.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/syscalls.h"
#include "kernel/task/sched.h"
#include "kernel/task/timer_queue.h"
#include "mm/space/uaccess.h"

#define NSEC_PER_USEC 1000
#define USEC_PER_SEC 1000000
#define ITIMER_REAL 0

struct timeval {
	s64 sec, usec;
};

struct itimerval {
	struct timeval interval, value;
};

/* Of all processes. */
static void send_alarm(struct timer *t, u64 now);
static struct timer_queue alarms = { .lock = &process_lock, .expire = send_alarm };

static void send_alarm(struct timer *t, u64 now)
{
	const struct siginfo info = { .signo = SIGALRM, .code = SI_KERNEL };
	struct process *p = container_of(t, struct process, alarm);
	u64 late = now - t->when, interval = p->alarm_interval;

	signal_send_process(p, &info);
	if (interval)
		timer_queue_set(&alarms, t, now + interval - late % interval);
}

void alarm_init(void)
{
	timer_queue_start(&alarms, "alarm");
}

void alarm_forget(struct process *p)
{
	timer_queue_set(&alarms, &p->alarm, 0);
}

/* How long it still has, 0 if it is not set; and its interval.  process_lock is held. */
static u64 time_left(const struct process *p, u64 *interval)
{
	u64 now = clock_ns();

	*interval = p->alarm_interval;
	if (!timers_has(&p->alarm))
		return 0;
	return p->alarm.when > now ? p->alarm.when - now : NSEC_PER_USEC;
}

/* Sets at and interval, in ns from now, and gives what they were. */
static void set(u64 at, u64 interval, u64 *old_left, u64 *old_interval)
{
	struct process *p = current_process();
	SPIN_GUARD(&process_lock);

	*old_left = time_left(p, old_interval);
	timer_queue_set(&alarms, &p->alarm, at);
	p->alarm_interval = at ? interval : 0;
}

/* As Linux: to the nearest second, but not to 0. */
long sys_alarm(struct pt_regs *regs)
{
	u32 seconds = (u32)regs->di;
	u64 left, interval;

	set(seconds ? clock_deadline(seconds, 0) : 0, 0, &left, &interval);
	if (left && left < NSEC_PER_SEC)
		return 1;
	return (long)((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}

static struct timeval to_timeval(u64 ns)
{
	return (struct timeval){ (s64)(ns / NSEC_PER_SEC),
				 (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC) };
}

static long put(virt_addr_t to, u64 left, u64 interval)
{
	struct itimerval v = { to_timeval(interval), to_timeval(left) };

	return copy_to_user(to, &v, sizeof(v)) ? -EFAULT : 0;
}

static bool timeval_ok(const struct timeval *t)
{
	return t->sec >= 0 && t->usec >= 0 && t->usec < USEC_PER_SEC;
}

/* As on Linux, a null pointer stops the timer. */
long sys_setitimer(struct pt_regs *regs)
{
	struct itimerval v = { 0 };
	u64 at = 0, left, interval;

	if (regs->si && copy_from_user(&v, regs->si, sizeof(v)))
		return -EFAULT;
	if (!timeval_ok(&v.value) || !timeval_ok(&v.interval) || (int)regs->di != ITIMER_REAL)
		return -EINVAL;
	if (v.value.sec || v.value.usec)
		at = clock_deadline((u64)v.value.sec, (u64)v.value.usec * NSEC_PER_USEC);
	interval = (u64)MIN(v.interval.sec, (s64)(~0ULL / NSEC_PER_SEC / 4)) * NSEC_PER_SEC +
		   (u64)v.interval.usec * NSEC_PER_USEC;
	set(at, interval, &left, &interval);
	return regs->dx ? put(regs->dx, left, interval) : 0;
}

long sys_getitimer(struct pt_regs *regs)
{
	u64 left, interval;

	if ((int)regs->di != ITIMER_REAL)
		return -EINVAL;
	SPIN_SCOPE(&process_lock)
		left = time_left(current_process(), &interval);
	return put(regs->si, left, interval);
}

/* ---- CPU time ------------------------------------------------------------------------ */

/* A thread that is leaving takes no signal any more, and its process may be gone. */
void alarm_check_cpu(void)
{
	struct task *self = current_task();
	struct thread *t = self ? thread_of(self) : NULL;
	struct siginfo info;
	struct limit *l;
	u64 seconds;

	if (!t || t->leaving)
		return;
	l = &t->process->limits[LIMIT_CPU];
	if (l->soft == UNLIMITED)
		return;
	SPIN_GUARD(&process_lock);
	seconds = sched_group_run_ns(&t->process->run_ns) / NSEC_PER_SEC;
	if (seconds < MIN(l->soft, l->hard))
		return;
	info = (struct siginfo){ .code = SI_KERNEL };
	info.signo = seconds >= l->hard ? SIGKILL : SIGXCPU;
	if (info.signo == SIGXCPU)
		l->soft = seconds + 1; /* as Linux does it */
	signal_send_process(t->process, &info);
}
