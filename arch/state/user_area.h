/*
 * struct user: a program's registers as a debugger reads and writes them, by offset.
 */
#ifndef ARCH_STATE_USER_AREA_H
#define ARCH_STATE_USER_AREA_H

#include "arch/state/user_state.h"
#include "entry/entry.h"

#define USER_REGS_WORDS 27 /* of 8 bytes, with which it begins: struct user_regs_struct */

/*
 * One word of a task that is stopped and off its CPU.  0, or -EIO: no such word, or no
 * such value for it; of debug registers debugreg_set()'s errors, too.
 */
int user_area_get(const struct user_state *u, const struct pt_regs *regs, u64 offset, u64 *value);
int user_area_set(struct user_state *u, struct mm *mm, struct pt_regs *regs, u64 offset, u64 value);

#endif
