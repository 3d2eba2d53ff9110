/*
 * The LDT: what a program can put into it, where it is mapped and with which
 * rights, which CPU has it loaded when, and what the audit says.  Address
 * spaces of our own are loaded on CPUs of choice; tests/user/machine/ldt.c does the
 * same from outside, through modify_ldt.
 */
#include "arch/gdt.h"
#include "arch/state/ldt.h"
#include "arch/state/segment.h"
#include "arch/state/user_desc.h"
#include "kernel/base/errno.h"
#include "kernel/base/format.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/audit.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/space/pti_stack.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"

#define DATA_DESC(limit) user_desc_pack(&(struct user_desc){ 0, 0x10000, limit, USER_DESC_32BIT })
#define SELECTOR(index) ((u16)((index) << 3 | SEL_TI | 3))

static struct mm *new_mm(struct selftest *t)
{
	struct mm *mm = mm_alloc();

	EXPECT(t, mm, "memory for an address space");
	return mm;
}

static void expect_clean(struct selftest *t, const struct mm *mm, const char *step)
{
	static struct audit_report r;

	if (!EXPECT_EQ(t, audit_pair(mm->pgd, mm->ldt.active, &r), 0, step))
		selftest_note("first: %s", r.text);
}

static void expect_finding(struct selftest *t, const struct mm *mm, const char *glob,
			   const char *step)
{
	static struct audit_report r;

	EXPECT_EQ(t, audit_pair(mm->pgd, mm->ldt.active, &r), 1, step);
	if (!EXPECT(t, glob_match(glob, r.text), step))
		selftest_note("found %s", r.text);
}

/* ---- Descriptors ---------------------------------------------------------------- */

static void descriptors(struct selftest *t)
{
	static const u32 pattern[] = { 0, 1, 0xfffff, 0x12345678, 0x80000000, 0xffffffff };
	u64 must = DESC_SEGMENT | DESC_DPL3 | DESC_ACCESSED;
	unsigned wrong = 0, differ = 0;

	for (u32 flags = 0; flags < 0x400; flags++) {
		for (unsigned i = 0; i < ARRAY_SIZE(pattern) * ARRAY_SIZE(pattern); i++) {
			struct user_desc d = { ~0u, pattern[i % 6], pattern[i / 6], flags };
			u64 desc = user_desc_pack(&d);
			struct user_desc back = user_desc_unpack(desc);

			wrong += (desc & must) != must || (desc & DESC_LONG);
			differ += back.base_addr != d.base_addr ||
				  back.limit != (d.limit & 0xfffff) ||
				  back.flags != (flags & USER_DESC_FLAGS);
		}
	}
	EXPECT_EQ(t, wrong, 0, "gates, 64-bit code, other rings, accessed bits clear");
	EXPECT_EQ(t, differ, 0, "descriptors that do not say what was asked for");
	EXPECT_EQ(t, DATA_DESC(0x12345), 0x0041f30100002345, "a data segment, bit by bit");
}

/* ---- Where it is -------------------------------------------------------------------- */

static void expect_mapped(struct selftest *t, const struct mm *mm)
{
	const pte_t *view = pti_enabled ? pti_user_pgd(mm->pgd) : mm->pgd;
	unsigned entries = ldt_entries(mm->ldt.active), shown = 0;

	for (u64 off = 0; off < 2 * LDT_PLACE_SIZE; off += PAGE_SIZE) {
		struct pt_leaf leaf;
		u64 at = PROCESS_ENTRY_BASE + off - ldt_address(mm->ldt.active);

		if (pt_walk(view, PROCESS_ENTRY_BASE + off, &leaf))
			continue;
		shown++;
		EXPECT_EQ(t, leaf.rights, PTE_NX, "its rights: R, not global");
		EXPECT_EQ(t, leaf.pa, mm->ldt.table + at, "the frame behind it");
	}
	EXPECT_EQ(t, shown, ALIGN_UP(entries * 8, PAGE_SIZE) / PAGE_SIZE, "pages shown");
	EXPECT_EQ(t, view[PGD_SLOT_PROCESS_ENTRY], mm->pgd[PGD_SLOT_PROCESS_ENTRY],
		  "slot 507 in the user PGD");
}

static void places(struct selftest *t)
{
	static const unsigned index[] = { 0, 511, 512, 5, 8191, 0 };
	struct mm *mm = new_mm(t);
	u32 before = 0;

	if (!mm)
		return;
	expect_clean(t, mm, "without an LDT");
	for (unsigned i = 0; i < ARRAY_SIZE(index); i++) {
		u64 desc = DATA_DESC(i), found = 0;

		EXPECT_EQ(t, ldt_write(mm, index[i], desc), 0, "an entry is written");
		EXPECT_EQ(t, (before ^ mm->ldt.active) & LDT_ACTIVE_PLACE,
			  i ? LDT_ACTIVE_PLACE : 0, "the other place, turn by turn");
		before = mm->ldt.active;
		expect_mapped(t, mm);
		expect_clean(t, mm, "the audit");
		ldt_read(mm, index[i], 1, &found);
		EXPECT_EQ(t, found, desc, "the entry");
		ldt_read(mm, 5, 1, &found);
		EXPECT_EQ(t, found, i >= 3 ? DATA_DESC(3) : 0, "entry 5, when it is written");
	}
	EXPECT_EQ(t, ldt_entries(mm->ldt.active), LDT_ENTRIES, "it does not shrink");
	mm_put(mm);
}

/* ---- The audit ----------------------------------------------------------------------- */

static void audited(struct selftest *t)
{
	static struct audit_report r;
	struct mm *mm = new_mm(t);
	u64 *table;
	pte_t *pte;

	if (!mm || !EXPECT_EQ(t, ldt_write(mm, 3, DATA_DESC(1)), 0, "an entry is written"))
		return;
	table = phys_to_virt(mm->ldt.table);
	pte = pt_entry(mm->pgd, ldt_address(mm->ldt.active), 1, false);
	*pte |= PTE_W;
	audit_pair(mm->pgd, mm->ldt.active, &r); /* and P6, since it is its own writable alias */
	EXPECT(t, r.rule == 4 && glob_match("*(LDT, *found RW, expected R", r.text),
	       "a writable LDT");
	*pte &= ~(pte_t)PTE_W;
	pte[1] = *pte;
	expect_finding(t, mm, "P4: page 0xfffffd8000001000: found it visible (R), expected "
		       "nothing*", "a page more");
	pte[1] = 0;
	pte[16] = *pte;
	expect_finding(t, mm, "P4: page 0xfffffd8000010000: found it visible*",
		       "the other place");
	pte[16] = pte[0];
	pte[0] = 0;
	audit_pair(mm->pgd, mm->ldt.active, &r);
	EXPECT_EQ(t, r.findings, 2, "at the wrong place: too many here, missing there");
	pte[0] = pte[16];
	pte[16] = 0;
	table[100] = (u64)table;
	expect_finding(t, mm, "P7: page 0xfffffd8000000000 (LDT, *offset 0x320*", "a pointer in it");
	table[100] = (u64)&r;
	expect_finding(t, mm, "P7: *", "a pointer to the image");
	table[100] = 0x0000eb8000001234;
	expect_finding(t, mm, "P7: *", "a call gate");
	table[100] = 0;
	if (pti_enabled && !pti_roots_per_cpu) {
		EXPECT(t, audit_pair(mm->pgd, 0, &r) && r.rule == (pti_deferred ? 4 : 3),
		       "slot 507 without an LDT");
		pti_user_pgd(mm->pgd)[PGD_SLOT_PROCESS_ENTRY] = 0;
		EXPECT(t, audit_pair(mm->pgd, mm->ldt.active, &r) && r.rule == 3, "slot 507 in one PGD only");
		pti_user_pgd(mm->pgd)[PGD_SLOT_PROCESS_ENTRY] =
			mm->pgd[PGD_SLOT_PROCESS_ENTRY];
	}
	expect_clean(t, mm, "undone");
	mm_put(mm);
}

/* ---- Loading --------------------------------------------------------------------------- */

static u64 limit_of(u16 selector)
{
	u64 limit;

	return lsl(selector, &limit) ? limit : ~0ULL;
}

/* What a CPU finds under an address space that it has loaded. */
struct look {
	struct mm *mm;
	u16 ldtr;
	u64 limit[4], gdt_limit, gdt_base;
};

static void look_here(void *arg)
{
	struct look *l = arg;
	u64 flags = interrupts_save();
	struct mm *old = this_cpu()->mm;
	const u64 *desc = &this_cpu()->gdt->entry[SEL_LDT / 8];

	ldt_load_mm(l->mm);
	l->ldtr = sldt();
	for (unsigned i = 0; i < ARRAY_SIZE(l->limit); i++)
		l->limit[i] = limit_of(SELECTOR(i));
	l->gdt_base = gdt_system_base(desc);
	l->gdt_limit = desc[0] & 0xffff;
	ldt_load_mm(old);
	interrupts_restore(flags);
}

static void loaded(struct selftest *t)
{
	struct mm *with = new_mm(t), *without = new_mm(t);
	struct look l;

	if (!with || !without)
		return;
	ldt_write(with, 1, DATA_DESC(0x111));
	ldt_write(with, 2, DATA_DESC(0x222));
	for_each_cpu(cpu, &cpus_online) {
		l = (struct look){ .mm = with };
		cpus_run_thread(cpu, look_here, &l);
		EXPECT_EQ(t, l.ldtr, SEL_LDT, "LDTR");
		EXPECT_EQ(t, l.gdt_base, ldt_address(with->ldt.active), "base in the GDT");
		EXPECT_EQ(t, l.gdt_limit, 3 * 8 - 1, "limit in the GDT");
		EXPECT_EQ(t, l.limit[0], ~0ULL, "an empty entry leads nowhere");
		EXPECT_EQ(t, l.limit[1], 0x111, "limit of entry 1");
		EXPECT_EQ(t, l.limit[2], 0x222, "limit of entry 2");
		EXPECT_EQ(t, l.limit[3], ~0ULL, "an entry past the end leads nowhere");
		l = (struct look){ .mm = without };
		cpus_run_thread(cpu, look_here, &l);
		EXPECT_EQ(t, l.ldtr, 0, "LDTR under an address space without");
		EXPECT_EQ(t, l.limit[1], ~0ULL, "entry 1 is gone");
		EXPECT_EQ(t, l.gdt_base | l.gdt_limit, 0, "the GDT's descriptor is gone");
	}
	mm_put(with);
	mm_put(without);
}

/* One CPU holds the mm loaded, with DS in its LDT, while another changes it. */
static struct {
	struct mm *mm;
	volatile u64 step; /* what the watcher has seen: 1 ready, 2 changed, 3 gone */
	u16 ds, ds_gone;
} watch;

static void watch_here(void *arg __unused)
{
	struct mm *old = this_cpu()->mm;

	interrupts_off();
	ldt_load_mm(watch.mm);
	segment_load_ds(SELECTOR(1));
	watch.ds = read_ds();
	watch.step = 1;
	interrupts_on();
	while (limit_of(SELECTOR(0)) != 0x777 || limit_of(SELECTOR(1)) != 0x111)
		cpu_relax();
	watch.step = 2;
	while (limit_of(SELECTOR(1)) != ~0ULL)
		cpu_relax();
	interrupts_off();
	watch.ds_gone = read_ds();
	write_ds(0);
	ldt_load_mm(old);
	interrupts_on();
	watch.step = 3;
	task_exit(0);
}

static void other_cpus(struct selftest *t)
{
	struct task *watcher;
	unsigned other;

	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "found one CPU, expected two");
		return;
	}
	watch.mm = new_mm(t);
	watch.step = 0;
	move_to_cpu(online_cpu(0));
	other = online_cpu(1);
	ldt_write(watch.mm, 1, DATA_DESC(0x111));
	watcher = thread_run(t, watch_here, NULL, other);
	EXPECT(t, wait_for_value((const u64 *)&watch.step, 1), "the other CPU has it loaded");
	EXPECT_EQ(t, watch.ds, SELECTOR(1), "DS there");
	ldt_write(watch.mm, 0, DATA_DESC(0x777));
	EXPECT(t, wait_for_value((const u64 *)&watch.step, 2), "it sees an entry that is new");
	ldt_write(watch.mm, 1, 0);
	EXPECT(t, wait_for_value((const u64 *)&watch.step, 3), "and one that has gone");
	task_wait(watcher);
	EXPECT_EQ(t, watch.ds_gone, 0, "DS there, whose entry has gone");
	move_to_cpu(ANY_CPU);
	mm_put(watch.mm);
}

/* ---- fork, no memory --------------------------------------------------------------------- */

static void copied(struct selftest *t)
{
	struct mm *parent = new_mm(t), *child = new_mm(t), *none = new_mm(t);
	u64 found[3];

	if (!parent || !child || !none)
		return;
	EXPECT_EQ(t, ldt_copy(child, none), 0, "a copy of nothing");
	EXPECT_EQ(t, child->ldt.active, 0, "is nothing");
	ldt_write(parent, 600, DATA_DESC(6));
	ldt_write(parent, 1, DATA_DESC(1));
	EXPECT_EQ(t, ldt_copy(child, parent), 0, "a copy");
	expect_mapped(t, child);
	expect_clean(t, child, "the child's pair");
	EXPECT_EQ(t, ldt_read(child, 600, 1, found), 601, "entries");
	EXPECT_EQ(t, found[0], DATA_DESC(6), "entry 600");
	ldt_write(child, 1, DATA_DESC(7));
	ldt_write(parent, 2, DATA_DESC(2));
	ldt_read(parent, 0, 3, found);
	EXPECT(t, found[0] == 0 && found[1] == DATA_DESC(1) && found[2] == DATA_DESC(2),
	       "the parent's, after the child has changed its own");
	ldt_read(child, 0, 3, found);
	EXPECT(t, found[0] == 0 && found[1] == DATA_DESC(7) && found[2] == 0, "the child's");
	mm_put(parent);
	mm_put(child);
	mm_put(none);
}

static void no_memory(struct selftest *t)
{
	struct mm *mm = new_mm(t), *child = new_mm(t);
	u64 before = selftest_free_frames(), found = 0;
	unsigned n = 0;

	if (!mm || !child)
		return;
	for (int err = -ENOFRAME; err == -ENOFRAME && n < 10; n++) {
		frame_fail_after(n);
		err = ldt_write(mm, 0, DATA_DESC(1));
		frame_fail_after(-1);
		EXPECT_EQ(t, err, n < 4 ? -ENOFRAME : 0, "one table, three of page tables");
		expect_clean(t, mm, "the audit");
		if (err)
			EXPECT_EQ(t, selftest_free_frames(), before, "no frame is lost");
	}
	EXPECT_EQ(t, n, 5, "turns");
	frame_fail_after(0);
	EXPECT_EQ(t, ldt_write(mm, 0, DATA_DESC(2)), -ENOFRAME, "a change");
	EXPECT_EQ(t, ldt_copy(child, mm), -ENOFRAME, "a copy");
	frame_fail_after(-1);
	ldt_read(mm, 0, 1, &found);
	EXPECT_EQ(t, found, DATA_DESC(1), "the entry is as before");
	EXPECT_EQ(t, child->ldt.active, 0, "the child has none");
	mm_put(mm);
	mm_put(child);
}

static const struct selftest_case cases[] = {
	{ "whatever a program asks for, it gets a segment of ring 3", descriptors },
	{ "the table is at one of two places, read-only, in both PGDs", places },
	{ "the audit finds what is wrong with an LDT", audited },
	{ "LDTR follows the address space, on every CPU", loaded },
	{ "a change reaches a CPU that has the address space loaded, and its DS", other_cpus },
	{ "a copy has the same entries and shares nothing", copied },
	{ "without memory nothing changes", no_memory },
};
SELFTEST_SUITE(ldt, cases);
