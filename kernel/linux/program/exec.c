/*
 * execve.  First comes all that can fail, and nothing changes for the program: the new
 * address space is built beside the old one, which still has the strings.  Then there is
 * no way back: the other threads end, the old address space goes, and the thread gets the
 * registers of a program's start.
 * Read next: kernel/linux/program/load.c.
 */
#include "arch/state/deferred.h"
#include "arch/state/fpu.h"
#include "arch/state/ldt.h"
#include "kernel/base/string.h"
#include "kernel/fs/descriptors.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/program/path.h"
#include "kernel/linux/syscalls.h"
#include "kernel/trace/tracee.h"
#include "mm/space/mm.h"

/* ---- No way back ------------------------------------------------------------------- */

/* `stack` is the thread's PTI stack where the new address space shows it. */
static void change_address_space(struct thread *t, struct mm *new, const struct pti_stack *stack)
{
	struct pti_stack old_stack = t->user.pti;
	struct mm *old = t->mm;

	SPIN_SCOPE(&process_lock) { /* others look at process->mm under it */
		t->process->mm = t->mm = new;
		t->user.pti = *stack;
		ldt_load_mm(new);
		if (pti_deferred)
			deferred_load(stack, t->stack_top);
	}
	pti_stack_hide(&old_stack);
	mm_put(old);
}

/* The program that it was before goes to the caller, with its hold. */
static struct dentry *reset_process(struct process *p, const struct built_program *program)
{
	struct dentry *old;
	SPIN_GUARD(&process_lock);

	old = p->exe;
	signal_reset_at_exec(p);
	p->exe = program->exe;
	p->has_execed = true;
	p->exit_signal = SIGCHLD;
	creds_exec(program->readable);
	return old;
}

static void reset_registers(struct thread *t, const struct built_program *program)
{
	static const struct user_state unknown;
	struct pt_regs *regs = thread_regs(t);
	u64 flags;

	*regs = (struct pt_regs){
		.vector = regs->vector,
		.orig_ax = regs->orig_ax,
		.ip = program->ip,
		.flags = RFLAGS_IF | RFLAGS_FIXED,
		.sp = program->sp,
	};
	user_state_reset(&t->user);
	program_set_abi(t, program->ia32);
	t->user.fs_base = t->user.gs_base = 0;
	fpu_init_state(t->user.fpu);
	flags = interrupts_save();
	user_state_load(&t->user, &unknown);
	interrupts_restore(flags);
}

static long exec(const char *path, const struct start_strings *strings)
{
	struct thread *t = current_thread();
	struct pti_stack stack = { .page = t->user.pti.page };
	struct built_program program;
	struct complaint why;
	long err = program_build(path, strings, &program, &why);

	if (err)
		return err;
	err = pti_stack_show(&stack, program.mm, t->process->facts) ? -ENOFRAME : 0;
	if (!err)
		err = process_become_only_thread();
	if (!err)
		err = descriptors_unshare();
	if (err) {
		pti_stack_hide(&stack);
		mm_put(program.mm);
		dentry_drop(program.exe);
		return err;
	}
	descriptors_close_on_exec();
	process_release_memory();
	change_address_space(t, program.mm, &stack);
	dentry_drop(reset_process(t->process, &program));
	reset_registers(t, &program);
	strscpy(t->name, program_name(path), sizeof(t->name));
	process_free_dead_threads();
	ptrace_report_exec();
	return 0;
}

static long exec_once(virt_addr_t path, const struct start_strings *strings)
{
	char *name;
	long err = path_get(path, &name);

	if (err)
		return err;
	SPIN_SCOPE(&process_lock)
		err = user_may_exec();
	if (!err)
		err = exec(name, strings);
	oom_charge_exec(NULL);
	path_put(name);
	return err;
}

/* Comes back with -errno only: nothing has changed then. */
long sys_execve(struct pt_regs *regs)
{
	const struct start_strings strings = {
		{ .user = regs->si, .width = abi_width() },
		{ .user = regs->dx, .width = abi_width() },
	};
	long err = OOM_RETRY(OOM_CAN_FAIL, exec_once(regs->di, &strings));

	if (!err)
		exit_to_new_registers();
	return err;
}
