/*
 * Signal frames of 64-bit programs, and rt_sigreturn.  From the interrupted RSP
 * down:
 *
 *   128 bytes that the ABI leaves to the program below its RSP (or the top of
 *       the alternate stack)
 *   FPU state, 64-aligned       uc.mcontext.fpstate points to it
 *   siginfo
 *   ucontext: flags, alternate stack, registers, mask
 *   return address: the restorer, which calls rt_sigreturn   <- RSP, 16n + 8
 *
 * The program may change all of it.  Whatever it says, rt_sigreturn gives no more than
 * ring 3 has: CS and SS get RPL 3, RFLAGS only the bits that POPF may change, and what
 * IRET refuses is the program's fault (entry/interrupt.asm).
 * Source: Linux, arch/x86/include/uapi/asm/{sigcontext,ucontext}.h (the ABI).
 */
#include "arch/cpu.h"
#include "arch/state/fpu.h"
#include "arch/state/fpu_frame.h"
#include "arch/state/segment.h"
#include "kernel/base/errno.h"
#include "kernel/linux/signal/sigframe.h"
#include "kernel/linux/signal/siginfo.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "mm/space/uaccess.h"

#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4
#define RED_ZONE 128

struct stack64 {
	u64 sp;
	u32 flags, pad;
	u64 size;
};

/* The first registers of a sigcontext, in its order; struct pt_regs has the same names. */
/* clang-format off */
#define SIGCONTEXT_REGS(X) \
	X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15) \
	X(di) X(si) X(bp) X(bx) X(dx) X(ax) X(cx) X(sp) X(ip)
/* clang-format on */

#define FIELD(reg) u64 reg;
#define PUT(reg) user_put64(&c->reg, r->reg, fault);
#define LOAD(reg) user_get64(&r->reg, &c->reg, fault);

struct sigcontext64 {
	SIGCONTEXT_REGS(FIELD)
	u64 flags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2, fpstate, reserved[8];
};
static_assert(offsetof(struct sigcontext64, fpstate) == 184, "Linux's sigcontext_64");

struct ucontext64 {
	u64 flags, link;
	struct stack64 stack;
	struct sigcontext64 mcontext;
	u64 sigmask;
};
static_assert(sizeof(struct ucontext64) == 304, "Linux's ucontext");

struct frame64 {
	u64 restorer;
	struct ucontext64 uc;
	struct user_siginfo info;
};
static_assert(sizeof(struct frame64) == 440, "Linux's rt_sigframe");

#define FRAME_ALIGN 16

u64 sigframe_max_size(void)
{
	u64 size = SIGFRAME32_SIZE + FRAME_ALIGN - 1 + cpu_features.fpu_frame_size +
		   FPU_LEGACY_SIZE + 63;

	return ALIGN_UP(size, FRAME_ALIGN);
}

/* ---- The way out -------------------------------------------------------------------- */

/* Where the frame goes; 0: no room. */
static virt_addr_t place_frame(const struct delivery *d, const struct pt_regs *regs,
			       virt_addr_t *fpstate)
{
	const struct signal_stack *s = &current_thread()->choices->stack;
	u64 sp = regs->sp - RED_ZONE;
	bool alternate = signal_on_stack(s, regs->sp);

	if ((d->action.flags & SA_ONSTACK) && s->size && !signal_on_stack(s, sp)) {
		sp = s->sp + s->size;
		alternate = true;
	}
	*fpstate = ALIGN_DOWN(sp - cpu_features.fpu_frame_size, 64);
	sp = ALIGN_DOWN(*fpstate - sizeof(struct frame64), FRAME_ALIGN) - 8;
	if (alternate && !(sp > s->sp && sp - s->sp <= s->size))
		return 0; /* it would not fit on the alternate stack */
	return user_range_ok(sp, *fpstate + cpu_features.fpu_frame_size - sp) ? sp : 0;
}

/* User memory is open. */
static inline int write_context(struct sigcontext64 *c, const struct pt_regs *r,
				const struct delivery *d, virt_addr_t fpstate)
{
	const struct task_signals *s = &current_thread()->signals;

	SIGCONTEXT_REGS(PUT)
	user_put64(&c->flags, r->flags, fault);
	user_put16(&c->cs, r->cs, fault);
	user_put16(&c->gs, 0, fault);
	user_put16(&c->fs, 0, fault);
	user_put16(&c->ss, r->ss, fault);
	user_put64(&c->err, s->error, fault);
	user_put64(&c->trapno, s->trapno, fault);
	user_put64(&c->oldmask, d->mask, fault);
	user_put64(&c->cr2, s->cr2, fault);
	user_put64(&c->fpstate, fpstate, fault);
	return 0;
fault:
	return -EFAULT;
}

/* FPU state comes first; `reserved` stays as it is, as in Linux. */
static int write_frame(struct frame64 *f, const struct pt_regs *regs, const struct delivery *d,
		       virt_addr_t fpstate)
{
	const struct signal_stack *s = &current_thread()->choices->stack;
	u64 flags = UC_SIGCONTEXT_SS | (cpu_features.xsave ? UC_FP_XSTATE : 0) |
		    (regs->cs == SEL_USER_CS ? UC_STRICT_RESTORE_SS : 0);
	struct ucontext64 *uc = &f->uc;

	user_access_begin();
	if (fpu_frame_save(fpstate, 0))
		goto fault;
	user_put64(&f->restorer, d->action.restorer, fault);
	user_put64(&uc->flags, flags, fault);
	user_put64(&uc->link, 0, fault);
	user_put64(&uc->stack.sp, s->sp, fault);
	user_put32(&uc->stack.flags, sigframe_stack_flags(s), fault);
	user_put64(&uc->stack.size, s->size, fault);
	user_put64(&uc->sigmask, d->mask, fault);
	if (write_context(&uc->mcontext, regs, d, fpstate) ||
	    (d->action.flags & SA_SIGINFO && siginfo_put((virt_addr_t)&f->info, &d->info)))
		goto fault;
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

int sigframe64_push(const struct delivery *d, struct pt_regs *regs)
{
	virt_addr_t fpstate, sp, info;

	if (!(d->action.flags & SA_RESTORER))
		return -EFAULT;
	sp = place_frame(d, regs, &fpstate);
	info = sp + offsetof(struct frame64, info);
	if (!sp || write_frame((struct frame64 *)sp, regs, d, fpstate))
		return -EFAULT;
	regs->di = (u64)d->signal;
	regs->si = info;
	regs->dx = sp + offsetof(struct frame64, uc);
	regs->ax = 0; /* for a handler without prototype: no vector registers */
	regs->ip = d->action.handler;
	regs->sp = sp;
	regs->cs = SEL_USER_CS;
	if (regs->ss != SEL_USER_DS && !segment_is_stack((u16)regs->ss))
		regs->ss = SEL_USER_DS;
	fpu_reset();
	return 0;
}

/* ---- The way back -------------------------------------------------------------------- */

#define FLAGS_RETURN                                                                         \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | \
	 RFLAGS_OF | RFLAGS_RF | RFLAGS_AC)

u64 sigframe_flags(u64 old, u64 wanted)
{
	wanted = step_load_flags(&current_thread()->user.step, wanted);
	return (old & ~(u64)FLAGS_RETURN) | (wanted & FLAGS_RETURN);
}

/* What the frame has beside the registers; its place need not be aligned. */
typedef struct ucontext64 __attribute__((aligned(1))) any_ucontext64;
struct rest64 {
	u64 uc_flags, flags, selectors, fpstate, sigmask;
	struct signal_stack stack;
};

/*
 * The general registers into *r, all else into *to: 0 or -EFAULT.  First what lies at both
 * ends, so that a frame of which a page is missing changes nothing.  User memory is open.
 */
static inline int read_context(struct pt_regs *r, struct rest64 *to, const any_ucontext64 *uc)
{
	const typeof(uc->mcontext) *c = &uc->mcontext;

	user_get64(&to->sigmask, &uc->sigmask, fault);
	user_get64(&to->uc_flags, &uc->flags, fault);
	user_get64(&to->stack.sp, &uc->stack.sp, fault);
	user_get32(&to->stack.flags, &uc->stack.flags, fault);
	user_get64(&to->stack.size, &uc->stack.size, fault);
	user_get64(&to->flags, &c->flags, fault);
	user_get64(&to->selectors, &c->cs, fault);
	user_get64(&to->fpstate, &c->fpstate, fault);
	SIGCONTEXT_REGS(LOAD)
	return 0;
fault:
	return -EFAULT;
}

static inline void load_special(struct pt_regs *r, const struct rest64 *from)
{
	r->cs = (u16)from->selectors | 3;
	r->ss = segment_of_frame(current_task()->mm, (u16)(from->selectors >> 48) | 3);
	r->flags = sigframe_flags(r->flags, from->flags);
	r->orig_ax = ~0ULL; /* nothing to restart */
	/* Old programs save no SS, and get a good one. */
	if (!(from->uc_flags & UC_STRICT_RESTORE_SS) && r->cs == SEL_USER_CS &&
	    !segment_is_stack((u16)r->ss))
		r->ss = SEL_USER_DS;
}

/* The alternate stack as the frame has it; mostly that is as it was. */
static inline void restore_stack(const struct signal_stack *new, u64 sp)
{
	const struct signal_stack *s = &current_thread()->choices->stack;

	if (new->sp != s->sp || new->size != s->size || new->flags != sigframe_stack_flags(s))
		signal_set_stack(new, NULL, sp);
}

bool sigframe64_return(struct pt_regs *regs)
{
	virt_addr_t at = regs->sp - sizeof(u64);
	struct rest64 rest;
	int err, fpu_err = 0;

	if (!user_range_ok(at, sizeof(struct frame64)))
		return false;
	user_access_begin();
	err = read_context(regs, &rest, (any_ucontext64 *)(at + offsetof(struct frame64, uc)));
	if (!err && rest.fpstate)
		fpu_err = fpu_frame_restore64(rest.fpstate);
	user_access_end();
	if (err)
		return false;
	signal_set_blocked(rest.sigmask);
	current_thread()->signals.restart.resume = NULL;
	load_special(regs, &rest);
	if (!rest.fpstate)
		fpu_reset();
	if (fpu_err)
		return false;
	restore_stack(&rest.stack, regs->sp);
	return true;
}
