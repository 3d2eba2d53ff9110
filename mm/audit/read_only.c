/*
 * P6: no writable way to a frame that the ledger calls read-only.  In the user half of
 * the kernel PGD all is NX; the levels that both PGDs share decide.
 */
#include "kernel/base/phys.h"
#include "mm/audit/finding.h"
#include "mm/audit/read_only.h"

/* Shared ones; GDT, TSS and IO bitmap of each CPU; an LDT. */
#define MAX_FRAMES (CEA_ENTRY_TEXT_MAX_PAGES + 4 + NR_CPUS * 4 + LDT_MAX_PAGES)

static u64 pfn[MAX_FRAMES];
static unsigned count;

void read_only_forget(void)
{
	count = 0;
}

void read_only_remember(struct audit_report *r, phys_addr_t pa)
{
	for (unsigned i = count; i > 0; i--)
		if (pfn[i - 1] == PFN(pa))
			return;
	if (count == MAX_FRAMES)
		finding(r, 6,
			"frame %#lx: found more than %u read-only frames, "
			"expected room for all",
			pa, count);
	else
		pfn[count++] = PFN(pa);
}

static int check_leaf(const struct pt_leaf *leaf, void *arg)
{
	if (!(leaf->rights & PTE_W) || (leaf->entry & PTE_ALIAS))
		return 0;
	for (unsigned i = 0; i < count; i++)
		if (pfn[i] - PFN(leaf->pa) < PT_SIZE(leaf->level) / PAGE_SIZE)
			finding(arg, 6,
				"page %#lx: found a writable alias of frame %#lx, "
				"which the ledger calls read-only, expected none",
				leaf->va, pfn[i] << PAGE_SHIFT);
	return 0;
}

void read_only_check(struct audit_report *r, const pte_t *view)
{
	pt_for_each_leaf(view, 0, PGD_FIRST_KERNEL_SLOT - 1, check_leaf, r);
	pt_for_each_leaf(view, PGD_SLOT_PROCESS_ENTRY, PGD_SLOT_CEA, check_leaf, r);
}
