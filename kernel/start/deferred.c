/*
 * The kernel's side of pti=deferred: what deferred_to_kernel() calls, and what deferred C
 * must know of the machine, written into its page once at boot.
 * Read next: entry/deferred/deferred.asm.
 */
#include "arch/machine/clock.h"
#include "arch/state/deferred.h"
#include "entry/deferred/calls.h"
#include "entry/deferred/deferred.h"
#include "kernel/base/string.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/tree.h"
#include "kernel/missing/missing.h"
#include "kernel/start/deferred.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

/* ---- From deferred_to_kernel() ---------------------------------------------------- */

static void (*do_trap)(struct pt_regs *);

/*
 * Deferred C that was interrupted may give its CPU away; what else is due waits for the
 * end of its call.
 */
static bool trap(struct pt_regs *regs)
{
	do_trap(regs);
	if (user_mode(regs))
		return false;
	if (!(regs->flags & RFLAGS_IF) || !deferred_is_at(regs->ip))
		return false;
	if (this_cpu_test(need_resched))
		schedule();
	if (current_task()->work_due) {
		deferred_facts_of(&current_task()->user.pti)->work_due = 1;
		this_cpu()->work_due = true;
	}
	return false;
}

/*
 * A call that deferred C has answered, its result being in *regs; it may have changed the
 * mask of signals.  Or all is done but the IRET, and it is one to an LDT's stack: it leaves
 * by the entry text, which knows how.
 */
static bool work(struct pt_regs *regs)
{
	SPIN_SCOPE(&process_lock)
		signal_look_again(current_thread());
	exit_work_before_user(regs);
	if (unlikely(regs->ss & SEL_TI))
		entry_return_to_user(regs);
	return false;
}

void deferred_set_up(struct smp_setup *setup)
{
	if (!pti_deferred)
		return;
	deferred_map_shared();
	do_trap = setup->do_trap;
	setup->do_trap = deferred_on_kernel_stack;
	setup->kernel_call[DEFERRED_SYSCALL] = setup->do_syscall;
	setup->kernel_call[DEFERRED_TRAP] = trap;
	setup->kernel_call[DEFERRED_WORK] = work;
}

/* ---- The machine's page --------------------------------------------------------------- */

static_assert(NR_SYSCALLS <= DEFERRED_NR, "numbers from there on are no calls");

/*
 * It may end there if it has a function there, or is no call at all; not if it is one of
 * Linux's that is missing here, for the kernel tells of that.
 */
static bool ends_there(unsigned number)
{
	if (number >= NR_SYSCALLS || syscall_table[number] == syscall_unknown)
		return !missing_is_told(number);
	return ((void *const *)CEA_DEFERRED_RODATA)[number];
}

void deferred_tell_machine(void)
{
	struct deferred_machine *m = deferred_machine_page();

	if (!pti_deferred)
		return;
	clock_parameters(&m->tsc_start, &m->ns_per_tsc, &m->realtime_start);
	m->smap = uaccess_smap;
	memcpy(m->names, &linux_names, sizeof(linux_names));
	for (unsigned number = 0; number < DEFERRED_NR; number++)
		if (ends_there(number))
			m->here[number / 32] |= 1U << number % 32;
}
