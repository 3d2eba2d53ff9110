/*
 * The system call ptrace: what a tracer asks for.  TRACEME, ATTACH, SEIZE, INTERRUPT,
 * DETACH, CONT, SYSCALL, SYSEMU, SINGLESTEP, SYSEMU_SINGLESTEP, LISTEN, KILL; PEEK and POKE of
 * memory and of struct user, GETREGS, GETFPREGS, GETREGSET, and SET as well; SETOPTIONS,
 * GETEVENTMSG, GETSIGINFO, SETSIGINFO, GETSIGMASK, SETSIGMASK, GET_SYSCALL_INFO.  Other requests
 * are -EIO, as Linux has it for those that it does not know.
 * Read next: kernel/trace/tracee.c, arch/state/regset.c.
 */
#include "arch/state/regset.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/syscalls.h"
#include "kernel/task/sched.h"
#include "kernel/trace/tracee.h"
#include "mm/space/uaccess.h"

#include <linux/audit.h>

/* ---- Beginning and ending ------------------------------------------------------------ */

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

#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)

/* options: SEIZE's, which stops nobody. */
static long attach(int tid, bool seize, u64 options)
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
	t->trace.seized = seize;
	t->trace.options = (u32)options;
	t->trace.interrupted = seize && t->signals.stopped;
	if (!seize)
		signal_send_thread(t, &stop);
	if (t->signals.stopped)
		signal_wake(t); /* from one stop to the other */
	return 0;
}

/* One that was seized stops when it can, whatever it does. */
static long interrupt(int tid)
{
	SPIN_GUARD(&process_lock);
	struct thread *t = process_find_thread(tid);

	if (!t || t->tracer != current_process())
		return -ESRCH;
	if (!t->trace.seized)
		return -EIO;
	signal_stop_seized(t, t->stop_signal);
	return 0;
}

/* ---- While it is stopped ---------------------------------------------------------------- */

/*
 * A stopped tracee of the current process, now frozen, asleep in its stop and off its CPU; or
 * NULL.  One that was woken would be switched in with what the tracer changes; one in a stop of
 * all its process, which has been woken for its own, does not know of `frozen`.
 */
static struct thread *freeze(int tid)
{
	bool busy = true;
	struct thread *t = NULL;

	while (busy) {
		SPIN_SCOPE(&process_lock) {
			t = process_find_thread(tid);
			if (t && (t->tracer != current_process() || !t->stop_signal ||
				  t->trace.listening || signal_kill_pending(t)))
				t = NULL;
			if (signal_kill_pending(current_thread()))
				t = NULL;
			busy = t && (t->signals.frozen || t->signals.stopped || t->on_cpu ||
				     t->state != TASK_SLEEPING);
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

static bool steps(u64 request)
{
	return request == PTRACE_SINGLESTEP || request == PTRACE_SYSEMU_SINGLESTEP;
}

static enum trace_calls calls_of(u64 request)
{
	if (request == PTRACE_SYSCALL)
		return TRACE_CALLS;
	return request == PTRACE_SYSEMU || request == PTRACE_SYSEMU_SINGLESTEP ? TRACE_EMULATES :
										 TRACE_NO_CALLS;
}

static long resume(struct thread *t, u64 request, u64 signal)
{
	if (signal > NR_SIGNALS)
		return -EIO;
	t->signals.resume_with = (int)signal;
	if (steps(request))
		step_on(&t->user.step, t->mm, thread_regs(t));
	else
		step_off(&t->user.step, thread_regs(t));
	t->trace.calls = (u8)calls_of(request);
	debugreg_trap_calls(&t->user.debug, t->trace.calls && !t->process->ia32);
	facts_tell_traced(task_of(t), t->trace.calls);
	if (request == PTRACE_DETACH)
		SPIN_SCOPE(&process_lock)
			ptrace_set_tracer(t, NULL);
	t->stop_signal = 0; /* thaw() wakes it */
	return 0;
}

/* ---- What a stop is ------------------------------------------------------------------- */

static bool is_call_stop(const struct siginfo *info)
{
	return info && info->signo == SIGTRAP && (info->code & ~TRACE_CALL_GOOD) == TRACE_CALL_CODE;
}

/* How much of *i counts. */
static u64 call_info(const struct thread *t, struct ptrace_syscall_info *i)
{
	const struct pt_regs *regs = thread_regs(t);
	bool ia32 = regs_of_ia32_call(regs);

	*i = (struct ptrace_syscall_info){
		.op = PTRACE_SYSCALL_INFO_NONE,
		.arch = ia32 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64,
		.instruction_pointer = regs->ip,
		.stack_pointer = regs->sp,
	};
	if (!is_call_stop(t->trace.info))
		return offsetof(struct ptrace_syscall_info, entry);
	if (t->trace.message == PTRACE_EVENTMSG_SYSCALL_ENTRY) {
		i->op = PTRACE_SYSCALL_INFO_ENTRY;
		i->entry.nr = regs->orig_ax;
		regs_call_arguments(regs, (u64 *)i->entry.args);
		return offsetof(struct ptrace_syscall_info, entry) + sizeof(i->entry);
	}
	i->op = PTRACE_SYSCALL_INFO_EXIT;
	i->exit.rval = ia32 ? (s32)regs->ax : (s64)regs->ax;
	i->exit.is_error = (u64)i->exit.rval >= (u64)-4095;
	return offsetof(struct ptrace_syscall_info, exit.is_error) + sizeof(i->exit.is_error);
}

/* What goes between the tracer and a stopped tracee. */
struct data {
	union {
		u64 words[1];
		u8 set[REGSET_MOST];
		struct user_siginfo info;
		struct ptrace_syscall_info call;
	};
	u64 size; /* of what the tracer gets */
	u64 has;  /* bytes that it brings, or for which it has room; then those of a set */
};

static long get_info(const struct thread *t, struct data *d)
{
	if (!t->trace.info)
		return -EINVAL;
	d->info = (struct user_siginfo){ .info = *t->trace.info };
	d->size = sizeof(d->info);
	return 0;
}

static long set_info(struct thread *t, const struct data *d)
{
	if (!t->trace.info)
		return -EINVAL;
	*t->trace.info = d->info.info;
	return 0;
}

static long set_options(struct thread *t, u64 options)
{
	if (options & ~(u64)OPTIONS)
		return -EINVAL;
	t->trace.options = (u32)options;
	return 0;
}

static long get_word(struct data *d, u64 word)
{
	d->words[0] = word;
	d->size = sizeof(word);
	return 0;
}

/* size: of the tracer's set. */
static long get_mask(const struct thread *t, u64 size, struct data *d)
{
	return size == sizeof(u64) ? get_word(d, t->choices->blocked) : -EINVAL;
}

static long set_mask(struct thread *t, u64 size, u64 set)
{
	if (size != sizeof(u64))
		return -EINVAL;
	SPIN_GUARD(&process_lock);
	t->choices->blocked = set & ~SIGNALS_UNBLOCKABLE;
	t->work_due = true; /* one may be taken now */
	return 0;
}

static bool is_get(u64 request)
{
	return request == PTRACE_GETREGS || request == PTRACE_GETFPREGS ||
	       request == PTRACE_GETREGSET;
}

static long get_or_set(struct thread *t, u64 request, enum regset set, struct data *d)
{
	struct pt_regs *regs = thread_regs(t);

	if (set == NO_REGSET || d->has % regset_word(set))
		return -EINVAL;
	d->has = MIN(d->has, regset_size(set));
	if (!is_get(request))
		return regset_set(&t->user, t->mm, regs, set, d->set, d->has);
	regset_get(&t->user, regs, set, d->set);
	d->size = d->has;
	return 0;
}

/* It stays where it is, and is looked at no more until something happens to it. */
static long listen(struct thread *t)
{
	SPIN_GUARD(&process_lock);

	if (!t->trace.seized || !t->trace.info || t->trace.info->code >> 8 != PTRACE_EVENT_STOP)
		return -EIO;
	t->trace.listening = t->stop_reported = true;
	return 0;
}

static long on_stopped(struct thread *t, u64 request, u64 addr, u64 data, struct data *d)
{
	d->size = request <= PTRACE_PEEKUSR ? sizeof(u64) : 0;
	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA: return access_memory(t, addr, d->words, false);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA: return access_memory(t, addr, &data, true);
	case PTRACE_PEEKUSR: return user_area_get(&t->user, thread_regs(t), addr, d->words);
	case PTRACE_POKEUSR: return user_area_set(&t->user, t->mm, thread_regs(t), addr, data);
	case PTRACE_GETREGS:
	case PTRACE_SETREGS: return get_or_set(t, request, REGSET_REGS, d);
	case PTRACE_GETFPREGS:
	case PTRACE_SETFPREGS: return get_or_set(t, request, REGSET_FPU, d);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return get_or_set(t, request, regset_of_note(thread_regs(t), addr), d);
	case PTRACE_LISTEN: return listen(t);
	case PTRACE_SETOPTIONS: return set_options(t, data);
	case PTRACE_GETEVENTMSG: return get_word(d, t->trace.message);
	case PTRACE_GETSIGINFO: return get_info(t, d);
	case PTRACE_SETSIGINFO: return set_info(t, d);
	case PTRACE_GETSIGMASK: return get_mask(t, addr, d);
	case PTRACE_SETSIGMASK: return set_mask(t, addr, d->words[0]);
	case PTRACE_GET_SYSCALL_INFO: {
		u64 size = call_info(t, &d->call);

		d->size = MIN(addr, size);
		return (long)size;
	}
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SYSEMU:
	case PTRACE_SYSEMU_SINGLESTEP:
	case PTRACE_SINGLESTEP:
	case PTRACE_DETACH: return resume(t, request, data);
	default: return -EIO;
	}
}

/* How much the tracer brings at `data`, or for which it has room there. */
static u64 brings(u64 request)
{
	return request == PTRACE_GETREGS || request == PTRACE_SETREGS ? regset_size(REGSET_REGS) :
	       request == PTRACE_GETFPREGS || request == PTRACE_SETFPREGS ?
									regset_size(REGSET_FPU) :
	       request == PTRACE_SETSIGINFO ? sizeof(struct siginfo) :
	       request == PTRACE_SETSIGMASK ? sizeof(u64) :
					      0;
}

/*
 * While the tracee is frozen, the tracer's own memory is not touched, and no memory
 * is waited for: to get some, the tracee may have to end.
 */
static long look_at(int tid, u64 request, u64 addr, u64 data)
{
	bool in_vector = request == PTRACE_GETREGSET || request == PTRACE_SETREGSET;
	u64 vector[2] = { data, brings(request) }; /* where it is, and how much */
	bool bad = in_vector && abi_read_words(vector, data, 2, sizeof(u64));
	struct data d = { .has = vector[1] };
	struct thread *t;
	long result;

	if (!bad && !is_get(request))
		bad = copy_from_user(d.set, vector[0], MIN(d.has, sizeof(d.set)));
	t = freeze(tid);
	if (!t)
		return -ESRCH;
	result = bad ? -EFAULT : on_stopped(t, request, addr, data, &d);
	thaw(t);
	if (result < 0)
		return result;
	if (d.size == sizeof(u64) && !in_vector) /* all of it or nothing */
		return put_user_u64(data, d.words[0]) ? -EFAULT : result;
	if (copy_to_user(vector[0], &d, d.size) ||
	    (in_vector && put_user_u64(data + sizeof(u64), d.has)))
		return -EFAULT;
	return result;
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
	u64 request = regs->di, options = regs->r10;
	int tid = (int)regs->si;
	long err;

	switch (request) {
	case PTRACE_TRACEME: return traceme();
	case PTRACE_ATTACH: return attach(tid, false, 0);
	case PTRACE_SEIZE:
		return regs->dx || (options & ~(u64)OPTIONS) ? -EIO : attach(tid, true, options);
	case PTRACE_INTERRUPT: return interrupt(tid);
	case PTRACE_KILL: return kill_tracee(tid);
	default: break;
	}
	err = OOM_RETRY(OOM_CAN_FAIL, look_at(tid, request, regs->dx, regs->r10));
	return err == -ENOMEM ? -EIO : err;
}
