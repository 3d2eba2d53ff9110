/*
 * The overlay: a guest's GDT and LDT, at the guest's own addresses, as the processor may
 * have them.
 *
 *   what the guest sees there               what the processor sees there
 *     its data                                zeroes
 *     its descriptors, DPL 0                  the same, converted: DPL 3
 *     its data                                zeroes
 *     its data, SEL_GUEST_CS behind the       CS and SS that are stale; the kernel's TSS,
 *     table's start                           CS and DS
 *
 * Each page that one of these touches is covered (mm/space/overlay.h): a supervisor page.
 * The processor, which reads descriptors with supervisor rights, does so; the guest faults,
 * and gets its own bytes (kernel/guest/insn.h).  A base is a multiple of 8, so no descriptor
 * lies in two pages.
 *
 * Accessed bits.  The processor sets them in our table; before the guest looks at its own,
 * guest_before_access() copies them there.
 * The idea is from the list of plex86, about the year 2000: docs/overlay.md.
 * Read next: mm/audit/overlay.c, which says what our table may hold.
 */
#include "arch/state/ldt.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/guest/guest.h"

bool guest_one_at_a_time;

#define GUEST_CODE 0x00cf9a000000ffff
#define GUEST_DATA 0x00cf92000000ffff

/* ---- Pages and descriptors ----------------------------------------------------------- */

struct overlay_page *guest_covered(struct guest *g, u32 linear)
{
	for (unsigned i = 0; i < g->pages; i++)
		if (linear - g->page[i].va < PAGE_SIZE)
			return &g->page[i];
	return NULL;
}

static bool in_table(const struct guest_table *t, u32 linear)
{
	return linear - t->base < t->bytes;
}

bool guest_in_table(const struct guest *g, u32 linear)
{
	return in_table(&g->gdt, linear) || in_table(&g->ldt, linear);
}

u64 *guest_ours(struct guest *g, u32 linear)
{
	return guest_covered(g, linear)->ours + linear % PAGE_SIZE / sizeof(u64);
}

static u64 *guests_at(struct guest *g, u32 linear)
{
	return guest_covered(g, linear)->guest + linear % PAGE_SIZE / sizeof(u64);
}

/* Where a selector's descriptor is; false: nowhere. */
static bool find(const struct guest *g, u16 selector, u32 *linear)
{
	const struct guest_table *t = selector & SEL_TI ? &g->ldt : &g->gdt;
	u32 offset = selector & ~7U;

	*linear = t->base + offset;
	return offset + 8 <= t->bytes && (offset || (selector & SEL_TI));
}

/* Is it an entry of the GDT that is the kernel's? */
static bool is_reserved(const struct guest *g, u32 linear)
{
	u32 selector = linear - g->gdt.base;

	return in_table(&g->gdt, linear) && selector >= SEL_GUEST_FIRST &&
	       selector < GDT_KERNEL_END;
}

/* What the guest finds set since the processor has used ours. */
static void merge_accessed(struct guest *g, u32 linear)
{
	u64 *guests = guests_at(g, linear);

	if ((*guests & DESC_SEGMENT) && !is_reserved(g, linear))
		*guests |= *guest_ours(g, linear) & DESC_ACCESSED;
}

static void convert_at(struct guest *g, u32 linear)
{
	u64 desc = guest_convert(*guests_at(g, linear));

	*guest_ours(g, linear) = guest_one_at_a_time ? desc & ~DESC_PRESENT : desc;
}

/* Descriptors of `t` that lie in the n bytes, a part of them at least. */
static void each(struct guest *g, const struct guest_table *t, u32 linear, u32 n,
		 void (*fn)(struct guest *g, u32 linear))
{
	u32 first = MAX(linear, t->base), end = MIN(linear + n, t->base + ALIGN_DOWN(t->bytes, 8));

	for (u32 at = ALIGN_DOWN(first, 8); at < end; at += 8)
		fn(g, at);
}

u64 guest_descriptor(struct guest *g, u16 selector)
{
	u32 linear;

	if (!find(g, selector, &linear))
		return 0;
	merge_accessed(g, linear);
	return *guests_at(g, linear);
}

u64 guest_descriptor_in(struct guest *g, enum user_segment s)
{
	if (s == SEG_CS)
		return g->cs.stale ? g->cs.desc : guest_descriptor(g, (u16)g->regs->cs);
	if (s == SEG_SS)
		return g->ss.stale ? g->ss.desc : guest_descriptor(g, (u16)g->regs->ss);
	return guest_descriptor(g, g->segment[s]);
}

void guest_mark(struct guest *g, u16 selector, u64 bits)
{
	u32 linear;
	u64 *desc;

	if (!find(g, selector, &linear))
		return;
	desc = guests_at(g, linear);
	if ((bits & DESC_ACCESSED) && !(*desc & DESC_SEGMENT))
		return; /* not any more */
	*desc |= bits;
	*guest_ours(g, linear) |= bits & DESC_ACCESSED;
}

bool guest_first_load(struct guest *g, u16 selector)
{
	u64 desc = guest_descriptor(g, selector);
	u32 linear;

	if (!find(g, selector, &linear) || !(desc & DESC_PRESENT) || !(desc & DESC_SEGMENT) ||
	    (*guest_ours(g, linear) & DESC_PRESENT))
		return false;
	*guests_at(g, linear) |= DESC_ACCESSED;
	*guest_ours(g, linear) = guest_convert(*guests_at(g, linear));
	return true;
}

/* ---- CS and SS, when what they were loaded from changes ------------------------------ */

static void remember(struct guest *g, struct guest_cached *c, u16 selector)
{
	if (c->stale)
		return;
	c->selector = selector;
	c->desc = guest_convert(guest_descriptor(g, selector)) | DESC_ACCESSED;
}

/* Before a table changes, and after. */
static void remember_both(struct guest *g)
{
	remember(g, &g->cs, (u16)g->regs->cs);
	remember(g, &g->ss, (u16)g->regs->ss);
}

static void compare_both(struct guest *g)
{
	struct guest_cached *const both[] = { &g->cs, &g->ss };

	for (unsigned i = 0; i < ARRAY_SIZE(both); i++) {
		struct guest_cached *c = both[i];
		u64 now = guest_convert(guest_descriptor(g, c->selector)) | DESC_ACCESSED;

		c->stale |= now != c->desc;
	}
}

/* The frame that was pushed meanwhile may have changed the descriptor. */
void guest_load_cs(struct guest *g, u16 selector, u64 desc)
{
	u64 loaded = guest_convert(desc) | DESC_ACCESSED;

	g->regs->cs = selector | 3;
	guest_mark(g, selector, DESC_ACCESSED);
	g->cs.selector = (u16)g->regs->cs;
	g->cs.desc = loaded;
	g->cs.stale = loaded != guest_convert(guest_descriptor(g, selector));
}

void guest_load_ss(struct guest *g, u16 selector)
{
	g->regs->ss = selector | 3;
	g->ss.stale = false;
	guest_mark(g, selector, DESC_ACCESSED);
}

void guest_load_data(struct guest *g, enum user_segment s, u16 selector)
{
	g->segment[s] = selector;
	g->to_load |= BIT(s);
	guest_first_load(g, selector);
	guest_mark(g, selector, DESC_ACCESSED);
}

/* ---- The tables as a whole --------------------------------------------------------------- */

/* What the guest may not have at the kernel's selectors. */
static void check_reserved(struct guest *g, u32 linear)
{
	if (is_reserved(g, linear) && (*guests_at(g, linear) & DESC_PRESENT))
		guest_kill(g, SIGILL,
			   "found a descriptor at selector %#x, expected none from %#x to %#x",
			   linear - g->gdt.base, SEL_GUEST_FIRST, GDT_KERNEL_END - 1);
}

static void fill_at(struct guest *g, u32 linear)
{
	check_reserved(g, linear);
	if (!is_reserved(g, linear))
		convert_at(g, linear);
}

static bool touches(u32 base, u32 bytes, virt_addr_t va)
{
	return bytes && va + PAGE_SIZE > base && va < (u64)base + bytes;
}

static void cover(struct guest *g, u32 base, u32 bytes)
{
	for (virt_addr_t va = ALIGN_DOWN(base, PAGE_SIZE); touches(base, bytes, va);
	     va += PAGE_SIZE) {
		struct overlay_page *p = &g->page[g->pages];
		int err;

		if (guest_covered(g, (u32)va))
			continue;
		p->va = va;
		err = overlay_cover(g->mm, p);
		if (err)
			guest_kill(g, err == -EACCES ? SIGSEGV : SIGKILL,
				   "found the page %#lx of a table %s", va,
				   err == -EACCES ? "in its code, expected one of data" :
						    "without memory to cover it");
		g->pages++;
	}
}

static void uncover_old(struct guest *g)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < g->pages; i++) {
		struct overlay_page p = g->page[i];

		memset(p.ours, 0, PAGE_SIZE);
		if (touches(g->gdt.base, guest_gdt_bytes(g), p.va) ||
		    touches(g->ldt.base, g->ldt.bytes, p.va))
			g->page[kept++] = p;
		else
			overlay_uncover(g->mm, &p);
	}
	g->pages = kept;
}

static void set(struct guest *g, struct guest_table gdt, struct guest_table ldt)
{
	remember_both(g);
	each(g, &g->gdt, g->gdt.base, g->gdt.bytes, merge_accessed);
	each(g, &g->ldt, g->ldt.base, g->ldt.bytes, merge_accessed);
	g->gdt = gdt;
	g->ldt = ldt;
	uncover_old(g);
	cover(g, gdt.base, guest_gdt_bytes(g));
	cover(g, ldt.base, ldt.bytes);
	each(g, &g->gdt, gdt.base, gdt.bytes, fill_at);
	each(g, &g->ldt, ldt.base, ldt.bytes, fill_at);
	*guest_ours(g, gdt.base + SEL_KERNEL_CS) = DESC_KERNEL_CS;
	*guest_ours(g, gdt.base + SEL_KERNEL_DS) = DESC_KERNEL_DS;
	compare_both(g);
}

/* What holds of a table of either kind. */
static void check_table(const struct guest *g, const char *name, struct guest_table t)
{
	if (t.bytes < 8 || t.bytes > GUEST_MAX_TABLE)
		guest_kill(g, SIGSEGV, "found %s of %#x bytes, expected 8 to %#x", name, t.bytes,
			   GUEST_MAX_TABLE);
	if (t.base % 8)
		guest_kill(g, SIGSEGV, "found %s at %#x, expected a multiple of 8", name, t.base);
	if (t.base >= GUEST_MEMORY || t.bytes > GUEST_MEMORY - t.base)
		guest_kill(g, SIGSEGV,
			   "found %s from %#x to %#lx, expected it in %#x bytes of memory", name,
			   t.base, (u64)t.base + t.bytes - 1, GUEST_MEMORY);
}

/* Our GDT is longer than its own may be. */
static void check_apart(const struct guest *g, struct guest_table gdt, struct guest_table ldt)
{
	u32 bytes = MAX(gdt.bytes, GDT_KERNEL_END);

	if (ldt.bytes && ldt.base < gdt.base + bytes && gdt.base < ldt.base + ldt.bytes)
		guest_kill(g, SIGSEGV,
			   "found an LDT from %#x to %#x, expected none within %#x bytes of the "
			   "GDT at %#x",
			   ldt.base, ldt.base + ldt.bytes - 1, bytes, gdt.base);
}

void guest_set_gdt(struct guest *g, struct guest_table gdt)
{
	check_table(g, "a GDT", gdt);
	check_apart(g, gdt, g->ldt);
	set(g, gdt, g->ldt);
}

void guest_set_ldt(struct guest *g, struct guest_table ldt)
{
	if (ldt.bytes)
		check_table(g, "an LDT", ldt);
	check_apart(g, g->gdt, ldt);
	/* An LDT's stack may be one of 16 bits: with an LDT of its own the process has the
	 * ESPFIX stacks.  The processor never uses it for the guest. */
	if (ldt.bytes && !g->mm->ldt.active && ldt_write(g->mm, 0, 0))
		guest_kill(g, SIGKILL, "found no memory for an LDT");
	set(g, g->gdt, ldt);
}

/* Behind the guest's memory: the page that no instruction of its can reach. */
void guest_tables_init(struct guest *g)
{
	static const u64 desc[] = { 0, GUEST_CODE, GUEST_DATA };
	const struct guest_table none = { 0 };

	cover(g, GUEST_MEMORY, sizeof(desc));
	memcpy(g->page[0].guest, desc, sizeof(desc));
	set(g, (struct guest_table){ GUEST_MEMORY, sizeof(desc) }, none);
	g->cs.stale = g->ss.stale = false; /* nothing has been loaded yet */
}

/* ---- The guest's accesses -------------------------------------------------------------- */

void guest_before_access(struct guest *g, u32 linear, unsigned n, bool write)
{
	each(g, &g->gdt, linear, n, merge_accessed);
	each(g, &g->ldt, linear, n, merge_accessed);
	if (write)
		remember_both(g);
}

void guest_after_write(struct guest *g, u32 linear, unsigned n)
{
	each(g, &g->gdt, linear, n, fill_at);
	each(g, &g->ldt, linear, n, fill_at);
	compare_both(g);
}
