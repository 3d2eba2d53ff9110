/*
 * The deferred switch's names for the rest of the kernel (kernel/base/deferred.h has its
 * numbers).
 */
#ifndef ENTRY_DEFERRED_DEFERRED_H
#define ENTRY_DEFERRED_DEFERRED_H

#include "entry/entry.h"

/* Addresses of slot 508, as data (entry/deferred/deferred.asm). */
extern const struct deferred_labels {
	u64 stubs;                    /* of the IDT, ENTRY_STUB_SIZE each */
	u64 syscall_in, syscall32_in; /* CPU 0's trampoline: for LSTAR and CSTAR */
	u64 syscall, syscall32;       /* where these go on: for the TSS */
	u64 sysenter;
	u64 text_start, text_end;
	u64 door_sysret, door_iret, door_answer;
	u64 call_return; /* behind the call of a deferred call's function */
	u64 to_kernel, back;
} deferred_labels;

/* Is that an instruction of deferred text, where ring 0 has the user's CR3 and GS? */
static inline bool deferred_is_at(u64 ip)
{
	return ip >= deferred_labels.text_start && ip < deferred_labels.text_end;
}

/*
 * With pti=deferred what the vault's do_trap points to: runs the vault's kernel_trap on the
 * task's kernel stack.  Context: the kernel's PGD and GS, the PTI stack if *regs are a
 * user's, interrupts off.
 */
void deferred_on_kernel_stack(struct pt_regs *regs);

#endif
