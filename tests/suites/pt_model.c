/*
 * The model and its operations.  Addresses come from a small pool, so that
 * operations meet: the first, second and last entry of four PGD slots, two in
 * each half.
 *
 * Each operation predicts from the lists what the real function returns, does
 * both, and reports the first thing that differs through wrong().
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "tests/suites/pt_model.h"

enum operation { OP_MAP, OP_UNMAP, OP_RESTRICT, OP_ENTRY, OP_NO_MEMORY, OP_FREE };

#define RIGHTS (PTE_W | PTE_U | PTE_NX)

void pt_model_init(struct pt_model *m, pte_t *pgd, u64 seed)
{
	memset(m, 0, sizeof(*m));
	m->pgd = pgd;
	m->random = seed;
}

/* xorshift64*, by Vigna (2014). */
static u64 random(struct pt_model *m)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return m->random * 0x2545f4914f6cdd1dULL >> 16;
}

/* Remembers the first difference; returns whether there is none. */
static bool same(struct pt_model *m, u64 found, u64 expected, virt_addr_t at,
		 const char *what)
{
	if (found == expected || m->wrong)
		return !m->wrong;
	m->wrong = what;
	m->found = found;
	m->expected = expected;
	m->at = at;
	return false;
}

static const unsigned slot[] = { 0, 255, 256, 511 };

static virt_addr_t random_va(struct pt_model *m)
{
	static const unsigned index[] = { 0, 1, 511 };
	u64 va = (u64)slot[random(m) % ARRAY_SIZE(slot)] << PT_SHIFT(4);

	for (unsigned level = 1; level < PT_LEVELS; level++)
		va |= (u64)index[random(m) % ARRAY_SIZE(index)] << PT_SHIFT(level);
	return pt_canonical(va);
}

/* ---- The lists ----------------------------------------------------------------- */

static bool covers(const struct pt_model_entry *e, virt_addr_t va)
{
	return va - e->va < PT_SIZE(e->level);
}

static const struct pt_model_entry *leaf_at(const struct pt_model *m, virt_addr_t va)
{
	for (unsigned i = 0; i < m->leaves; i++)
		if (covers(&m->leaf[i], va))
			return &m->leaf[i];
	return NULL;
}

/* The table below the entry of `va` at `level`. */
static struct pt_model_entry *table_at(struct pt_model *m, virt_addr_t va, unsigned level)
{
	for (unsigned i = 0; i < m->tables; i++)
		if (m->table[i].level == level && covers(&m->table[i], va))
			return &m->table[i];
	return NULL;
}

/* Effective rights: W and U if all levels have them, NX if any has, G its own. */
static u64 effective(struct pt_model *m, const struct pt_model_entry *leaf)
{
	u64 bits = leaf->bits;

	for (unsigned level = leaf->level + 1; level <= PT_LEVELS; level++) {
		u64 upper = table_at(m, leaf->va, level)->bits;

		bits &= upper | ~(u64)(PTE_W | PTE_U);
		bits |= upper & PTE_NX;
	}
	return bits;
}

static unsigned missing_tables(struct pt_model *m, virt_addr_t va, unsigned level)
{
	unsigned n = 0;

	for (unsigned l = level + 1; l <= PT_LEVELS; l++)
		n += !table_at(m, va, l);
	return n;
}

/* Adds up to `n` of the missing tables on the way to `level`, from the top. */
static void add_tables(struct pt_model *m, virt_addr_t va, unsigned level, unsigned n)
{
	for (unsigned l = PT_LEVELS; l > level && n > 0; l--) {
		if (table_at(m, va, l))
			continue;
		m->table[m->tables++] = (struct pt_model_entry){
			.va = ALIGN_DOWN(va, PT_SIZE(l)),
			.level = l,
			.bits = PTE_W | (va < KERNEL_HALF ? PTE_U : 0),
		};
		n--;
	}
}

static void add_leaf(struct pt_model *m, struct pt_model_entry leaf)
{
	unsigned i = m->leaves++;

	for (; i > 0 && m->leaf[i - 1].va > leaf.va; i--)
		m->leaf[i] = m->leaf[i - 1];
	m->leaf[i] = leaf;
}

static void remove_leaf(struct pt_model *m, const struct pt_model_entry *leaf)
{
	unsigned i = (unsigned)(leaf - m->leaf);

	m->leaves--;
	memmove(&m->leaf[i], &m->leaf[i + 1], (m->leaves - i) * sizeof(*leaf));
}

/* ---- Operations ---------------------------------------------------------------- */

/* Is there a larger page on the way to the entry of `va` at `level`? */
static bool large_in_the_way(const struct pt_model *m, virt_addr_t va, unsigned level)
{
	const struct pt_model_entry *leaf = leaf_at(m, va);

	return leaf && leaf->level > level;
}

/* What mapping a page returns, if `frames` more frames can be had. */
static int predict_map(struct pt_model *m, virt_addr_t va, unsigned level, unsigned frames)
{
	const struct pt_model_entry *leaf = leaf_at(m, va);

	if (leaf && leaf->level >= level)
		return -EEXIST;
	if (missing_tables(m, va, level) > frames)
		return -ENOMEM;
	return table_at(m, va, level) ? -EEXIST : 0;
}

static struct pt_model_entry random_page(struct pt_model *m)
{
	unsigned level = 1 + random(m) % 3;
	u64 size = PT_SIZE(level);

	return (struct pt_model_entry){
		.va = ALIGN_DOWN(random_va(m), size),
		.pa = ALIGN_DOWN(random(m) << PAGE_SHIFT & PTE_ADDR_MASK, size),
		.level = level,
		.bits = (random(m) % 2 ? PTE_W : 0) | (random(m) % 2 ? PTE_U : 0) |
			(random(m) % 2 ? PTE_NX : 0) | (random(m) % 4 ? 0 : PTE_G),
	};
}

/* frames < 0: as many as are needed. */
static void map(struct pt_model *m, long frames)
{
	struct pt_model_entry page = random_page(m);
	u64 prot = page.bits | PTE_P | PTE_A;
	unsigned limit = frames < 0 ? PT_LEVELS : (unsigned)frames;
	int expected = predict_map(m, page.va, page.level, limit);
	int found;

	if (m->leaves == PT_MODEL_LEAVES)
		return;
	frame_fail_after(frames);
	if (page.level == 1 && random(m) % 2)
		found = pt_map(m->pgd, page.va, page.pa, prot);
	else
		found = pt_map_range(m->pgd, page.va, page.pa, PT_SIZE(page.level),
				     prot, page.level);
	frame_fail_after(-1);
	same(m, (u64)found, (u64)expected, page.va, "what mapping a page returns");
	if (!large_in_the_way(m, page.va, page.level))
		add_tables(m, page.va, page.level, limit);
	if (expected == 0)
		add_leaf(m, page);
	if (expected == (frames < 0 ? 0 : -ENOMEM))
		m->done[frames < 0 ? OP_MAP : OP_NO_MEMORY]++;
}

static pte_t as_entry(const struct pt_model_entry *leaf)
{
	return leaf->pa | leaf->bits | PTE_P | PTE_A | (leaf->level > 1 ? PTE_PS : 0);
}

static void unmap(struct pt_model *m)
{
	virt_addr_t va = random_va(m);
	const struct pt_model_entry *leaf = leaf_at(m, va);
	pte_t expected = leaf && leaf->level == 1 ? as_entry(leaf) : 0;
	pte_t *entry;

	same(m, pt_unmap(m->pgd, va), expected, va, "what pt_unmap returns");
	if (!leaf)
		return;
	if (leaf->level > 1) {
		entry = pt_entry(m->pgd, va, leaf->level, false);
		if (!same(m, !!entry, true, va, "pt_entry finds a large page"))
			return;
		same(m, *entry, as_entry(leaf), va, "the entry of a large page");
		*entry = 0;
	}
	remove_leaf(m, leaf);
	m->done[OP_UNMAP]++;
}

/* Changes the rights that an upper level grants. */
static void restrict_table(struct pt_model *m)
{
	struct pt_model_entry *table;
	pte_t *entry;

	if (!m->tables)
		return;
	table = &m->table[random(m) % m->tables];
	table->bits = random(m) & (PTE_W | PTE_U);
	table->bits |= random(m) % 4 ? 0 : PTE_NX;
	entry = pt_entry(m->pgd, table->va, table->level, false);
	if (!same(m, !!entry, true, table->va, "pt_entry finds a table's entry"))
		return;
	*entry = (*entry & ~(pte_t)RIGHTS) | table->bits;
	m->done[OP_RESTRICT]++;
}

static void look_at_entry(struct pt_model *m)
{
	virt_addr_t va = random_va(m);
	unsigned level = 1 + random(m) % PT_LEVELS;
	bool alloc = random(m) % 4 == 0;
	bool large = large_in_the_way(m, va, level);
	bool expected = !large && (alloc || !missing_tables(m, va, level));
	const struct pt_model_entry *leaf = leaf_at(m, va);
	const pte_t *entry = pt_entry(m->pgd, va, level, alloc);

	if (!same(m, !!entry, expected, va, "whether pt_entry finds an entry"))
		return;
	if (alloc && !large)
		add_tables(m, va, level, PT_LEVELS);
	if (!entry)
		return;
	m->done[OP_ENTRY]++;
	if (table_at(m, va, level))
		same(m, *entry & (PTE_P | PTE_PS), PTE_P, va, "the entry of a table");
	else
		same(m, *entry, leaf ? as_entry(leaf) : 0, va, "the entry of a page");
}

/* Frees the tables of one slot: what is in it begins anew. */
static void free_slot(struct pt_model *m)
{
	unsigned s = slot[random(m) % ARRAY_SIZE(slot)];
	unsigned leaves = 0, tables = 0;

	pt_free_tables(m->pgd, s, s);
	for (unsigned i = 0; i < m->leaves; i++)
		if (PT_INDEX(m->leaf[i].va, 4) != s)
			m->leaf[leaves++] = m->leaf[i];
	for (unsigned i = 0; i < m->tables; i++)
		if (PT_INDEX(m->table[i].va, 4) != s)
			m->table[tables++] = m->table[i];
	m->done[OP_FREE] += m->leaves > leaves;
	m->leaves = leaves;
	m->tables = tables;
}

/* ---- Comparison ---------------------------------------------------------------- */

static bool same_leaf(struct pt_model *m, const struct pt_leaf *found,
		      const struct pt_model_entry *leaf)
{
	same(m, found->va, leaf->va, leaf->va, "the address of a leaf");
	same(m, found->pa, leaf->pa, leaf->va, "the physical address of a leaf");
	same(m, found->level, leaf->level, leaf->va, "the level of a leaf");
	same(m, found->entry, as_entry(leaf), leaf->va, "the entry of a leaf");
	return same(m, found->rights, effective(m, leaf), leaf->va,
		    "the rights of a leaf");
}

static void compare_at(struct pt_model *m, virt_addr_t va)
{
	const struct pt_model_entry *leaf = leaf_at(m, va);
	struct pt_leaf found;
	int err = pt_walk(m->pgd, va, &found);

	same(m, pt_translate(m->pgd, va), leaf ? leaf->pa + (va - leaf->va) : NO_FRAME,
	     va, "what pt_translate returns");
	if (same(m, (u64)err, (u64)(leaf ? 0 : -ENOENT), va, "what pt_walk returns") &&
	    leaf)
		same_leaf(m, &found, leaf);
}

struct ordered {
	struct pt_model *m;
	unsigned next;
};

static int compare_next(const struct pt_leaf *found, void *arg)
{
	struct ordered *o = arg;

	if (!same(o->m, o->next < o->m->leaves, true, found->va,
		  "pt_for_each_leaf finds no more leaves than there are"))
		return 1;
	return !same_leaf(o->m, found, &o->m->leaf[o->next++]);
}

/* All leaves of the slots [first, last], in order and no others. */
static void compare_slots(struct pt_model *m, unsigned first, unsigned last)
{
	struct ordered o = { m, 0 };
	unsigned end;

	while (o.next < m->leaves && PT_INDEX(m->leaf[o.next].va, 4) < first)
		o.next++;
	for (end = o.next; end < m->leaves && PT_INDEX(m->leaf[end].va, 4) <= last; end++)
		;
	pt_for_each_leaf(m->pgd, first, last, compare_next, &o);
	same(m, o.next, end, 0, "how many leaves pt_for_each_leaf finds");
}

/* Leaves whose first and last bytes and neighbours are looked up a step. */
#define PROBES 8

static void compare(struct pt_model *m)
{
	unsigned first = slot[random(m) % 4], last = slot[random(m) % 4];

	compare_slots(m, 0, PT_ENTRIES - 1);
	if (first <= last)
		compare_slots(m, first, last);
	for (unsigned i = 0; i < PROBES && m->leaves && !m->wrong; i++) {
		const struct pt_model_entry *leaf = &m->leaf[random(m) % m->leaves];
		u64 size = PT_SIZE(leaf->level);

		compare_at(m, leaf->va + random(m) % size);
		compare_at(m, leaf->va + size - 1);
		compare_at(m, pt_canonical(leaf->va + size));
		compare_at(m, pt_canonical(leaf->va - 1));
	}
	compare_at(m, random_va(m));
}

bool pt_model_step(struct pt_model *m)
{
	u64 what = random(m) % 20;

	if (random(m) % 40 == 0)
		free_slot(m);
	else if (what < 7)
		map(m, -1);
	else if (what < 9)
		map(m, (long)(random(m) % 3));
	else if (what < 13)
		unmap(m);
	else if (what < 16)
		restrict_table(m);
	else
		look_at_entry(m);
	compare(m);
	return !m->wrong;
}
