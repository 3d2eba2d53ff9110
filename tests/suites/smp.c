/*
 * Several CPUs: each has its own vault, entry stack and tables and the same
 * control registers; calls from one to others are answered, also when all call
 * at once; one that does not exist is given up.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "arch/machine/long_wait.h"
#include "arch/machine/smp.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/tlb.h"
#include "tests/suites/insn.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"

#define MSR_PAT 0x277

#define ROUNDS 1000
#define CALLS_TOTAL 8000 /* of one kind, on all CPUs together */
/* The callers keep all CPUs busy, and few of them run at once on a small host. */
#define ALL_AT_ONCE_NS (200 * NSEC_PER_MSEC)
#define PATIENCE_NS (20 * NSEC_PER_MSEC)
#define LATE_NS (20 * NSEC_PER_SEC)
#define ABSENT_CPU (NR_CPUS - 1)
#define ABSENT_APIC_ID 254 /* 255 would be all of them */
#define ABSENT_TIMEOUT_NS (20 * NSEC_PER_MSEC)

/* ---- What each CPU is -------------------------------------------------------- */

struct facts {
	u64 gs_base, cr0, cr3, cr4, efer, sfmask, star, pat;
	u64 number, rsp;
	u32 cpuid_apic_id;
	u16 tr, ss;
	struct table_register gdt, idt;
	struct percpu *vault;
};

/* Leaf 0xB has all 32 bits; processors without it have 8, in leaf 1. */
static u32 cpuid_apic_id(void)
{
	struct cpuid_regs r = { 0 };

	if (cpuid(0, 0).eax >= 0xb)
		r = cpuid(0xb, 0);
	return r.ebx ? r.edx : cpuid(1, 0).ebx >> 24;
}

static void gather(void *arg)
{
	struct facts *f = arg;

	f->gs_base = rdmsr(MSR_GS_BASE);
	f->vault = this_cpu();
	f->number = this_cpu()->cpu;
	f->cpuid_apic_id = cpuid_apic_id();
	f->cr0 = read_cr0();
	f->cr3 = read_cr3();
	f->cr4 = read_cr4();
	f->efer = rdmsr(MSR_EFER);
	f->sfmask = rdmsr(MSR_SFMASK);
	f->star = rdmsr(MSR_STAR);
	f->pat = rdmsr(MSR_PAT);
	f->tr = str();
	f->ss = read_ss();
	f->rsp = read_rsp();
	sgdt(&f->gdt);
	sidt(&f->idt);
}

static struct facts facts_of(unsigned cpu)
{
	struct facts f = { 0 };

	call_on_cpu(cpu, gather, &f);
	return f;
}

static void own_vault(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online) {
		struct facts f = facts_of(cpu);

		EXPECT_EQ(t, f.gs_base, (u64)VAULT_OF(cpu), "GS base");
		EXPECT_EQ(t, f.vault, VAULT_OF(cpu), "this_cpu()");
		EXPECT_EQ(t, f.number, cpu, "this_cpu()->cpu");
		EXPECT_EQ(t, f.cpuid_apic_id, VAULT_OF(cpu)->apic_id, "APIC id");
		EXPECT_EQ(t, f.rsp - (VAULT_OF(cpu)->current->stack_top - TASK_STACK_SIZE) <
			  TASK_STACK_SIZE, true, "RSP is on the stack of its current task");
	}
}

static void own_tables(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online) {
		struct facts f = facts_of(cpu);
		const struct tss *tss = (const struct tss *)((u64)cea(cpu) + CEA_TSS);
		u64 base = gdt_system_base(&cea_gdt_direct(cpu)->entry[SEL_TSS / 8]);

		EXPECT_EQ(t, f.gdt.base, (u64)cea(cpu)->gdt, "GDTR");
		EXPECT_EQ(t, f.idt.base, CEA_IDT, "IDTR");
		EXPECT_EQ(t, f.tr, SEL_TSS, "TR");
		/* What interrupts user mode loads null (SDM vol. 3, 6.14.4). */
		EXPECT(t, f.ss == SEL_KERNEL_DS || f.ss == 0, "SS");
		EXPECT_EQ(t, base, (u64)tss, "the TSS that TR holds");
		EXPECT_EQ(t, tss->sp[0], (u64)&cea(cpu)->entry_stack + ENTRY_STACK_SIZE, "sp0");
		EXPECT_EQ(t, VAULT_OF(cpu)->entry_stack_top, tss->sp[0], "the vault knows it");
	}
}

/* No two CPUs share a frame of an entry stack, a GDT or a vault. */
static void own_frames(struct selftest *t)
{
	for_each_cpu(a, &cpus_online) {
		phys_addr_t stack = pt_translate(pti_init_pgd, (u64)&cea(a)->entry_stack);
		phys_addr_t gdt = pt_translate(pti_init_pgd, (u64)cea(a)->gdt);
		phys_addr_t vault = pt_translate(pti_init_pgd, (u64)VAULT_OF(a));

		for (unsigned b = cpumask_next(&cpus_online, a + 1); b < NR_CPUS;
		     b = cpumask_next(&cpus_online, b + 1)) {
			u64 same = 0;

			same += stack == pt_translate(pti_init_pgd, (u64)&cea(b)->entry_stack);
			same += gdt == pt_translate(pti_init_pgd, (u64)cea(b)->gdt);
			same += vault == pt_translate(pti_init_pgd, (u64)VAULT_OF(b));
			EXPECT_EQ(t, same, 0, "frames that two CPUs share");
		}
	}
}

static void control_registers(struct selftest *t)
{
	struct facts first = facts_of(online_cpu(0));

	EXPECT(t, first.cr0 & CR0_WP, "CR0.WP");
	EXPECT(t, !(first.cr0 & (CR0_CD | CR0_NW | CR0_EM | CR0_TS)), "CR0.CD, NW, EM, TS");
	EXPECT(t, first.efer & EFER_NXE, "EFER.NXE");
	EXPECT_EQ(t, !!(first.cr4 & CR4_PCIDE), tlb_pcid, "CR4.PCIDE");
	for_each_cpu(cpu, &cpus_online) {
		struct facts f = facts_of(cpu);

		EXPECT_EQ(t, f.cr0, first.cr0, "CR0");
		EXPECT_EQ(t, f.cr4, first.cr4, "CR4");
		EXPECT_EQ(t, f.efer, first.efer, "EFER");
		EXPECT_EQ(t, f.sfmask, first.sfmask, "SFMASK");
		EXPECT_EQ(t, f.star, first.star, "STAR");
		EXPECT_EQ(t, f.pat, first.pat, "PAT");
		EXPECT_EQ(t, f.cr3 & CR3_USER_PGD, 0, "CR3 is a kernel PGD");
	}
}

/* ---- Calls --------------------------------------------------------------------- */

static u64 answers[NR_CPUS];
static const void *last_argument;

static void answer(void *arg)
{
	answers[this_cpu()->cpu]++;
	__atomic_store_n(&last_argument, arg, __ATOMIC_RELAXED);
}

static void expect_answers(struct selftest *t, u64 each)
{
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if (!EXPECT_EQ(t, answers[cpu], cpumask_test(&cpus_online, cpu) ? each : 0,
			       "answers"))
			selftest_note("of CPU %u", cpu);
}

static void calls(struct selftest *t)
{
	unsigned rounds = rounds_of(per_cpu_share(CALLS_TOTAL, ROUNDS));
	struct cpumask none = { 0 };

	selftest_note("%u rounds", rounds);
	memset(answers, 0, sizeof(answers));
	for (unsigned i = 0; i < rounds; i++) {
		for_each_cpu(cpu, &cpus_online)
			call_on_cpu(cpu, answer, &rounds);
		seam_call_on_cpus(&cpus_online, answer, &rounds);
		seam_call_on_cpus(&none, answer, &rounds);
	}
	EXPECT_EQ(t, last_argument, &rounds, "the argument");
	expect_answers(t, 2 * rounds);
}

/* A call is complete when it returns: what it wrote is there. */
static void calls_are_complete(struct selftest *t)
{
	struct cpumask all;

	memset(&all, 0xff, sizeof(all)); /* those that are not online count for nothing */
	for (u64 i = 1; i <= 50; i++) {
		memset(answers, 0, sizeof(answers));
		seam_call_on_cpus(&all, answer, &all);
		for_each_cpu(cpu, &cpus_online)
			EXPECT_EQ(t, answers[cpu], 1, "answers at the return");
	}
}

#define MAX_CALLERS 16
static u64 callers_ready, callers;

struct caller {
	u64 rounds, answers;
};

static void count_atomically(void *arg)
{
	__atomic_fetch_add((u64 *)arg, 1, __ATOMIC_RELAXED);
}

static void caller(void *arg)
{
	struct caller *c = arg;
	u64 deadline;

	__atomic_fetch_add(&callers_ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&callers_ready, __ATOMIC_SEQ_CST) < callers)
		cpu_relax(); /* all begin together */
	deadline = clock_ns() + ALL_AT_ONCE_NS;
	while (c->rounds < rounds_of(ROUNDS) && (c->rounds < 2 || clock_ns() < deadline)) {
		seam_call_on_cpus(&cpus_online, count_atomically, &c->answers);
		c->rounds++;
	}
	task_exit(0);
}

static void all_call_at_once(struct selftest *t)
{
	struct task *task[MAX_CALLERS];
	struct caller c[MAX_CALLERS] = { 0 };
	unsigned cpus = cpumask_count(&cpus_online);
	u64 rounds = 0;

	callers = MIN(cpus, MAX_CALLERS);
	callers_ready = 0;
	for (unsigned i = 0; i < callers; i++) {
		task[i] = thread_run(t, caller, &c[i], online_cpu(i));
		if (!task[i])
			count_atomically(&callers_ready);
	}
	for (unsigned i = 0; i < callers; i++) {
		if (!task[i])
			continue;
		task_wait(task[i]);
		EXPECT(t, c[i].rounds >= 2, "calls by this CPU");
		EXPECT_EQ(t, c[i].answers, c[i].rounds * cpus, "answers to this CPU");
		rounds += c[i].rounds;
	}
	selftest_note("%lu CPUs called all %u, %lu times together", callers, cpus, rounds);
}

/* ---- Local APICs ------------------------------------------------------------------ */

static void versions(struct selftest *t)
{
	EXPECT(t, apic_version_good(0x50014), "one as in QEMU");
	EXPECT(t, apic_version_good(0x80050010), "one of AMD's");
	EXPECT(t, !apic_version_good(0xffffffff), "nothing there: all ones");
	EXPECT(t, !apic_version_good(0), "nothing there: zeros");
	EXPECT(t, !apic_version_good(0x50004), "a chip of its own, the 82489DX");
	EXPECT(t, !apic_version_good(0x20014), "no LVT entry for errors");
	EXPECT(t, !apic_version_good(0x170020), "an IOAPIC");
}

/* ---- A CPU that answers late ---------------------------------------------------- */

static u32 waits_before;

/* With interrupts off until the caller has lost its patience, or for too long. */
static void answer_late(void *arg)
{
	u64 deadline = clock_ns() + LATE_NS;

	interrupts_off();
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&smp_long_waits, __ATOMIC_ACQUIRE) == waits_before &&
	       clock_ns() < deadline)
		cpu_relax();
	interrupts_on();
	task_exit(0);
}

static void late(struct selftest *t)
{
	u64 answered = 0;
	bool deaf = false;
	struct task *task;

	if (cpumask_count(&cpus_online) < 2) {
		selftest_skip(t, "one CPU");
		return;
	}
	move_to_cpu(online_cpu(0));
	smp_patience_ns = PATIENCE_NS;
	waits_before = __atomic_load_n(&smp_long_waits, __ATOMIC_ACQUIRE);
	task = thread_run(t, answer_late, &deaf, online_cpu(1));
	while (task && !__atomic_load_n(&deaf, __ATOMIC_ACQUIRE))
		cpu_relax();
	selftest_expected_begins("a CPU answers late, and is named");
	seam_call_on_cpus(&cpus_online, count_atomically, &answered);
	selftest_expected_ends();
	if (task)
		task_wait(task);
	smp_patience_ns = SMP_PATIENCE_NS;
	move_to_cpu(ANY_CPU);
	EXPECT(t, smp_long_waits > waits_before, "the wait was told of");
	EXPECT_EQ(t, answered, cpumask_count(&cpus_online), "answers");
}

/* ---- A CPU that is none -------------------------------------------------------- */

static unsigned absent_cpu, absent_id, absent_count;
static u64 absent_waited;

static void note_absent(unsigned cpu, u32 apic_id, u64 waited_ns)
{
	absent_waited = waited_ns;
	absent_cpu = cpu;
	absent_id = apic_id;
	absent_count++;
}

/*
 * The page holds HLT and a jump back to it: should such a CPU exist after all,
 * left out by maxcpus, it stays there with interrupts off.
 */
static void absent(struct selftest *t)
{
	static const u8 halt_for_ever[] = { 0xfa, 0xf4, 0xeb, 0xfd };
	phys_addr_t page = frame_alloc_contiguous(1, AP_START_MAX);
	unsigned cpus = cpumask_count(&cpus_online);
	u64 start = clock_ns();

	for_each_cpu(cpu, &cpus_online)
		if (VAULT_OF(cpu)->apic_id == ABSENT_APIC_ID || cpu == ABSENT_CPU)
			selftest_skip(t, "APIC id %u or CPU %u exists here", ABSENT_APIC_ID,
				      ABSENT_CPU);
	if (!t->skip[0] && page == NO_FRAME)
		selftest_skip(t, "no free page below 1 MiB");
	if (!t->skip[0]) {
		memcpy(phys_to_virt(page), halt_for_ever, sizeof(halt_for_ever));
		smp_expect_cpu(ABSENT_CPU, ABSENT_APIC_ID);
		EXPECT_EQ(t, smp_wake_cpus(ABSENT_CPU, ABSENT_CPU + 1, page,
					   ABSENT_TIMEOUT_NS, note_absent), 0, "who came");
		EXPECT_EQ(t, absent_count, 1, "CPUs given up");
		EXPECT_EQ(t, absent_cpu, ABSENT_CPU, "which");
		EXPECT_EQ(t, absent_id, ABSENT_APIC_ID, "its APIC id");
		EXPECT(t, absent_waited >= ABSENT_TIMEOUT_NS &&
		       absent_waited <= clock_ns() - start, "how long it was waited for");
		EXPECT_EQ(t, cpumask_count(&cpus_online), cpus, "CPUs online");
	}
	if (page != NO_FRAME)
		frame_free(page);
}

static const struct selftest_case cases[] = {
	{ "each CPU has its own vault, number and APIC id", own_vault },
	{ "each CPU has its own GDT, TSS and entry stack", own_tables },
	{ "no two CPUs share an entry stack, a GDT or a vault", own_frames },
	{ "control registers are the same on all CPUs", control_registers },
	{ "every CPU answers every call once", calls },
	{ "a call returns when all have answered", calls_are_complete },
	{ "calls from all CPUs at once end", all_call_at_once },
	{ "a local APIC is known by its version register", versions },
	{ "a CPU that answers late is waited for, and told of", late },
	{ "a CPU that does not answer is given up", absent },
};
SELFTEST_SUITE(smp, cases);
