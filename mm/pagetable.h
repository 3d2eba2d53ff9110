/*
 * Page tables as data: walking, mapping and unmapping in any 4-level table,
 * whether CR3 holds it or not.  Knows nothing of the pair, of the TLB or of
 * who owns what: see mm/pti.h, mm/tlb.h, mm/ledger.h.
 *
 * A table is given by a pointer to its PGD in the direct map.  Source: Intel
 * SDM vol. 3, 4.5 (4-level paging).
 */
#ifndef MM_PAGETABLE_H
#define MM_PAGETABLE_H

#include "kernel/base/layout.h"
#include "kernel/base/types.h"
#include "kernel/base/x86.h"

typedef u64 pte_t;

#define PT_ENTRIES 512
#define PT_LEVELS 4 /* 4 = PGD, 3 = PUD, 2 = PMD, 1 = PTE */

#define PT_SHIFT(level) (PAGE_SHIFT - 9 + 9 * (level))
#define PT_SIZE(level) (1ULL << PT_SHIFT(level))
#define PT_INDEX(va, level) (((va) >> PT_SHIFT(level)) & (PT_ENTRIES - 1))

/* Rights of a leaf, to be ORed with PTE_G, PTE_U, PTE_PCD as needed. */
#define PROT_R (PTE_P | PTE_A | PTE_NX)
#define PROT_RW (PTE_P | PTE_A | PTE_D | PTE_W | PTE_NX)
#define PROT_RX (PTE_P | PTE_A)

/* Sign-extends bit 47. */
static inline virt_addr_t pt_canonical(u64 va)
{
	return (virt_addr_t)((s64)(va << 16) >> 16);
}

/* What a walk found: the translation and the rights it really gives. */
struct pt_leaf {
	virt_addr_t va; /* first address that the entry maps */
	phys_addr_t pa; /* first address that it maps to */
	unsigned level; /* 1, 2 or 3: 4 KiB, 2 MiB, 1 GiB */
	pte_t entry;    /* as read */
	u64 rights;     /* PTE_W and PTE_U if every level grants them, PTE_NX
	                     if any level has it, PTE_G of the leaf */
};

/*
 * Finds what `va` (canonical) is mapped to, at any page size.  0 and *leaf, or
 * -ENOENT.
 */
int pt_walk(const pte_t *pgd, virt_addr_t va, struct pt_leaf *leaf);

/* The physical address of `va`, or NO_FRAME (mm/frames/frame.h). */
phys_addr_t pt_translate(const pte_t *pgd, virt_addr_t va);

/*
 * The entry of `va` at `level` (1 to 4).  Missing tables on the way are made
 * when `alloc` is set.  NULL: a table is missing (or there is no memory for
 * it), or a large page stands in the way.  Tables already made stay.
 */
pte_t *pt_entry(pte_t *pgd, virt_addr_t va, unsigned level, bool alloc);

/* The index of the first entry of a table in [i, end) that is not 0; `end`: none is. */
static inline unsigned pt_next_used_before(const pte_t *table, unsigned i, unsigned end)
{
	const pte_t *at = &table[i];
	u64 left = i < end ? end - i : 0;
	bool none = true;

	if (left)
		__asm__("repe scasq" : "+D"(at), "+c"(left), "=@ccz"(none) : "a"(0) : "memory");
	return end - (unsigned)left - !none;
}

static inline unsigned pt_next_used(const pte_t *table, unsigned i)
{
	return pt_next_used_before(table, i, PT_ENTRIES);
}

/*
 * Maps one 4 KiB page.  -EEXIST if something is mapped there, -ENOMEM.
 */
int pt_map(pte_t *pgd, virt_addr_t va, phys_addr_t pa, u64 prot);

/*
 * Maps [va, va + size) to [pa, pa + size), all page-aligned, in the largest
 * pages up to max_level (1 to 3) that alignment allows.  Errors as pt_map();
 * what was mapped before the error stays.
 */
int pt_map_range(pte_t *pgd, virt_addr_t va, phys_addr_t pa, u64 size, u64 prot,
		 unsigned max_level);

/* Clears one 4 KiB entry and returns what it held (0: nothing).  No flush. */
pte_t pt_unmap(pte_t *pgd, virt_addr_t va);

/*
 * Calls fn for every leaf of PGD slots [first, last], ascending.  A non-zero
 * result of fn ends the walk and is returned.
 *
 * An entry with PTE_ALIAS is one that its owner linked a second time: fn is
 * called with that entry itself, at whatever level it stands, and the walk does
 * not go below it.  What to make of it is fn's to say.
 */
int pt_for_each_leaf(const pte_t *pgd, unsigned first, unsigned last,
		     int (*fn)(const struct pt_leaf *leaf, void *arg), void *arg);

/*
 * Frees every table below PGD slots [first, last] (not what the leaves map, nor
 * what entries with PTE_ALIAS lead to) and clears the slots.  Context: task context or boot, no spinlock held; other
 * tasks may run meanwhile.
 */
void pt_free_tables(pte_t *pgd, unsigned first, unsigned last);

#endif
