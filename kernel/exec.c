/*
 * execve.  All that can fail is done before anything changes: the strings are
 * copied into the kernel, the new address space is built beside the old one.
 * Then the other threads are ended, the old address space is left, and the
 * thread gets the registers of a start.
 * Called by kernel/sys_exec.c.  Read next: kernel/program.c.
 */
#include "arch/fpu.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/creds.h"
#include "kernel/exec.h"
#include "kernel/oom.h"
#include "kernel/path.h"
#include "kernel/process.h"
#include "kernel/program.h"
#include "kernel/ptrace.h"
#include "kernel/sched.h"
#include "kernel/segments.h"
#include "mm/frame.h"
#include "mm/phys.h"
#include "mm/uaccess.h"

#define MAX_POINTERS 2048
#define MAX_STRINGS 0x20000

/* The arguments of one execve: Linux has room for more, by the stack's limit. */
struct exec_args {
	unsigned pointers;
	size_t used;
	const char *pointer[MAX_POINTERS]; /* argv, NULL, envp, NULL */
	char string[MAX_STRINGS];
};
#define ARGS_FRAMES (ALIGN_UP(sizeof(struct exec_args), PAGE_SIZE) / PAGE_SIZE)

static long get_pointer(virt_addr_t array, u64 i, bool narrow, virt_addr_t *p)
{
	size_t size = narrow ? sizeof(u32) : sizeof(u64);

	*p = 0;
	return copy_from_user(p, array + i * size, size) ? -EFAULT : 0;
}

static long add_string(struct exec_args *a, virt_addr_t from)
{
	size_t room = MAX_STRINGS - a->used;
	long n = copy_string_from_user(a->string + a->used, from, room);

	if (n < 0)
		return n;
	if ((size_t)n == room)
		return -E2BIG;
	a->pointer[a->pointers++] = a->string + a->used;
	a->used += (size_t)n + 1;
	return 0;
}

/* An array of pointers that ends in NULL; none at all is an empty one. */
static long add_strings(struct exec_args *a, virt_addr_t array, bool narrow)
{
	for (u64 i = 0; array; i++) {
		virt_addr_t from;
		long err = get_pointer(array, i, narrow, &from);

		if (!err && !from)
			break;
		if (!err && a->pointers >= MAX_POINTERS - 3)
			err = -E2BIG;
		if (!err)
			err = add_string(a, from);
		if (err)
			return err;
		sched_point();
	}
	return 0;
}

static void end_array(struct exec_args *a)
{
	a->pointer[a->pointers++] = NULL;
}

static long build(const char *path, struct exec_args *a, virt_addr_t argv,
		  virt_addr_t envp, bool narrow, struct built_program *program)
{
	const char *exe = path_is_self_exe(path) ? current_process()->exe : NULL;
	const char *const *environment;
	struct complaint why;
	long err = add_strings(a, argv, narrow);

	if (err)
		return err;
	if (a->pointers == 0) /* a program is told its name, if only "" */
		a->pointer[a->pointers++] = "";
	end_array(a);
	environment = &a->pointer[a->pointers];
	err = add_strings(a, envp, narrow);
	if (err)
		return err;
	end_array(a);
	return program_build(exe ? exe : path, path, a->pointer, environment, program, &why);
}

/* ---- No way back ------------------------------------------------------------------- */

static void change_address_space(struct task *t, struct mm *new)
{
	struct mm *old = t->mm;
	u64 flags;

	flags = spin_lock(&process_lock); /* others look at process->mm under it */
	t->process->mm = t->mm = new;
	mm_load(new);
	spin_unlock(&process_lock, flags);
	mm_put(old);
}

static void reset_process(struct process *p, const struct built_program *program)
{
	u64 flags = spin_lock(&process_lock);

	signal_reset_at_exec(p);
	p->exe = program->exe;
	p->has_execed = true;
	p->exit_signal = SIGCHLD;
	p->open_fds &= (u8)~p->close_on_exec;
	p->close_on_exec = 0;
	creds_exec(program->readable);
	spin_unlock(&process_lock, flags);
}

static void reset_registers(struct task *t, const struct built_program *program)
{
	struct pt_regs *regs = task_regs(t);

	*regs = (struct pt_regs){
		.vector = regs->vector, .orig_ax = regs->orig_ax, .ip = program->ip,
		.flags = RFLAGS_IF | RFLAGS_FIXED, .sp = program->sp,
	};
	segments_reset_at_exec();
	program_set_abi(t, program->ia32);
	t->fs_base = t->gs_base = 0;
	memset(t->fpu, 0, PAGE_SIZE);
	fpu_init_state(t->fpu);
	sched_load_user_state();
}

static long exec(const char *path, struct exec_args *a, virt_addr_t argv,
		 virt_addr_t envp, bool narrow)
{
	struct task *t = current_task();
	struct built_program program;
	long err = build(path, a, argv, envp, narrow, &program);

	if (err)
		return err;
	err = process_become_only_thread();
	if (err) {
		mm_put(program.mm);
		return err;
	}
	process_release_memory();
	change_address_space(t, program.mm);
	reset_process(t->process, &program);
	reset_registers(t, &program);
	strscpy(t->name, program_name(path), sizeof(t->name));
	process_free_dead_threads();
	ptrace_report_exec();
	return 0;
}

static long may_exec(void)
{
	u64 flags = spin_lock(&process_lock);
	int err = user_may_exec();

	spin_unlock(&process_lock, flags);
	return err;
}

static long exec_once(virt_addr_t path, virt_addr_t argv, virt_addr_t envp, bool narrow)
{
	phys_addr_t pa;
	char *name;
	long err = path_get(path, &name);

	if (err)
		return err;
	err = may_exec();
	if (err) {
		path_put(name);
		return err;
	}
	pa = frame_alloc_contiguous(ARGS_FRAMES, NO_FRAME);
	err = -ENOFRAME;
	if (pa != NO_FRAME) {
		err = exec(name, phys_to_virt(pa), argv, envp, narrow);
		frame_free_contiguous(pa, ARGS_FRAMES);
	}
	path_put(name);
	return err;
}

long exec_from_user(virt_addr_t path, virt_addr_t argv, virt_addr_t envp, bool narrow)
{
	return OOM_RETRY(OOM_CAN_FAIL, exec_once(path, argv, envp, narrow));
}
