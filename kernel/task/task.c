/*
 * Making and ending tasks.  A task is one frame (struct task), a guarded
 * kernel stack, and for user tasks an address space and a page of FPU state.
 *
 * A new task's stack holds what entry_switch_to() pops: six registers, of which
 * entry_task_start calls r14 (the scheduler's first step), then r12 with r13.
 * Read next: kernel/task/sched.c; kernel/linux/process/clone.c for threads of programs.
 */
#include "arch/state/io_bitmap.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/task/sched.h"
#include "kernel/task/task.h"
#include "mm/frames/frame.h"
#include "mm/frames/live.h"
#include "mm/space/task_stacks.h"

static struct task *alloc_task(size_t size, const char *name, virt_addr_t stack_top)
{
	phys_addr_t pa = frame_alloc();
	struct task *t;

	if (pa == NO_FRAME)
		return NULL;
	t = phys_to_virt(pa);
	memset(t, 0, size);
	t->object_size = size;
	live_object(t, size);
	t->holds = 1;
	t->stack_top = stack_top;
	t->regs = (struct pt_regs *)stack_top - 1;
	strscpy(t->name, name, sizeof(t->name));
	memset(&t->affinity, 0xff, sizeof(t->affinity));
	t->slice_ns = SCHED_SLICE_NS;
	return t;
}

struct task *task_create_idle(virt_addr_t stack_top)
{
	struct task *t = alloc_task(sizeof(struct task), "idle", stack_top);

	if (!t)
		return NULL;
	t->state = TASK_RUNNING;
	t->on_cpu = true;
	return t;
}

void task_prepare_stack(struct task *t, u64 below, void (*fn)(void *), void *arg)
{
	u64 *sp = (u64 *)(t->stack_top - below);

	*--sp = (u64)entry_task_start;
	*--sp = 0;                       /* rbp */
	*--sp = 0;                       /* rbx */
	*--sp = (u64)fn;                 /* r12 */
	*--sp = (u64)arg;                /* r13 */
	*--sp = (u64)sched_task_started; /* r14 */
	*--sp = 0;                       /* r15 */
	t->sp = (u64)sp;
}

struct task *task_create_in(size_t size, const char *name, void (*fn)(void *), void *arg)
{
	virt_addr_t top = task_stack_alloc();
	struct task *t = top ? alloc_task(size, name, top) : NULL;

	if (t)
		task_prepare_stack(t, 0, fn, arg);
	else if (top)
		task_stacks_free(&top, 1);
	return t;
}

struct task *task_create(const char *name, void (*fn)(void *), void *arg)
{
	return task_create_in(sizeof(struct task), name, fn, arg);
}

/* All but its stack and itself. */
static void free_parts(struct task *t)
{
	if (t->state != TASK_NEW)
		sched_wait_for_exit(t);
	io_bitmap_drop(&t->user.io);
	if (t->user.fpu)
		frame_free(virt_to_phys(t->user.fpu));
	pti_stack_hide(&t->user.pti);
	pti_stack_free(&t->user.pti);
}

static void free_rest(struct task *const tasks[], unsigned n)
{
	virt_addr_t tops[VMAP_STACKS_AT_ONCE];

	for (unsigned i = 0; i < n; i++)
		tops[i] = tasks[i]->stack_top;
	if (n > 0)
		task_stacks_free(tops, n);
	for (unsigned i = 0; i < n; i++)
		frame_free_object(tasks[i], tasks[i]->object_size, 1);
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

/* ---- Long work ----------------------------------------------------------------------- */

/* kernel/base/seams.h. */
bool seam_long_work_point(void)
{
	if (!current_task()) /* boot */
		return false;
	sched_point();
	return task_must_die();
}
