/*
 * Sets of registers, made of the words that struct user has (arch/state/user_area.c), and of
 * the page in which a task's FPU state is while it is off its CPU.
 * Source: Linux's elf.h (NT_x) and ptrace(2); of i386's, struct user_regs_struct there.
 */
#include "arch/cpu.h"
#include "arch/state/fpu.h"
#include "arch/state/regset.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"

#include <linux/elf.h>

#define REGS32_WORDS 17
#define FPU_USED 464 /* of FXSAVE's area: the rest is left to software */
#define MXCSR_OFFSET 24
#define MXCSR_VALID 0xffff

/* Where in ours i386's registers are, ebx, ecx, edx, esi, edi, ebp, eax, and so on. */
static const u8 place32[REGS32_WORDS] = { 5,  11, 12, 13, 14, 4,  10, 23, 24,
					  25, 26, 15, 16, 17, 18, 19, 20 };

u64 regset_size(enum regset set)
{
	return set == REGSET_REGS   ? USER_REGS_WORDS * sizeof(u64) :
	       set == REGSET_REGS32 ? REGS32_WORDS * sizeof(u32) :
				      FXSAVE_SIZE;
}

u64 regset_word(enum regset set)
{
	return set == REGSET_REGS32 ? sizeof(u32) : sizeof(u64);
}

enum regset regset_of_note(const struct pt_regs *regs, u64 type)
{
	bool wide = regs->cs == SEL_USER_CS;

	if (type == NT_PRSTATUS)
		return wide ? REGSET_REGS : REGSET_REGS32;
	return type == NT_PRFPREG && wide ? REGSET_FPU : NO_REGSET;
}

/* The offset in struct user of the set's word. */
static u64 offset_of(enum regset set, u64 word)
{
	return (set == REGSET_REGS32 ? place32[word] : word) * sizeof(u64);
}

void regset_get(const struct user_state *u, const struct pt_regs *regs, enum regset set, void *to)
{
	u64 size = regset_word(set), value;

	if (set == REGSET_FPU) {
		memcpy(to, u->fpu, FXSAVE_SIZE);
		return;
	}
	for (u64 i = 0; i < regset_size(set) / size; i++) {
		user_area_get(u, regs, offset_of(set, i), &value);
		memcpy((u8 *)to + i * size, &value, size);
	}
}

/* x87 and SSE are in use then, whatever they were. */
static int set_fpu(u8 *fpu, const u8 *from)
{
	u64 in_use;
	u32 mxcsr;

	memcpy(&mxcsr, from + MXCSR_OFFSET, sizeof(mxcsr));
	if (mxcsr & ~(u32)MXCSR_VALID)
		return -EINVAL;
	memcpy(fpu, from, FPU_USED);
	if (!cpu_features.xsave)
		return 0;
	memcpy(&in_use, fpu + FXSAVE_SIZE, sizeof(in_use));
	in_use |= XCR0_X87 | XCR0_SSE;
	memcpy(fpu + FXSAVE_SIZE, &in_use, sizeof(in_use));
	return 0;
}

int regset_set(struct user_state *u, struct mm *mm, struct pt_regs *regs, enum regset set,
	       const void *from, u64 n)
{
	u64 size = regset_word(set);
	int err = 0;

	if (set == REGSET_FPU)
		return n == FXSAVE_SIZE ? set_fpu(u->fpu, from) : -EINVAL;
	for (u64 i = 0; i < n / size && !err; i++) {
		u64 value = 0;

		memcpy(&value, (const u8 *)from + i * size, size);
		err = user_area_set(u, mm, regs, offset_of(set, i), value);
	}
	return err;
}

bool regs_of_ia32_call(const struct pt_regs *regs)
{
	return regs_in_syscall(regs) && regs->vector != VEC_SYSCALL;
}

void regs_call_arguments(const struct pt_regs *regs, u64 arguments[6])
{
	const u64 wide[] = { regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9 };
	const u64 narrow[] = { regs->bx, regs->cx, regs->dx, regs->si, regs->di, regs->bp };
	bool ia32 = regs_of_ia32_call(regs);

	for (unsigned i = 0; i < ARRAY_SIZE(wide); i++)
		arguments[i] = ia32 ? narrow[i] : wide[i];
}
