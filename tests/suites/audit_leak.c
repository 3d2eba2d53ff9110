/*
 * P7, the leak scan: hidden addresses of each kind, planted in copies of pages
 * of slot 508 in a scratch pair, in every form in which they may stand there.
 */
#include "arch/idt.h"
#include "arch/tss.h"
#include "arch/vdso/vdso64.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/audit/vdso.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/leakscan.h"
#include "mm/pti.h"
#include "tests/suites/scratch_pair.h"

#define AREA0(page) (CEA_BASE + (page))
#define IST_DB_PAGE AREA0(CEA_IST + (IST_DB - 1) * CEA_IST_STRIDE)

/* An address of each hidden kind, and the edges of the regions. */
static unsigned hidden_addresses(u64 v[8])
{
	v[0] = (u64)image_text_start + 0x123;
	v[1] = (u64)image_data_end - 1;
	v[2] = DIRECT_MAP_BASE;
	v[3] = DIRECT_MAP_BASE + 0x105000;
	v[4] = DIRECT_MAP_BASE + frame_stats().top - 1;
	v[5] = VMAP_BASE;
	v[6] = VMAP_BASE + 0x7ff8;
	v[7] = VMAP_END - 1;
	return 8;
}

static void test_hidden(struct selftest *t)
{
	u64 v[8];
	unsigned n = hidden_addresses(v);

	for (unsigned i = 0; i < n; i++)
		EXPECT(t, leakscan_is_hidden(v[i]), "an address that must not be seen");
	EXPECT(t, leakscan_is_hidden((u64)&v), "this stack");
	EXPECT(t, leakscan_is_hidden((u64)test_hidden), "this function");
	EXPECT(t, leakscan_is_hidden((u64)pti_init_pgd), "a page table");
	EXPECT(t, !leakscan_is_hidden(0), "null is no secret");
	EXPECT(t, !leakscan_is_hidden(~0ULL), "nor is -1");
	EXPECT(t, !leakscan_is_hidden(USER_END - 8), "nor the user's stack");
	EXPECT(t, !leakscan_is_hidden(AREA0(CEA_ENTRY_STACK_TOP)), "nor an entry stack");
	EXPECT(t, !leakscan_is_hidden(CEA_ENTRY_TEXT), "nor entry text");
	EXPECT(t, !leakscan_is_hidden(VMAP_BASE - 1), "nor the byte below the vmap area");
	EXPECT(t, !leakscan_is_hidden(VMAP_END), "nor the byte above");
	EXPECT(t, !leakscan_is_hidden(DIRECT_MAP_BASE - 1), "nor below the direct map");
	EXPECT(t, !leakscan_is_hidden((u64)image_data_end), "nor behind the image");
}

/* The audit must report `value` at offset `at` of the page at va. */
static void expect_leak(struct selftest *t, pte_t *pgd, virt_addr_t va, u64 value,
			u64 at, const char *step)
{
	char rest[100];

	format(rest, sizeof(rest), "found the hidden address %#lx at offset %#lx, "
	       "expected none", value, at);
	scratch_expect_page(t, pgd, 7, va, rest, step);
	EXPECT_EQ(t, scratch_findings(), 1, "findings");
}

static void test_words(struct selftest *t)
{
	static const unsigned at[] = { 0, 0x7f8, 0xff8 };
	pte_t *pgd = scratch_pair_make();
	u8 *page = scratch_copy_page(pgd, IST_DB_PAGE);
	u64 v[8];
	unsigned n = hidden_addresses(v);

	memset(page, 0, PAGE_SIZE);
	scratch_expect_clean(t, pgd, "an empty IST page");
	for (unsigned i = 0; i < n; i++) {
		unsigned offset = at[i % ARRAY_SIZE(at)];

		memcpy(page + offset, &v[i], 8);
		expect_leak(t, pgd, IST_DB_PAGE, v[i], offset, "an aligned word");
		memset(page + offset, 0, 8);
	}
	scratch_expect_clean(t, pgd, "undone");
	scratch_restore_page(pgd, IST_DB_PAGE);
	scratch_expect_clean(t, pgd, "with the real page");
	scratch_pair_free(pgd);
}

static void test_windows(struct selftest *t)
{
	pte_t *pgd = scratch_pair_make();
	u8 *page = scratch_copy_page(pgd, IST_DB_PAGE);
	u64 v[8];
	unsigned n = hidden_addresses(v);

	memset(page, 0, PAGE_SIZE);
	for (unsigned offset = 1; offset < 8; offset++) {
		u64 value = v[offset % n];

		memcpy(page + 0x100 + offset, &value, 8);
		expect_leak(t, pgd, IST_DB_PAGE, value, 0x100 + offset, "an unaligned window");
		memset(page + 0x100, 0, 16);
		memcpy(page + 0xff0 + offset, &value, 8);
		expect_leak(t, pgd, IST_DB_PAGE, value, 0xff0 + offset,
			    "the same near the end of the page");
		memset(page + 0xff0, 0, 16);
	}
	scratch_expect_clean(t, pgd, "undone");
	/* Seven bytes of an address are not an address. */
	memcpy(page + 0x100, &v[3], 7);
	scratch_expect_clean(t, pgd, "all but the last byte");
	scratch_restore_page(pgd, IST_DB_PAGE);
	scratch_pair_free(pgd);
}

/* As instructions hold them: movabs, and a sign-extended immediate. */
static void test_instructions(struct selftest *t)
{
	pte_t *pgd = scratch_pair_make();
	u8 *page = scratch_copy_page(pgd, CEA_ENTRY_TEXT);
	u64 value = (u64)image_text_start;
	u8 movabs[16] = { 0x90, 0x90, 0x48, 0xb8 };

	memcpy(movabs + 4, &value, 8);
	memcpy(page + PAGE_SIZE - 16, movabs, sizeof(movabs));
	expect_leak(t, pgd, CEA_ENTRY_TEXT, value, 0xff4, "movabs $image_text_start, %rax");
	scratch_restore_page(pgd, CEA_ENTRY_TEXT);
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

/* A gate that holds `offset` in its three pieces. */
static struct idt_gate gate_to(u64 offset)
{
	return (struct idt_gate){
		.offset_low = (u16)offset,
		.offset_middle = (u16)(offset >> 16),
		.offset_high = (u32)(offset >> 32),
	};
}

static void test_gates(struct selftest *t)
{
	pte_t *pgd = scratch_pair_make();
	struct idt_gate *idt = scratch_copy_page(pgd, CEA_IDT);
	u64 v[8];
	unsigned n = hidden_addresses(v);

	for (unsigned i = 0; i < n; i++) {
		struct idt_gate *gate = &idt[i * 36], old = *gate, to = gate_to(v[i]);

		gate->offset_low = to.offset_low;
		gate->offset_middle = to.offset_middle;
		gate->offset_high = to.offset_high;
		scratch_expect_page(t, pgd, 7, CEA_IDT, "found the hidden address 0x*",
				    "a gate that leads to it");
		*gate = old;
		scratch_expect_clean(t, pgd, "undone");
	}
	scratch_restore_page(pgd, CEA_IDT);
	scratch_pair_free(pgd);
}

/*
 * Gates and descriptors whose windows show nothing: the bytes between the pieces carry the
 * window out of the region, below the first byte of the image's text.  Only decoding finds
 * these.
 */
static void test_decoding(struct selftest *t)
{
	u64 first = (u64)image_text_start, value = 0;
	phys_addr_t pa;
	u64 *page;

	if (!EXPECT(t, first & 0xffff, "a text that begins in the middle of 64 KiB"))
		return;
	pa = frame_alloc_zeroed();
	page = phys_to_virt(pa);
	for (unsigned i = 0; i < PT_ENTRIES; i += 102) {
		struct idt_gate gate = gate_to(first);

		gate.ist = gate.type = 0;
		memcpy(&page[i], &gate, sizeof(gate));
		EXPECT_EQ(t, leakscan_page(page, LEDGER_DATA, &value), -1, "no window shows it");
		EXPECT_EQ(t, leakscan_page(page, LEDGER_IDT, &value), i * 8, "a decoded gate");
		EXPECT_EQ(t, value, first, "and what it leads to");
		memset(&page[i], 0, sizeof(gate));
	}
	for (unsigned i = 0; i + 1 < PT_ENTRIES; i += 73) { /* odd and even */
		page[i] = (first & 0xffffff) << 16 | (first >> 24 & 0xff) << 56;
		page[i + 1] = first >> 32;
		EXPECT_EQ(t, leakscan_page(page, LEDGER_DATA, &value), -1, "no window shows it");
		EXPECT_EQ(t, leakscan_page(page, LEDGER_GDT, &value), i * 8,
			  "a decoded descriptor");
		EXPECT_EQ(t, value, first, "and its base");
		page[i] = page[i + 1] = 0;
	}
	EXPECT_EQ(t, leakscan_page(page, LEDGER_IDT, &value), -1, "an empty page");
	EXPECT_EQ(t, leakscan_page(page, LEDGER_GDT, &value), -1, "has nothing to hide");
	frame_free(pa);
}

/* The TSS descriptor's base and one more, in a copy of CPU 0's GDT. */
static void test_descriptors(struct selftest *t)
{
	static const unsigned index[] = { SEL_TSS / 8, GDT_ENTRIES, PT_ENTRIES - 2 };
	pte_t *pgd = scratch_pair_make();
	u64 *gdt = scratch_copy_page(pgd, AREA0(CEA_GDT));
	u64 v[8];

	hidden_addresses(v);
	for (unsigned i = 0; i < ARRAY_SIZE(index); i++) {
		u64 *desc = &gdt[index[i]], low = desc[0], high = desc[1];
		u64 base = v[i * 2 + 1];

		desc[0] = (low & 0x00ffff000000ffff) | (base & 0xffffff) << 16 |
			  (base >> 24 & 0xff) << 56;
		desc[1] = base >> 32;
		scratch_expect_page(t, pgd, 7, AREA0(CEA_GDT), "found the hidden address 0x*",
				    "a system descriptor with that base");
		desc[0] = low;
		desc[1] = high;
		scratch_expect_clean(t, pgd, "undone");
	}
	scratch_restore_page(pgd, AREA0(CEA_GDT));
	scratch_pair_free(pgd);
}

static void test_tss(struct selftest *t)
{
	unsigned at = CEA_TSS_OFFSET + offsetof(struct tss, sp);
	unsigned ist = CEA_TSS_OFFSET + offsetof(struct tss, ist);
	pte_t *pgd = scratch_pair_make();
	u8 *page = scratch_copy_page(pgd, AREA0(CEA_TSS_PAGE));
	u64 stack = (u64)&pgd, sp0, word = (u64)pgd;

	memcpy(&sp0, page + at, 8);
	EXPECT_EQ(t, sp0, AREA0(CEA_ENTRY_STACK_TOP), "sp0 is the entry stack's top");
	memcpy(page + at, &stack, 8);
	expect_leak(t, pgd, AREA0(CEA_TSS_PAGE), stack, at, "sp0 leads to a kernel stack");
	memcpy(page + at, &sp0, 8);
	scratch_expect_clean(t, pgd, "undone");
	memcpy(&sp0, page + ist, 8);
	memcpy(page + ist, &word, 8);
	expect_leak(t, pgd, AREA0(CEA_TSS_PAGE), word, ist, "IST 1 leads to the direct map");
	memcpy(page + ist, &sp0, 8);
	scratch_restore_page(pgd, AREA0(CEA_TSS_PAGE));
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

/*
 * In the last bytes of the entry stack's page, whose frame another stack ends in, and
 * the first of the TSS behind it, the latter in a copy.
 */
static void test_seams(struct selftest *t)
{
	virt_addr_t stack = AREA0(CEA_ENTRY_STACK), tss = AREA0(CEA_TSS_PAGE);
	u8 *below = phys_to_virt(pt_translate(pti_init_pgd, stack)), *above, old[8], last[8];
	pte_t *pgd = scratch_pair_make();
	char text[160];
	u64 v[8];

	hidden_addresses(v);
	above = scratch_copy_page(pgd, tss);
	memcpy(old, above, 8);
	memcpy(last, below + PAGE_SIZE - 8, 8);
	for (unsigned inside = 1; inside < 8; inside++) {
		memcpy(below + PAGE_SIZE - inside, &v[inside], inside);
		memcpy(above, (u8 *)&v[inside] + inside, 8 - inside);
		format(text, sizeof(text), "P7: pages %#lx and %#lx: found the hidden address "
		       "%#lx across them*", stack, tss, v[inside]);
		scratch_expect_finding(t, pgd, 7, text, "some bytes in each");
		EXPECT_EQ(t, scratch_findings(), 1, "findings");
		memcpy(below + PAGE_SIZE - 8, last, 8);
		memcpy(above, old, 8);
		scratch_expect_clean(t, pgd, "undone");
	}
	scratch_restore_page(pgd, tss);
	scratch_pair_free(pgd);
}

/* Of every CPU, every kind of page, one after the other. */
static void test_every_page(struct selftest *t)
{
	pte_t *pgd = scratch_pair_make_ldt();
	u64 value = DIRECT_MAP_BASE + 0x1234;
	unsigned planted = 0;

	for (unsigned i = 0; i < ledger_size; i++) {
		for_each_cpu(cpu, &cpus_online) {
			virt_addr_t va = ledger_address(&ledger[i], cpu);
			struct pt_leaf leaf;
			u8 *page;

			/* In an LDT every word is the program's. */
			if (ledger[i].kind == LEDGER_LDT)
				continue;
			if (pt_walk(pgd, va, &leaf) || (cpu > 0 && !ledger_per_cpu(&ledger[i])) ||
			    (cpu > 3 && i % 16 != cpu % 16))
				continue;
			page = scratch_copy_page(pgd, va);
			memset(page, 0, PAGE_SIZE);
			memcpy(page + 0xff8, &value, 8);
			expect_leak(t, pgd, va, value, 0xff8, ledger[i].name);
			scratch_restore_page(pgd, va);
			planted++;
		}
	}
	selftest_note("planted in %u pages", planted);
	EXPECT(t, planted >= 10, "in each page that a CPU has");
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

/* In the user half, where everything else is the program's own matter. */
static void test_vdso(struct selftest *t)
{
	pte_t *pgd = scratch_pair_make(), *pte = scratch_entry(pgd, SCRATCH_USER, 1);
	u64 value = DIRECT_MAP_BASE + 0x1234;
	u8 *at = phys_to_virt(vdso_frame);

	at += VDSO_CLOCK_AT - sizeof(value); /* behind the code */
	*pte = vdso_frame | PROT_RX | PTE_U;
	scratch_expect_clean(t, pgd, "as programs have it");
	*pte = vdso_frame | PROT_RW | PTE_U;
	scratch_expect_finding(t, pgd, 4, "P4: page * (vDSO, *owner arch/vdso/vdso64.c): found RW, "
			       "expected R X", "writable");
	*pte = vdso_frame | PROT_R | PTE_U;
	memcpy(at, &value, sizeof(value));
	scratch_expect_finding(t, pgd, 7, "P7: page * (vDSO, *owner arch/vdso/vdso64.c): found the "
			       "hidden address*", "with a hidden address");
	memset(at, 0, sizeof(value));
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

static const struct selftest_case cases[] = {
	{ "hidden are the image, the vmap area and RAM in the direct map", test_hidden },
	{ "P7: an aligned word is found", test_words },
	{ "P7: a window is found at every offset", test_windows },
	{ "P7: the immediate of an instruction is found", test_instructions },
	{ "P7: where a gate leads is found", test_gates },
	{ "P7: what only decoding shows is found", test_decoding },
	{ "P7: the base of a descriptor is found", test_descriptors },
	{ "P7: stacks in a TSS are found", test_tss },
	{ "P7: what lies across two pages is found", test_seams },
	{ "P7: it is found in each kind of page, on every CPU", test_every_page },
	{ "P4, P7: so are both in the vDSO", test_vdso },
};
SELFTEST_SUITE(audit_leak, cases);
