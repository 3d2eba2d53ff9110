/*
 * A model of a page table: plain lists of leaves and tables, slow and too
 * simple to be wrong, and a random run of operations that compares mm/
 * pagetable.c with it after each step.
 *
 * Shared by the in-kernel suite (tests/suites/pagetable.c) and the host test
 * (tests/host/test_pagetable.c): it includes nothing that only one of them has.
 */
#ifndef TESTS_SUITES_PT_MODEL_H
#define TESTS_SUITES_PT_MODEL_H

#include "kernel/base/types.h"
#include "mm/pagetable.h"

#define PT_MODEL_LEAVES 160
#define PT_MODEL_TABLES 160

/* A leaf; or a table, which has no pa, named by the entry that points to it. */
struct pt_model_entry {
	virt_addr_t va;
	phys_addr_t pa;
	unsigned level;
	u64 bits; /* of PTE_W, PTE_U, PTE_NX and PTE_G */
};

struct pt_model {
	pte_t *pgd; /* the real one; empty at the start */
	u64 random; /* state, from the seed; not 0 */
	unsigned leaves, tables;
	struct pt_model_entry leaf[PT_MODEL_LEAVES]; /* ascending */
	struct pt_model_entry table[PT_MODEL_TABLES];
	unsigned done[6]; /* how often each operation did what it is for */
	/* the first difference */
	const char *wrong; /* NULL: none yet */
	u64 found, expected;
	virt_addr_t at;
};

void pt_model_init(struct pt_model *m, pte_t *pgd, u64 seed);

/*
 * One random operation on both, and the comparison.  False: they differ, and
 * m->wrong says in what.  Allocation failures are made by frame_fail_after().
 */
bool pt_model_step(struct pt_model *m);

/* Number of frames that the real tables must hold, the PGD aside. */
static inline unsigned pt_model_frames(const struct pt_model *m)
{
	return m->tables;
}

#endif
