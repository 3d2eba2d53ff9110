/*
 * What runs on the user table: seen from C in entry/deferred/ alone.
 */
#ifndef ENTRY_DEFERRED_CALLS_H
#define ENTRY_DEFERRED_CALLS_H

#include "entry/deferred/pti_page.h"

/*
 * A call's function: its arguments in the registers in which SYSCALL brings them; all
 * registers but RAX are kept.  Returns the result, DEFERRED_REFUSED or DEFERRED_WORK_DUE.
 * Context: the user's PGD and GS, the PTI stack, interrupts off on the way in and out.
 */
#define DEFERRED_CALL static __attribute__((no_caller_saved_registers)) u64

/*
 * gcc gives a function that saves registers, but has nothing else on its stack, a frame only
 * if it asks for one; kernel/debug/unwind.c needs it.  Such a function must begin with this.
 */
static __always_inline void need_frame(void)
{
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
}

/* By number; NULL: it is always made in the kernel.  For the assembly, and for the boot,
 * which makes machine.here of it. */
extern void *const deferred_calls[DEFERRED_NR];

/*
 * Goes on in the kernel, and never comes back: entry/deferred/deferred.asm.  The compiler is
 * not told, so that it jumps there from a function's end, which then needs no frame.
 */
void deferred_to_kernel(struct pt_regs *regs, u64 which);

/* The page of the thread on whose PTI stack the caller runs. */
static inline struct pti_page *own_page(void)
{
	u64 sp;

	__asm__("mov %%rsp, %0" : "=r"(sp));
	return (struct pti_page *)(sp & -(u64)PAGE_SIZE);
}

static inline const struct deferred_facts *own_facts(void)
{
	return &own_page()->facts;
}

static inline const struct process_facts *process_facts(void)
{
	return (const struct process_facts *)(own_page() + 1);
}

#endif
