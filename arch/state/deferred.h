/*
 * pti=deferred, set up: what all CPUs share, what each needs, and what follows the thread.
 */
#ifndef ARCH_STATE_DEFERRED_H
#define ARCH_STATE_DEFERRED_H

#include "entry/deferred/pti_page.h"
#include "kernel/base/percpu.h"
#include "mm/space/pti_stack.h"

/*
 * Shows deferred text, its tables and the machine's page in slot 508, and lets the gates of
 * the IDT's page lead there, those with an IST stack aside.  Boot CPU, once, before other
 * CPUs start and before the first pair but pti_init_pgd.
 */
void deferred_map_shared(void);

/*
 * The TSS's words of CPU `cpu`, whose area is mapped, and SYSCALL's and SYSENTER's MSRs of
 * the CPU that calls: it is that one.
 */
void deferred_init_cpu(unsigned cpu);

/* The machine's page, for the boot to write: in the direct map. */
struct deferred_machine *deferred_machine_page(void);

/*
 * What this CPU must know of the task that it runs from here on.  s->page NULL: a kernel
 * thread, whose traps stay on its own stack.  Context: interrupts off; the address space
 * that shows s is loaded, or about to be.
 */
void deferred_load(const struct pti_stack *s, u64 kernel_stack_top);

/* The facts of a thread. */
static inline struct deferred_facts *deferred_facts_of(const struct pti_stack *s)
{
	return &((struct pti_page *)s->page)->facts;
}

#endif
