/*
 * P1, P2, P3: the slots of both PGDs of a pair.  Most slots are empty, and each process's
 * end looks: empty ones are passed by in a scan.
 */
#include "mm/audit/finding.h"
#include "mm/audit/slots.h"

static void check_user_slot(struct audit_report *r, unsigned s, pte_t kernel, pte_t user)
{
	if ((kernel ^ user) & ~(pte_t)(PTE_NX | PTE_A))
		finding(r, 1,
			"slot %u: found %#lx in the user PGD, "
			"expected the kernel PGD's %#lx",
			s, user, kernel);
	if ((kernel & PTE_P) && !(kernel & PTE_NX))
		finding(r, 2,
			"slot %u: found %#lx in the kernel PGD, "
			"expected NX",
			s, kernel);
}

static void check_shown_slot(struct audit_report *r, unsigned s, pte_t kernel, pte_t user)
{
	if ((kernel ^ user) & ~(pte_t)PTE_A)
		finding(r, 3,
			"slot %u: found %#lx in the user PGD, expected the "
			"kernel PGD's %#lx",
			s, user, kernel);
}

void check_slots(struct audit_report *r, const pte_t *kernel, const pte_t *user, u32 ldt, bool root)
{
	const unsigned end = PGD_FIRST_KERNEL_SLOT, own = PGD_SLOT_PROCESS_ENTRY;
	bool own_shown = ldt || (ledger_deferred && user[own]);

	for (unsigned s = 0; (s = pt_next_used_before(kernel, s, end)) < end; s++)
		check_user_slot(r, s, kernel[s], user[s]);
	for (unsigned s = 0; (s = pt_next_used_before(user, s, end)) < end; s++)
		if (!kernel[s])
			check_user_slot(r, s, 0, user[s]);
	for (unsigned s = end; (s = pt_next_used(user, s)) < PT_ENTRIES; s++)
		if (s != PGD_SLOT_CEA && (s != own || !own_shown))
			finding(r, 3,
				"slot %u (%#lx): found %#lx in the user PGD, "
				"expected nothing",
				s, pt_canonical((u64)s << PT_SHIFT(4)), user[s]);
	if (!root)
		check_shown_slot(r, PGD_SLOT_CEA, kernel[PGD_SLOT_CEA], user[PGD_SLOT_CEA]);
	if (!root && own_shown)
		check_shown_slot(r, own, kernel[own], user[own]);
}
