/*
 * Debug registers of user tasks: what ptrace's u_debugreg shows, and what the
 * processor gets.
 */
#ifndef ARCH_STATE_DEBUGREG_H
#define ARCH_STATE_DEBUGREG_H

#include "kernel/base/percpu.h"
#include "kernel/base/types.h"
#include "kernel/base/x86.h"

/* DR6, active high, once its fixed bits are flipped (SDM vol. 3, 18.2.3) */
#define DR6_TRAPS 0xf
#define DR6_STEP 0x4000

#define DEBUGREGS 4 /* addresses: DR0 to DR3 */

struct task_debugregs {
	u64 address[DEBUGREGS];
	u64 dr6;    /* the task's own, positive */
	u64 dr7;    /* as the task wrote it */
	u64 active; /* what goes into DR7, and CALLS_TRAP; 0: nothing is armed */
	u8 used;    /* bit n: DRn has been set, and its fields count */
};

/*
 * Register n as ptrace reads and writes it (0 to 3, 6, 7).  Linux's errors:
 * -EIO for another n; -EINVAL for an address, or a length at an address, that
 * is not in the user half or not aligned, and for IO breakpoints; then nothing
 * has changed.  Takes effect when the task runs next (it is not the current).
 */
int debugreg_set(struct task_debugregs *d, unsigned n, u64 value);
u64 debugreg_get(const struct task_debugregs *d, unsigned n);

/*
 * SYSCALL is an invalid instruction for the task (EFER.SCE is clear), #UD, for one that
 * traces it; so is SYSRET then, and the task must leave the kernel by IRET.  As
 * debugreg_set(): when the task runs next.
 */
#define DEBUGREG_CALLS_TRAP (1ULL << 32)

static inline bool debugreg_calls_trap(const struct task_debugregs *d)
{
	return d->active & DEBUGREG_CALLS_TRAP;
}

static inline void debugreg_trap_calls(struct task_debugregs *d, bool on)
{
	d->active = (u32)d->active | (on ? DEBUGREG_CALLS_TRAP : 0);
}

/* Loads a task's into this CPU.  Interrupts off. */
void debugreg_load(const struct task_debugregs *d);

/*
 * A #DB from user mode: DR6 is read and cleared, and becomes the task's.
 * Returns it, positive, without breakpoints that are not the task's; 0: INT1.
 * Interrupts off, d is the current task's.
 */
u64 debugreg_user_trap(struct task_debugregs *d);

/* The single-step trap of an instruction that the kernel has executed itself. */
void debugreg_note_step(struct task_debugregs *d);

/*
 * A #DB from kernel mode: a copy met a watchpoint of the user's, or MOV SS put
 * its own off until we were in the kernel.  Noted in the task's DR6; as on
 * Linux no signal comes of it.  d may be NULL.
 */
void debugreg_kernel_trap(struct task_debugregs *d);

#endif
