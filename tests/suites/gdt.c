/*
 * The read-only GDT: GDTR on every CPU, and everything that reads the table:
 * loads of each segment register, far return, IRETQ, selectors that lead
 * nowhere.  A descriptor whose accessed bit is clear shows what the read-only
 * alias is for: the processor's write to it is refused.
 */
#include "arch/cpu_entry_area.h"
#include "arch/gdt.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/start/selftest.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "tests/suites/cpus.h"
#include "tests/suites/descriptors.h"
#include "tests/suites/faults.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define DESC_DATA_NOT_ACCESSED 0x00cf92000000ffff
#define DESC_CODE_NOT_ACCESSED 0x00af9a000000ffff
#define DESC_USER_DATA_NOT_ACCESSED 0x00cff2000000ffff

/* What a CPU found; filled in an interrupt there, judged afterwards. */
static struct {
	unsigned wrong;     /* steps that went otherwise than expected */
	struct fault fault; /* the last of them */
	u64 selector;
	unsigned tried, faults;
	bool table_changed;
} found[NR_CPUS];

static struct gdt_page before[NR_CPUS];

static void begin(void)
{
	memset(found, 0, sizeof(found));
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online)
		before[cpu] = *cea_gdt_direct(cpu);
}

/* Notes a step on this CPU; `error` counts only if there is a fault. */
static void step(u64 selector, const struct fault *f, u64 vector, u64 error)
{
	unsigned cpu = this_cpu()->cpu;

	found[cpu].tried++;
	found[cpu].faults += f->vector != NO_FAULT;
	if (f->vector == vector && (vector == NO_FAULT || f->error == error))
		return;
	found[cpu].wrong++;
	found[cpu].fault = *f;
	found[cpu].selector = selector;
}

static void expect_tables_kept(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online)
		EXPECT_EQ(t, memcmp(&before[cpu], cea_gdt_direct(cpu), PAGE_SIZE), 0,
			  "the table is as it was, byte for byte");
}

static void judge(struct selftest *t, unsigned tried, const char *what)
{
	for_each_cpu(cpu, &cpus_online) {
		const struct fault *f = &found[cpu].fault;

		EXPECT_EQ(t, found[cpu].tried, tried, "steps made");
		if (!EXPECT_EQ(t, found[cpu].wrong, 0, what))
			selftest_note("there: cpu %u, selector %#lx, vector %lu, error "
				      "%#lx, CR2 %#lx",
				      cpu, found[cpu].selector, f->vector, f->error, f->cr2);
	}
	expect_tables_kept(t);
}

/* ---- The table ------------------------------------------------------------------ */

static void gdtr(struct selftest *t)
{
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		unsigned pages = 0;

		while (pages < CEA_GDT_MAX_PAGES &&
		       pt_translate(cpus_user_view(cpu), (u64)&cea(cpu)->gdt[pages]) != NO_FRAME)
			pages++;
		EXPECT(t, pages == 1 || pages == 4 || pages == 16, "1, 4 or 16 pages");
		EXPECT_EQ(t, cpu_state[cpu].gdtr.base, cea(cpu)->gdt, "GDTR base");
		EXPECT_EQ(t, cpu_state[cpu].gdtr.limit,
			  pages == 1 ? 4096 - 104 - 1 : pages * 4096 - 1,
			  "GDTR limit: what is mapped, to the byte; of one page, up to the TSS");
	}
}

static void descriptors(struct selftest *t)
{
	static const u64 expected[GDT_KERNEL_END / 8] = {
		[4] = 0x00cffb000000ffff,   /* 32-bit code, ring 3 */
		[5] = 0x00cff3000000ffff,   /* data, ring 3 */
		[6] = 0x00affb000000ffff,   /* 64-bit code, ring 3 */
		[15] = 0x0040f10000000000,  /* the CPU's number as limit, data that is only read */
		[126] = 0x00af9b000000ffff, /* 64-bit code, ring 0 */
		[127] = 0x00cf93000000ffff, /* data, ring 0 */
	};

	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		const struct gdt_page *gdt = (const void *)cpu_state[cpu].gdtr.base;
		unsigned tss = cpu_state[cpu].tr / 8, used = 0;

		for (unsigned i = 0; i < MIN(cpu_state[cpu].gdtr.limit / 8U + 1, GDT_PAGE_ENTRIES);
		     i++) {
			u64 desc = gdt->entry[i];

			used += desc != 0;
			if (i == tss || i == tss + 1)
				continue;
			EXPECT_EQ(t, desc - (i == 15 ? cpu : 0),
				  i < ARRAY_SIZE(expected) ? expected[i] : 0,
				  "descriptor: flat, and accessed in advance");
		}
		EXPECT_EQ(t, used, 8, "descriptors in use");
	}
}

/* ---- Writes ----------------------------------------------------------------------- */

static void write_aliases(void *arg __unused)
{
	struct fault f;

	for_each_cpu(cpu, &cpus_online) {
		fault_write((u64)cea(cpu)->gdt, &f);
		step(0, &f, VEC_PF, PF_PROT | PF_WRITE);
		fault_write((u64)cea(cpu)->gdt + SEL_TSS + 5, &f);
		step(SEL_TSS, &f, VEC_PF, PF_PROT | PF_WRITE);
	}
}

static void writes(struct selftest *t)
{
	begin();
	cpus_call_all(write_aliases, NULL);
	judge(t, 2 * cpumask_count(&cpus_online), "writes that were not refused");
}

/* ---- Loads ------------------------------------------------------------------------ */

typedef void load_fn(u64 selector, struct fault *f);
static load_fn *const load_data[] = {
	fault_load_ds,
	fault_load_es,
	fault_load_fs,
	fault_load_gs,
};

static void load_all(void *arg __unused)
{
	static const u16 selector[] = {
		0, 3, SEL_KERNEL_DS, SEL_KERNEL_CS, SEL_USER_DS, SEL_USER_CS, SEL_USER32_CS,
	};
	struct fault f;

	for (unsigned i = 0; i < ARRAY_SIZE(selector); i++) {
		for (unsigned r = 0; r < ARRAY_SIZE(load_data); r++) {
			load_data[r](selector[i], &f);
			if (f.vector == NO_FAULT && f.loaded != selector[i])
				f.vector = f.loaded;
			step(selector[i], &f, NO_FAULT, 0);
		}
	}
	fault_load_ss(SEL_KERNEL_DS, &f);
	step(SEL_KERNEL_DS, &f, NO_FAULT, 0);
	fault_load_ss(0, &f);
	step(0, &f, NO_FAULT, 0);
}

static void loads(struct selftest *t)
{
	begin();
	cpus_call_all(load_all, NULL);
	judge(t, 7 * 4 + 2, "loads that went wrong");
}

static void load_cs(void *arg __unused)
{
	struct fault f;

	fault_load_cs(SEL_KERNEL_CS, &f);
	step(SEL_KERNEL_CS, &f, NO_FAULT, 0);
	fault_load_cs(SEL_KERNEL_DS, &f);
	step(SEL_KERNEL_DS, &f, VEC_GP, SEL_KERNEL_DS);
	fault_load_cs(0, &f);
	step(0, &f, VEC_GP, 0);
}

static void far_returns(struct selftest *t)
{
	begin();
	cpus_call_all(load_cs, NULL);
	judge(t, 3, "far returns that went wrong");
}

static void iretq_here(void *arg __unused)
{
	struct fault f;

	for (unsigned i = 0; i < 20; i++) {
		fault_iretq(SEL_KERNEL_CS, &f, SEL_KERNEL_DS);
		step(SEL_KERNEL_CS, &f, NO_FAULT, 0);
	}
	fault_iretq(SEL_KERNEL_CS, &f, 0);
	step(SEL_KERNEL_CS, &f, NO_FAULT, 0);
}

static void irets(struct selftest *t)
{
	begin();
	cpus_call_all(iretq_here, NULL);
	judge(t, 21, "IRETQs that went wrong");
}

/* ---- Selectors that lead nowhere ------------------------------------------------------ */

static void load_beyond(void *arg)
{
	u64 selector = *(const u64 *)arg;
	struct fault f;

	for (unsigned r = 0; r < ARRAY_SIZE(load_data); r++) {
		load_data[r](selector, &f);
		step(selector, &f, VEC_GP, selector & ~3ULL);
	}
	fault_load_ss(selector, &f);
	step(selector, &f, VEC_GP, selector & ~3ULL);
	fault_load_cs(selector, &f);
	step(selector, &f, VEC_GP, selector & ~3ULL);
	fault_iretq(selector, &f, SEL_KERNEL_DS);
	step(selector, &f, VEC_GP, selector & ~3ULL);
}

static void load_selectors(const u64 *selector, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		cpus_call_all(load_beyond, (void *)&selector[i]);
}

static void beyond_the_table(struct selftest *t)
{
	/* The last one of the table's page, and an LDT's (there is none). */
	static const u64 inside[] = { 0xff8, SEL_SPARE, 0x4, 0xfffc };
	u64 beyond[2];

	begin();
	load_selectors(inside, ARRAY_SIZE(inside));
	beyond[0] = cpus_gdt_pages(0) * PAGE_SIZE;
	beyond[1] = 0xfff8;
	if (cpus_gdt_pages(0) < CEA_GDT_MAX_PAGES) {
		load_selectors(beyond, 2);
		judge(t, 6 * 7, "loads that were not refused with #GP");
	} else {
		judge(t, 4 * 7, "loads that were not refused with #GP");
	}
}

static void zero_pages(struct selftest *t)
{
	u64 selector[2 * CEA_GDT_MAX_PAGES];
	unsigned n = 0;

	begin();
	for (unsigned p = 1; p < cpus_gdt_pages(0); p++) {
		selector[n++] = p * PAGE_SIZE;
		selector[n++] = (p + 1) * PAGE_SIZE - 8;
	}
	if (!n) {
		selftest_skip(t, "gdt_pages=1: nothing is behind the table");
		return;
	}
	load_selectors(selector, n);
	judge(t, n * 7, "loads of a null descriptor that were not #GP");
}

/* ---- An accessed bit that is clear ---------------------------------------------------- */

static void plant(u64 desc)
{
	*(volatile u64 *)&cea_gdt_direct(this_cpu()->cpu)->entry[SEL_SPARE / 8] = desc;
}

/* Is the planted descriptor still what it was, and did CR2 point into it? */
static void planted_step(u64 desc, struct fault *f, bool may_pass)
{
	unsigned cpu = this_cpu()->cpu;
	u64 at = (u64)cea(cpu)->gdt + SEL_SPARE;

	found[cpu].table_changed |= cea_gdt_direct(cpu)->entry[SEL_SPARE / 8] != desc;
	if (f->vector == VEC_PF && f->cr2 - at >= 8)
		f->error = f->cr2;
	if (f->vector == NO_FAULT && may_pass)
		step(SEL_SPARE, f, NO_FAULT, 0);
	else
		step(SEL_SPARE, f, VEC_PF, PF_PROT | PF_WRITE);
}

static void load_not_accessed(void *arg __unused)
{
	struct fault f;

	plant(DESC_DATA_NOT_ACCESSED);
	for (unsigned r = 0; r < ARRAY_SIZE(load_data); r++) {
		load_data[r](SEL_SPARE, &f);
		planted_step(DESC_DATA_NOT_ACCESSED, &f, false);
	}
	fault_load_ss(SEL_SPARE, &f);
	planted_step(DESC_DATA_NOT_ACCESSED, &f, false);
	/* QEMU never sets the bit in LRET and IRET; hardware and Bochs try. */
	fault_iretq(SEL_KERNEL_CS, &f, SEL_SPARE);
	planted_step(DESC_DATA_NOT_ACCESSED, &f, true);
	plant(DESC_CODE_NOT_ACCESSED);
	fault_load_cs(SEL_SPARE, &f);
	planted_step(DESC_CODE_NOT_ACCESSED, &f, true);
	fault_iretq(SEL_SPARE, &f, SEL_KERNEL_DS);
	planted_step(DESC_CODE_NOT_ACCESSED, &f, true);
	fault_load_cs(SEL_KERNEL_CS, &f);
	plant(0);
}

static void not_accessed(struct selftest *t)
{
	begin();
	for_each_cpu(cpu, &cpus_online)
		if (!EXPECT_EQ(t, before[cpu].entry[SEL_SPARE / 8], 0, "spare descriptor"))
			return;
	cpus_call_all(load_not_accessed, NULL);
	judge(t, 8, "loads that were not refused with #PF, write, present");
	for_each_cpu(cpu, &cpus_online) {
		EXPECT_EQ(t, found[cpu].table_changed, false, "a descriptor was written");
		EXPECT(t, found[cpu].faults >= 5, "MOV to a segment register faults");
	}
}

static void plant_for_user(void *desc)
{
	plant(*(const u64 *)desc);
}

/* The same from ring 3: a page fault of the kernel's kind with CS = 3. */
static void user_loads(struct selftest *t)
{
	u64 desc = DESC_USER_DATA_NOT_ACCESSED, none = 0;

	begin();
	for_each_cpu(cpu, &cpus_online) {
		struct thread *good, *bad;

		if (!takes_a_process(cpu))
			continue;
		good = PROCESS_FROM(program_load_ds, SEL_USER_DS);
		bad = PROCESS_FROM(program_load_ds, SEL_SPARE | 3);
		if (!EXPECT(t, good && bad, "memory for processes"))
			return;
		EXPECT_EQ(t, programs_run(good, cpu), 0, "status of a good load");
		cpus_call(cpu, plant_for_user, &desc);
		EXPECT_EQ(t, programs_run(bad, cpu), SIGSEGV,
			  "status of a load with the accessed bit clear");
		EXPECT_EQ(t, cea_gdt_direct(cpu)->entry[SEL_SPARE / 8], desc,
			  "the descriptor is as it was");
		cpus_call(cpu, plant_for_user, &none);
	}
	expect_tables_kept(t);
}

static const struct selftest_case cases[] = {
	{ "GDTR holds the alias and the limit of gdt_pages", gdtr },
	{ "every descriptor has its accessed bit set in advance", descriptors },
	{ "no CPU can write to any CPU's alias", writes },
	{ "DS, ES, FS, GS and SS load under the read-only GDT and change nothing", loads },
	{ "a far return loads CS under the read-only GDT", far_returns },
	{ "IRETQ to ring 0 works under the read-only GDT", irets },
	{ "a selector beyond the table is a general protection fault", beyond_the_table },
	{ "a selector within the zero pages meets a null descriptor", zero_pages },
	{ "a load that would set an accessed bit faults instead", not_accessed },
	{ "the same load in ring 3 ends the process and nothing else", user_loads },
};
SELFTEST_SUITE(gdt, cases);
