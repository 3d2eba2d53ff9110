/*
 * A stopped task's registers as struct user has them, one word at a time, with what may
 * be written into each.  Segment selectors and bases are in struct user_state, for the task
 * is off its CPU; they are checked again when they are loaded, and CS, SS and RIP by IRET.
 */
#include "arch/state/user_area.h"
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "kernel/base/nospec.h"

#define DEBUGREGS_OFFSET 848 /* u_debugreg */
#define AREA_SIZE 928

/* struct user_regs_struct: 0 to 14 are as in struct pt_regs, from r15 on. */
enum user_word {
	WORD_DI = 14,
	WORD_ORIG_AX,
	WORD_IP,
	WORD_CS,
	WORD_FLAGS,
	WORD_SP,
	WORD_SS,
	WORD_FS_BASE,
	WORD_GS_BASE,
	WORD_DS,
	WORD_ES,
	WORD_FS,
	WORD_GS,
};
static_assert(offsetof(struct pt_regs, di) == WORD_DI * 8, "as user_regs_struct");
static_assert(WORD_GS + 1 == USER_REGS_WORDS, "user_regs_struct");

/* What a debugger may set in RFLAGS. */
#define FLAGS_DEBUGGER                                                                       \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | \
	 RFLAGS_OF | RFLAGS_RF | RFLAGS_AC | RFLAGS_NT)

static u64 get_word(const struct user_state *u, const struct pt_regs *regs, unsigned word)
{
	word = (unsigned)array_index_nospec(word, USER_REGS_WORDS);
	switch (word) {
	case WORD_ORIG_AX: /* of an exception it is the error code, not shown */
		return regs_in_syscall(regs) ? regs->orig_ax : ~0ULL;
	case WORD_IP: return regs->ip;
	case WORD_CS: return (u16)regs->cs;
	case WORD_FLAGS: return step_own_flags(&u->step, regs->flags);
	case WORD_SP: return regs->sp;
	case WORD_SS: return (u16)regs->ss;
	case WORD_FS_BASE: return u->fs_base;
	case WORD_GS_BASE: return u->gs_base;
	case WORD_DS: return u->ds;
	case WORD_ES: return u->es;
	case WORD_FS: return u->fs;
	case WORD_GS: return u->gs;
	default: return ((const u64 *)regs)[word];
	}
}

static int set_base(u64 *base, u64 value)
{
	if (value >= USER_END)
		return -EIO;
	*base = value;
	return 0;
}

static bool is_user_selector(u16 sel)
{
	return sel == 0 || (sel & 3) == 3;
}

static int set_selector(u16 *to, u64 value)
{
	if (!is_user_selector((u16)value))
		return -EIO;
	*to = (u16)value;
	return 0;
}

/* CS and SS: never null. */
static int set_frame_selector(u64 *to, u64 value)
{
	if ((u16)value == 0 || !is_user_selector((u16)value))
		return -EIO;
	*to = (u16)value;
	return 0;
}

static int set_flags(struct user_step *s, struct pt_regs *regs, u64 value)
{
	if (value & RFLAGS_TF)
		s->forced_tf = false;
	else if (s->forced_tf)
		value |= RFLAGS_TF;
	regs->flags = (regs->flags & ~(u64)FLAGS_DEBUGGER) | (value & FLAGS_DEBUGGER);
	return 0;
}

/* With a number of -1, or behind an exception, nothing is restarted. */
static int set_orig_ax(struct pt_regs *regs, u64 value)
{
	if (regs_in_syscall(regs) || (s32)value != -1) {
		if (!regs_in_syscall(regs))
			regs->vector = VEC_SYSCALL;
		regs->orig_ax = value;
	}
	return 0;
}

static int set_word(struct user_state *u, struct mm *mm, struct pt_regs *regs, unsigned word,
		    u64 value)
{
	word = (unsigned)array_index_nospec(word, USER_REGS_WORDS);
	switch (word) {
	case WORD_ORIG_AX: return set_orig_ax(regs, value);
	case WORD_IP: regs->ip = value; return 0;
	case WORD_CS: return set_frame_selector(&regs->cs, value);
	case WORD_FLAGS: return set_flags(&u->step, regs, value);
	case WORD_SP: regs->sp = value; return 0;
	case WORD_SS: return set_frame_selector(&regs->ss, segment_of_frame(mm, (u16)value));
	case WORD_FS_BASE: return set_base(&u->fs_base, value);
	case WORD_GS_BASE: return set_base(&u->gs_base, value);
	case WORD_DS: return set_selector(&u->ds, value);
	case WORD_ES: return set_selector(&u->es, value);
	case WORD_FS: return set_selector(&u->fs, value);
	case WORD_GS: return set_selector(&u->gs, value);
	default: ((u64 *)regs)[word] = value; return 0;
	}
}

static bool is_word(u64 offset)
{
	return offset % 8 == 0 && offset < AREA_SIZE;
}

/* Its number in u_debugreg; 8 and above: something else. */
static u64 debugreg_of(u64 offset)
{
	return (offset - DEBUGREGS_OFFSET) / 8;
}

/* Beyond the registers, struct user reads as zero. */
int user_area_get(const struct user_state *u, const struct pt_regs *regs, u64 offset, u64 *value)
{
	*value = 0;
	if (!is_word(offset))
		return -EIO;
	if (offset / 8 < USER_REGS_WORDS)
		*value = get_word(u, regs, (unsigned)(offset / 8));
	else if (debugreg_of(offset) < 8)
		*value = debugreg_get(&u->debug, (unsigned)debugreg_of(offset));
	return 0;
}

int user_area_set(struct user_state *u, struct mm *mm, struct pt_regs *regs, u64 offset, u64 value)
{
	if (!is_word(offset))
		return -EIO;
	if (debugreg_of(offset) < 8)
		return debugreg_set(&u->debug, (unsigned)debugreg_of(offset), value);
	if (offset / 8 >= USER_REGS_WORDS)
		return -EIO;
	return set_word(u, mm, regs, (unsigned)(offset / 8), value);
}
