/*
 * What a task of a program has in the CPU beside pt_regs: registers that the kernel does
 * not use stay there until the CPU runs another task.
 *
 * Guarded by the task itself: only the task writes there, or the tracer that has stopped
 * it, or the maker of a task that has not run yet.
 */
#ifndef ARCH_STATE_USER_STATE_H
#define ARCH_STATE_USER_STATE_H

#include "arch/state/debugreg.h"
#include "arch/state/fpu.h"
#include "arch/state/io_bitmap.h"
#include "arch/state/segment.h"
#include "arch/state/step.h"
#include "arch/state/tls.h"
#include "kernel/base/insn.h"
#include "mm/space/pti_stack.h"

struct user_state {
	void *fpu;            /* a page; NULL: a kernel thread, which has none of this */
	u64 fs_base, gs_base; /* these and the selectors: while it does not run */
	union {
		struct {
			u16 ds, es, fs, gs;
		};
		u64 selectors; /* all four */
	};
	struct task_tls tls;
	struct task_io io;
	struct task_debugregs debug;
	struct user_step step;
	struct pti_stack pti; /* pti=deferred */
};

#define STORE_SEGMENT(seg, to) __asm__ volatile("mov %%" #seg ", %0" : "=m"(*(u16 *)(to)))

/*
 * The FPU, segment selectors and bases of the task that runs, from this CPU; not the
 * rest, which is loaded when it changes.  Context: interrupts off.
 */
static inline void user_state_save(struct user_state *u)
{
	fpu_save(u->fpu);
	u->fs_base = rdmsr(MSR_FS_BASE);
	u->gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	STORE_SEGMENT(ds, &u->ds);
	STORE_SEGMENT(es, &u->es);
	STORE_SEGMENT(fs, &u->fs);
	STORE_SEGMENT(gs, &u->gs);
}

/* Selectors first: loading one sets the base. */
void user_state_load_segments(const struct user_state *u, const struct user_state *now);

/*
 * To this CPU, likewise, whose registers are as in `now`, or anything if that is a kernel
 * thread's.  Null selectors that are there already are not loaded, and then no base that is
 * there.  Bases count whatever the selectors: a program may have set them by WRFSBASE,
 * WRGSBASE or arch_prctl with any selector, GS's to any canonical value.
 */
static inline void user_state_load(const struct user_state *u, const struct user_state *now)
{
	fpu_restore(u->fpu);
	if (likely(now->fpu && !(now->selectors | u->selectors | (now->fs_base ^ u->fs_base) |
				 (now->gs_base ^ u->gs_base))))
		return;
	user_state_load_segments(u, now);
}

/* Ports, breakpoints and TLS: at a switch mostly neither the CPU nor the task has any. */
void user_state_load_rare_slowly(struct percpu *cpu, const struct user_state *u);

static inline void user_state_load_rare(struct percpu *cpu, const struct user_state *u)
{
	if (unlikely((u64)cpu->io | cpu->tls_loaded | cpu->debug_armed | tls_any(&u->tls) |
		     (u64)u->io.bitmap | u->io.iopl | u->debug.active))
		user_state_load_rare_slowly(cpu, u);
}

/*
 * fork: the child, which has an FPU page, gets all of the current task's state but
 * breakpoints and steps.  0, or -ENOFRAME: none for the IO bitmap.  (The LDT goes with the address
 * space: ldt_copy().)
 */
int user_state_copy(struct user_state *child, struct user_state *self);

/*
 * exec: no TLS, no ports, no breakpoints, segment registers null, their bases 0; the FPU
 * stays.  Context: the current task itself.
 */
void user_state_reset(struct user_state *self);

#endif
