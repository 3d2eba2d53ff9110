/*
 * What a task of a program has in the CPU beside pt_regs.
 *
 * Guarded by the task itself: it alone writes there, or whoever has it stopped or has
 * just made it.
 */
#ifndef ARCH_STATE_USER_STATE_H
#define ARCH_STATE_USER_STATE_H

#include "arch/state/debugreg.h"
#include "arch/state/io_bitmap.h"
#include "arch/state/tls.h"

struct user_state {
	void *fpu;             /* a page; NULL: a kernel thread, which has none of this */
	u64 fs_base, gs_base;  /* these and the selectors: while it does not run */
	u16 ds, es, fs, gs;
	struct task_tls tls;
	struct task_io io;
	struct task_debugregs debug;
};

/*
 * The FPU, segment selectors and bases of the task that runs, from this CPU and to it;
 * not the rest, which is loaded when it changes.  Context: interrupts off.
 */
void user_state_save(struct user_state *u);
void user_state_load(const struct user_state *u);

#endif
