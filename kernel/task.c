/*
 * Making and ending tasks.  A task is one frame (struct task), a guarded
 * kernel stack, and for user tasks an address space and a page of FPU state.
 *
 * A new task's stack holds what entry_switch_to() pops: six registers, r12 and
 * r13 being the function and argument for entry_task_start.
 * Called by kernel/process.c, kernel/main.c and tests.
 */
#include "arch/fpu.h"
#include "arch/io_bitmap.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/exit_work.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/task.h"
#include "mm/frame.h"
#include "mm/live.h"
#include "mm/phys.h"
#include "mm/uaccess.h"
#include "mm/vmap.h"

static struct task *alloc_task(const char *name, virt_addr_t stack_top)
{
	phys_addr_t pa = frame_alloc_zeroed();
	struct task *t;

	if (pa == NO_FRAME)
		return NULL;
	t = phys_to_virt(pa);
	live_object(t, sizeof(*t));
	t->holds = 1;
	t->stack_top = stack_top;
	strscpy(t->name, name, sizeof(t->name));
	memset(&t->affinity, 0xff, sizeof(t->affinity));
	return t;
}

struct task *task_create_idle(virt_addr_t stack_top)
{
	struct task *t = alloc_task("idle", stack_top);

	if (!t)
		return NULL;
	t->state = TASK_RUNNING;
	t->on_cpu = true;
	return t;
}

/* The frame that entry_switch_to() will pop, `below` bytes under the top. */
static void prepare_stack(struct task *t, u64 below, void (*fn)(void *), void *arg)
{
	u64 *sp = (u64 *)(t->stack_top - below);

	*--sp = (u64)entry_task_start;
	*--sp = 0;         /* rbp */
	*--sp = 0;         /* rbx */
	*--sp = (u64)fn;   /* r12 */
	*--sp = (u64)arg;  /* r13 */
	*--sp = 0;         /* r14 */
	*--sp = 0;         /* r15 */
	t->sp = (u64)sp;
}

struct task *task_create(const char *name, void (*fn)(void *), void *arg)
{
	virt_addr_t top = vmap_alloc_stack(TASK_STACK_SIZE);
	struct task *t = top ? alloc_task(name, top) : NULL;

	if (t)
		prepare_stack(t, 0, fn, arg);
	else if (top)
		vmap_free_stack(top, TASK_STACK_SIZE);
	return t;
}

/* All but its stack and itself. */
static void free_parts(struct task *t)
{
	if (t->state != TASK_NEW)
		sched_wait_for_exit(t);
	if (t->process)
		signal_forget_task(t);
	io_bitmap_drop(&t->io);
	if (t->fpu)
		frame_free(virt_to_phys(t->fpu));
}

static void free_rest(struct task *const tasks[], unsigned n)
{
	virt_addr_t tops[VMAP_STACKS_AT_ONCE];

	for (unsigned i = 0; i < n; i++)
		tops[i] = tasks[i]->stack_top;
	if (n > 0)
		vmap_free_stacks(tops, n, TASK_STACK_SIZE);
	for (unsigned i = 0; i < n; i++)
		frame_free_object(tasks[i], 1);
}

/* True: that was the last hold, and all but the stack and *t is free. */
static bool put(struct task *t)
{
	might_sleep();
	if (__atomic_sub_fetch(&t->holds, 1, __ATOMIC_ACQ_REL) > 0)
		return false;
	free_parts(t);
	return true;
}

void task_put(struct task *t)
{
	if (put(t))
		free_rest(&t, 1);
}

void task_put_dead(struct task *list)
{
	struct task *last[VMAP_STACKS_AT_ONCE];
	unsigned n = 0;

	while (list) {
		struct task *t = list;

		list = t->dead_next;
		if (put(t))
			last[n++] = t;
		if (n == VMAP_STACKS_AT_ONCE) {
			free_rest(last, n);
			n = 0;
		}
		sched_point();
	}
	free_rest(last, n);
}

static void enter_user(void *regs)
{
	const struct task *t = current_task();

	if (t->set_child_tid) /* a bad address is the program's own affair */
		put_user_u32(t->set_child_tid, (u32)t->pid);
	exit_work_before_user(regs);
	entry_return_to_user(regs);
}

/* Without process and registers. */
static struct task *create_user(const char *name)
{
	struct task *t = task_create(name, enter_user, NULL);
	phys_addr_t fpu = t ? frame_alloc_zeroed() : NO_FRAME;

	if (fpu == NO_FRAME) {
		if (t)
			task_put(t);
		return NULL;
	}
	t->fpu = phys_to_virt(fpu);
	prepare_stack(t, sizeof(struct pt_regs), enter_user, task_regs(t));
	return t;
}

struct task *task_create_user(const char *name, struct mm *mm, virt_addr_t ip,
			      virt_addr_t sp)
{
	struct task *t = create_user(name);
	struct process *p = t ? process_create(mm) : NULL;
	struct pt_regs *regs;
	u64 flags;

	if (!p) {
		if (t)
			task_put(t);
		return NULL;
	}
	flags = spin_lock(&process_lock);
	process_add_thread(p, t);
	spin_unlock(&process_lock, flags);
	task_get(t);
	fpu_init_state(t->fpu);
	regs = task_regs(t);
	regs->ip = ip;
	regs->sp = sp;
	regs->cs = SEL_USER_CS;
	regs->ss = SEL_USER_DS;
	regs->flags = RFLAGS_IF | RFLAGS_FIXED;
	return t;
}

struct task *task_fork(void)
{
	struct task *self = current_task();
	struct task *t = create_user(self->name);

	if (!t)
		return NULL;
	sched_save_user_state();
	memcpy(t->fpu, self->fpu, PAGE_SIZE);
	*task_regs(t) = *task_regs(self);
	task_regs(t)->ax = 0;
	if (self->signals.forced_tf) /* a tracer's, who does not step the child */
		task_regs(t)->flags &= ~(u64)RFLAGS_TF;
	t->affinity = self->affinity;
	t->fs_base = self->fs_base;
	t->gs_base = self->gs_base;
	t->ds = self->ds;
	t->es = self->es;
	t->fs = self->fs;
	t->gs = self->gs;
	return t;
}

void task_exit(int status)
{
	current_task()->status = status;
	sched_exit();
}
