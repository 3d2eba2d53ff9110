/*
 * A stopped thread's registers as struct user_regs_struct has them, one word at
 * a time, with what may be written into each.  Segment selectors and bases are
 * in struct thread, for the thread is off its CPU; they are checked again when
 * they are loaded (kernel/task/sched.c), and CS, SS and RIP by IRET.
 */
#include "arch/state/segment.h"
#include "kernel/base/errno.h"
#include "kernel/base/nospec.h"
#include "kernel/linux/process/ptrace.h"

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

/* What a tracer may set in RFLAGS. */
#define FLAGS_TRACER                                                                         \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | \
	 RFLAGS_OF | RFLAGS_RF | RFLAGS_AC | RFLAGS_NT)

u64 ptrace_get_word(struct thread *t, unsigned word)
{
	struct pt_regs *regs = thread_regs(t);

	word = (unsigned)array_index_nospec(word, USER_REGS_WORDS);
	switch (word) {
	case WORD_ORIG_AX: /* of an exception it is the error code, not shown */
		return regs_in_syscall(regs) ? regs->orig_ax : ~0ULL;
	case WORD_IP: return regs->ip;
	case WORD_CS: return (u16)regs->cs;
	case WORD_FLAGS: return regs->flags & ~(t->signals.forced_tf ? (u64)RFLAGS_TF : 0);
	case WORD_SP: return regs->sp;
	case WORD_SS: return (u16)regs->ss;
	case WORD_FS_BASE: return t->user.fs_base;
	case WORD_GS_BASE: return t->user.gs_base;
	case WORD_DS: return t->user.ds;
	case WORD_ES: return t->user.es;
	case WORD_FS: return t->user.fs;
	case WORD_GS: return t->user.gs;
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

static int set_flags(struct thread *t, u64 value)
{
	struct pt_regs *regs = thread_regs(t);

	if (value & RFLAGS_TF)
		t->signals.forced_tf = false;
	else if (t->signals.forced_tf)
		value |= RFLAGS_TF;
	regs->flags = (regs->flags & ~(u64)FLAGS_TRACER) | (value & FLAGS_TRACER);
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

int ptrace_set_word(struct thread *t, unsigned word, u64 value)
{
	struct pt_regs *regs = thread_regs(t);

	word = (unsigned)array_index_nospec(word, USER_REGS_WORDS);
	switch (word) {
	case WORD_ORIG_AX: return set_orig_ax(regs, value);
	case WORD_IP: regs->ip = value; return 0;
	case WORD_CS: return set_frame_selector(&regs->cs, value);
	case WORD_FLAGS: return set_flags(t, value);
	case WORD_SP: regs->sp = value; return 0;
	case WORD_SS: return set_frame_selector(&regs->ss, segment_of_frame(t->mm, (u16)value));
	case WORD_FS_BASE: return set_base(&t->user.fs_base, value);
	case WORD_GS_BASE: return set_base(&t->user.gs_base, value);
	case WORD_DS: return set_selector(&t->user.ds, value);
	case WORD_ES: return set_selector(&t->user.es, value);
	case WORD_FS: return set_selector(&t->user.fs, value);
	case WORD_GS: return set_selector(&t->user.gs, value);
	default: ((u64 *)regs)[word] = value; return 0;
	}
}
