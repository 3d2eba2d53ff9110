/*
 * A debugger's single steps through a program: the flag TF, and whose it is, the debugger's
 * or the program's own.
 *
 * Each of the functions is for the current task, or for one that the debugger has stopped:
 * while a task runs, no other may change its flags.
 */
#ifndef ARCH_STATE_STEP_H
#define ARCH_STATE_STEP_H

#include "entry/entry.h"
#include "kernel/base/types.h"
#include "kernel/base/x86.h"

struct mm;

struct user_step {
	bool on;        /* the debugger steps */
	bool forced_tf; /* it was the debugger that set TF */
	bool from_call; /* the task was stopped on its way out of a system call */
	bool loads_tf;  /* the instruction about to be stepped loads TF */
};

/* One step, from where *regs stand in mm; and no more.  Task context. */
void step_on(struct user_step *s, struct mm *mm, struct pt_regs *regs);
static inline void step_off(struct user_step *s, struct pt_regs *regs)
{
	s->on = s->loads_tf = false;
	if (unlikely(s->forced_tf))
		regs->flags &= ~(u64)RFLAGS_TF;
	s->forced_tf = false;
}

/* Was TF set by a debugger that has gone since?  Clears it then. */
static inline bool step_forget(struct user_step *s, struct pt_regs *regs)
{
	if (likely(!s->forced_tf) || s->on)
		return false;
	step_off(s, regs);
	return true;
}

/*
 * The single-step trap behind an instruction.  True: it was for a debugger that has gone
 * since, and means nothing.
 */
bool step_done(struct user_step *s, struct pt_regs *regs);

/* The flags with TF as the program has it. */
static inline u64 step_own_flags(const struct user_step *s, u64 flags)
{
	return flags & ~(s->forced_tf ? (u64)RFLAGS_TF : 0);
}

/* The program gets these flags, TF included: what it gets while it is stepped. */
static inline u64 step_load_flags(struct user_step *s, u64 flags)
{
	if (unlikely(s->on)) {
		s->forced_tf = !(flags & RFLAGS_TF);
		flags |= RFLAGS_TF;
	}
	return flags;
}

#endif
