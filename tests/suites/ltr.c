/*
 * LTR, the one instruction that writes to the GDT: both ways of gdt_load_tr(),
 * on every CPU, again and again, while the other CPUs look on, and instruction by
 * instruction; and what the processor says to LTR where it must not succeed.
 */
#include "arch/cpu_entry_area.h"
#include "arch/gdt.h"
#include "arch/state/insn.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/start/args.h"
#include "kernel/start/selftest.h"
#include "kernel/trap.h"
#include "mm/pti.h"
#include "tests/suites/cpus.h"
#include "tests/suites/faults.h"
#include "tests/suites/insn.h"

#define ROUNDS 200
#define ENOUGH_LOOKS 3000
#define MOST_TURNS 100
#define COST_ROUNDS 100

/* Instructions from the one that opens the alias to the one that closes it: INVLPG,
 * LTR and the closing MOV. */
#define WINDOW 3

/* What a CPU counted of what must not be; in interrupts, judged afterwards. */
static struct {
	unsigned rounds;
	unsigned not_busy;      /* the TSS descriptor is no busy TSS */
	unsigned wrong_tr, wrong_gdtr;
	unsigned pte_writable;  /* the alias afterwards, by the page table */
	unsigned write_passed;  /* ... and by trying */
	unsigned others_writable; /* looking on: another alias was */
	u64 looks;
} found[NR_CPUS];

static enum ltr_way way;
static unsigned loading_cpu; /* the one that others look at; NR_CPUS: all load */
static u32 finished;

static u64 pte_of(unsigned cpu)
{
	struct pt_leaf leaf;

	return pt_walk(pti_init_pgd, (u64)cea(cpu)->gdt, &leaf) ? 0 : leaf.entry;
}

static void check_after(unsigned self)
{
	struct table_register gdtr;
	const u64 *desc;
	struct fault f;

	sgdt(&gdtr);
	desc = (const u64 *)(gdtr.base + SEL_TSS);
	found[self].rounds++;
	found[self].not_busy += DESC_TYPE(desc[0]) != DESC_TYPE_TSS_BUSY;
	found[self].wrong_tr += str() != SEL_TSS;
	found[self].wrong_gdtr += gdtr.base != (u64)cea(self)->gdt ||
				  gdtr.limit != cpu_state[self].gdtr.limit;
	found[self].pte_writable += (pte_of(self) & (PTE_P | PTE_W)) != PTE_P;
	fault_write((u64)cea(self)->gdt, &f);
	found[self].write_passed += f.vector != VEC_PF ||
				    f.error != (PF_PROT | PF_WRITE);
}

static void load_here(void *arg __unused)
{
	unsigned self = this_cpu()->cpu;

	stretch_ignore(); /* so many rounds in one interrupt, that CPUs load at once */
	for (unsigned i = 0; i < ROUNDS; i++) {
		gdt_load_tr(self, cpus_gdt_pages(self), way);
		check_after(self);
	}
}

static void begin(enum ltr_way w)
{
	memset(found, 0, sizeof(found));
	cpus_read_state();
	way = w;
	finished = 0;
}

static void judge(struct selftest *t, unsigned cpu)
{
	EXPECT(t, found[cpu].rounds >= ROUNDS, "rounds");
	EXPECT_EQ(t, found[cpu].not_busy, 0, "times the busy bit was not set");
	EXPECT_EQ(t, found[cpu].wrong_tr, 0, "times TR was not the TSS's selector");
	EXPECT_EQ(t, found[cpu].wrong_gdtr, 0, "times GDTR was not on the alias");
	EXPECT_EQ(t, found[cpu].pte_writable, 0, "times the alias's PTE was not R");
	EXPECT_EQ(t, found[cpu].write_passed, 0, "times a write did not fault");
}

static void all_load(struct selftest *t, enum ltr_way w)
{
	begin(w);
	cpus_call_all(load_here, NULL);
	for_each_cpu(cpu, &cpus_online)
		judge(t, cpu);
}

static void by_remap(struct selftest *t)
{
	all_load(t, LTR_REMAP);
}

static void by_reload(struct selftest *t)
{
	all_load(t, LTR_RELOAD);
}

/* The first case: only the boot has loaded TR before. */
static void at_boot(struct selftest *t)
{
	bool remap = selftest_args->ltr == LTR_REMAP;

	EXPECT_EQ(t, gdt_remaps, remap ? cpumask_count(&cpus_online) : 0,
		  "aliases made writable: each CPU's once, or with ltr=reload none");
}

/* ---- Instruction by instruction ------------------------------------------------------ */

/* What the trap behind each instruction of gdt_load_tr() saw on this CPU. */
static struct {
	unsigned steps;
	unsigned open;   /* times that the alias was writable */
	unsigned direct; /* times that GDTR held the direct address */
} stepped;

static bool on_step(struct pt_regs *regs)
{
	unsigned self = this_cpu()->cpu;
	struct table_register gdtr;

	if ((regs->vector & 0xff) != VEC_DB)
		return false;
	write_dr6(DR6_NONE);
	sgdt(&gdtr);
	stepped.steps++;
	stepped.open += !!(pte_of(self) & PTE_W);
	stepped.direct += gdtr.base == (u64)cea_gdt_direct(self);
	return true;
}

static void step_here(void *arg)
{
	unsigned self = this_cpu()->cpu;
	u64 flags = read_flags();

	stretch_ignore(); /* each instruction traps */
	memset(&stepped, 0, sizeof(stepped));
	trap_paranoid_hook = on_step;
	write_flags(flags | RFLAGS_TF);
	gdt_load_tr(self, cpus_gdt_pages(self), *(const enum ltr_way *)arg);
	write_flags(flags);
	trap_paranoid_hook = NULL;
}

static void by_steps(struct selftest *t)
{
	begin(LTR_REMAP);
	for_each_cpu(cpu, &cpus_online) {
		cpus_call(cpu, step_here, &way);
		EXPECT(t, stepped.steps > WINDOW, "steps");
		EXPECT(t, stepped.open > 0, "the alias is writable for LTR");
		if (!EXPECT(t, stepped.open <= WINDOW, "and not for longer"))
			selftest_note("for %u instructions, expected %u", stepped.open, WINDOW);
		EXPECT_EQ(t, stepped.direct, 0, "GDTR never holds the direct address");
	}
	begin(LTR_RELOAD);
	for_each_cpu(cpu, &cpus_online) {
		cpus_call(cpu, step_here, &way);
		EXPECT_EQ(t, stepped.open, 0, "by reload the alias is never writable");
		EXPECT(t, stepped.direct > 0, "GDTR holds the direct address meanwhile");
	}
}

/* No test: `make bench` reads it, on one CPU, where the TSC counts instructions. */
static void cost(struct selftest *t __unused)
{
	unsigned pages = cpus_gdt_pages(0);
	u64 ticks[2];

	for (unsigned w = LTR_REMAP; w <= LTR_RELOAD; w++) {
		u64 flags = interrupts_save();
		u64 before = rdtsc();

		stretch_ignore();
		for (unsigned i = 0; i < COST_ROUNDS; i++)
			gdt_load_tr(this_cpu()->cpu, pages, (enum ltr_way)w);
		ticks[w] = (rdtsc() - before) / COST_ROUNDS;
		interrupts_restore(flags);
	}
	selftest_note("LTR by remap: %lu TSC ticks, by reload: %lu TSC ticks",
		      ticks[LTR_REMAP], ticks[LTR_RELOAD]);
}

/* ---- While others look on ---------------------------------------------------------- */

/* At all aliases but the loading CPU's, and whether the own refuses writes. */
static void look_on(unsigned self)
{
	struct fault f;

	do {
		for_each_cpu(cpu, &cpus_online)
			if (cpu != loading_cpu)
				found[self].others_writable += !!(pte_of(cpu) & PTE_W);
		fault_write((u64)cea(self)->gdt, &f);
		found[self].others_writable += f.vector != VEC_PF;
		found[self].looks++;
		cpu_relax();
	} while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE));
}

/* Goes on until the other has looked often enough to hit a short moment. */
static void load_or_look(void *arg)
{
	unsigned self = this_cpu()->cpu, other = *(const unsigned *)arg;
	const u64 *looks = &found[other].looks;

	if (self != loading_cpu) {
		look_on(self);
		return;
	}
	while (!__atomic_load_n(looks, __ATOMIC_RELAXED))
		cpu_relax();
	for (unsigned i = 0; i < MOST_TURNS; i++) {
		load_here(NULL);
		if (__atomic_load_n(looks, __ATOMIC_RELAXED) > ENOUGH_LOOKS)
			break;
	}
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
}

static void others_untouched(struct selftest *t)
{
	static u64 pte_before[NR_CPUS];

	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "found one CPU, expected two: nobody can look on");
		return;
	}
	for_each_cpu(cpu, &cpus_online) {
		for (unsigned w = LTR_REMAP; w <= LTR_RELOAD; w++) {
			struct cpumask pair = cpus_only(cpu);
			/* One looks on: with many, an emulator takes for ever. */
			unsigned other = cpu ? cpu - 1 : cpumask_next(&cpus_online, 1);

			begin((enum ltr_way)w);
			for_each_cpu(i, &cpus_online)
				pte_before[i] = pte_of(i);
			loading_cpu = cpu;
			cpumask_set(&pair, other);
			cpus_call_set(&pair, load_or_look, &other);
			judge(t, cpu);
			for_each_cpu(i, &cpus_online) {
				EXPECT_EQ(t, pte_of(i), pte_before[i], "PTE of an alias");
				EXPECT_EQ(t, found[i].others_writable, 0,
					  "times another alias was seen writable");
			}
		}
	}
}

/* ---- Where LTR must not succeed -------------------------------------------------------- */

static struct {
	struct fault busy, read_only, code, beyond;
	u64 desc_before, desc_after;
	u16 tr;
} refused[NR_CPUS];

/* (A null selector is #GP too, but QEMU 7.2 then loads TR with it.) */
static void refuse_here(void *arg __unused)
{
	unsigned self = this_cpu()->cpu;
	volatile u64 *desc = &cea_gdt_direct(self)->entry[SEL_TSS / 8];

	fault_load_tr(SEL_TSS, &refused[self].busy);
	fault_load_tr(SEL_KERNEL_CS, &refused[self].code);
	fault_load_tr(cpus_gdt_pages(self) * PAGE_SIZE - 16, &refused[self].beyond);
	*desc &= ~DESC_TSS_BUSY_BIT;
	refused[self].desc_before = *desc;
	fault_load_tr(SEL_TSS, &refused[self].read_only);
	refused[self].desc_after = *desc;
	refused[self].tr = str();
	*desc |= DESC_TSS_BUSY_BIT;
}

static void expect_fault(struct selftest *t, const struct fault *f, u64 vector,
			 u64 error, const char *which)
{
	bool held = EXPECT_EQ(t, f->vector, vector, "vector of the fault");

	held &= EXPECT_EQ(t, f->error, error, "its error code");
	if (!held)
		selftest_note("there: LTR of %s", which);
}

static void ltr_refused(struct selftest *t)
{
	begin(LTR_REMAP);
	memset(refused, 0, sizeof(refused));
	cpus_call_all(refuse_here, NULL);
	for_each_cpu(cpu, &cpus_online) {
		expect_fault(t, &refused[cpu].busy, VEC_GP, SEL_TSS, "a busy TSS");
		expect_fault(t, &refused[cpu].code, VEC_GP, SEL_KERNEL_CS, "a code segment");
		expect_fault(t, &refused[cpu].beyond, VEC_GP,
			     cpus_gdt_pages(cpu) * PAGE_SIZE - 16, "a null descriptor");
		EXPECT_EQ(t, refused[cpu].tr, SEL_TSS, "TR keeps what it had");
	}
}

static void ltr_read_only(struct selftest *t)
{
	begin(LTR_REMAP);
	memset(refused, 0, sizeof(refused));
	cpus_call_all(refuse_here, NULL);
	for_each_cpu(cpu, &cpus_online) {
		u64 at = (u64)cea(cpu)->gdt + SEL_TSS;

		expect_fault(t, &refused[cpu].read_only, VEC_PF, PF_PROT | PF_WRITE,
			     "an available TSS through the read-only alias");
		EXPECT(t, refused[cpu].read_only.cr2 - at < 8, "CR2: in the descriptor");
		EXPECT_EQ(t, DESC_TYPE(refused[cpu].desc_after), DESC_TYPE_TSS_AVAILABLE,
			  "the descriptor's type afterwards");
		EXPECT_EQ(t, refused[cpu].desc_after, refused[cpu].desc_before,
			  "the descriptor afterwards");
	}
}

static const struct selftest_case cases[] = {
	{ "the boot has loaded TR the way that ltr= says", at_boot },
	{ "LTR by remap, 200 times on all CPUs at once, leaves all as it must be",
	  by_remap },
	{ "LTR by reload, 200 times on all CPUs at once, leaves all as it must be",
	  by_reload },
	{ "by remap the alias is open for 3 instructions, by reload for none", by_steps },
	{ "what LTR costs, either way", cost },
	{ "while one CPU loads TR, no other alias is writable", others_untouched },
	{ "LTR of what is no available TSS is refused", ltr_refused },
	{ "LTR through the read-only alias faults and changes nothing", ltr_read_only },
};
SELFTEST_SUITE(ltr, cases);
