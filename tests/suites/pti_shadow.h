/*
 * What the suites of kernel mappings in the shadow share: a pair that is never loaded,
 * and addresses that nothing else uses.
 */
#ifndef TESTS_SUITES_PTI_SHADOW_H
#define TESTS_SUITES_PTI_SHADOW_H

#include "kernel/start/selftest.h"
#include "mm/pti.h"

/* A slot that nothing uses: for pages of our own making. */
#define SLOT 300
#define SLOT_BASE 0xffff960000000000
static_assert(PT_INDEX(SLOT_BASE, 4) == SLOT, "a slot of its own");

/* RAM above the image that every machine has, around a 2 MiB boundary. */
#define RAM (DIRECT_MAP_BASE + 0xa00000)

/* A new pair, to be freed by pti_free_pair(); NULL, the case being skipped: no shadow. */
static inline pte_t *shadow_pair_make(struct selftest *t)
{
	pte_t *pgd;

	if (!pti_enabled) {
		selftest_skip(t, "there is no shadow with pti=off");
		return NULL;
	}
	pgd = pti_alloc_pair();
	ASSERT(pgd);
	return pgd;
}

#endif
