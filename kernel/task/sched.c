/*
 * Scheduling: a queue under a lock.  schedule() takes the lock and the next
 * task releases it (finish_switch()), so that no CPU can take up a task whose
 * registers another is still saving.  What a CPU runs when nothing is due is its
 * idle task, which is the CPU's own way from boot into sched_run().
 *
 * Time: each CPU's alarm is set for the end of the current slice and for its
 * own first sleeper, whichever is earlier, and at the latest for
 * sched_longest_sleep_ns after the last timer interrupt, however often tasks yield
 * until then;
 * an idle CPU is woken by an interrupt when it is wanted.
 *
 * Invariants: the run queue holds TASK_RUNNABLE tasks that are on no CPU; a
 * sleeper with a time is in the set of the CPU on which it went to sleep, one without
 * in none; idle tasks are in neither.
 * Read next: kernel/task/run_queue.c, entry/switch.asm.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "arch/state/deferred.h"
#include "arch/state/ldt.h"
#include "arch/state/mitigations.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/seams.h"
#include "kernel/base/spinlock.h"
#include "kernel/task/run_queue.h"
#include "kernel/task/sched.h"

static struct {
	struct spinlock lock;
	struct timer *sleepers[NR_CPUS]; /* that have a time */
	struct task *running[NR_CPUS];   /* on its CPU, so it has not ended */
	u64 ticked_at[NR_CPUS];          /* each CPU's last timer interrupt */
	struct cpumask idle;             /* CPUs in their idle task */
} rq = { .lock = SPINLOCK(LOCK_RUN_QUEUE) };
u64 sched_longest_sleep_ns = SCHED_LONGEST_SLEEP_NS;

#define NO_TIME (~0ULL)
#define WAKES_AT_ONCE 64

/* ---- Lists; the lock is held ---------------------------------------------------- */

/* An idle CPU that may run t is woken; one claim a CPU. */
static void kick_for(const struct task *t)
{
	for_each_cpu(cpu, &rq.idle) {
		if (!cpumask_test(&t->affinity, cpu))
			continue;
		cpumask_clear(&rq.idle, cpu);
		if (cpu == this_cpu()->cpu)
			sched_set_need_resched();
		else
			smp_kick(cpu);
		return;
	}
}

static void enqueue(struct task *t)
{
	ASSERT_OP(t->state, !=, TASK_RUNNABLE); /* in the queue twice, it cuts it off */
	t->state = TASK_RUNNABLE;
	run_queue_add(t, &rq.idle);
}

static void add_sleeper(struct task *t, u64 when)
{
	t->sleeper.when = when;
	t->sleeps_on = this_cpu()->cpu;
	if (when != NO_TIME)
		timers_add(&rq.sleepers[t->sleeps_on], &t->sleeper);
}

/* Nothing if it does not sleep. */
static void wake(struct task *t)
{
	if (t->state != TASK_SLEEPING)
		return;
	if (timers_has(&t->sleeper))
		timers_remove(&rq.sleepers[t->sleeps_on], &t->sleeper);
	enqueue(t);
	kick_for(t);
}

static struct task *first_sleeper(void)
{
	struct timer *first = rq.sleepers[this_cpu()->cpu];

	return first ? container_of(first, struct task, sleeper) : NULL;
}

/* Should more be due, the alarm comes at once. */
static void wake_expired(void)
{
	struct task *t = first_sleeper();
	u64 now = clock_ns();

	for (unsigned i = 0; t && t->sleeper.when <= now && i < WAKES_AT_ONCE; i++) {
		wake(t);
		t = first_sleeper();
	}
}

static void set_alarm(const struct task *running)
{
	const struct task *sleeper = first_sleeper();
	u64 now = clock_ns();
	u64 when = rq.ticked_at[this_cpu()->cpu] + sched_longest_sleep_ns;

	if (sleeper)
		when = MIN(when, sleeper->sleeper.when);
	if (running != this_cpu()->idle)
		when = MIN(when, now + SCHED_SLICE_NS);
	clock_set_alarm(when);
}

/* ---- Switching ------------------------------------------------------------------- */

static struct panic_caller on_wrong_stack;

static void panic_of_stack(u64 top __unused)
{
	u64 end = current_task()->stack_top;

	panic_at(&on_wrong_stack,
		 "schedule() on a stack that is not the task's: found RSP "
		 "%#lx, expected %#lx to %#lx",
		 on_wrong_stack.sp, end - TASK_STACK_SIZE, end);
}

/*
 * Entry and IST stacks are for getting away from, not for sleeping on.  An entry stack
 * has no room for a panic: it is made on the kernel stack of #DF, which would be the
 * next to be used.
 */
static void check_stack(const struct task *t)
{
	u64 rsp = read_rsp();

	if (unlikely(t->stack_top - rsp >= TASK_STACK_SIZE)) {
		interrupts_off();
		on_wrong_stack = (struct panic_caller){
			.ip = (u64)__builtin_return_address(0),
			.bp = (u64)__builtin_frame_address(0),
			.sp = rsp,
		};
		entry_run_on_stack(this_cpu()->ist_kernel_stack[IST_DF - 1], panic_of_stack);
	}
	ASSERT_OP(this_cpu()->locks_held, ==, 1);
	ASSERT_OP(this_cpu()->in_paranoid, ==, 0);
}

/* First thing the next task does: the one before is now off its stack. */
static struct task *switching_from[NR_CPUS];

static void finish_switch(void)
{
	struct percpu *cpu = this_cpu();
	struct task *prev = switching_from[cpu->cpu];

	stretch_point();
	prev->on_cpu = false;
	if (prev->state == TASK_ZOMBIE && prev->waiter) {
		wake(prev->waiter); /* a signal may have woken it before */
		prev->waiter = NULL;
	}
}

void sched_task_started(void)
{
	finish_switch();
	spin_unlock(&rq.lock, RFLAGS_IF);
}

/*
 * A system call's return address is in the trampoline alias of the CPU that it came to,
 * from which it would go back to user mode.  With roots=cpu, the user PGD of another CPU
 * does not show that alias: so the address becomes that of the same instruction there.
 * It is the word below pt_regs; no other way in leaves an address of an area there.  With
 * pti=deferred it may be the program's own, and no way back is in an area.
 */
static void task_moves(struct task *t, unsigned cpu)
{
	u64 *back = (u64 *)task_regs(t) - 1;

	if (pti_roots_per_cpu && !pti_deferred && t->user.fpu &&
	    *back - CEA_BASE < NR_CPUS * CEA_STRIDE)
		*back = (u64)cea(cpu) + *back % CEA_STRIDE;
	t->cpu = cpu;
}

/* The lock is held, interrupts are off; returns with both as they are. */
static void switch_to(struct task *next)
{
	struct percpu *cpu = this_cpu();
	struct task *prev = cpu->current;

	if (next == prev)
		return;
	if (prev->user.fpu) {
		user_state_save(&prev->user);
		cea_scrub(cpu->cpu);
	}
	cpu->context_switches++;
	next->running_since = clock_ns();
	prev->run_ns += next->running_since - prev->running_since;
	if (prev->group_run_ns)
		*prev->group_run_ns += next->running_since - prev->running_since;
	cpu->current = rq.running[cpu->cpu] = next;
	cpu->task_stack = next->stack_top;
	if (pti_deferred)
		deferred_load(&next->user.pti, next->stack_top);
	next->on_cpu = true;
	if (unlikely(next->cpu != cpu->cpu))
		task_moves(next, cpu->cpu);
	next->state = TASK_RUNNING;
	mitigations_switch(seam_branch_owner(next));
	ldt_load_mm(next->mm);
	tls_load(&next->user.tls);
	io_bitmap_switch(&next->user.io);
	debugreg_switch(&next->user.debug);
	if (next->user.fpu)
		user_state_load(&next->user);
	if (next->work_due)
		cpu->work_due = true;
	switching_from[cpu->cpu] = prev;
	entry_switch_to(&prev->sp, next->sp);
	finish_switch();
}

/* Under the lock: picks, and comes back when this task is picked again. */
static void schedule_locked(void)
{
	struct percpu *cpu = this_cpu();
	struct task *prev = cpu->current;
	struct task *next;

	stretch_point();
	check_stack(prev);
	cpu->need_resched = false;
	/* Tasks that yield all the time set the alarm anew all the time: the
	 * interrupt alone might never come to those that sleep. */
	wake_expired();
	if (prev->state == TASK_RUNNING && prev != cpu->idle)
		enqueue(prev);
	next = run_queue_take(cpu->cpu);
	if (next == prev)
		next->state = TASK_RUNNING;
	if (!next)
		next = cpu->idle;
	if (next == cpu->idle)
		cpumask_set(&rq.idle, cpu->cpu);
	else
		cpumask_clear(&rq.idle, cpu->cpu);
	if (prev->state == TASK_RUNNABLE) /* put back: another CPU may be free */
		kick_for(prev);
	set_alarm(next);
	switch_to(next);
}

void schedule(void)
{
	might_sleep();
	SPIN_GUARD(&rq.lock);
	schedule_locked();
}

void sched_yield(void)
{
	schedule();
}

void sched_start(struct task *t)
{
	SPIN_GUARD(&rq.lock);

	enqueue(t);
	kick_for(t);
}

/* Under the lock. */
static void wait_locked(u64 when)
{
	struct task *t = current_task();

	t->state = TASK_SLEEPING;
	add_sleeper(t, when);
	schedule_locked();
}

/* Under the lock.  A signal that came before is not slept over. */
static void sleep_locked(u64 when)
{
	if (!__atomic_load_n(&current_task()->work_due, __ATOMIC_ACQUIRE))
		wait_locked(when);
}

void sched_sleep_until(u64 when)
{
	might_wait();
	SPIN_GUARD(&rq.lock);
	sleep_locked(when);
}

/* Interrupts stay off, but for what others do meanwhile. */
void sched_sleep(struct spinlock *lock, u64 when)
{
	might_wait_with(&lock->check);
	spin_lock(&rq.lock);
	spin_unlock(lock, 0);
	sleep_locked(when);
	spin_unlock(&rq.lock, 0);
	spin_lock(lock);
}

void sched_wait(struct spinlock *lock)
{
	might_wait_with(&lock->check);
	spin_lock(&rq.lock);
	spin_unlock(lock, 0);
	wait_locked(NO_TIME);
	spin_unlock(&rq.lock, 0);
	spin_lock(lock);
}

void sched_notify(struct task *t)
{
	SPIN_GUARD(&rq.lock);

	if (t->state == TASK_SLEEPING) {
		wake(t);
	} else if (t == current_task()) {
		this_cpu()->work_due = true;
	} else if (t->state == TASK_RUNNING) {
		smp_kick(t->cpu);
	}
}

void sched_wake(struct task *t)
{
	SPIN_GUARD(&rq.lock);

	wake(t);
}

void sched_wait_for_exit(struct task *t)
{
	might_wait();
	SPIN_GUARD(&rq.lock);
	while (t->state != TASK_ZOMBIE || t->on_cpu) {
		t->waiter = current_task();
		wait_locked(NO_TIME);
	}
}

void sched_exit(void)
{
	lock_check_none();
	spin_lock(&rq.lock);
	current_task()->state = TASK_ZOMBIE;
	schedule_locked();
	panic("a task that has ended runs again");
}

/* ---- For system calls ---------------------------------------------------------------- */

void sched_set_affinity(struct task *t, const struct cpumask *cpus)
{
	SPIN_GUARD(&rq.lock);

	if (t->state == TASK_RUNNABLE)
		run_queue_remove(t);
	t->affinity = *cpus;
	if (t->state == TASK_RUNNABLE) {
		run_queue_add(t, &rq.idle);
		kick_for(t);
	} else if (t->state == TASK_RUNNING && !cpumask_test(cpus, t->cpu) && t != current_task()) {
		smp_kick(t->cpu);
	}
	while (t == current_task() && !cpumask_test(&t->affinity, this_cpu()->cpu))
		schedule_locked();
}

void sched_get_affinity(const struct task *t, struct cpumask *cpus)
{
	SPIN_GUARD(&rq.lock);

	*cpus = t->affinity;
}

u64 sched_run_ns(const struct task *t)
{
	SPIN_GUARD(&rq.lock);
	u64 ns = t->run_ns;

	if (t->state == TASK_RUNNING)
		ns += clock_ns() - t->running_since;
	return ns;
}

u64 sched_group_run_ns(const u64 *group)
{
	SPIN_GUARD(&rq.lock);
	u64 ns = *group;

	for_each_cpu(cpu, &cpus_online) {
		const struct task *t = rq.running[cpu];

		if (t && t->group_run_ns == group)
			ns += clock_ns() - t->running_since;
	}
	return ns;
}

/* ---- Long work ----------------------------------------------------------------------- */

/* kernel/base/seams.h. */
bool seam_long_work_point(void)
{
	if (!current_task()) /* boot */
		return false;
	sched_point();
	return task_must_die();
}

/* ---- Interrupts and idling --------------------------------------------------------- */

void sched_tick(void)
{
	struct percpu *cpu = this_cpu();
	SPIN_GUARD(&rq.lock);

	cpu->timer_interrupts++;
	rq.ticked_at[cpu->cpu] = clock_ns();
	wake_expired();
	if (run_queue_has_work(cpu->cpu))
		sched_set_need_resched();
	set_alarm(cpu->current);
}

void sched_run(struct task *idle, struct task *first)
{
	struct percpu *cpu = this_cpu();

	cpu->current = cpu->idle = idle;
	cpu->task_stack = idle->stack_top;
	if (pti_deferred)
		deferred_load(&idle->user.pti, idle->stack_top);
	cpu->need_resched = true;
	if (first)
		sched_start(first);
	stretch_begin();
	for (;;) {
		interrupts_off();
		if (this_cpu()->need_resched) {
			schedule();
		} else {
			stretch_irqs_on();
			idle_wait();
		}
	}
}
