/*
 * Scheduling: a queue under a lock.  schedule() takes the lock and the next
 * task releases it (finish_switch()), so that no CPU can take up a task whose
 * registers another is still saving.  What a CPU runs when nothing is due is its
 * idle task, which is the CPU's own way from boot into sched_run().
 *
 * Time: each CPU's alarm is set for the end of the slice, its first sleeper, or
 * sched_longest_sleep_ns later, whichever is first.  It is never put off: an interrupt
 * that proves too early sets the next one.  Device registers are slow, and all CPUs wait
 * for the lock: alarms are set, and CPUs that are wanted kicked, behind its release().
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

static struct spinlock rq_lock = SPINLOCK(LOCK_RUN_QUEUE);
u64 sched_longest_sleep_ns = SCHED_LONGEST_SLEEP_NS;

#define NO_TIME (~0ULL)
#define WAKES_MAX 64

static void note_kick(unsigned cpu)
{
	struct percpu *self = this_cpu();

	if (unlikely(self->wanted_kick))
		smp_kick((unsigned)self->wanted_kick - 1);
	self->wanted_kick = cpu + 1;
}

static __noinline void do_wanted(struct percpu *self)
{
	if (self->wanted_alarm)
		clock_set_alarm(self->wanted_alarm);
	if (self->wanted_kick)
		smp_kick((unsigned)self->wanted_kick - 1);
	self->wanted_alarm = self->wanted_kick = 0;
}

static __lock_inline void release(u64 flags)
{
	struct percpu *self = this_cpu();

	spin_unlock(&rq_lock, 0);
	if (unlikely(self->wanted_alarm | self->wanted_kick))
		do_wanted(self);
	interrupts_restore(flags);
}

static __lock_inline void guard_end(const u64 *flags)
{
	release(*flags);
}

/* As SPIN_GUARD(&rq_lock). */
#define RQ_GUARD() \
	__attribute__((cleanup(guard_end), unused)) const u64 guard_ = spin_lock(&rq_lock)

/* ---- Lists; the lock is held ---------------------------------------------------- */

static __noinline void kick(unsigned cpu)
{
	if (cpu == this_cpu()->cpu)
		sched_set_need_resched();
	else
		note_kick(cpu);
}

/* An idle CPU that may run t is woken; one claim a CPU. */
static inline void kick_for(const struct task *t)
{
	unsigned cpu = run_queue_claim_idle(t);

	if (unlikely(cpu != NR_CPUS))
		kick(cpu);
}

static void enqueue(struct task *t)
{
	ASSERT_OP(t->state, !=, TASK_RUNNABLE); /* in the queue twice, it cuts it off */
	t->state = TASK_RUNNABLE;
	run_queue_add(t);
}

static void note_first(struct percpu *cpu)
{
	cpu->first_wake = cpu->sleepers ? cpu->sleepers->when : NO_TIME;
}

static void add_sleeper(struct task *t, u64 when)
{
	struct percpu *cpu = this_cpu();

	if (when == NO_TIME)
		return;
	t->sleeper.when = when;
	t->sleeps_on = cpu->cpu;
	timers_add(&cpu->sleepers, &t->sleeper);
	note_first(cpu);
}

static __noinline void remove_sleeper(struct task *t)
{
	struct percpu *cpu = VAULT_OF(t->sleeps_on);

	timers_remove(&cpu->sleepers, &t->sleeper);
	note_first(cpu);
}

/* Nothing if it does not sleep. */
static void wake(struct task *t)
{
	if (t->state != TASK_SLEEPING)
		return;
	if (timers_has(&t->sleeper))
		remove_sleeper(t);
	enqueue(t);
	kick_for(t);
}

/* Should more be due, the alarm comes at once.  How many were woken. */
static inline unsigned wake_expired(const struct percpu *cpu, u64 now)
{
	unsigned i = 0;

	for (; unlikely(cpu->first_wake <= now) && i < WAKES_MAX; i++)
		wake(container_of(cpu->sleepers, struct task, sleeper));
	return i;
}

static inline void set_alarm(struct percpu *cpu)
{
	u64 when = MIN(cpu->slice_end, cpu->first_wake);

	if (unlikely(cpu->alarm - 1 >= when)) /* 0, too */
		cpu->wanted_alarm = MAX(1, when);
}

/* The idle task's slice is the longest sleep. */
static inline void begin_slice(struct percpu *cpu, const struct task *t, u64 now)
{
	cpu->slice_end = now + MIN(t->slice_ns, sched_longest_sleep_ns);
	set_alarm(cpu);
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
static void check_stack(const struct percpu *cpu, const struct task *t)
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
	ASSERT_OP(cpu->locks_held, ==, 1);
	ASSERT_OP(cpu->in_paranoid, ==, 0);
}

/* First thing the next task does: the one before is now off its stack. */
static void finish_switch(void)
{
	struct task *prev = this_cpu()->switching_from;

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
	release(RFLAGS_IF);
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
static inline void switch_to(struct percpu *cpu, struct task *prev, struct task *next, u64 now)
{
	u64 ns = now - prev->running_since;

	cpu->context_switches++;
	next->running_since = now;
	prev->run_ns += ns;
	if (prev->group_run_ns)
		*prev->group_run_ns += ns;
	if (prev->user.fpu) {
		user_state_save(&prev->user);
		cea_scrub(cpu);
	}
	cpu->current = next;
	cpu->task_stack = next->stack_top;
	if (pti_deferred)
		deferred_load(&next->user.pti, next->stack_top);
	next->on_cpu = true;
	if (unlikely(next->cpu != cpu->cpu))
		task_moves(next, cpu->cpu);
	next->state = TASK_RUNNING;
	if (mitigations_at_switch())
		mitigations_switch(seam_branch_owner(next));
	ldt_load_mm(next->mm);
	user_state_load_rare(cpu, &next->user);
	if (next->user.fpu)
		user_state_load(&next->user, &prev->user);
	if (next->work_due)
		cpu->work_due = true;
	cpu->switching_from = prev;
	entry_switch_to(&prev->sp, next->sp);
	finish_switch();
}

/* Under the lock: picks, and comes back when this task is picked again. */
static void schedule_locked(void)
{
	struct percpu *cpu = this_cpu();
	struct task *prev = cpu->current;
	struct task *next;
	u64 now = clock_ns();

	stretch_point();
	check_stack(cpu, prev);
	cpu->need_resched = false;
	wake_expired(cpu, now);
	if (prev->state == TASK_RUNNING && prev != cpu->idle)
		enqueue(prev);
	next = run_queue_take(cpu->cpu);
	if (!next) {
		next = cpu->idle;
		run_queue_set_idle(cpu->cpu, true);
	} else if (prev == cpu->idle) { /* else it is in the set no more */
		run_queue_set_idle(cpu->cpu, false);
	}
	begin_slice(cpu, next, now);
	if (next == prev) {
		next->state = TASK_RUNNING;
		return;
	}
	if (prev->state == TASK_RUNNABLE) /* put back: another CPU may be free */
		kick_for(prev);
	switch_to(cpu, prev, next, now);
}

void schedule(void)
{
	might_sleep();
	RQ_GUARD();
	schedule_locked();
}

void sched_yield(void)
{
	schedule();
}

void sched_start(struct task *t)
{
	RQ_GUARD();

	t->anywhere = cpumask_full(&t->affinity);
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
	RQ_GUARD();
	sleep_locked(when);
}

/* Interrupts stay off, but for what others do meanwhile. */
void sched_sleep(struct spinlock *lock, u64 when)
{
	might_wait_with(&lock->check);
	spin_lock(&rq_lock);
	spin_unlock(lock, 0);
	sleep_locked(when);
	release(0);
	spin_lock(lock);
}

void sched_wait(struct spinlock *lock)
{
	might_wait_with(&lock->check);
	spin_lock(&rq_lock);
	spin_unlock(lock, 0);
	wait_locked(NO_TIME);
	release(0);
	spin_lock(lock);
}

void sched_notify(struct task *t)
{
	RQ_GUARD();

	if (t->state == TASK_SLEEPING) {
		wake(t);
	} else if (t == current_task()) {
		this_cpu()->work_due = true;
	} else if (t->state == TASK_RUNNING) {
		note_kick(t->cpu);
	}
}

void sched_wake(struct task *t)
{
	RQ_GUARD();

	wake(t);
}

void sched_wait_for_exit(struct task *t)
{
	might_wait();
	RQ_GUARD();
	while (t->state != TASK_ZOMBIE || t->on_cpu) {
		t->waiter = current_task();
		wait_locked(NO_TIME);
	}
}

void sched_exit(void)
{
	lock_check_none();
	spin_lock(&rq_lock);
	current_task()->state = TASK_ZOMBIE;
	schedule_locked();
	panic("a task that has ended runs again");
}

/* ---- For system calls ---------------------------------------------------------------- */

void sched_set_affinity(struct task *t, const struct cpumask *cpus)
{
	RQ_GUARD();

	if (t->state == TASK_RUNNABLE)
		run_queue_remove(t);
	t->affinity = *cpus;
	t->anywhere = cpumask_full(cpus);
	if (t->state == TASK_RUNNABLE) {
		run_queue_add(t);
		kick_for(t);
	} else if (t->state == TASK_RUNNING && !cpumask_test(cpus, t->cpu) && t != current_task()) {
		note_kick(t->cpu);
	}
	while (t == current_task() && !cpumask_test(&t->affinity, this_cpu()->cpu))
		schedule_locked();
}

void sched_get_affinity(const struct task *t, struct cpumask *cpus)
{
	RQ_GUARD();

	*cpus = t->affinity;
}

u64 sched_run_ns(const struct task *t)
{
	RQ_GUARD();
	u64 ns = t->run_ns;

	if (t->state == TASK_RUNNING)
		ns += clock_ns() - t->running_since;
	return ns;
}

u64 sched_group_run_ns(const u64 *group)
{
	RQ_GUARD();
	u64 ns = *group;

	for_each_cpu(cpu, &cpus_online) {
		const struct task *t = VAULT_OF(cpu)->current; /* it has not ended */

		if (t && t->group_run_ns == group)
			ns += clock_ns() - t->running_since;
	}
	return ns;
}

/* ---- Interrupts and idling --------------------------------------------------------- */

void sched_tick(void)
{
	struct percpu *cpu = this_cpu();
	RQ_GUARD();
	u64 now = clock_ns();
	bool over = cpu->current == cpu->idle || now + SLICE_SLACK_NS >= cpu->slice_end;

	cpu->timer_interrupts++;
	cpu->alarm = 0;
	if ((wake_expired(cpu, now) || over) && run_queue_has_work(cpu->cpu))
		sched_set_need_resched();
	if (over)
		begin_slice(cpu, cpu->current, now);
	else
		set_alarm(cpu);
}

void sched_run(struct task *idle, struct task *first)
{
	struct percpu *cpu = this_cpu();

	cpu->current = cpu->idle = idle;
	cpu->first_wake = NO_TIME;
	idle->slice_ns = NO_TIME;
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
