/*
 * The names that assembly in entry/ shares with C: the register frame, the
 * labels of the dangerous windows, and the doors.
 */
#ifndef ENTRY_ENTRY_H
#define ENTRY_ENTRY_H

#include "entry/labels.h"
#include "kernel/base/types.h"
#include "kernel/base/x86.h"

/*
 * The interrupted registers, lowest address first: what the stubs push, what
 * hardware pushes from orig_ax (its error code) upwards.  Every entry builds
 * this on a kernel-only stack.
 */
struct pt_regs {
	u64 r15, r14, r13, r12, bp, bx;
	u64 r11, r10, r9, r8, ax, cx, dx, si, di;
	u64 vector;  /* low 8 bits, or VEC_SYSCALL, VEC_SYSCALL32, VEC_SYSENTER */
	u64 orig_ax; /* system call number, or the error code */
	u64 ip, cs, flags, sp, ss;
};

/*
 * What a paranoid entry saves below its pt_regs and puts back as it found it.
 */
struct paranoid_frame {
	u64 cr3;
	u64 gs_base;
	u64 ist_frame; /* the hardware's frame on the IST page, cleared by now */
	u64 cr2;
	struct pt_regs regs;
};

/* Rings 1 and 2 do not run: no selector of a user's leads there. */
static inline bool user_mode(const struct pt_regs *regs)
{
	return regs->cs & 3;
}

/* Do they belong to a system call that may have to be restarted? */
static inline bool regs_in_syscall(const struct pt_regs *regs)
{
	u64 v = regs->vector;

	return (v == VEC_SYSCALL || v == VEC_SYSCALL32 || v == VEC_SYSENTER || v == VEC_INT80) &&
	       (s32)regs->orig_ax != -1;
}

#define ENTRY_STUB_SIZE 8

/* Addresses of entry text, as data; entry/labels.h has the list. */
struct entry_labels {
#define ENTRY_LABEL_FIELD(field, label) u64 field;
	ENTRY_LABELS(ENTRY_LABEL_FIELD)
#define ENTRY_WINDOW_FIELDS(field, label, name) u64 window_##field##_start, window_##field##_end;
	ENTRY_WINDOWS(ENTRY_WINDOW_FIELDS)
};
extern const struct entry_labels entry_labels;

/* Addresses of the VERWs of entry code, here and in the image (entry/regs.inc). */
extern const u64 verw_sites_start[], verw_sites_end[];

/*
 * Leaves for user mode with the registers in *regs, which must stand at the
 * top of the current task's kernel stack.  Context: task stack, kernel GS and
 * CR3; turns interrupts off itself.
 */
__noreturn void entry_return_to_user(struct pt_regs *regs);

/*
 * Switches stacks: saves callee-saved registers and RSP into *prev_sp, loads
 * RSP from next_sp.  Context: interrupts off, run by schedule() only.
 */
void entry_switch_to(u64 *prev_sp, u64 next_sp);

/* Leaves the current stack for good and calls fn(top). */
__noreturn void entry_run_on_stack(u64 top, void (*fn)(u64 top));

/*
 * Loads the user's GS selector (null, or one of the GDT's user segments: it
 * must not fault), leaving the kernel's GS base alone; the user's is then the
 * segment's, to be set by the caller.  Any context.
 */
void entry_load_user_gs(u16 selector);

/*
 * The first instruction of every new task: calls r14(), which tells the scheduler
 * that the switch is done, then r12(r13), which must not return (kernel/task/task.c).
 */
void entry_task_start(void);

#endif
