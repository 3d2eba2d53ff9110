/*
 * Starting processes of bare code and kernel threads on chosen CPUs, and
 * looking at what they left.  Used by the suites on user mode and SMP.
 */
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/start/args.h"
#include "kernel/task/sched.h"
#include "mm/audit/roots.h"
#include "mm/pti.h"
#include "mm/space/mm.h"
#include "tests/suites/pinned.h"

/* Far more than a loaded host needs; a test that waits so long has failed. */
#define NMI_NS (30 * NSEC_PER_SEC)
#define NMI_SPINS 1000
#define NMI_NAP_NS 50000
#define PATIENCE_NS (20 * NSEC_PER_SEC)
#define IMPATIENT_NS (NSEC_PER_MSEC / 10)

/*
 * A step of a wait that began at `start`: yields, then sleeps, so that the
 * host's CPU is free for those who are waited for.  False: too long.
 */
static bool be_patient(u64 start)
{
	u64 now = clock_ns();

	if (now - start < IMPATIENT_NS)
		sched_yield();
	else
		sched_sleep_until(now + IMPATIENT_NS);
	return now - start < PATIENCE_NS;
}

void task_pin(struct task *task, unsigned cpu)
{
	task->anywhere = cpu == ANY_CPU;
	if (cpu == ANY_CPU) {
		memset(&task->affinity, 0xff, sizeof(task->affinity));
		return;
	}
	cpumask_set(&task->affinity, cpu);
	for (unsigned other = 0; other < NR_CPUS; other++)
		if (other != cpu && cpumask_test(&task->affinity, other))
			cpumask_clear(&task->affinity, other);
}

void task_move(struct task *task, unsigned cpu)
{
	task_pin(task, cpu);
	/* If it runs, its next schedule() sends it; if it waits in the queue, its
	 * new CPU, which may be idle, has to be told. */
	if (cpu != ANY_CPU && cpu != this_cpu()->cpu)
		smp_kick(cpu);
}

/* ---- Processes --------------------------------------------------------------- */

struct thread *user_new(struct selftest *t, struct user_piece code, u64 arg, unsigned cpu)
{
	struct thread *task = program_from_code(code.name, code.begin,
					      (size_t)(code.end - code.begin), arg);

	if (!EXPECT(t, task, "memory for a process"))
		return NULL;
	task_pin(task_of(task), cpu);
	task->process->quiet = true;
	task->pid = process_next_pid();
	task->user.fs_base = task->user.gs_base = PROGRAM_DATA_BASE;
	user_set(task, USER_WORD(stop), 0); /* and the page is there, for mm_write() */
	user_set(task, USER_WORD(expected), (u64)task->pid);
	user_set(task, USER_WORD(number), NR_getpid);
	return task;
}

void user_start(struct thread *task)
{
	process_start(task, task->pid);
}

struct thread *user_run(struct selftest *t, struct user_piece code, u64 arg, unsigned cpu)
{
	struct thread *task = user_new(t, code, arg, cpu);

	if (task)
		user_start(task);
	return task;
}

u64 user_get(struct thread *task, u64 word)
{
	u64 value = ~0ULL;

	mm_read(task->process->mm, PROGRAM_DATA_BASE + word, &value, sizeof(value));
	return value;
}

void user_set(struct thread *task, u64 word, u64 value)
{
	mm_write(task->process->mm, PROGRAM_DATA_BASE + word, &value, sizeof(value));
}

bool user_reaches(struct thread *task, u64 word, u64 value)
{
	u64 start = clock_ns();

	while (user_get(task, word) < value)
		if (!be_patient(start))
			return false;
	return true;
}

bool task_sleeps(const struct task *task)
{
	u64 start = clock_ns();

	for (;;) {
		unsigned state = __atomic_load_n(&task->state, __ATOMIC_ACQUIRE);

		if (state == TASK_SLEEPING)
			return true;
		if (state == TASK_ZOMBIE || clock_ns() - start >= PATIENCE_NS)
			return false;
		sched_yield(); /* no sleep: the caller may hold the lock that it waits for */
	}
}

void user_wait(struct thread *task)
{
	sched_wait_for_exit(task_of(task));
}

/* ---- CPUs and threads ---------------------------------------------------------- */

unsigned online_cpu(unsigned n)
{
	unsigned cpu = cpumask_next(&cpus_online, 0);

	for (n %= cpumask_count(&cpus_online); n > 0; n--)
		cpu = cpumask_next(&cpus_online, cpu + 1);
	return cpu;
}

void move_to_cpu(unsigned cpu)
{
	task_pin(current_task(), cpu);
	while (cpu != ANY_CPU && this_cpu()->cpu != cpu)
		sched_yield();
}

phys_addr_t tables_of(unsigned cpu, const struct mm *mm)
{
	return virt_to_phys(mm && !pti_roots_per_cpu ? mm->pgd : audit_root(cpu));
}

void call_on_cpu(unsigned cpu, void (*fn)(void *), void *arg)
{
	struct cpumask one = { 0 };

	cpumask_set(&one, cpu);
	seam_call_on_cpus(&one, fn, arg);
}

struct task *thread_run(struct selftest *t, void (*fn)(void *), void *arg, unsigned cpu)
{
	struct task *task = task_create("thread", fn, arg);

	if (!EXPECT(t, task, "memory for a thread"))
		return NULL;
	task_pin(task, cpu);
	sched_start(task);
	return task;
}

void wait_for_interrupt(u64 ns)
{
	interrupts_off();
	clock_set_alarm(clock_ns() + ns); /* the next tick sets the scheduler's again */
	idle_wait();
}

bool send_nmi(unsigned cpu)
{
	const u64 *count = &VAULT_OF(cpu)->nmis;
	u64 before = __atomic_load_n(count, __ATOMIC_ACQUIRE);
	u64 deadline = clock_ns() + NMI_NS;

	smp_send_nmi(cpu);
	for (unsigned i = 0; __atomic_load_n(count, __ATOMIC_ACQUIRE) == before; i++) {
		if (i < NMI_SPINS) {
			cpu_relax();
			continue;
		}
		if (clock_ns() > deadline)
			return false;
		wait_for_interrupt(NMI_NAP_NS);
	}
	return true;
}

bool wait_for_value(const u64 *p, u64 value)
{
	u64 start = clock_ns();

	while (__atomic_load_n(p, __ATOMIC_ACQUIRE) < value)
		if (!be_patient(start))
			return false;
	return true;
}

unsigned per_cpu_share(unsigned total, unsigned most)
{
	return MIN(most, total / cpumask_count(&cpus_online));
}

bool takes_a_process(unsigned cpu)
{
	return cpumask_count(&cpus_online) <= 16 || cpu % (10 / rounds_of(10)) == 0;
}

unsigned rounds_of(unsigned all)
{
	for (const char *const *word = selftest_args->argv; *word; word++)
		if (strcmp(*word, "few") == 0)
			return MAX(1, all / 10);
	return all;
}

unsigned cpu_for_program(void)
{
	return rounds_of(10) < 10 ? online_cpu(1) : ANY_CPU;
}
