/*
 * Whoever could write to the vDSO's frame would write into every other program's code.
 */
#include "kernel/base/phys.h"
#include "mm/audit/finding.h"
#include "mm/audit/vdso.h"
#include "mm/frames/frame.h"
#include "mm/leakscan.h"

phys_addr_t vdso_frame = NO_FRAME;

void check_vdso(struct audit_report *r, const struct pt_leaf *leaf)
{
	const struct ledger_entry *e = ledger;
	u64 value;
	long at;

	if (leaf->pa != vdso_frame)
		return;
	while (e->place != LEDGER_VDSO)
		e++;
	if (leaf->rights & PTE_W)
		page_finding(r, 4, leaf->va, e, -1, "found %s, expected R X",
			     rights_name(leaf->rights));
	r->pages_of[e - ledger]++;
	r->bytes_scanned += PAGE_SIZE;
	at = leakscan_page(phys_to_virt(leaf->pa), e->kind, &value);
	if (at >= 0)
		page_finding(r, 7, leaf->va, e, -1, "found the hidden address %#lx at offset %#lx",
			     value, (u64)at);
}
