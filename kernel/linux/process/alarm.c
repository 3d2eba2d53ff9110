/*
 * The interval timers of a process, and RLIMIT_CPU.  ITIMER_REAL counts time as it passes;
 * ITIMER_PROF the CPU time of all threads, as RLIMIT_CPU does, and ITIMER_VIRTUAL what of it
 * they spent in user mode: the timer's interrupt looks at them, and all time since the last
 * look counts for the mode that it finds, as Linux accounts by ticks.
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
enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };

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
	u64 late = now - t->when, interval = p->timer_interval[ITIMER_REAL];

	signal_send_process(p, &info);
	p->timer_end[ITIMER_REAL] = interval ? now + interval - late % interval : 0;
	if (interval)
		timer_queue_set(&alarms, t, p->timer_end[ITIMER_REAL]);
}

void alarm_init(void)
{
	timer_queue_start(&alarms, "alarm");
}

void alarm_forget(struct process *p)
{
	timer_queue_set(&alarms, &p->alarm, 0);
}

/* ---- Set and asked ------------------------------------------------------------------- */

/* By the clock of such a timer.  process_lock is held. */
static u64 now_of(const struct process *p, unsigned which)
{
	return which == ITIMER_REAL    ? clock_ns() :
	       which == ITIMER_VIRTUAL ? p->user_ns :
					 sched_group_run_ns(&p->run_ns);
}

/* How long it still has, 0 if it is not set; and its interval.  process_lock is held. */
static u64 time_left(const struct process *p, unsigned which, u64 *interval)
{
	u64 end = p->timer_end[which], now = now_of(p, which);

	*interval = p->timer_interval[which];
	return !end ? 0 : end > now ? end - now : NSEC_PER_USEC;
}

/* Sets value and interval, in ns, and gives what they were. */
static void set(unsigned which, u64 value, u64 interval, u64 *old_left, u64 *old_interval)
{
	struct process *p = current_process();
	SPIN_GUARD(&process_lock);

	*old_left = time_left(p, which, old_interval);
	if (which == ITIMER_VIRTUAL && !p->timer_end[which])
		p->charged_ns = sched_group_run_ns(&p->run_ns);
	p->timer_end[which] = value ? now_of(p, which) + value : 0;
	p->timer_interval[which] = value ? interval : 0;
	if (which == ITIMER_REAL)
		timer_queue_set(&alarms, &p->alarm, p->timer_end[which]);
}

/* As Linux: to the nearest second, but not to 0. */
long sys_alarm(struct pt_regs *regs)
{
	u32 seconds = (u32)regs->di;
	u64 left, interval;

	set(ITIMER_REAL, seconds * NSEC_PER_SEC, 0, &left, &interval);
	if (left && left < NSEC_PER_SEC)
		return 1;
	return (long)((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}

static struct timeval to_timeval(u64 ns)
{
	return (struct timeval){ (s64)(ns / NSEC_PER_SEC),
				 (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC) };
}

static u64 to_ns(const struct timeval *t)
{
	return (u64)MIN(t->sec, (s64)(~0ULL / NSEC_PER_SEC / 4)) * NSEC_PER_SEC +
	       (u64)t->usec * NSEC_PER_USEC;
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
	u32 which = (u32)regs->di;
	u64 left, interval;

	if (regs->si && copy_from_user(&v, regs->si, sizeof(v)))
		return -EFAULT;
	if (!timeval_ok(&v.value) || !timeval_ok(&v.interval) || which > ITIMER_PROF)
		return -EINVAL;
	which = (u32)array_index_nospec(which, NR_ITIMERS);
	set(which, to_ns(&v.value), to_ns(&v.interval), &left, &interval);
	return regs->dx ? put(regs->dx, left, interval) : 0;
}

long sys_getitimer(struct pt_regs *regs)
{
	u32 which = (u32)array_index_nospec((u32)regs->di, NR_ITIMERS);
	u64 left, interval;

	if ((u32)regs->di > ITIMER_PROF)
		return -EINVAL;
	SPIN_SCOPE(&process_lock)
		left = time_left(current_process(), which, &interval);
	return put(regs->si, left, interval);
}

/* ---- CPU time ------------------------------------------------------------------------ */

/* process_lock is held; so in the next one. */
static void expire(struct process *p, unsigned which, u64 now, int signal)
{
	const struct siginfo info = { .signo = signal, .code = SI_KERNEL };
	u64 end = p->timer_end[which], interval = p->timer_interval[which];

	if (!end || now < end)
		return;
	p->timer_end[which] = interval ? now + interval - (now - end) % interval : 0;
	signal_send_process(p, &info);
}

static void check_limit(struct process *p, u64 seconds)
{
	struct limit *l = &p->limits[LIMIT_CPU];
	int signal = seconds >= l->hard ? SIGKILL : SIGXCPU;
	const struct siginfo info = { .signo = signal, .code = SI_KERNEL };

	if (seconds < MIN(l->soft, l->hard))
		return;
	if (signal == SIGXCPU)
		l->soft = seconds + 1; /* as Linux does it */
	signal_send_process(p, &info);
}

static __noinline void check_cpu(struct process *p, bool in_user)
{
	SPIN_GUARD(&process_lock);
	u64 run_ns = sched_group_run_ns(&p->run_ns);

	if (in_user)
		p->user_ns += run_ns - p->charged_ns;
	p->charged_ns = run_ns;
	expire(p, ITIMER_VIRTUAL, p->user_ns, SIGVTALRM);
	expire(p, ITIMER_PROF, run_ns, SIGPROF);
	check_limit(p, run_ns / NSEC_PER_SEC);
}

/* A thread that is leaving takes no signal any more, and its process may be gone. */
void alarm_check_cpu(const struct pt_regs *regs)
{
	struct task *self = current_task();
	struct thread *t = self ? thread_of(self) : NULL;
	struct process *p;

	if (!t || t->leaving)
		return;
	p = t->process;
	if (unlikely(p->limits[LIMIT_CPU].soft != UNLIMITED ||
		     (p->timer_end[ITIMER_VIRTUAL] | p->timer_end[ITIMER_PROF])))
		check_cpu(p, user_mode(regs));
}
