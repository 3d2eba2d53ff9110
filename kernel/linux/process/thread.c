/*
 * Making threads of programs: a task, a page of FPU state, and at the top of its kernel
 * stack the registers with which it enters user mode for the first time.
 * Read next: kernel/task/task.c, kernel/linux/process/clone.c.
 */
#include "arch/state/fpu.h"
#include "kernel/base/phys.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/thread.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

static void enter_user(void *regs)
{
	const struct thread *t = current_thread();

	if (t->set_child_tid) /* a bad address is the program's own affair */
		put_user_u32(t->set_child_tid, (u32)t->pid);
	exit_work_before_user(regs);
	entry_return_to_user(regs);
}

/* Without process and registers. */
static struct thread *create_user(const char *name)
{
	struct thread *t = (struct thread *)task_create_in(sizeof(*t), name, enter_user, NULL);
	phys_addr_t fpu = t ? frame_alloc_zeroed() : NO_FRAME;

	if (fpu == NO_FRAME) {
		if (t)
			task_put(task_of(t));
		return NULL;
	}
	t->user.fpu = phys_to_virt(fpu);
	t->must_die = process_must_die;
	task_prepare_stack(task_of(t), sizeof(struct pt_regs), enter_user, thread_regs(t));
	return t;
}

struct thread *thread_create(const char *name, struct mm *mm, virt_addr_t ip, virt_addr_t sp)
{
	struct thread *t = create_user(name);
	struct process *p = t ? process_create(mm, NULL) : NULL;
	struct pt_regs *regs;

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

struct thread *thread_fork(void)
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
	return t;
}
