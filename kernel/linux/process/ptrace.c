/*
 * The system call ptrace, a subset: TRACEME, ATTACH, DETACH, CONT, SINGLESTEP,
 * KILL, PEEK and POKE of memory and of struct user, GETREGS, SETREGS.  Other
 * requests are -EIO, as Linux has it for those that it does not know.
 *
 * A tracee stops in ptrace_stop(), asleep, before it acts on a signal.  While its tracer
 * looks at it, it is `frozen`: it stays asleep, off its CPU, even if it is killed, so that
 * it cannot end under the tracer's hands, and the tracer reads and writes its registers
 * and memory without a lock.
 * Read next: kernel/linux/process/to_user.c, arch/state/user_area.c.
 */
#include "arch/state/user_area.h"
#include "kernel/base/errno.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/process/ptrace.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/syscalls.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

enum request {
	PTRACE_TRACEME,
	PTRACE_PEEKTEXT,
	PTRACE_PEEKDATA,
	PTRACE_PEEKUSER,
	PTRACE_POKETEXT,
	PTRACE_POKEDATA,
	PTRACE_POKEUSER,
	PTRACE_CONT,
	PTRACE_KILL,
	PTRACE_SINGLESTEP,
	PTRACE_GETREGS = 12,
	PTRACE_SETREGS,
	PTRACE_ATTACH = 16,
	PTRACE_DETACH,
};

/* ---- The tracee's side ------------------------------------------------------------ */

int ptrace_stop(int signal, int code)
{
	struct thread *t = current_thread();

	t->stop_signal = signal;
	t->stop_reported = false;
	t->signals.resume_with = signal;
	signal_notify_parent(t->tracer, SIGCHLD, t, code, signal);
	while (t->signals.frozen || (t->stop_signal && t->tracer && !signal_kill_pending(t))) {
		t->work_due = false;
		sched_sleep(&process_lock, ~0ULL);
	}
	t->stop_signal = 0;
	return t->signals.resume_with;
}

int ptrace_signal_stop(int signal, struct siginfo *info)
{
	struct thread *t = current_thread();
	int tracer = t->tracer->pid;
	int chosen = ptrace_stop(signal, CLD_TRAPPED);

	if (signal_kill_pending(t))
		return 0;
	if (chosen != signal) {
		*info = (struct siginfo){ .signo = chosen };
		info->kill.pid = tracer;
	}
	if (chosen && (t->choices->blocked & SIGNAL_BIT(chosen))) {
		signal_send_thread(t, info);
		return 0;
	}
	return chosen;
}

void ptrace_report_step(void)
{
	SPIN_GUARD(&process_lock);

	if (current_thread()->tracer)
		ptrace_stop(SIGTRAP, CLD_TRAPPED);
}

bool ptrace_step_over_call(void)
{
	struct user_step *s = &current_thread()->user.step;
	bool stops = s->on && !s->from_call;

	if (stops) {
		interrupts_on();
		ptrace_report_step();
	}
	s->from_call = stops;
	return stops;
}

void ptrace_report_exec(void)
{
	struct thread *t = current_thread();
	struct siginfo info = { .signo = SIGTRAP, .kill.pid = t->process->pid };
	SPIN_GUARD(&process_lock);

	if (t->tracer)
		signal_send_thread(t, &info);
}

/* ---- Beginning and ending ------------------------------------------------------------ */

void ptrace_set_tracer(struct thread *t, struct process *tracer)
{
	if (t->tracer)
		list_remove(&t->of_tracer);
	t->tracer = tracer;
	if (tracer)
		list_append(&tracer->tracees, &t->of_tracer);
}

static long traceme(void)
{
	struct thread *t = current_thread();
	SPIN_GUARD(&process_lock);
	const struct process *parent = t->process->parent;

	if (t->tracer || !parent || !creds_may_trace_child(parent))
		return -EPERM;
	ptrace_set_tracer(t, t->process->parent);
	t->traced_by_root = process_is_privileged();
	return 0;
}

static long attach(int tid)
{
	const struct siginfo stop = { .signo = SIGSTOP, .code = SI_KERNEL };
	SPIN_GUARD(&process_lock);
	struct thread *t = process_find_thread(tid);

	if (!t)
		return -ESRCH;
	if (t->process == current_process() || t->tracer || t->leaving ||
	    !creds_may_trace(t->process))
		return -EPERM;
	ptrace_set_tracer(t, current_process());
	t->traced_by_root = process_is_privileged();
	signal_send_thread(t, &stop);
	if (t->signals.stopped)
		signal_wake(t); /* from one stop to the other */
	return 0;
}

/* The signal of a stop that its tracer has seen went with the tracer. */
static void detach(struct thread *t)
{
	if (t->stop_reported)
		t->signals.resume_with = 0;
	t->user.step.on = false; /* then step_forget() */
	ptrace_set_tracer(t, NULL);
	t->stop_signal = 0;
	signal_wake(t);
}

bool ptrace_detach_one(struct process *tracer)
{
	struct thread *t = list_entry(list_first(&tracer->tracees), struct thread, of_tracer);

	if (t)
		detach(t);
	return t;
}

/* ---- While it is stopped ---------------------------------------------------------------- */

/* A stopped tracee of the current process, now frozen and off its CPU; or NULL. */
static struct thread *freeze(int tid)
{
	bool busy = true;
	struct thread *t = NULL;

	while (busy) {
		SPIN_SCOPE(&process_lock) {
			t = process_find_thread(tid);
			if (t && (t->tracer != current_process() || !t->stop_signal ||
				  signal_kill_pending(t)))
				t = NULL;
			busy = t && (t->signals.frozen || t->on_cpu);
			if (t && !busy)
				t->signals.frozen = true;
		}
		if (busy)
			sched_yield();
	}
	return t;
}

static void thaw(struct thread *t)
{
	SPIN_GUARD(&process_lock);

	t->signals.frozen = false;
	if (!t->stop_signal || signal_kill_pending(t))
		signal_wake(t);
}

/* A tracee may have hidden its memory, or changed its credentials, since. */
static long access_memory(struct thread *t, virt_addr_t addr, u64 *word, bool write)
{
	bool hidden = !t->mm->dumpable && !t->traced_by_root;
	long err = hidden ? -EIO :
		   write  ? mm_write(t->mm, addr, word, sizeof(*word)) :
			    mm_read(t->mm, addr, word, sizeof(*word));

	return err == 0 || err == -ENOFRAME ? err : -EIO;
}

static long set_regs(struct thread *t, const u64 words[USER_REGS_WORDS])
{
	long err = 0;

	for (unsigned i = 0; i < USER_REGS_WORDS && !err; i++)
		err = user_area_set(&t->user, t->mm, thread_regs(t), i * sizeof(u64), words[i]);
	return err;
}

static long resume(struct thread *t, enum request request, u64 signal)
{
	if (signal > NR_SIGNALS)
		return -EIO;
	t->signals.resume_with = (int)signal;
	if (request == PTRACE_SINGLESTEP)
		step_on(&t->user.step, t->mm, thread_regs(t));
	else
		step_off(&t->user.step, thread_regs(t));
	if (request == PTRACE_DETACH)
		SPIN_SCOPE(&process_lock)
			ptrace_set_tracer(t, NULL);
	t->stop_signal = 0; /* thaw() wakes it */
	return 0;
}

/* words: what SETREGS brings, and what the tracer will have, *count of them. */
static long on_stopped(struct thread *t, u64 request, u64 addr, u64 data, u64 *words,
		       unsigned *count)
{
	*count = request == PTRACE_GETREGS ?
			 USER_REGS_WORDS :
			 request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSER;
	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA: return access_memory(t, addr, words, false);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA: return access_memory(t, addr, &data, true);
	case PTRACE_PEEKUSER: return user_area_get(&t->user, thread_regs(t), addr, words);
	case PTRACE_POKEUSER: return user_area_set(&t->user, t->mm, thread_regs(t), addr, data);
	case PTRACE_GETREGS:
		for (unsigned i = 0; i < USER_REGS_WORDS; i++)
			user_area_get(&t->user, thread_regs(t), i * sizeof(u64), &words[i]);
		return 0;
	case PTRACE_SETREGS: return set_regs(t, words);
	case PTRACE_CONT:
	case PTRACE_SINGLESTEP:
	case PTRACE_DETACH: return resume(t, (enum request)request, data);
	default: return -EIO;
	}
}

/*
 * While the tracee is frozen, the tracer's own memory is not touched, and no memory
 * is waited for: to get some, the tracee may have to end.
 */
static long look_at(int tid, u64 request, u64 addr, u64 data)
{
	u64 words[USER_REGS_WORDS];
	size_t brings = request == PTRACE_SETREGS ? sizeof(words) : 0;
	bool bad = copy_from_user(words, data, brings);
	struct thread *t = freeze(tid);
	unsigned count = 0;
	long result;

	if (!t)
		return -ESRCH;
	result = bad ? -EFAULT : on_stopped(t, request, addr, data, words, &count);
	thaw(t);
	if (result)
		return result;
	return count == 1                                     ? put_user_u64(data, words[0]) :
	       copy_to_user(data, words, count * sizeof(u64)) ? -EFAULT :
								0;
}

static long kill_tracee(int tid)
{
	const struct siginfo info = { .signo = SIGKILL, .kill.pid = current_process()->pid };
	SPIN_GUARD(&process_lock);
	struct thread *t = process_find_thread(tid);

	if (!t || t->tracer != current_process())
		return -ESRCH;
	signal_send_thread(t, &info);
	return 0;
}

long sys_ptrace(struct pt_regs *regs)
{
	u64 request = regs->di;
	long err;

	if (request == PTRACE_TRACEME)
		return traceme();
	if (request == PTRACE_ATTACH)
		return attach((int)regs->si);
	if (request == PTRACE_KILL)
		return kill_tracee((int)regs->si);
	err = OOM_RETRY(OOM_CAN_FAIL, look_at((int)regs->si, request, regs->dx, regs->r10));
	return err == -ENOMEM ? -EIO : err;
}
