/*
 * The registers of a stopped task as debuggers name them, a set at a time: PTRACE_GETREGS,
 * PTRACE_GETREGSET and their kin (kernel/trace/calls/ptrace.c).
 */
#ifndef ARCH_STATE_REGSET_H
#define ARCH_STATE_REGSET_H

#include "arch/state/user_area.h"

/* struct user_regs_struct, of a 64-bit program and of i386's; FXSAVE's area. */
enum regset { REGSET_REGS, REGSET_REGS32, REGSET_FPU, NO_REGSET };

#define REGSET_MOST 512 /* bytes */

/* Bytes of a whole set, and those of each word: who wants a part wants some of these. */
u64 regset_size(enum regset set);
u64 regset_word(enum regset set);

/*
 * The set that a note of this type (NT_x) in a core file would have, by the code that the task
 * runs: i386's has no FXSAVE's area.
 */
enum regset regset_of_note(const struct pt_regs *regs, u64 type);

/*
 * The whole set, and the first n bytes of it, of a task that is stopped and off its CPU: 0;
 * -EIO, and what debugreg_set() says, of a word's value; -EINVAL: MXCSR cannot be so, or it is
 * not all of FXSAVE's area.
 */
void regset_get(const struct user_state *u, const struct pt_regs *regs, enum regset set, void *to);
int regset_set(struct user_state *u, struct mm *mm, struct pt_regs *regs, enum regset set,
	       const void *from, u64 n);

/* Is it a call of i386's that they are of, and what are the six arguments of a call, whole registers? */
bool regs_of_ia32_call(const struct pt_regs *regs);
void regs_call_arguments(const struct pt_regs *regs, u64 arguments[6]);

#endif
