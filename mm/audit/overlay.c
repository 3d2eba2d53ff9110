/*
 * What the processor reads in a guest's place lies in the user half, as supervisor pages.
 * In such a table a guest chooses base, limit and type of segments, so any window of eight
 * bytes may look like an address, as in an LDT.  What it must not have there is looked for
 * instead: a gate, an LDT, a TSS but the CPU's own, a segment that is not its own.
 */
#include "kernel/base/phys.h"
#include "mm/audit/finding.h"
#include "mm/audit/overlay.h"
#include "mm/audit/vdso.h"

#define DESC_CODE BIT(43)
#define DESC_CONFORMING BIT(42)
#define DESC_TSS_BUSY 0x0000890000000000 /* present, type 9 or, busy, 11 */
#define DESC_KIND 0x00009d0000000000

bool overlay_descriptor_ok(u64 desc)
{
	u64 wanted = DESC_SEGMENT | DESC_DPL3;

	if (desc == 0 || desc == DESC_KERNEL_CS || desc == DESC_KERNEL_DS)
		return true;
	return (desc & wanted) == wanted && !(desc & DESC_LONG) &&
	       !((desc & DESC_CODE) && (desc & DESC_CONFORMING));
}

/* The TSS of a CPU: a base in the areas, which is no secret. */
static bool is_own_tss(const u64 *desc)
{
	u64 base = (desc[0] >> 16 & 0xffffff) | (desc[0] >> 56) << 24 | desc[1] << 32;

	return (desc[0] & DESC_KIND) == DESC_TSS_BUSY && base >= CEA_BASE && base < CEA_SLOT_END &&
	       desc[1] >> 32 == 0 && (base - CEA_BASE) % CEA_STRIDE == CEA_TSS;
}

static void check_table(struct audit_report *r, const struct pt_leaf *leaf,
			const struct ledger_entry *e)
{
	const u64 *desc = phys_to_virt(leaf->pa);

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		if (overlay_descriptor_ok(desc[i]))
			continue;
		if (i + 1 < PT_ENTRIES && is_own_tss(&desc[i]))
			i++;
		else
			page_finding(r, 7, leaf->va, e, -1,
				     "found the descriptor %#lx at offset %#x, expected a segment "
				     "of ring 3",
				     desc[i], i * 8);
	}
}

static int check_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct audit_report *r = arg;
	bool overlay = leaf->entry & PTE_OVERLAY;
	const struct ledger_entry *e;
	int cpu;

	if (!(leaf->rights & PTE_U) && !overlay)
		finding(r, 4,
			"page %#lx: found a supervisor page in the user half, expected that of "
			"an overlay only",
			leaf->va);
	check_vdso(r, leaf);
	if (!overlay)
		return 0;
	e = ledger_find(leaf->va, &cpu);
	if (!e) {
		finding(r, 4, "page %#lx: found an overlay, expected it in a guest's memory only",
			leaf->va);
		return 0;
	}
	if (leaf->level != 1 || (leaf->rights & (PTE_U | PTE_W | PTE_NX)) != (PTE_W | PTE_NX))
		page_finding(r, 4, leaf->va, e, -1, "found %s%s, expected RW, supervisor",
			     rights_name(leaf->rights),
			     leaf->rights & PTE_U ? ", open to user mode" : "");
	r->pages_of[e - ledger]++;
	r->bytes_scanned += PAGE_SIZE;
	check_table(r, leaf, e);
	return 0;
}

void check_overlay(struct audit_report *r, const pte_t *view)
{
	pt_for_each_leaf(view, 0, PGD_FIRST_KERNEL_SLOT - 1, check_leaf, r);
}
