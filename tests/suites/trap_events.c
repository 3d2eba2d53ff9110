/*
 * Events with IST stacks that arrive in ring 0, provoked with every general
 * register under control: #DB by a data watchpoint, NMI by the own APIC and by
 * another CPU, with the kernel's GS and with any that a user could have set.
 * Afterwards all is as it was, and the IST pages hold no hidden address.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/apic.h"
#include "arch/machine/smp.h"
#include "arch/state/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/leakscan.h"
#include "mm/pti.h"
#include "mm/space/uaccess.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/trap_events.h"

#define ICR_LOW 0x300
#define ICR_HIGH 0x310
#define SEND_NMI 0x4400 /* assert, delivery mode NMI, physical destination */
#define WAIT_TURNS 10000000

#define DR6_B0 0x1

volatile u8 event_watched;
volatile u32 event_seen, event_patience;

/* What the handler saw; one event at a time. */
static struct {
	volatile unsigned events;
	unsigned cpu; /* by this_cpu() */
	struct pt_regs regs;
	u64 cr3_found, gs_found, cr3, gs, rsp, dr6, flags;
	int probe;
} seen;

static bool look(struct pt_regs *regs)
{
	const struct paranoid_frame *frame =
		container_of(regs, struct paranoid_frame, regs);
	u8 byte;

	seen.cpu = this_cpu()->cpu;
	seen.regs = *regs;
	seen.cr3_found = frame->cr3;
	seen.gs_found = frame->gs_base;
	seen.cr3 = read_cr3();
	seen.gs = rdmsr(MSR_GS_BASE);
	seen.rsp = read_rsp();
	seen.flags = read_flags();
	seen.dr6 = read_dr6();
	stretch_ignore(); /* interrupts are off until all has been looked at */
	write_dr6(DR6_NONE);
	/* A page fault in the handler: CR2 must not show it afterwards. */
	seen.probe = probe_read((u64)&cea(0)->guard_entry_stack, &byte);
	seen.events++;
	event_seen = 1;
	return true;
}

/* ---- Before and after ------------------------------------------------------------------ */

static const struct pt_regs pattern = {
	.r15 = 0xf00000000000000f, .r14 = 0xe111111111111111, .r13 = 0xd222222222222222,
	.r12 = 0xc333333333333333, .bp = 0xb444444444444444, .bx = 0xa555555555555555,
	.r11 = 0x9666666666666666, .r10 = 0x8777777777777777, .r9 = 0x7888888888888888,
	.r8 = 0x6999999999999999, .ax = 0x5aaaaaaaaaaaaaaa, .cx = 0x4bbbbbbbbbbbbbbb,
	.dx = 0x3ccccccccccccccc, .si = 0x2ddddddddddddddd, .di = 0x1eeeeeeeeeeeeeee,
	.flags = RFLAGS_FIXED | RFLAGS_DF | RFLAGS_CF | RFLAGS_ZF | RFLAGS_OF | RFLAGS_AC,
};

/* Offsets of the IST pages and the entry stack in an area. */
static const u64 stack_page[] = {
	CEA_ENTRY_STACK, CEA_IST, CEA_IST + CEA_IST_STRIDE,
	CEA_IST + 2 * CEA_IST_STRIDE, CEA_IST + 3 * CEA_IST_STRIDE,
};

static void expect_clean_stacks(struct selftest *t)
{
	unsigned cpu = this_cpu()->cpu;
	u64 value;

	for (unsigned i = 0; i < ARRAY_SIZE(stack_page); i++) {
		const u8 *page = (const u8 *)cea(cpu) + stack_page[i];
		long at = leakscan_page(page, LEDGER_DATA, &value);

		if (!EXPECT_EQ(t, at, -1, "offset of a hidden address on a stack"))
			selftest_note("there: cpu %u, stack at %p, value %#lx", cpu,
				      page, value);
	}
}

struct event {
	void (*make)(struct pt_regs *);
	unsigned vector, ist;
	u64 ip;     /* 0: anywhere in the kernel's text */
	u64 user_gs; /* the base active meanwhile, if `swapped` */
	bool swapped, flags_kept;
	struct pt_regs regs;
};

static void expect_handler(struct selftest *t, const struct event *e)
{
	const struct percpu *self = this_cpu();
	u64 top = self->ist_kernel_stack[e->ist - 1];

	EXPECT_EQ(t, seen.events, 1, "events taken");
	EXPECT_EQ(t, seen.regs.vector & 0xff, e->vector, "vector");
	EXPECT_EQ(t, seen.cpu, self->cpu, "the handler knows its CPU");
	EXPECT_EQ(t, seen.gs, (u64)self, "GS base in the handler");
	EXPECT_EQ(t, seen.cr3, read_cr3(), "CR3 in the handler");
	EXPECT_EQ(t, seen.flags & RFLAGS_DF, 0, "DF in the handler");
	EXPECT_EQ(t, uaccess_smap && (seen.flags & RFLAGS_AC), 0, "SMAP is closed in it");
	EXPECT(t, top - seen.rsp < IST_STACK_SIZE, "its stack is the kernel-only one");
	EXPECT_EQ(t, seen.cr3_found, read_cr3(), "CR3 as found");
	EXPECT_EQ(t, seen.gs_found, e->swapped ? e->user_gs : (u64)self, "GS as found");
	EXPECT_EQ(t, memcmp(&seen.regs, &e->regs, offsetof(struct pt_regs, vector)), 0,
		  "general registers that the handler was given");
	EXPECT_EQ(t, seen.regs.cs, SEL_KERNEL_CS, "CS");
	if (e->ip)
		EXPECT_EQ(t, seen.regs.ip, e->ip, "RIP");
	if (e->vector == VEC_DB)
		EXPECT_EQ(t, seen.dr6 & 0xf, DR6_B0, "DR6: breakpoint 0");
}

/* Makes one event on this CPU, which the caller's thread does not leave. */
static void make(struct selftest *t, struct event *e)
{
	struct pt_regs after = e->regs;
	u64 flags = interrupts_save(), cr3 = read_cr3(), old_gs, gs, user_gs, cr2;
	u8 byte;

	seen.events = 0;
	event_seen = 0;
	event_patience = WAIT_TURNS;
	old_gs = rdmsr(MSR_KERNEL_GS_BASE);
	wrmsr(MSR_KERNEL_GS_BASE, e->user_gs);
	probe_read((u64)&cea(1)->guard_entry_stack, &byte); /* something in CR2 */
	cr2 = read_cr2();
	trap_paranoid_hook = look;
	e->make(&after);
	user_access_end();
	trap_paranoid_hook = NULL;
	gs = rdmsr(MSR_GS_BASE);
	user_gs = rdmsr(MSR_KERNEL_GS_BASE);
	wrmsr(MSR_KERNEL_GS_BASE, old_gs);
	EXPECT_EQ(t, gs, (u64)VAULT_OF(this_cpu()->cpu), "GS base afterwards");
	EXPECT_EQ(t, user_gs, e->user_gs, "the other GS base afterwards");
	EXPECT_EQ(t, read_cr3(), cr3, "CR3 afterwards");
	EXPECT_EQ(t, read_cr2(), cr2, "CR2 afterwards");
	EXPECT_EQ(t, memcmp(&after, &e->regs, offsetof(struct pt_regs, vector)), 0,
		  "general registers afterwards");
	EXPECT_EQ(t, (after.flags ^ e->regs.flags) &
		  (e->flags_kept ? ~(u64)RFLAGS_RF : RFLAGS_DF | RFLAGS_IF), 0,
		  "RFLAGS afterwards");
	expect_handler(t, e);
	expect_clean_stacks(t);
	interrupts_restore(flags);
}

/* ---- #DB ------------------------------------------------------------------------------ */

static void watch_here(void *arg)
{
	/* What a user may have put there: nothing, its own, somebody's vault. */
	const u64 user_gs[] = {
		0, 0x123456789000, 0x7fffffffffff, KERNEL_HALF, 0xffffffffffffffff,
		(u64)VAULT_OF(0), (u64)VAULT_OF(NR_CPUS - 1), (u64)this_cpu(),
	};
	struct event e = {
		.vector = VEC_DB, .ist = IST_DB, .flags_kept = true, .regs = pattern,
		.make = event_watch, .ip = (u64)event_watch_after,
	};

	write_dr0((u64)&event_watched);
	write_dr6(DR6_NONE);
	write_dr7(DR7_WRITE_BYTE_0);
	make(arg, &e);
	e.make = event_watch_gs;
	e.ip = (u64)event_watch_gs_after;
	e.swapped = true;
	for (unsigned i = 0; i < ARRAY_SIZE(user_gs); i++) {
		e.user_gs = user_gs[i];
		make(arg, &e);
	}
	write_dr7(DR7_NONE);
}

static void debug_events(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online)
		EXPECT(t, cpus_run_thread(cpu, watch_here, t), "memory for a thread");
}

/* ---- NMI ------------------------------------------------------------------------------ */

struct apic_search {
	phys_addr_t pa;
	virt_addr_t va;
};

static int is_apic(const struct pt_leaf *leaf, void *arg)
{
	struct apic_search *s = arg;

	if (leaf->pa == s->pa)
		s->va = leaf->va;
	return leaf->pa == s->pa;
}

/* Registers with which the trigger sends an NMI to this CPU. */
static void prepare_self_nmi(struct event *e, bool gs)
{
	struct apic_search s = { .pa = rdmsr(MSR_APIC_BASE) & PTE_ADDR_MASK };

	e->regs = pattern;
	e->swapped = gs;
	if (apic_is_x2apic()) {
		e->regs.cx = MSR_X2APIC_BASE + ICR_LOW / 16;
		e->regs.dx = this_cpu()->apic_id;
		e->regs.ax = SEND_NMI;
		e->make = gs ? event_msr_gs : event_msr;
		return;
	}
	pt_for_each_leaf(pti_init_pgd, PGD_SLOT_VMAP, PGD_SLOT_VMAP, is_apic, &s);
	ASSERT_OP(s.va, !=, 0);
	*(volatile u32 *)(s.va + ICR_HIGH) = this_cpu()->apic_id << 24;
	e->regs.di = s.va + ICR_LOW;
	e->regs.ax = SEND_NMI;
	e->make = gs ? event_icr_gs : event_icr;
}

static void self_nmi_here(void *arg)
{
	struct event e = { .vector = VEC_NMI, .ist = IST_NMI };
	u64 nmis = this_cpu()->nmis;

	prepare_self_nmi(&e, false);
	make(arg, &e);
	prepare_self_nmi(&e, true);
	e.user_gs = 0x123456789000;
	make(arg, &e);
	prepare_self_nmi(&e, true);
	e.user_gs = (u64)VAULT_OF(NR_CPUS - 1);
	make(arg, &e);
	EXPECT_EQ((struct selftest *)arg, this_cpu()->nmis - nmis, 3, "NMIs counted");
}

static void self_nmis(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online)
		EXPECT(t, cpus_run_thread(cpu, self_nmi_here, t), "memory for a thread");
}

/* One thread waits with its registers loaded, another CPU sends. */
static void send_here(void *arg)
{
	/* Its turns run down: every register is loaded by then. */
	while (event_patience == WAIT_TURNS)
		cpu_relax();
	smp_send_nmi(*(const unsigned *)arg);
	task_exit(0);
}

static void wait_here(void *arg)
{
	struct event e = {
		.vector = VEC_NMI, .ist = IST_NMI, .regs = pattern, .make = event_wait,
	};

	make(arg, &e);
}

static void nmi_from(struct selftest *t, unsigned from, unsigned to)
{
	struct task *sender = task_create("sender", send_here, &to);

	if (!EXPECT(t, sender, "memory for a thread"))
		return;
	event_patience = WAIT_TURNS;
	sender->affinity = cpus_only(from);
	sched_start(sender);
	EXPECT(t, cpus_run_thread(to, wait_here, t), "memory for a thread");
	task_wait(sender);
}

static void nmis_from_others(struct selftest *t)
{
	unsigned from = 0;

	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "found one CPU, expected two: nobody else can send");
		return;
	}
	for_each_cpu(cpu, &cpus_online)
		from = cpu;
	for_each_cpu(cpu, &cpus_online) {
		nmi_from(t, from, cpu);
		from = cpu;
	}
}

static const struct selftest_case cases[] = {
	{ "a debug exception in ring 0, under any GS base, leaves everything as it was",
	  debug_events },
	{ "an NMI from the own APIC, under any GS base, leaves everything as it was",
	  self_nmis },
	{ "an NMI from another CPU leaves everything as it was", nmis_from_others },
};
SELFTEST_SUITE(trap_events, cases);
