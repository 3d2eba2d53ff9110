/*
 * Signal frames of i386 programs, for actions that an i386 system call has set,
 * and the two calls that return from them.  From the interrupted ESP down (no
 * bytes are left free below it):
 *
 *   XSAVE's area, 64-aligned, and FSAVE's in front of it
 *   with SA_SIGINFO: code, ucontext, siginfo, pointers to both, signal number
 *   without: code, more of the mask, room of old, registers, signal number
 *   return address: SA_RESTORER's, or the code    <- ESP, 16n + 12
 *
 * The handler also gets its arguments in EAX, EDX, ECX.  As in the other layout, what
 * comes back may be anything: CS and SS get RPL 3, a selector that cannot be loaded
 * becomes null.
 * Source: Linux, arch/x86/include/uapi/asm/sigcontext.h, and for the frames
 * arch/x86/include/asm/sigframe.h (the ABI).
 */
#include "arch/cpu.h"
#include "arch/state/fpu.h"
#include "arch/state/fpu_frame.h"
#include "arch/state/segment.h"
#include "arch/vdso/ia32_vdso.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "kernel/linux/signal/sigframe.h"
#include "kernel/linux/signal/siginfo.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "mm/space/uaccess.h"

#define NR_IA32_SIGRETURN 119
#define NR_IA32_RT_SIGRETURN 173

/* The general registers of a sigcontext, in its order; struct pt_regs has the same names. */
#define SIGCONTEXT_REGS(X) X(di) X(si) X(bp) X(sp) X(bx) X(dx) X(cx) X(ax)

#define FIELD(reg) u32 reg;
#define FILL(reg) .reg = (u32)r->reg,
#define LOAD(reg) r->reg = c->reg;

struct sigcontext32 {
	u32 gs, fs, es, ds;
	SIGCONTEXT_REGS(FIELD)
	u32 trapno, err, ip, cs, flags, sp_at_signal, ss;
	u32 fpstate, oldmask, cr2;
};
static_assert(sizeof(struct sigcontext32) == 88, "Linux's sigcontext_32");

struct stack32 {
	u32 sp, flags, size;
};

struct ucontext32 {
	u32 flags, link;
	struct stack32 stack;
	struct sigcontext32 mcontext;
	u32 sigmask[2];
};
static_assert(sizeof(struct ucontext32) == 116, "Linux's ucontext_ia32");

/* The code gdb knows such frames by: it makes the system call. */
struct frame32 {
	u32 restorer, signal;
	struct sigcontext32 sc;
	u8 unused[FPU_LEGACY_SIZE + FXSAVE_SIZE];
	u32 sigmask1;
	u8 code[8];
};
static_assert(sizeof(struct frame32) == SIGFRAME32_SIZE, "Linux's sigframe_ia32");

struct rt_frame32 {
	u32 restorer, signal, info_at, uc_at;
	u8 info[sizeof(struct user_siginfo)];
	struct ucontext32 uc;
	u8 code[8];
};
static_assert(sizeof(struct rt_frame32) == 268, "Linux's rt_sigframe_ia32");

/* ---- The way out -------------------------------------------------------------------- */

/* The frame's address, the FPU state written; 0: it could not be. */
static virt_addr_t place_frame(const struct delivery *d, const struct pt_regs *regs, size_t size,
			       virt_addr_t *fpstate)
{
	const struct signal_stack *s = &current_thread()->choices->stack;
	u64 sp = regs->sp, area;

	if (d->action.flags & SA_ONSTACK) {
		if (s->size && !signal_on_stack(s, sp))
			sp = s->sp + s->size;
	} else if (regs->ss != SEL_USER_DS && !(d->action.flags & SA_RESTORER) &&
		   d->action.restorer) {
		sp = d->action.restorer; /* as before there was SA_ONSTACK */
	}
	area = ALIGN_DOWN(sp - cpu_features.fpu_frame_size, 64);
	*fpstate = area - FPU_LEGACY_SIZE;
	if (fpu_frame_save32(area, (u16)regs->cs, read_ds()))
		return 0;
	return ALIGN_DOWN(*fpstate - size + 4, 16) - 4;
}

static void fill_context(struct sigcontext32 *c, const struct pt_regs *r, const struct delivery *d,
			 virt_addr_t fpstate)
{
	const struct task_signals *s = &current_thread()->signals;

	*c = (struct sigcontext32){
		.gs = read_gs(),
		.fs = read_fs(),
		.es = read_es(),
		.ds = read_ds(),
		SIGCONTEXT_REGS(FILL).trapno = (u32)s->trapno,
		.err = (u32)s->error,
		.ip = (u32)r->ip,
		.cs = (u32)r->cs,
		.flags = (u32)r->flags,
		.sp_at_signal = (u32)r->sp,
		.ss = (u32)r->ss,
		.fpstate = (u32)fpstate,
		.oldmask = (u32)d->mask,
		.cr2 = (u32)s->cr2,
	};
}

/* Without a restorer the handler returns to the vDSO, or to the code in the frame. */
static u32 restorer(const struct delivery *d, const u8 *stub, virt_addr_t code)
{
	virt_addr_t vdso = ia32_vdso_address(current_thread()->mm, stub);

	if (d->action.flags & SA_RESTORER)
		return (u32)d->action.restorer;
	return (u32)(vdso ? vdso : code);
}

static void enter_handler(const struct delivery *d, struct pt_regs *regs, virt_addr_t sp,
			  u64 second, u64 third)
{
	u64 flags;

	regs->sp = sp;
	regs->ip = d->action.handler;
	regs->ax = (u64)d->signal;
	regs->dx = second;
	regs->cx = third;
	regs->cs = SEL_USER32_CS;
	regs->ss = SEL_USER_DS;
	flags = interrupts_save();
	segment_load_ds(SEL_USER_DS);
	segment_load_es(SEL_USER_DS);
	interrupts_restore(flags);
	fpu_reset();
}

static int push_plain(const struct delivery *d, struct pt_regs *regs)
{
	static const u8 code[8] = { 0x58, 0xb8, NR_IA32_SIGRETURN, 0, 0, 0, 0xcd, 0x80 };
	struct frame32 f = { .signal = (u32)d->signal, .sigmask1 = (u32)(d->mask >> 32) };
	virt_addr_t fpstate, sp = place_frame(d, regs, sizeof(f), &fpstate);

	if (!sp)
		return -EFAULT;
	f.restorer = restorer(d, ia32_vdso_sigreturn_stub, sp + offsetof(struct frame32, code));
	fill_context(&f.sc, regs, d, fpstate);
	memcpy(f.code, code, sizeof(code));
	/* The room of old is left as it is. */
	if (!user_range_ok(sp, sizeof(f)) ||
	    copy_to_user(sp, &f, offsetof(struct frame32, unused)) ||
	    copy_to_user(sp + offsetof(struct frame32, sigmask1), &f.sigmask1,
			 sizeof(f) - offsetof(struct frame32, sigmask1)))
		return -EFAULT;
	enter_handler(d, regs, sp, 0, 0);
	return 0;
}

static int push_rt(const struct delivery *d, struct pt_regs *regs)
{
	static const u8 code[8] = { 0xb8, NR_IA32_RT_SIGRETURN, 0, 0, 0, 0xcd, 0x80 };
	const struct signal_stack *s = &current_thread()->choices->stack;
	struct rt_frame32 f = { .signal = (u32)d->signal };
	virt_addr_t fpstate, sp = place_frame(d, regs, sizeof(f), &fpstate);
	virt_addr_t info = sp + offsetof(struct rt_frame32, info);
	virt_addr_t uc = sp + offsetof(struct rt_frame32, uc);

	if (!sp)
		return -EFAULT;
	f.restorer =
		restorer(d, ia32_vdso_rt_sigreturn_stub, sp + offsetof(struct rt_frame32, code));
	f.info_at = (u32)info;
	f.uc_at = (u32)uc;
	f.uc.flags = cpu_features.xsave ? UC_FP_XSTATE : 0;
	f.uc.stack = (struct stack32){ (u32)s->sp, sigframe_stack_flags(s), (u32)s->size };
	fill_context(&f.uc.mcontext, regs, d, fpstate);
	f.uc.sigmask[0] = (u32)d->mask;
	f.uc.sigmask[1] = (u32)(d->mask >> 32);
	memcpy(f.code, code, sizeof(code));
	if (copy_to_user(sp, &f, sizeof(f)) || siginfo_to_user32(info, &d->info))
		return -EFAULT;
	enter_handler(d, regs, sp, info, uc);
	return 0;
}

int sigframe32_push(const struct delivery *d, struct pt_regs *regs)
{
	return d->action.flags & SA_SIGINFO ? push_rt(d, regs) : push_plain(d, regs);
}

/* ---- The way back -------------------------------------------------------------------- */

/* Ring 3's; a null one stays plain, as processors' IRET makes it and QEMU's not. */
static u16 selector(u32 saved)
{
	u16 sel = (u16)saved | 3;

	return sel == 3 ? 0 : sel;
}

/* Only what has changed: loading FS and GS also sets their bases. */
static void load_selectors(const struct sigcontext32 *c)
{
	u64 flags = interrupts_save();

	if ((u16)(c->gs | 3) != read_gs())
		segment_load_gs(selector(c->gs));
	if ((u16)(c->fs | 3) != read_fs())
		segment_load_fs(selector(c->fs));
	if ((u16)(c->ds | 3) != read_ds())
		segment_load_ds(selector(c->ds));
	if ((u16)(c->es | 3) != read_es())
		segment_load_es(selector(c->es));
	interrupts_restore(flags);
}

static bool load_context(struct pt_regs *r, const struct sigcontext32 *c, u64 mask)
{
	signal_set_blocked(mask);
	current_thread()->signals.restart.resume = NULL;
	SIGCONTEXT_REGS(LOAD)
	r->ip = c->ip;
	r->cs = (u16)c->cs | 3;
	r->ss = segment_of_frame(current_task()->mm, (u16)c->ss | 3);
	r->flags = sigframe_flags(r->flags, c->flags);
	r->orig_ax = ~0ULL; /* nothing to restart */
	load_selectors(c);
	if (c->fpstate)
		return fpu_frame_restore32(c->fpstate) == 0;
	fpu_reset();
	return true;
}

/* The handler's RET and the code's POP have taken two words off the frame. */
static bool sigreturn(struct pt_regs *regs)
{
	virt_addr_t at = regs->sp - 8;
	struct sigcontext32 sc;
	u32 high;

	if (!user_range_ok(at, sizeof(struct frame32)) ||
	    copy_from_user(&sc, at + offsetof(struct frame32, sc), sizeof(sc)) ||
	    copy_from_user(&high, at + offsetof(struct frame32, sigmask1), sizeof(high)))
		return false;
	return load_context(regs, &sc, sc.oldmask | (u64)high << 32);
}

static bool rt_sigreturn(struct pt_regs *regs)
{
	virt_addr_t at = regs->sp - 4;
	struct ucontext32 uc;
	struct signal_stack stack;

	if (!user_range_ok(at, sizeof(struct rt_frame32)) ||
	    copy_from_user(&uc, at + offsetof(struct rt_frame32, uc), sizeof(uc)) ||
	    !load_context(regs, &uc.mcontext, uc.sigmask[0] | (u64)uc.sigmask[1] << 32))
		return false;
	stack = (struct signal_stack){ uc.stack.sp, uc.stack.size, uc.stack.flags };
	signal_set_stack(&stack, NULL, regs->sp);
	return true;
}

long ia32_sys_sigreturn(struct pt_regs *unused __unused)
{
	struct pt_regs *regs = thread_regs(current_thread());

	return sigframe_result(regs, sigreturn(regs), "bad frame in sigreturn");
}

long ia32_sys_rt_sigreturn(struct pt_regs *unused __unused)
{
	struct pt_regs *regs = thread_regs(current_thread());

	return sigframe_result(regs, rt_sigreturn(regs), "bad frame in rt_sigreturn");
}
