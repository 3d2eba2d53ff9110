/*
 * Traps of programs on the user's page table: what may end here, and what must not.
 *
 * Few do.  An exception becomes a page or a signal, an interrupt is a device's: all that is
 * the kernel's.  i386's calls for numbers that the thread's own page has are answered.
 */
#include "entry/deferred/calls.h"
#include "entry/deferred/traps.h"
#include "kernel/base/percpu.h"
#include "kernel/base/x86.h"

/* i386's call of that number; false: not here. */
static inline bool answer(u32 number, u64 *result)
{
	const struct process_facts *facts = process_facts();

	switch (number) {
	case 20: *result = facts->pid; return true;
	case 64: *result = facts->ppid; return true;
	case 199: *result = facts->uid; return true;
	case 200: *result = facts->gid; return true;
	case 201: *result = facts->euid; return true;
	case 202: *result = facts->egid; return true;
	case 224: *result = own_facts()->tid; return true;
	default: return false;
	}
}

/* INT 0x80 itself, of a thread that is not traced; an LDT's stack may be one of 16 bits. */
static inline bool may_end_here(const struct pt_regs *regs)
{
	return (u8)regs->vector == VEC_INT80 && !(regs->ss & SEL_TI) &&
	       !(regs->flags & (RFLAGS_TF | RFLAGS_RF)) && !own_facts()->traced;
}

void deferred_trap(struct pt_regs *regs)
{
	if (may_end_here(regs) && answer((u32)regs->ax, &regs->ax))
		return;
	deferred_to_kernel(regs, offsetof(struct percpu, kernel_call[DEFERRED_TRAP]));
}
