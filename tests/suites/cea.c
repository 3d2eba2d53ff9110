/*
 * The layout and the rights of the CPU entry areas, on every CPU, as the
 * hardware's registers and the page tables have them.  The expected layout is
 * written down here a second time on purpose.
 */
#include "arch/cpu.h"
#include "arch/cpu_entry_area.h"
#include "arch/idt.h"
#include "arch/stack_marks.h"
#include "entry/deferred/deferred.h"
#include "entry/entry.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "mm/space/pti_stack.h"
#include "tests/suites/cpus.h"
#include "tests/suites/faults.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define R PTE_NX
#define RW (PTE_W | PTE_NX)
#define RX 0
#define ABSENT PTE_P /* never among pt_leaf.rights */
#define GDT_EXTENT PTE_G /* R or absent, by gdt_pages */
#define TRAMPOLINE PTE_D /* RX or absent, by syscall= */
#define DEBUG_STORE PTE_A /* RW or absent, by CPUID */
#define RIGHTS_MASK (PTE_W | PTE_U | PTE_NX)

#define AT(field) offsetof(struct cpu_entry_area, field)

/* The area from its first page to its last, without a hole. */
static const struct field {
	const char *name;
	u64 at;
	unsigned pages;
	u64 rights;
	bool own_frame; /* no other page has its frame */
} field[] = {
	{ "gdt", AT(gdt[0]), 1, R, true }, /* the TSS's too: take_frame() */
	{ "gdt extent", AT(gdt[1]), 15, GDT_EXTENT, false },
	{ "guard below the entry stack", AT(guard_entry_stack), 1, ABSENT, false },
	{ "entry stack", AT(entry_stack), 1, RW, true },
	{ "tss", AT(tss_page), 1, R, false },
	{ "IO bitmap", AT(io_bitmap), 3, ABSENT, false },
	{ "guard below IST #DF", AT(ist[0].guard), 1, ABSENT, false },
	{ "IST #DF", AT(ist[0].stack), 1, RW, false },
	{ "guard below IST NMI", AT(ist[1].guard), 1, ABSENT, false },
	{ "IST NMI", AT(ist[1].stack), 1, RW, true },
	{ "guard below IST #DB", AT(ist[2].guard), 1, ABSENT, false },
	{ "IST #DB", AT(ist[2].stack), 1, RW, true },
	{ "guard below IST #MC", AT(ist[3].guard), 1, ABSENT, false },
	{ "IST #MC", AT(ist[3].stack), 1, RW, true },
	{ "trampoline", AT(trampoline), 1, TRAMPOLINE, false },
	{ "debug store", AT(debug_store), 33, DEBUG_STORE, false },
};
#define OWN_FRAMES 5

/* Calls fn for every page of an area; false ends it. */
static void for_each_page(unsigned cpu, bool (*fn)(struct selftest *, unsigned,
						   const struct field *, virt_addr_t, u64),
			  struct selftest *t)
{
	for (unsigned i = 0; i < ARRAY_SIZE(field); i++) {
		for (unsigned p = 0; p < field[i].pages; p++) {
			u64 rights = field[i].rights;

			if (rights == GDT_EXTENT)
				rights = p + 1 < cpus_gdt_pages(cpu) ? R : ABSENT;
			if (rights == TRAMPOLINE)
				rights = ledger_trampoline ? RX : ABSENT;
			if (rights == DEBUG_STORE)
				rights = cpu_features.ds ? RW : ABSENT;
			if (!fn(t, cpu, &field[i], (u64)cea(cpu) + field[i].at +
				p * PAGE_SIZE, rights))
				return;
		}
	}
}

static bool named(bool held, unsigned cpu, const struct field *f, virt_addr_t va)
{
	if (!held)
		selftest_note("there: cpu %u, %s, page %#lx", cpu, f->name, va);
	return held;
}

/* ---- Addresses ------------------------------------------------------------------- */

static void addresses(struct selftest *t)
{
	u64 next = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(field); i++) {
		EXPECT_EQ(t, field[i].at, next, "each field follows the one before");
		next += field[i].pages * PAGE_SIZE;
	}
	EXPECT_EQ(t, next, 0x40000, "an area is a stride");
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
		EXPECT_EQ(t, cea(cpu), 0xfffffe8000000000 - (256 - cpu) * 0x40000ULL,
			  "the areas end where slot 508 ends, ascending");
		EXPECT_EQ(t, VAULT_OF(cpu), 0xfffffe8000000000 + cpu * 0x40000ULL,
			  "the vaults begin where slot 509 begins");
	}
}

static void registers_in_own_area(struct selftest *t)
{
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		const struct cpu_state *s = &cpu_state[cpu];

		EXPECT_EQ(t, s->gdtr.base, cea(cpu)->gdt, "GDTR holds the own alias");
		EXPECT_EQ(t, s->idtr.base, CEA_IDT, "IDTR holds the shared alias");
		EXPECT_EQ(t, s->idtr.limit, 256 * 16 - 1, "the IDT has 256 gates");
		EXPECT_EQ(t, s->tr, SEL_TSS, "TR holds the TSS's selector");
		EXPECT_EQ(t, s->gs_base, (u64)cea(cpu) + CEA_TO_VAULT,
			  "GS base is the vault, a constant from the area");
		EXPECT_EQ(t, s->cr3 & CR3_USER_PGD & -(u64)pti_enabled, 0,
			  "CR3 holds the kernel PGD");
		EXPECT_EQ(t, s->cr0 & CR0_WP, CR0_WP, "read-only holds in ring 0");
		EXPECT_EQ(t, s->efer & EFER_NXE, EFER_NXE, "NX is enabled");
	}
}

/* ---- Rights ---------------------------------------------------------------------- */

static bool check_page(struct selftest *t, unsigned cpu, const struct field *f,
		       virt_addr_t va, u64 rights)
{
	struct pt_leaf leaf = { .rights = ABSENT };
	bool held;

	if (pt_walk(cpus_user_view(cpu), va, &leaf))
		return named(EXPECT_EQ(t, ABSENT, rights, "rights of an absent page"),
			     cpu, f, va);
	held = EXPECT_EQ(t, leaf.rights & RIGHTS_MASK, rights, "rights of the page");
	held &= EXPECT_EQ(t, leaf.entry & PTE_U, 0, "U of the entry itself");
	held &= EXPECT_EQ(t, leaf.level, 1, "page-table level of the page");
	return named(held, cpu, f, va);
}

static void rights_of_fields(struct selftest *t)
{
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online)
		for_each_page(cpu, check_page, t);
}

static bool check_absent(struct selftest *t, unsigned cpu, const struct field *f,
			 virt_addr_t va, u64 rights)
{
	struct fault fault;
	bool held;

	if (rights != ABSENT)
		return true;
	fault_read(va, &fault);
	held = EXPECT_EQ(t, fault.vector, VEC_PF, "vector of a read");
	held &= EXPECT_EQ(t, fault.error, 0, "error code: a read, not present");
	held &= EXPECT_EQ(t, fault.cr2, va, "CR2");
	return named(held, cpu, f, va);
}

static void guards_fault(struct selftest *t)
{
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online)
		for_each_page(cpu, check_absent, t);
}

/* The number of writes that did not fault with #PF, present, write. */
static unsigned open_writes[NR_CPUS], tried_writes[NR_CPUS];

static bool try_write(struct selftest *t __unused, unsigned cpu __unused,
		      const struct field *f __unused, virt_addr_t va, u64 rights)
{
	unsigned self = this_cpu()->cpu;
	struct fault fault;

	if (rights != R && rights != RX)
		return true;
	fault_write(va, &fault);
	tried_writes[self]++;
	if (fault.vector != VEC_PF || fault.error != (PF_PROT | PF_WRITE) ||
	    fault.cr2 != va)
		open_writes[self]++;
	return true;
}

static unsigned text_pages(void)
{
	return (unsigned)(((u64)(trampoline_lma - entry_text_lma) + PAGE_SIZE - 1) /
			  PAGE_SIZE);
}

/* On each CPU: its own area, the next CPU's, and the shared pages. */
static void try_writes(void *arg __unused)
{
	unsigned self = this_cpu()->cpu;
	unsigned other = cpumask_next(&cpus_online, self + 1);
	static const struct field shared = { .name = "shared" };

	for_each_page(self, try_write, NULL);
	for_each_page(other < NR_CPUS ? other : 0, try_write, NULL);
	try_write(NULL, self, &shared, CEA_IDT, R);
	for (unsigned i = 0; i < text_pages(); i++)
		try_write(NULL, self, &shared, CEA_ENTRY_TEXT + i * PAGE_SIZE, RX);
}

static void writes_fault(struct selftest *t)
{
	memset(open_writes, 0, sizeof(open_writes));
	memset(tried_writes, 0, sizeof(tried_writes));
	cpus_read_state();
	cpus_call_all(try_writes, NULL);
	for_each_cpu(cpu, &cpus_online) {
		EXPECT_EQ(t, tried_writes[cpu], 2 * (cpus_gdt_pages(cpu) + 1 + ledger_trampoline) + 1 +
			  text_pages(), "read-only pages tried");
		EXPECT_EQ(t, open_writes[cpu], 0, "writes that were not refused");
	}
}

/* ---- All of slot 508 ----------------------------------------------------------------- */

struct slot_count {
	unsigned pages, user, executable, stray, writable_text;
};

static int count_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct slot_count *n = arg;
	virt_addr_t end = CEA_ENTRY_TEXT + text_pages() * PAGE_SIZE;
	bool text = (leaf->va >= CEA_ENTRY_TEXT && leaf->va < end) || deferred_is_at(leaf->va);
	bool tramp = leaf->va >= CEA_BASE && leaf->va % CEA_STRIDE == CEA_TRAMPOLINE;

	if (leaf->entry & PTE_ALIAS)
		return 0;
	n->pages++;
	n->user += !!((leaf->rights | leaf->entry) & PTE_U);
	n->executable += !(leaf->rights & PTE_NX);
	n->stray += !(leaf->rights & PTE_NX) && !text && !tramp;
	n->writable_text += (text || tramp) && (leaf->rights & PTE_W);
	return 0;
}

static void check_slot(struct selftest *t, const pte_t *pgd, unsigned cpus)
{
	struct slot_count n = { 0 };

	pt_for_each_leaf(pgd, PGD_SLOT_CEA, PGD_SLOT_CEA, count_leaf, &n);
	EXPECT(t, n.pages > cpus * OWN_FRAMES, "the walk finds the pages");
	EXPECT_EQ(t, n.user, 0, "pages open to user mode");
	EXPECT_EQ(t, n.executable,
		  ledger_trampoline * cpus + text_pages() + (pti_deferred ? CEA_DEFERRED_TEXT_PAGES : 0),
		  "executable pages: a trampoline for each CPU, but with syscall=entry, and entry text");
	EXPECT_EQ(t, n.stray, 0, "pages without NX that are not text");
	EXPECT_EQ(t, n.writable_text, 0, "text that is writable");
}

static void slot_508(struct selftest *t)
{
	unsigned cpus = 0;

	cpus_read_state();
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		cpus += pt_translate(pti_init_pgd, (u64)VAULT_OF(cpu)) != NO_FRAME;
	for_each_cpu(cpu, &cpus_online)
		check_slot(t, cpus_user_view(cpu), pti_roots_per_cpu ? 1 : cpus);
	check_slot(t, pti_init_pgd, cpus);
}

static void absent_cpus(struct selftest *t)
{
	unsigned absent = 0;

	cpus_read_state();
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
		unsigned present = 0;

		if (cpumask_test(&cpus_online, cpu) ||
		    pt_translate(pti_init_pgd, (u64)VAULT_OF(cpu)) != NO_FRAME)
			continue;
		absent++;
		for (u64 off = 0; off < CEA_STRIDE; off += PAGE_SIZE)
			present += pt_translate(cpus_user_view(0), (u64)cea(cpu) + off) !=
				   NO_FRAME;
		EXPECT_EQ(t, present, 0, "pages of a CPU that is not there");
	}
	if (!absent)
		selftest_skip(t, "all %u CPUs are there", NR_CPUS);
}

static void vaults(struct selftest *t)
{
	struct pt_leaf leaf;

	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		virt_addr_t va = (virt_addr_t)cea(cpu) + CEA_TO_VAULT;

		EXPECT_EQ(t, pt_walk(pti_init_pgd, va, &leaf), 0,
			  "the kernel PGD shows the vault");
		EXPECT_EQ(t, leaf.rights & RIGHTS_MASK, RW, "rights of the vault");
		EXPECT_EQ(t, *(u64 *)va, va, "the vault's first word is its address");
		if (pti_enabled)
			EXPECT(t, pt_walk(cpus_user_view(cpu), va, &leaf),
			       "the user PGD does not show it");
		EXPECT(t, pt_walk(pti_init_pgd, va + PAGE_SIZE, &leaf),
		       "the vault is one page");
	}
}

/* ---- Frames ------------------------------------------------------------------------ */

static u64 frames[NR_CPUS * (OWN_FRAMES + 1) + 16];
static unsigned frame_count;

static bool take_frame(struct selftest *t, unsigned cpu, const struct field *f,
		       virt_addr_t va, u64 rights)
{
	phys_addr_t pa = pt_translate(cpus_user_view(cpu), va);

	if (f->own_frame)
		frames[frame_count++] = pa;
	else if (rights == RX)
		return named(EXPECT_EQ(t, pa, trampoline_lma, "the trampoline's frame"),
			     cpu, f, va);
	else if (f->at == CEA_TSS_PAGE && cpus_gdt_pages(cpu) > 1)
		frames[frame_count++] = pa;
	else if (f->at == CEA_TSS_PAGE)
		return named(EXPECT_EQ(t, pa, pt_translate(cpus_user_view(cpu),
				(u64)cea(cpu)->gdt), "the frame of the CPU's own GDT"), cpu, f, va);
	else if (f->at == AT(ist[0].stack))
		return named(EXPECT_EQ(t, pa, pt_translate(cpus_user_view(cpu),
				(u64)&cea(cpu)->entry_stack),
				"the frame of the CPU's own entry stack"), cpu, f, va);
	else if (rights == R)
		return named(EXPECT_EQ(t, pa, pt_translate(cpus_user_view(cpu),
				(u64)&cea(0)->gdt[1]), "one zero page behind all GDTs"),
			     cpu, f, va);
	return true;
}

static void distinct_frames(struct selftest *t)
{
	unsigned pairs = 0;

	cpus_read_state();
	frame_count = 0;
	frames[frame_count++] = (u64)trampoline_lma;
	frames[frame_count++] = pt_translate(pti_init_pgd, CEA_IDT);
	if (cpus_gdt_pages(0) > 1)
		frames[frame_count++] = pt_translate(pti_init_pgd, (u64)&cea(0)->gdt[1]);
	for (unsigned i = 0; i < text_pages(); i++)
		frames[frame_count++] = (u64)entry_text_lma + i * PAGE_SIZE;
	for_each_cpu(cpu, &cpus_online)
		for_each_page(cpu, take_frame, t);
	EXPECT(t, frame_count >= OWN_FRAMES * cpumask_count(&cpus_online),
	       "frames were found");
	for (unsigned i = 0; i < frame_count; i++)
		for (unsigned j = 0; j < i; j++)
			pairs += frames[i] == frames[j];
	EXPECT_EQ(t, pairs, 0, "pairs of pages that share a frame");
}

/* ---- Residue ------------------------------------------------------------------------- */

#define RESIDUE 0x7e

static bool is_clear(const u8 *from, u64 size)
{
	for (u64 i = 0; i < size; i++)
		if (from[i] && from[i] != STACK_PAINT)
			return false;
	return true;
}

static bool stacks_are_clear(unsigned cpu)
{
	bool clear = is_clear((const u8 *)&cea(cpu)->entry_stack, ENTRY_STACK_SIZE);

	for (unsigned i = 0; i < NR_IST; i++)
		clear &= is_clear((const u8 *)(&cea(cpu)->ist[i].stack + 1) - IST_USED, IST_USED);
	return clear;
}

/* In an interrupt: no task of user mode runs here, so nothing of theirs is needed. */
static void fill_and_scrub(void *arg)
{
	unsigned cpu = this_cpu()->cpu;

	memset(&cea(cpu)->entry_stack, RESIDUE, ENTRY_STACK_SIZE);
	for (unsigned i = 0; i < NR_IST; i++)
		memset((u8 *)(&cea(cpu)->ist[i].stack + 1) - IST_USED, RESIDUE, IST_USED);
	stack_marks_ignore(cpu, STACK_MARK_ALL);
	this_cpu()->ist_used = true;
	cea_scrub(this_cpu());
	*(bool *)arg = stacks_are_clear(cpu);
}

static void residue(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online) {
		struct thread *task = takes_a_process(cpu) ? PROCESS_FROM(program_exit, 0) : NULL;
		bool clear = false;

		if (takes_a_process(cpu) && !EXPECT(t, task, "memory for a process"))
			return;
		if (task)
			programs_run(task, cpu);
		EXPECT(t, stacks_are_clear(cpu), "a process that has ended left nothing");
		cpus_call(cpu, fill_and_scrub, &clear);
		EXPECT(t, clear, "cea_scrub() erases all that may be used");
	}
}

static const struct selftest_case cases[] = {
	{ "every area and every vault is at its address", addresses },
	{ "each CPU's registers point into its own area", registers_in_own_area },
	{ "each field has exactly the rights that its comment states", rights_of_fields },
	{ "a read of each guard page faults", guards_fault },
	{ "a write through each read-only page faults, on every CPU", writes_fault },
	{ "in slot 508 nothing is user-accessible, and text alone is executable",
	  slot_508 },
	{ "a CPU that is not there has no area", absent_cpus },
	{ "each vault is shown by the kernel PGD alone", vaults },
	{ "CPUs share the trampoline's frame and no other", distinct_frames },
	{ "what tasks leave on the stacks of an area is erased", residue },
};
SELFTEST_SUITE(cea, cases);
