/*
 * Out of memory: which process is killed for it, and the wait for what that gives back.
 *
 * A task that waits here holds no lock: an allocation under a lock fails, its caller comes
 * up out of the lock, waits, and begins anew.  So the process that is killed gets every
 * lock that its end wants.  The end itself needs no memory.
 *
 * The size of a process is all that is there for it: its memory (mm_measure()), of shared
 * objects the whole, of a page that is copied on write its part; what its execve builds, and
 * what the kernel has for it, its threads and zombies.  Queued signals do not count:
 * RLIMIT_SIGPENDING and RLIMIT_NPROC bound them.  The largest process whose effective user is
 * not root is killed, or without one the largest of root's; never init, nor one that shares
 * init's memory.  If a larger one is dying already, that is waited for.
 *
 * When no process is left to kill, the task that asked gets nothing: a system call fails
 * with -ENOMEM, and a program that only touched its memory, init, ends.
 */
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/signal/send.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"

#define TRIES_WITHOUT_VICTIM 16

/* Of all memory, and at most. */
#define RESERVE_SHARE 64
#define RESERVE_MAX 1024

/* A struct thread, its FPU state, its stack. */
#define TASK_FRAMES (2 + TASK_STACK_SIZE / PAGE_SIZE)

struct waiter {
	struct waiter *next;
	struct thread *task;
};

/* Under process_lock. */
static struct waiter *waiters;
static u64 ends; /* of processes, ever */

static u64 begun, whole; /* numbers of measurements: the last; the last not broken off */
static struct sleep_lock measuring = SLEEP_LOCK(LOCK_OOM_MEASURE);

void oom_init(void)
{
	frame_set_reserve(MIN(frame_stats().total / RESERVE_SHARE, RESERVE_MAX));
}

/* ---- How large is it? -------------------------------------------------------------- */

static void measure(struct mm *mm, void *arg __unused)
{
	mm->measured = mm_measure(mm);
}

/* Looks at every page. */
static void measure_all(void)
{
	u64 asked = __atomic_load_n(&begun, __ATOMIC_RELAXED);

	if (sleep_lock_killable(&measuring))
		return;
	if (whole <= asked) { /* else what one has begun since will do for all */
		__atomic_store_n(&begun, begun + 1, __ATOMIC_RELAXED);
		process_each_mm(measure, NULL);
		if (!task_must_die()) /* else not all are: others begin anew */
			whole = begun;
	}
	sleep_unlock(&measuring);
}

static u64 kernel_frames(const struct process *p)
{
	u64 frames = 1 + (u64)p->alive * TASK_FRAMES;

	for (const struct task *t = p->dead; t; t = t->dead_next)
		frames += TASK_FRAMES;
	return frames;
}

/* process_lock is held. */
static u64 size_of(const struct process *p)
{
	u64 frames = (p->mm ? p->mm->measured : p->giving_back) + p->exec_pages + kernel_frames(p);
	const struct process *c;

	list_for_each(c, &p->children, sibling) {
		if (!c->ended) /* those come first */
			break;
		frames += kernel_frames(c);
	}
	return frames;
}

/* ---- Which one? ---------------------------------------------------------------------- */

static bool is_dying(const struct process *p)
{
	return p->giving_back || p->ending || (p->leader && signal_kill_pending(p->leader));
}

/* Memory that comes back when the process is killed, or is coming back. */
static bool can_help(const struct process *p, const struct process *init)
{
	if (p->giving_back)
		return true;
	return p->mm && p->alive && !p->ended && p != init && !(init && p->mm == init->mm);
}

/* process_lock is held. */
static struct process *choose(u64 *size)
{
	const struct process *init = process_find(1);
	struct process *best = NULL;
	bool best_is_root = true;
	struct process *p;

	*size = 0;
	list_for_each(p, &process_all, in_all) {
		bool root = p->ids.user[EFFECTIVE_ID] == 0 && !is_dying(p);
		u64 frames;

		if (!can_help(p, init) || (best && root && !best_is_root))
			continue;
		frames = size_of(p);
		if (best && root == best_is_root && frames <= *size)
			continue;
		best = p;
		best_is_root = root;
		*size = frames;
	}
	return best;
}

static void kill(struct process *p)
{
	const struct siginfo info = { .signo = SIGKILL, .code = SI_KERNEL };
	struct thread *t;

	signal_send_process(p, &info);
	list_for_each(t, &p->threads, in_process)
		signal_wake(t);
}

/* All that share the memory.  process_lock is held. */
static void kill_with_memory(const struct mm *mm)
{
	struct process *p;

	list_for_each(p, &process_all, in_all)
		if (p->mm == mm && !is_dying(p))
			kill(p);
}

/* ---- Waiting ------------------------------------------------------------------------- */

void oom_charge_exec(const struct mm *mm)
{
	struct thread *t = thread_of(current_task());
	u64 pages = mm ? MM_FRAMES + 2 + mm->resident + mm->tables : 0;

	if (!t)
		return;
	__atomic_fetch_add(&t->process->exec_pages, pages - t->exec_pages, __ATOMIC_RELAXED);
	t->exec_pages = pages;
}

void oom_process_ended(void)
{
	ends++;
	for (struct waiter *w = waiters; w; w = w->next)
		sched_wake(task_of(w->task));
}

/* Until a process has ended since `seen`. */
static void wait_for_end(u64 seen)
{
	SPIN_GUARD(&process_lock);
	struct waiter w = { waiters, current_thread() }, **at = &waiters;

	waiters = &w;
	while (ends == seen && !task_must_die())
		sched_wait(&process_lock);
	while (*at != &w)
		at = &(*at)->next;
	*at = w.next;
}

/* What the line says of the process, which may be gone by then. */
struct victim {
	char name[sizeof(((struct thread *)0)->name)];
	int pid;
	u32 uid;
	u64 size;
};

static void report(const struct victim *v)
{
	if (v->pid)
		log("out of memory: killed %s[%d], user %u, %lu pages\n", v->name, v->pid, v->uid,
		    v->size);
}

/*
 * Kills it unless it is dying; one that is may be held up by its tracer at its end, which
 * SIGKILL alone ends.  process_lock is held.
 */
static void take_down(struct process *p, u64 size, struct victim *v)
{
	if (is_dying(p)) {
		if (p->ending && p->alive)
			kill(p);
		return;
	}
	if (!p->quiet) {
		strscpy(v->name, p->leader->name, sizeof(v->name));
		v->pid = p->pid;
		v->uid = p->ids.user[REAL_ID];
		v->size = size;
	}
	kill_with_memory(p->mm);
}

bool oom_make_room(enum oom_caller caller, unsigned n)
{
	struct victim v = { .pid = 0 };
	struct process *p;
	u64 size, seen;

	might_lock(LOCK_OOM_MEASURE);
	if (frame_is_failing() || task_must_die())
		return false;
	process_bury();
	mm_settle();
	seen = __atomic_load_n(&ends, __ATOMIC_RELAXED);
	if (n == 0 && frame_is_free())
		return true;
	measure_all();
	if (task_must_die()) /* not all are measured */
		return false;
	SPIN_SCOPE(&process_lock) {
		if (ends != seen) /* meanwhile */
			return true;
		p = choose(&size);
		if (!p) /* who ended before may have left it to a measurement, which is over */
			return n < TRIES_WITHOUT_VICTIM && frame_is_free();
		if (caller == OOM_CAN_FAIL && p->mm == current_thread()->mm)
			return false;
		take_down(p, size, &v);
	}
	report(&v);
	wait_for_end(seen);
	return !task_must_die();
}
