/*
 * One queue for the tasks that may run on any CPU, and one for each CPU, of tasks that
 * may not: programs choose how many tasks are pinned where, so a CPU must not have to
 * look through those of others.  A CPU takes whichever came first, of the common queue
 * and its own.
 *
 * A task that may run on several CPUs but not on all is in the queue of one of them:
 * an idle one, else the shortest.  A CPU that finds nothing takes such a task from
 * another's queue if it is among the first few.  A CPU that has something to do need
 * not look.
 */
#include "kernel/base/list.h"
#include "kernel/task/run_queue.h"

#define COMMON NR_CPUS
#define LOOKS 64 /* of a CPU that has nothing, at tasks of others */

static struct {
	struct link list;
	unsigned length;
} queues[NR_CPUS + 1];
static unsigned pinned;     /* tasks in the queues of single CPUs */
static struct cpumask idle; /* CPUs in their idle task that nobody has claimed */
unsigned run_queue_idle_cpus;
static u64 turn;

static bool may_run_anywhere(const struct task *t)
{
	for (unsigned i = 0; i < ARRAY_SIZE(cpus_online.bits); i++)
		if (cpus_online.bits[i] & ~t->affinity.bits[i])
			return false;
	return true;
}

/* One that is not online has a queue, too: it may come. */
static unsigned queue_for(const struct task *t, bool to_idle)
{
	unsigned best = cpumask_next(&t->affinity, 0);

	if (may_run_anywhere(t))
		return COMMON;
	for_each_cpu(cpu, &t->affinity) {
		if (to_idle && cpumask_test(&idle, cpu))
			return cpu;
		if (cpumask_test(&cpus_online, cpu) &&
		    (!cpumask_test(&cpus_online, best) || queues[cpu].length < queues[best].length))
			best = cpu;
	}
	return best;
}

static inline void put_in(struct task *t, unsigned queue)
{
	t->queue = queue;
	list_append(&queues[queue].list, &t->in_queue);
	queues[queue].length++;
	if (queue != COMMON)
		pinned++;
}

static __noinline void add_slowly(struct task *t)
{
	put_in(t, queue_for(t, true));
}

void run_queue_add(struct task *t)
{
	t->turn = turn++;
	if (likely(t->anywhere))
		put_in(t, COMMON);
	else
		add_slowly(t);
}

void run_queue_remove(struct task *t)
{
	list_remove(&t->in_queue);
	queues[t->queue].length--;
	if (t->queue != COMMON)
		pinned--;
}

static struct task *first_of(unsigned queue)
{
	return list_entry(list_first(&queues[queue].list), struct task, in_queue);
}

/* Another CPU may have come online since a task was queued: it may not be for all now. */
static struct task *first_for_all(unsigned cpu)
{
	struct task *t;

	while ((t = first_of(COMMON)) && !cpumask_test(&t->affinity, cpu)) {
		run_queue_remove(t);
		put_in(t, queue_for(t, false)); /* nobody would kick it */
	}
	return t;
}

static struct task *look_at_others(unsigned cpu)
{
	unsigned looks = 0;

	if (!pinned)
		return NULL;
	for_each_cpu(other, &cpus_online) {
		struct task *t;

		list_for_each(t, &queues[other].list, in_queue) {
			if (cpumask_test(&t->affinity, cpu))
				return t;
			if (++looks == LOOKS)
				return NULL;
		}
	}
	return NULL;
}

static __attribute__((noinline)) struct task *take_slowly(unsigned cpu)
{
	struct task *t = first_for_all(cpu), *own = first_of(cpu);

	if (own && (!t || own->turn < t->turn))
		t = own;
	if (!t)
		t = look_at_others(cpu);
	if (t)
		run_queue_remove(t);
	return t;
}

struct task *run_queue_take(unsigned cpu)
{
	struct task *t;

	if (unlikely(queues[cpu].length || !queues[COMMON].length))
		return take_slowly(cpu);
	t = container_of(queues[COMMON].list.next, struct task, in_queue);
	if (unlikely(!t->anywhere))
		return take_slowly(cpu);
	list_remove(&t->in_queue);
	queues[COMMON].length--;
	return t;
}

bool run_queue_has_work(unsigned cpu)
{
	return first_of(COMMON) || first_of(cpu);
}

void run_queue_set_idle(unsigned cpu, bool on)
{
	if (cpumask_test(&idle, cpu) == on)
		return;
	if (on) {
		cpumask_set(&idle, cpu);
		run_queue_idle_cpus++;
	} else {
		cpumask_clear(&idle, cpu);
		run_queue_idle_cpus--;
	}
}

unsigned run_queue_claim_slowly(const struct task *t)
{
	for_each_cpu(cpu, &idle) {
		if (cpumask_test(&t->affinity, cpu)) {
			run_queue_set_idle(cpu, false);
			return cpu;
		}
	}
	return NR_CPUS;
}
