/*
 * The page tables of the task that reads, in the layout in which Linux dumps its own
 * (arch/x86/mm/dump_pagetables.c), but for one thing: W, U and NX are what all levels together
 * give, so that the NX of the kernel PGD's user half is seen.
 */
#include "kernel/base/errno.h"
#include "kernel/base/percpu.h"
#include "kernel/base/seams.h"
#include "kernel/linux/tree.h"
#include "kernel/proc/tables.h"
#include "mm/audit/roots.h"
#include "mm/ledger.h"
#include "mm/pti.h"

/* ---- Walking --------------------------------------------------------------------------------------- */

struct visit {
	int (*fn)(const struct pt_leaf *leaf, void *arg);
	void *arg;
	unsigned first, last; /* slots */
	int cpu;              /* whose ESPFIX stack alone is shown; -1: all are */
};

static int visit_leaf(const struct pt_leaf *leaf, void *arg)
{
	const struct visit *v = arg;
	int cpu = v->cpu;

	if (seam_long_work_point())
		return -EINTR;
	if (cpu >= 0 && leaf->va >= ESPFIX_BASE && leaf->va < ESPFIX_END)
		(void)ledger_find(leaf->va, &cpu);
	return cpu == v->cpu ? v->fn(leaf, v->arg) : 0;
}

static int visit_slots(const pte_t *pgd, unsigned first, unsigned last, struct visit *v)
{
	first = MAX(first, v->first);
	last = MIN(last, v->last);
	return pgd && first <= last ? pt_for_each_leaf(pgd, first, last, visit_leaf, v) : 0;
}

/*
 * Tables of the user half are mm->lock's, those of slot 507 mm->ldt.lock's, all others stay for
 * good.  With roots=cpu only the last are the CPU's, which other tasks use meanwhile.
 */
static int walk(const struct mm *mm, bool user, struct visit *v)
{
	unsigned cpu = this_cpu()->cpu;
	const pte_t *low = mm ? mm->pgd : NULL, *own = mm ? mm->pgd : pti_init_pgd, *high = own;
	int err;

	if (user && pti_enabled && !pti_roots_per_cpu) {
		low = own = high = pti_user_pgd((pte_t *)own);
	} else if (pti_roots_per_cpu) {
		high = user ? pti_user_pgd(audit_root(cpu)) : audit_root(cpu);
		own = user || (mm && mm->pgd[PGD_SLOT_PROCESS_ENTRY]) ? low : pti_init_pgd;
		v->cpu = user ? (int)cpu : -1;
	}
	err = visit_slots(low, 0, PGD_FIRST_KERNEL_SLOT - 1, v);
	if (!err)
		err = visit_slots(high, PGD_FIRST_KERNEL_SLOT, PGD_SLOT_PROCESS_ENTRY - 1, v);
	if (!err)
		err = visit_slots(own, PGD_SLOT_PROCESS_ENTRY, PGD_SLOT_PROCESS_ENTRY, v);
	return err ? err : visit_slots(high, PGD_SLOT_CEA, PT_ENTRIES - 1, v);
}

int tables_for_each_leaf(bool user, unsigned first, unsigned last,
			 int (*fn)(const struct pt_leaf *leaf, void *arg), void *arg)
{
	struct mm *mm = calling_process() ? current_process()->mm : NULL;
	struct visit v = { fn, arg, first, last, -1 };
	int err;

	if (!mm)
		return walk(NULL, user, &v);
	err = sleep_lock_killable(&mm->lock);
	if (err)
		return err;
	sleep_lock(&mm->ldt.lock);
	err = walk(mm, user, &v);
	sleep_unlock(&mm->ldt.lock);
	sleep_unlock(&mm->lock);
	return err;
}

/* ---- Printing ----------------------------------------------------------------------------------------- */

static const struct {
	virt_addr_t start;
	const char *name;
} region[] = {
	{ 0, "User Space" },
	{ KERNEL_HALF, "Kernel Space" },
	{ DIRECT_MAP_BASE, "Low Kernel Mapping" },
	{ VMAP_BASE, "vmalloc() Area" },
	{ PROCESS_ENTRY_BASE, "LDT remap" },
	{ ESPFIX_BASE, "ESPfix Area" },
	{ CEA_SLOT_BASE, "CPU entry Area" },
	{ VAULT_BASE, "CPU vaults" },
	{ KERNEL_BASE, "High Kernel Mapping" },
};

/* What is printed of an entry. */
#define SHOWN (PTE_U | PTE_W | PTE_PCD | PTE_PS | PTE_G | PTE_NX | PTE_ALIAS | PTE_P)

/* Neighbours that are alike are one line. */
struct dump {
	struct text *text;
	virt_addr_t start, end; /* of the line to come */
	u64 entry;
	unsigned level;
	unsigned regions; /* whose names have been printed */
};

static void print_regions(struct dump *d, virt_addr_t at)
{
	for (; d->regions < ARRAY_SIZE(region) && region[d->regions].start <= at; d->regions++)
		text_print(d->text, "---[ %s ]---\n", region[d->regions].name);
}

static void print_range(struct dump *d, virt_addr_t start, u64 size, u64 e, unsigned level)
{
	static const char *const name[] = { NULL, "pte", "pmd", "pud", "pgd" };
	const char *unit = "KMGTPE";
	u64 n = size >> 10;

	for (; !(n & 1023) && unit[1]; n >>= 10)
		unit++;
	print_regions(d, start);
	text_print(d->text, "0x%016lx-0x%016lx   %9lu%c ", start, start + size, n, *unit);
	if (e & PTE_P)
		text_print(d->text, "%s%s%s%s%s%s%s%s%s", e & PTE_U ? "USR " : "    ",
			   e & PTE_W ? "RW " : "ro ", "    ", e & PTE_PCD ? "PCD " : "    ",
			   e & PTE_PS ? "PSE " : "    ", "    ", e & PTE_G ? "GLB " : "    ",
			   e & PTE_NX ? "NX " : "x  ", e & PTE_ALIAS ? "(second) " : "");
	else
		text_print(d->text, "%30s", "");
	text_print(d->text, "%s\n", name[level]);
}

/* A hole, in pieces of the largest entries that could fill it, as the tables around it have. */
static void print_hole(struct dump *d, virt_addr_t at, u64 left)
{
	while (left) {
		unsigned level = PT_LEVELS;
		u64 n;

		print_regions(d, at);
		while (!IS_ALIGNED(at, PT_SIZE(level)) || left < PT_SIZE(level))
			level--;
		n = ALIGN_DOWN(left, PT_SIZE(level));
		if (level < PT_LEVELS)
			n = MIN(n, PT_SIZE(level + 1) - at % PT_SIZE(level + 1));
		if (d->regions < ARRAY_SIZE(region))
			n = MIN(n, region[d->regions].start - at);
		print_range(d, at, n, 0, level);
		at += n;
		left -= n;
	}
}

static void print_line(struct dump *d)
{
	if (d->end != d->start)
		print_range(d, d->start, d->end - d->start, d->entry, d->level);
}

static int dump_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct dump *d = arg;
	u64 e = ((leaf->entry & ~(PTE_U | PTE_W | PTE_NX)) | leaf->rights) & SHOWN;
	bool region_begins =
		d->regions < ARRAY_SIZE(region) && leaf->va >= region[d->regions].start;

	if (leaf->level == 1)
		e &= ~PTE_PS; /* PAT's bit */
	if (leaf->va != d->end || e != d->entry || leaf->level != d->level || region_begins) {
		print_line(d);
		print_hole(d, d->end, leaf->va - d->end);
		d->start = leaf->va;
		d->entry = e;
		d->level = leaf->level;
	}
	d->end = leaf->va + PT_SIZE(leaf->level);
	return 0;
}

static int dump(struct text *t, bool user)
{
	struct dump d = { .text = t };
	int err = tables_for_each_leaf(user, 0, PT_ENTRIES - 1, dump_leaf, &d);

	if (err)
		return err;
	print_line(&d);
	print_hole(&d, d.end, -d.end);
	return 0;
}

int current_kernel_show(struct text *t, const struct inode *inode __unused)
{
	return dump(t, false);
}

int current_user_show(struct text *t, const struct inode *inode __unused)
{
	return dump(t, true);
}
