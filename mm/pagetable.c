/*
 * The page-table walker.  Every table of this kernel is read and written
 * through these functions and the pointers that pt_entry() hands out, so that
 * there is one place that knows how levels, large pages and rights combine.
 *
 * Portable: the host tests run it against a model (tests/host/test_pagetable.c).
 * Read next: mm/pti.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "mm/frames/frame.h"
#include "mm/pagetable.h"

static pte_t *table_of(pte_t entry)
{
	return phys_to_virt(entry & PTE_ADDR_MASK);
}

static bool is_leaf(pte_t entry, unsigned level)
{
	return level == 1 || (level <= 3 && (entry & PTE_PS));
}

/* Address bits of a leaf: the PAT bit of a large page is not one of them. */
static phys_addr_t leaf_address(pte_t entry, unsigned level)
{
	return entry & PTE_ADDR_MASK & ~(PT_SIZE(level) - 1);
}

/* Rights after one more level: W and U must be granted by all, NX by any. */
static u64 combine(u64 rights, pte_t entry)
{
	u64 granted = rights & entry & (PTE_W | PTE_U);

	return granted | ((rights | entry) & PTE_NX);
}

static void fill_leaf(struct pt_leaf *leaf, virt_addr_t va, pte_t entry, unsigned level, u64 rights)
{
	leaf->va = va & ~(PT_SIZE(level) - 1);
	leaf->pa = leaf_address(entry, level);
	leaf->level = level;
	leaf->entry = entry;
	leaf->rights = combine(rights, entry) | (entry & PTE_G);
}

int pt_walk(const pte_t *pgd, virt_addr_t va, struct pt_leaf *leaf)
{
	const pte_t *table = pgd;
	u64 rights = PTE_W | PTE_U;

	for (unsigned level = PT_LEVELS; level >= 1; level--) {
		pte_t entry = table[PT_INDEX(va, level)];

		if (!(entry & PTE_P))
			return -ENOENT;
		if (is_leaf(entry, level)) {
			fill_leaf(leaf, va, entry, level, rights);
			return 0;
		}
		rights = combine(rights, entry);
		table = table_of(entry);
	}
	return -ENOENT;
}

phys_addr_t pt_translate(const pte_t *pgd, virt_addr_t va)
{
	struct pt_leaf leaf;

	if (pt_walk(pgd, va, &leaf))
		return NO_FRAME;
	return leaf.pa + (va - leaf.va);
}

pte_t *pt_entry(pte_t *pgd, virt_addr_t va, unsigned level, bool alloc)
{
	pte_t *table = pgd;
	/* Upper levels grant everything; the leaf decides. */
	u64 user = va < KERNEL_HALF ? PTE_U : 0;

	for (unsigned l = PT_LEVELS; l > level; l--) {
		pte_t *entry = &table[PT_INDEX(va, l)];

		if (!(*entry & PTE_P)) {
			phys_addr_t pa = alloc ? frame_alloc_zeroed() : NO_FRAME;

			if (pa == NO_FRAME)
				return NULL;
			*entry = pa | PTE_P | PTE_W | PTE_A | user;
		}
		if (is_leaf(*entry, l))
			return NULL;
		table = table_of(*entry);
	}
	return &table[PT_INDEX(va, level)];
}

static int map_at(pte_t *pgd, virt_addr_t va, phys_addr_t pa, u64 prot, unsigned level)
{
	pte_t *entry = pt_entry(pgd, va, level, true);
	struct pt_leaf leaf;

	if (!entry)
		return pt_walk(pgd, va, &leaf) ? -ENOMEM : -EEXIST;
	if (*entry & PTE_P)
		return -EEXIST;
	*entry = pa | prot | (level > 1 ? PTE_PS : 0);
	return 0;
}

int pt_map(pte_t *pgd, virt_addr_t va, phys_addr_t pa, u64 prot)
{
	return map_at(pgd, va, pa, prot, 1);
}

int pt_map_range(pte_t *pgd, virt_addr_t va, phys_addr_t pa, u64 size, u64 prot, unsigned max_level)
{
	while (size > 0) {
		unsigned level = max_level;
		int err;

		while (!IS_ALIGNED(va | pa, PT_SIZE(level)) || size < PT_SIZE(level))
			level--;
		err = map_at(pgd, va, pa, prot, level);
		if (err)
			return err;
		va += PT_SIZE(level);
		pa += PT_SIZE(level);
		size -= PT_SIZE(level);
	}
	return 0;
}

pte_t pt_unmap(pte_t *pgd, virt_addr_t va)
{
	pte_t *entry = pt_entry(pgd, va, 1, false);
	pte_t old = entry ? *entry : 0;

	if (entry)
		*entry = 0;
	return old;
}

struct leaf_walk {
	int (*fn)(const struct pt_leaf *leaf, void *arg);
	void *arg;
};

static int walk_table(const pte_t *table, unsigned level, virt_addr_t base, u64 rights,
		      unsigned first, unsigned last, const struct leaf_walk *walk)
{
	for (unsigned i = first; i <= last; i++) {
		virt_addr_t va = pt_canonical(base + i * PT_SIZE(level));
		pte_t entry = table[i];
		int err;

		if (!(entry & PTE_P))
			continue;
		if (is_leaf(entry, level) || (entry & PTE_ALIAS)) {
			struct pt_leaf leaf;

			fill_leaf(&leaf, va, entry, level, rights);
			err = walk->fn(&leaf, walk->arg);
		} else {
			err = walk_table(table_of(entry), level - 1, va, combine(rights, entry), 0,
					 PT_ENTRIES - 1, walk);
		}
		if (err)
			return err;
	}
	return 0;
}

int pt_for_each_leaf(const pte_t *pgd, unsigned first, unsigned last,
		     int (*fn)(const struct pt_leaf *leaf, void *arg), void *arg)
{
	struct leaf_walk walk = { fn, arg };

	return walk_table(pgd, PT_LEVELS, 0, PTE_W | PTE_U, first, last, &walk);
}

static void free_table(pte_t entry, unsigned level)
{
	pte_t *table = table_of(entry);

	for (unsigned i = 0; level > 1 && (i = pt_next_used(table, i)) < PT_ENTRIES; i++)
		if ((table[i] & PTE_P) && !(table[i] & PTE_ALIAS) && !is_leaf(table[i], level))
			free_table(table[i], level - 1);
	if (level > 1)
		seam_long_work_point();
	frame_free(entry & PTE_ADDR_MASK);
}

void pt_free_tables(pte_t *pgd, unsigned first, unsigned last)
{
	for (unsigned i = first; i <= last; i++) {
		if (pgd[i] & PTE_P)
			free_table(pgd[i], PT_LEVELS - 1);
		pgd[i] = 0;
	}
}
