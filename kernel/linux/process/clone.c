/*
 * Threads of programs, and the system calls that make threads and processes, and that end
 * them.
 *
 * A thread is a task, a page of FPU state, and at the top of its kernel stack the registers
 * with which it enters user mode for the first time.
 *
 * fork copies at once all that a child does not share; without memory it gives all of it
 * back before the child is in any list.  Threads of one process share all that CLONE_VM,
 * CLONE_FS, CLONE_FILES and CLONE_SIGHAND speak of; processes share at most the address
 * space and the descriptors.
 */
#include "arch/state/deferred.h"
#include "arch/state/fpu.h"
#include "arch/state/ldt.h"
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/fs/console.h"
#include "kernel/fs/descriptors.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/clone.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/process/segments.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "kernel/task/sched.h"
#include "kernel/trace/tracee.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

#define CLONE_NEW_ANY                                                                  \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

/* ---- Threads -------------------------------------------------------------------- */

static void enter_user(void *regs)
{
	const struct thread *t = current_thread();

	facts_tell_affinity(task_of(t));
	if (t->set_child_tid) /* a bad address is the program's own affair */
		put_user_u32(t->set_child_tid, (u32)t->pid);
	exit_work_before_user(regs);
	entry_return_to_user(regs);
}

/* Without process and registers. */
static struct thread *create_user(const char *name)
{
	struct thread *t = (struct thread *)task_create_in(sizeof(*t), name, enter_user, NULL);
	phys_addr_t fpu = t ? frame_alloc() : NO_FRAME;

	if (fpu != NO_FRAME)
		t->user.fpu = phys_to_virt(fpu);
	if (fpu == NO_FRAME || !facts_make_stack(task_of(t))) {
		if (t)
			task_put(task_of(t));
		return NULL;
	}
	t->must_die = process_must_die;
	t->choices = t->user.pti.page ? &deferred_facts_of(&t->user.pti)->choices : &t->own;
	task_prepare_stack(task_of(t), sizeof(struct pt_regs), enter_user, thread_regs(t));
	return t;
}

struct thread *thread_create(const char *name, struct mm *mm, virt_addr_t ip, virt_addr_t sp)
{
	struct thread *t = create_user(name);
	struct process *p = t ? process_create(mm, NULL) : NULL;
	struct pt_regs *regs;

	if (p)
		p->files = console_descriptors();
	if (p && (!p->files || pti_stack_show(&t->user.pti, mm, p->facts))) {
		p->mm = NULL; /* still the caller's */
		process_free(p);
		p = NULL;
	}
	if (!p) {
		if (t)
			task_put(task_of(t));
		return NULL;
	}
	SPIN_SCOPE(&process_lock)
		process_add_thread(p, t);
	task_get(task_of(t));
	fpu_init_state(t->user.fpu);
	regs = thread_regs(t);
	regs->ip = ip;
	regs->sp = sp;
	regs->cs = SEL_USER_CS;
	regs->ss = SEL_USER_DS;
	regs->flags = RFLAGS_IF | RFLAGS_FIXED;
	return t;
}

/*
 * A copy of the current one, which returns 0 from the same system call; of no process yet;
 * the caller has the hold.  NULL: no memory.
 */
static struct thread *thread_fork(void)
{
	struct thread *self = current_thread();
	struct thread *t = create_user(self->name);

	if (!t)
		return NULL;
	if (user_state_copy(&t->user, &self->user)) {
		task_put(task_of(t));
		return NULL;
	}
	*thread_regs(t) = *thread_regs(self);
	thread_regs(t)->ax = 0;
	/* A tracer's TF: it does not step the child. */
	thread_regs(t)->flags = step_own_flags(&self->user.step, thread_regs(t)->flags);
	sched_get_affinity(task_of(self), &t->affinity); /* others may change it */
	t->slice_ns = self->slice_ns;
	return t;
}

/* ---- Clone ---------------------------------------------------------------------- */

struct clone {
	u64 flags;
	virt_addr_t sp; /* 0: the caller's */
	virt_addr_t parent_tid, child_tid;
	u64 tls;
};

static int check(const struct clone *c)
{
	u64 flags = c->flags;

	if (((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND)) ||
	    ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM)))
		return -EINVAL;
	/* Handlers shared between processes, namespaces, pidfds: there are none. */
	if (((flags & CLONE_SIGHAND) && !(flags & CLONE_THREAD)) ||
	    (flags & (CLONE_NEW_ANY | CLONE_PIDFD)))
		return -EINVAL;
	if ((flags & CLONE_SETTLS) && !abi_is_ia32() && c->tls >= USER_END)
		return -EPERM;
	return 0;
}

static struct process *make_process(const struct clone *c)
{
	struct mm *own = current_thread()->mm;
	struct mm *mm = own;
	struct process *p;

	if (c->flags & CLONE_VM)
		mm_get(mm);
	else
		mm = mm_fork(own);
	if (mm && mm != own && ldt_copy(mm, own)) {
		mm_put(mm);
		return NULL;
	}
	p = mm ? process_create(mm, current_process()) : NULL;
	if (!p) {
		if (mm)
			mm_put(mm);
		return NULL;
	}
	p->files = c->flags & CLONE_FILES ? descriptors_hold(current_process()->files) :
					    descriptors_copy(current_process()->files);
	if (p->files)
		return p;
	process_free(p);
	return NULL;
}

static long set_up_task(struct thread *t, const struct clone *c)
{
	long err = 0;

	if (c->sp)
		thread_regs(t)->sp = c->sp;
	if ((c->flags & CLONE_SETTLS) && abi_is_ia32()) {
		err = segments_set_child_tls(t, c->tls);
	} else if (c->flags & CLONE_SETTLS) {
		t->user.fs = 0;
		t->user.fs_base = c->tls;
	}
	if (c->flags & CLONE_CHILD_SETTID)
		t->set_child_tid = c->child_tid;
	if (c->flags & CLONE_CHILD_CLEARTID)
		t->choices->clear_child_tid = c->child_tid;
	return err;
}

/* Into the tree, unless the process is about to end.  process_lock is held. */
static int enter_tree(struct thread *t, struct process *p, const struct clone *c)
{
	struct thread *self = current_thread();
	struct process *own = self->process;
	bool sibling = p != own && (c->flags & CLONE_PARENT);
	int err;

	if (process_must_leave() || signal_pending()) {
		signal_wake(self); /* another thread may have been told */
		return -ERESTARTNOINTR;
	}
	if (sibling && !own->parent)
		return -EINVAL; /* the kernel waits for no sibling */
	err = user_may_fork();
	if (err)
		return err;
	if (p != own) {
		p->pid = t->pid;
		numbers_set_group(p, own->pgid);
		numbers_set_session(p, own->sid);
		p->exit_signal = sibling ? own->exit_signal : (int)(c->flags & CSIGNAL);
		process_adopt(sibling ? own->parent : own, p);
	}
	process_add_thread(p, t);
	numbers_set_thread(t, t->pid);
	signal_copy_mask(t, self);
	ptrace_new_thread(t, c->flags);
	if (c->flags & CLONE_VFORK) {
		t->vfork_parent = self;
		self->vfork_child = t;
	}
	return 0;
}

/* Until the child has left the address space, or we are told to end, or killed. */
static void wait_for_vfork_child(void)
{
	struct thread *self = current_thread();
	SPIN_GUARD(&process_lock);

	while (self->vfork_child && !process_must_die())
		sched_wait(&process_lock);
	if (self->vfork_child) {
		self->vfork_child->vfork_parent = NULL;
		self->vfork_child = NULL;
	}
}

/* The error, the thread that was made and its process, if it is not ours, being gone. */
static long give_up(struct thread *t, struct process *p, long err)
{
	task_put(task_of(t));
	if (p != current_process())
		process_free(p);
	return err;
}

static long clone_once(const struct clone *c)
{
	bool thread = c->flags & CLONE_THREAD;
	struct process *p;
	struct thread *t;
	int err = check(c), tid;

	if (err)
		return err;
	process_free_dead_threads();
	process_bury();
	SPIN_SCOPE(&process_lock)
		err = user_may_fork();
	if (err)
		return err;
	t = thread_fork();
	if (!t)
		return -ENOFRAME;
	err = (int)set_up_task(t, c);
	p = err ? NULL : thread ? current_process() : make_process(c);
	if (!p) {
		task_put(task_of(t));
		return err && err != -ENOMEM ? err : -ENOFRAME;
	}
	err = pti_stack_show(&t->user.pti, p->mm, p->facts);
	if (err)
		return give_up(t, p, err == -ENOMEM ? -ENOFRAME : err);
	tid = t->pid = process_next_pid();
	SPIN_SCOPE(&process_lock)
		err = enter_tree(t, p, c);
	if (err)
		return give_up(t, p, err);
	if (c->flags & CLONE_PARENT_SETTID) /* a bad address is its own affair */
		put_user_u32(c->parent_tid, (u32)tid);
	sched_start(task_of(t));
	if (!(c->flags & CLONE_UNTRACED))
		ptrace_event(ptrace_event_of_clone(c->flags), (u64)tid);
	if (c->flags & CLONE_VFORK) {
		wait_for_vfork_child();
		ptrace_event(PTRACE_EVENT_VFORK_DONE, (u64)tid);
	}
	return tid;
}

/*
 * The copy of a process is made whole, so that a process which is larger than what
 * is free, and the largest, cannot fork; Linux would let it, for a while.
 */
static long do_clone(const struct clone *c)
{
	return OOM_RETRY(OOM_CAN_FAIL, clone_once(c));
}

/* The last two arguments of i386's stand the other way round. */
long sys_clone(struct pt_regs *regs)
{
	bool ia32 = abi_is_ia32();

	return do_clone(&(struct clone){
		.flags = (u32)regs->di,
		.sp = regs->si,
		.parent_tid = regs->dx,
		.child_tid = ia32 ? regs->r8 : regs->r10,
		.tls = ia32 ? regs->r10 : regs->r8,
	});
}

long sys_fork(struct pt_regs *regs __unused)
{
	return do_clone(&(struct clone){ .flags = SIGCHLD });
}

long sys_vfork(struct pt_regs *regs __unused)
{
	return do_clone(&(struct clone){ .flags = CLONE_VFORK | CLONE_VM | SIGCHLD });
}

/* ---- Ends ------------------------------------------------------------------------ */

long sys_set_tid_address(struct pt_regs *regs)
{
	current_thread()->choices->clear_child_tid = regs->di;
	return current_thread()->pid;
}

long sys_exit(struct pt_regs *regs)
{
	process_exit_thread(WAIT_STATUS((int)regs->di, 0));
}

long sys_exit_group(struct pt_regs *regs)
{
	process_exit(WAIT_STATUS((int)regs->di, 0));
}
