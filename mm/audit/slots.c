/*
 * P1, P2, P3: the slots of both PGDs of a pair.
 */
#include "mm/audit/finding.h"
#include "mm/audit/slots.h"

void check_slots(struct audit_report *r, const pte_t *kernel, const pte_t *user, u32 ldt, bool root)
{
	for (unsigned s = 0; s < PGD_FIRST_KERNEL_SLOT; s++) {
		pte_t differ = (kernel[s] ^ user[s]) & ~(pte_t)(PTE_NX | PTE_A);

		if (!(kernel[s] | user[s])) /* most of them, and each process's end looks */
			continue;
		if (differ)
			finding(r, 1,
				"slot %u: found %#lx in the user PGD, "
				"expected the kernel PGD's %#lx",
				s, user[s], kernel[s]);
		if ((kernel[s] & PTE_P) && !(kernel[s] & PTE_NX))
			finding(r, 2,
				"slot %u: found %#lx in the kernel PGD, "
				"expected NX",
				s, kernel[s]);
	}
	for (unsigned s = PGD_FIRST_KERNEL_SLOT; s < PT_ENTRIES; s++) {
		bool shown = s == PGD_SLOT_CEA ||
			     (s == PGD_SLOT_PROCESS_ENTRY && (ldt || (ledger_deferred && user[s])));

		if (!user[s] && !shown)
			continue;
		if (shown && !root && ((kernel[s] ^ user[s]) & ~(pte_t)PTE_A))
			finding(r, 3,
				"slot %u: found %#lx in the user PGD, expected the "
				"kernel PGD's %#lx",
				s, user[s], kernel[s]);
		if (!shown && user[s])
			finding(r, 3,
				"slot %u (%#lx): found %#lx in the user PGD, "
				"expected nothing",
				s, pt_canonical((u64)s << PT_SHIFT(4)), user[s]);
	}
}
