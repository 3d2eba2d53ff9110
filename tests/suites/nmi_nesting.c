/*
 * NMIs within NMIs.  While an NMI is handled the processor holds back the next
 * one, until any IRET: that of a page fault in the handler, of a debug
 * exception, of a machine check.  None may be lost then, and none may destroy
 * the frame of the one before it; and where that frame is still in the place
 * that the next one will use, nothing may unmask them.
 *
 * Each case runs in the hook of one NMI that this CPU has sent to itself.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/smp.h"
#include "arch/stack_marks.h"
#include "arch/state/insn.h"
#include "kernel/base/insn.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "kernel/trap.h"
#include "mm/pti.h"
#include "mm/space/uaccess.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"

void nesting_iret(void);
long nesting_machine_check(u64 stack);

#define WAIT_TURNS 1000000
#define MASKED_TURNS 10000 /* what is to stay out has come by then, or will not */
#define FRAMES_KEPT (sizeof(struct pt_regs))

static volatile u8 watched;

/* What happens in the first NMI's handler, and what the handlers saw. */
static struct {
	void (*in_handler)(void);
	volatile unsigned depth, deepest, nmis, debugs, machine_checks;
	bool in_entry_text;    /* the #MC is to have come there */
	bool masked;           /* after in_handler(), the second had not come */
	long registers;        /* nesting_machine_check()'s result */
	struct pt_regs first;  /* as the first was given them, before and after */
	int changed;
} seen;

static void wait_for_nmi(unsigned count, unsigned turns)
{
	for (unsigned i = 0; i < turns && seen.nmis < count; i++)
		cpu_relax();
}

static void first_nmi(struct pt_regs *regs)
{
	seen.first = *regs;
	smp_send_nmi(this_cpu()->cpu); /* held back: we are in one */
	seen.in_handler();
	seen.changed = memcmp(&seen.first, regs, FRAMES_KEPT);
}

static bool hook(struct pt_regs *regs)
{
	unsigned vector = regs->vector & 0xff;

	stretch_ignore(); /* it waits on purpose for the next NMI */
	seen.depth++;
	if (seen.depth > seen.deepest)
		seen.deepest = seen.depth;
	if (vector == VEC_NMI && ++seen.nmis == 1)
		first_nmi(regs);
	if (vector == VEC_DB) {
		seen.debugs++;
		write_dr6(DR6_NONE);
	}
	seen.machine_checks += vector == VEC_MC;
	if (vector == VEC_MC && seen.in_entry_text)
		regs->ip = entry_labels.window_paranoid_exit_end - 1; /* a RET */
	seen.depth--;
	return true;
}

/* ---- What the handler does ----------------------------------------------------- */

static void take_page_fault(void)
{
	u8 byte;

	probe_read((u64)&cea(0)->guard_entry_stack, &byte);
	wait_for_nmi(2, WAIT_TURNS);
}

static void take_debug(void)
{
	write_dr0((u64)&watched);
	write_dr7(DR7_WRITE_BYTE_0);
	watched = 1;
	write_dr7(DR7_NONE);
	wait_for_nmi(2, WAIT_TURNS);
}

static void take_iret(void)
{
	nesting_iret();
	wait_for_nmi(2, WAIT_TURNS);
}

static void take_machine_check(void)
{
	seen.registers = nesting_machine_check(read_rsp() - 256); /* below our frames */
	wait_for_nmi(2, WAIT_TURNS);
}

/*
 * The stack is the page of the NMI itself: as if its frame still were there.
 * Entry text alone runs on it otherwise, so the #MC is made to have come there, and
 * what the way back leaves on the page of our hidden address is erased.
 */
static void machine_check_on_nmi_page(void)
{
	u64 sp = (u64)(&cea(this_cpu()->cpu)->ist[IST_NMI - 1].stack + 1) -
		 2 * IST_RETURN_FRAME;

	seen.in_entry_text = true;
	seen.registers = nesting_machine_check(sp);
	memset((void *)(sp - IST_RETURN_FRAME), 0, IST_RETURN_FRAME);
	wait_for_nmi(2, MASKED_TURNS);
	seen.masked = seen.nmis == 1;
}

/* ---- Cases ------------------------------------------------------------------------- */

struct scenario {
	const char *what;
	void (*in_handler)(void);
	bool stays_masked;
	unsigned debugs, machine_checks, deepest;
};

static const struct scenario scenario[] = {
	{ "#PF", take_page_fault, false, 0, 0, 2 },
	{ "#DB", take_debug, false, 1, 0, 2 },
	{ "IRET", take_iret, false, 0, 0, 2 },
	{ "#MC in the handler", take_machine_check, false, 0, 1, 2 },
	{ "#MC on the NMI's page", machine_check_on_nmi_page, true, 0, 1, 2 },
};

static void run(struct selftest *t, const struct scenario *s)
{
	u64 flags = interrupts_save(), gs = rdmsr(MSR_GS_BASE), cr3 = read_cr3();
	bool held;

	memset(&seen, 0, sizeof(seen));
	seen.in_handler = s->in_handler;
	trap_paranoid_hook = hook;
	smp_send_nmi(this_cpu()->cpu);
	wait_for_nmi(2, WAIT_TURNS); /* back here, the second is no longer held back */
	trap_paranoid_hook = NULL;
	interrupts_restore(flags);
	held = EXPECT_EQ(t, seen.nmis, 2, "NMIs served: none lost, none twice");
	held &= EXPECT_EQ(t, seen.masked, s->stays_masked, "held back until the end");
	held &= EXPECT_EQ(t, seen.changed, 0, "the first one's frame, afterwards");
	held &= EXPECT_EQ(t, seen.debugs, s->debugs, "#DBs within");
	held &= EXPECT_EQ(t, seen.machine_checks, s->machine_checks, "#MCs within");
	held &= EXPECT_EQ(t, seen.deepest, s->deepest, "handlers at once");
	held &= EXPECT_EQ(t, seen.registers, 0, "RSP and registers after the #MC");
	held &= EXPECT_EQ(t, rdmsr(MSR_GS_BASE), gs, "GS base");
	held &= EXPECT_EQ(t, read_cr3(), cr3, "CR3");
	if (!held)
		selftest_note("there: cpu %u, %s", this_cpu()->cpu, s->what);
}

static void run_all(void *arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(scenario); i++)
		run(arg, &scenario[i]);
}

static void nesting(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online)
		EXPECT(t, cpus_run_thread(cpu, run_all, t), "memory for a thread");
}

/* ---- Under the user's CR3 ------------------------------------------------------------ */

/*
 * An event that returns to user's CR3 is stopped in front of its IRETQ, on its own
 * page: what comes out of that must be under the user's CR3 still.  The event is
 * led to the stub of a #MC, as if that had come under the user's CR3, too, with a
 * frame that returns to where the event was.  What stops it is a #DB; if the event
 * is one itself, both ways out have their frames on the same page.
 */
static struct {
	unsigned led, debugs, machine_checks;
	bool door_user, after_user; /* CR3 at the door, and behind it */
} under_user;

static u64 *entry_stack_frame(void)
{
	return (u64 *)((u64)&cea(this_cpu()->cpu)->entry_stack + ENTRY_STACK_SIZE) - 5;
}

static void lead_to_stub(struct paranoid_frame *frame)
{
	u64 *to = entry_stack_frame();

	memcpy(to, &frame->regs.ip, 5 * sizeof(*to)); /* RIP, CS, RFLAGS, RSP, SS */
	frame->cr3 |= CR3_USER_MASK;
	frame->regs.ip = entry_labels.stubs + VEC_MC * ENTRY_STUB_SIZE;
	frame->regs.sp = (u64)to;
	write_dr0(entry_labels.door_iret_kernel);
	write_dr6(DR6_NONE);
	write_dr7(DR7_EXECUTE_0);
}

static bool hook_under_user(struct pt_regs *regs)
{
	struct paranoid_frame *frame = container_of(regs, struct paranoid_frame, regs);
	bool user = frame->cr3 & CR3_USER_PGD;

	if ((regs->vector & 0xff) == VEC_MC) {
		under_user.machine_checks++;
		under_user.after_user = user;
		frame->cr3 &= ~(u64)CR3_USER_MASK;
	} else if (!under_user.led++) {
		lead_to_stub(frame);
	} else {
		write_dr7(DR7_NONE);
		write_dr6(DR6_NONE);
		under_user.debugs++;
		under_user.door_user = user;
	}
	return true;
}

static void nmi_to_self(void)
{
	smp_send_nmi(this_cpu()->cpu);
}

static void debug_here(void)
{
	write_dr0((u64)&watched);
	write_dr7(DR7_WRITE_BYTE_0);
	watched = 1;
}

static void stop_at_door(struct selftest *t, void (*event)(void))
{
	u64 flags = interrupts_save(), cr3 = read_cr3();

	memset(&under_user, 0, sizeof(under_user));
	trap_paranoid_hook = hook_under_user;
	event();
	for (unsigned i = 0; i < WAIT_TURNS && !under_user.machine_checks; i++)
		cpu_relax();
	trap_paranoid_hook = NULL;
	stack_marks_ignore(this_cpu()->cpu, STACK_MARK_ENTRY);
	cea_scrub(this_cpu());
	interrupts_restore(flags);
	EXPECT_EQ(t, under_user.debugs, 1, "#DBs at the door");
	EXPECT(t, under_user.door_user, "the door is under the user's CR3");
	EXPECT_EQ(t, under_user.machine_checks, 1, "what is behind it runs");
	EXPECT(t, under_user.after_user, "under the user's CR3");
	EXPECT_EQ(t, read_cr3(), cr3, "CR3 afterwards");
}

static void stop_nmi(void *arg)
{
	stop_at_door(arg, nmi_to_self);
}

static void stop_debug(void *arg)
{
	stop_at_door(arg, debug_here);
}

/* In a thread on each CPU. */
static void stop_everywhere(struct selftest *t, void (*fn)(void *))
{
	if (cpus_skip_breakpoints(t))
		return;
	if (!pti_enabled) {
		selftest_skip(t, "without a shadow there is one CR3");
		return;
	}
	for_each_cpu(cpu, &cpus_online)
		EXPECT(t, cpus_run_thread(cpu, fn, t), "memory for a thread");
}

static void masked_exit(struct selftest *t)
{
	stop_everywhere(t, stop_nmi);
}

static void same_page(struct selftest *t)
{
	stop_everywhere(t, stop_debug);
}

static const struct selftest_case cases[] = {
	{ "an NMI within an NMI is served once, and harms neither", nesting },
	{ "an NMI's way out that is interrupted goes on under the CR3 it had", masked_exit },
	{ "so does a debug trap's by another, whose frame is on the same page", same_page },
};
SELFTEST_SUITE(nmi_nesting, cases);
