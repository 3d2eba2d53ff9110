/*
 * Address spaces.  An area (struct vma) says what a program may find at an
 * address; page tables say what is there already.  Here are the life of an
 * address space, what faults come to, and access to it from the kernel's side.
 *
 * Threads of a process share one, on several CPUs: each function takes its
 * lock.  Areas are kept in mm/space/vma.c's order, pages in mm/space/pages.c, changes of
 * ranges are in mm/space/mm_range.c; system calls come through kernel/linux/calls/sys_memory.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "mm/audit/all.h"
#include "mm/frames/frame.h"
#include "mm/frames/live.h"
#include "mm/space/process_entry.h"
#include "mm/pti.h"
#include "mm/space/mm.h"
#include "mm/space/mm_limits.h"
#include "mm/space/pages.h"
#include "mm/space/roots.h"
#include "mm/space/shared.h"
#include "mm/space/task_stacks.h"
#include "mm/space/vma.h"
#include "mm/tlb.h"

/* ---- Life -------------------------------------------------------------------- */

/* The frames of a struct mm and its PGD, of whose user half all is absent. */
struct kept {
	struct mm *mm;
	pte_t *pgd;
};

/*
 * Some that have ended, for the next: what each pair has is there already.  It shows nothing
 * else (roots_check_unused()), and no CPU has a translation of it: each has loaded another
 * PGD since, which drops all under both PCIDs, and will again when it loads this one.
 */
#define KEPT_MAX 4
static struct kept kept[KEPT_MAX];
static unsigned kept_count;
static struct spinlock kept_lock = SPINLOCK(LOCK_KEPT);

static bool take_kept(struct kept *k)
{
	SPIN_GUARD(&kept_lock);

	if (kept_count == 0)
		return false;
	*k = kept[--kept_count];
	return true;
}

static bool keep(struct kept k)
{
	SPIN_GUARD(&kept_lock);

	if (kept_count == KEPT_MAX || !live_may_keep())
		return false;
	kept[kept_count++] = k;
	return true;
}

static void free_frames(struct kept k)
{
	roots_free(k.pgd);
	frame_free(virt_to_phys(k.mm));
}

void mm_settle(void)
{
	struct kept k;

	while (take_kept(&k))
		free_frames(k);
	task_stacks_settle();
}

u64 mm_kept_frames(void)
{
	unsigned pgds = pti_enabled && !pti_roots_per_cpu ? 2 : 1;

	return kept_count * (1 + pgds) + task_stacks_kept_frames();
}

static bool alloc_frames(struct kept *k)
{
	phys_addr_t pa;

	if (!frame_is_failing() && take_kept(k))
		return true;
	pa = frame_alloc();
	if (pa == NO_FRAME)
		return false;
	k->mm = phys_to_virt(pa);
	k->pgd = roots_alloc();
	if (!k->pgd)
		frame_free(pa);
	return k->pgd;
}

struct mm *mm_alloc(void)
{
	struct kept frames;
	struct mm *mm;

	if (!alloc_frames(&frames))
		return NULL;
	mm = frames.mm;
	memset(mm, 0, offsetof(struct mm, areas.root.vma));
	live_part(mm, sizeof(*mm), offsetof(struct mm, areas.root.vma));
	mm->pgd = frames.pgd;
	mm->users = 1;
	sleep_lock_init(&mm->lock, LOCK_MM);
	sleep_lock_init(&mm->ldt.lock, LOCK_LDT);
	mm->id = space_id_new();
	mm->dumpable = true;
	mm_init_layout(mm, false);
	return mm;
}

void mm_init_layout(struct mm *mm, bool ia32)
{
	mm->end = ia32 ? USER_END_IA32 : USER_END;
	mm->stack_top = ia32 ? MM_STACK_TOP_IA32 : MM_STACK_TOP;
	mm->mmap_top = ia32 ? MM_MMAP_TOP_IA32 : MM_MMAP_TOP;
	mm->low_top = MM_LOW_TOP;
}

void mm_get(struct mm *mm)
{
	__atomic_fetch_add(&mm->users, 1, __ATOMIC_RELAXED);
}

void mm_put(struct mm *mm)
{
	struct kept frames = { mm, mm->pgd };

	might_sleep();
	if (__atomic_sub_fetch(&mm->users, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	ASSERT_OP(cpumask_next(&mm->cpus, 0), ==, NR_CPUS);
	audit_slots_or_panic(mm->pgd, mm->ldt.active, "an address space ends");
	process_entry_free(mm->pgd, mm->ldt.active, mm->ldt.table);
	pages_free_all(mm);
	vma_remove_all(mm);
	memset(mm, FRAME_POISON & 0xff, offsetof(struct mm, areas.root.vma));
	roots_check_unused(frames.pgd);
	if (!keep(frames))
		free_frames(frames);
}

/* All that describes the parent's; what belongs to the struct itself stays. */
static int copy_areas(struct mm *child, const struct mm *parent)
{
	pte_t *pgd = child->pgd;
	u64 id = child->id;

	memcpy(child, parent, offsetof(struct mm, areas));
	child->pgd = pgd;
	child->id = id;
	child->cpus = (struct cpumask){ 0 };
	memset(child->slots, 0, sizeof(child->slots));
	child->users = 1;
	child->lock = (struct sleep_lock)SLEEP_LOCK(LOCK_MM);
	child->resident = child->shown = child->tables = 0;
	child->pti_free = 0;
	child->ldt = (struct mm_ldt){ .lock = SLEEP_LOCK(LOCK_LDT) };
	child->lock_new = 0;
	child->locked_bytes = 0;
	return vma_copy(child, parent);
}

/* All areas have been copied. */
static int share_pages(struct mm *child, struct mm *parent)
{
	struct vma_at at;
	const struct vma *vma = vma_first(child, &at, 0);
	int err = 0;

	while (!err && vma) {
		virt_addr_t start = vma->start;
		virt_addr_t end = vma_run(child, &at, &vma);

		err = pages_share(child, parent, start, end);
	}
	return err;
}

struct mm *mm_fork(struct mm *parent)
{
	struct mm *child = mm_alloc();
	int err;

	if (!child)
		return NULL;
	err = sleep_lock_killable(&parent->lock);
	if (!err) {
		err = copy_areas(child, parent);
		if (!err)
			err = share_pages(child, parent);
		parent->stale_faults = 0;
		tlb_flush_range(&parent->cpus, 0, USER_END);
		sleep_unlock(&parent->lock);
	}
	if (!err)
		return child;
	mm_put(child);
	return NULL;
}

/* With PCIDs, or a pair of PGDs for each CPU; the same steps. */
static __noinline bool mm_load_slowly(struct percpu *cpu, struct mm *old, struct mm *mm)
{
	if (pti_roots_per_cpu)
		roots_load(mm);
	tlb_load_pgd(virt_to_phys(roots_pgd(mm)));
	if (old)
		cpumask_clear(&old->cpus, cpu->cpu);
	return true;
}

/* Who flushes finds this CPU in a set from before it loads the mm until it has another. */
bool mm_load(struct percpu *cpu, struct mm *mm)
{
	struct mm *old = cpu->mm;

	if (old == mm)
		return false;
	if (mm)
		cpumask_set(&mm->cpus, cpu->cpu);
	cpu->mm = mm;
	if (unlikely(pti_roots_per_cpu | tlb_pcid))
		return mm_load_slowly(cpu, old, mm);
	write_cr3(virt_to_phys(roots_pgd(mm)));
	if (old)
		cpumask_clear(&old->cpus, cpu->cpu);
	return true;
}

/* ---- Size -------------------------------------------------------------------- */

u64 mm_measure(struct mm *mm)
{
	static u32 round;
	u64 frames = MM_FRAMES + 2;
	const struct vma *vma;
	struct vma_at at;

	if (sleep_lock_killable(&mm->lock))
		return mm->measured;
	round++;
	frames += pages_measure(mm) + mm->tables + areas_frames(&mm->areas);
	if (mm->ldt.active || mm->pti_free)
		frames += ldt_pages(mm->ldt.active) + LDT_TABLES;
	for (vma = vma_first(mm, &at, 0); vma; vma = vma_next(mm, &at))
		if (vma->shared)
			frames += shared_measure(vma->shared, round);
	sleep_unlock(&mm->lock);
	return frames;
}

/* ---- Faults ------------------------------------------------------------------ */

/* Others than these (reserved bits, say) are none that trying again helps. */
#define PF_ORDINARY (PF_PROT | PF_WRITE | PF_USER | PF_INSTR)

/* More threads than that do not meet one such change with a fault each. */
#define MAX_STALE_FAULTS 1000

/*
 * PF_PROT is what the CPU saw: by now another thread's mprotect or write may have granted
 * what was missing, and the access is tried again.  Not for ever: in emulators that
 * make far returns with the kernel's rights, all of them fault with SMAP.  (A way out
 * that missed the switch to the user PGD does not come here: kernel/trap.c.)
 */
static enum fault_verdict fault_locked(struct mm *mm, virt_addr_t addr, u64 error)
{
	const struct vma *vma = mm_find_or_grow(mm, addr);
	phys_addr_t pa;

	if (!vma)
		return FAULT_MAPERR;
	if ((error & PF_WRITE && !(vma->prot & VMA_WRITE)) ||
	    (error & PF_INSTR && !(vma->prot & VMA_EXEC)) || vma->prot == 0 ||
	    (error & ~(u64)PF_ORDINARY))
		return FAULT_ACCERR;
	if ((error & PF_PROT) && pages_allow(mm, addr, error))
		return ++mm->stale_faults > MAX_STALE_FAULTS ? FAULT_ACCERR : FAULT_HANDLED;
	switch (pages_touch(mm, vma, addr, error & PF_WRITE ? PAGES_WRITE : PAGES_READ, &pa)) {
	case 0: return FAULT_HANDLED;
	case -ENXIO: return FAULT_BUS;
	default: return FAULT_OOM;
	}
}

enum fault_verdict mm_fault(struct mm *mm, virt_addr_t addr, u64 error)
{
	enum fault_verdict v;

	if (sleep_lock_killable(&mm->lock))
		return FAULT_DIES;
	v = fault_locked(mm, addr, error);
	sleep_unlock(&mm->lock);
	return v;
}

/* ---- From the kernel's side ----------------------------------------------------- */

static int access(struct mm *mm, virt_addr_t at, void *out, const void *in, u64 n)
{
	while (n > 0) {
		u64 offset = at % PAGE_SIZE;
		u64 part = MIN(n, PAGE_SIZE - offset);
		const struct vma *vma = mm_find_or_grow(mm, at);
		enum pages_touch how = !in               ? PAGES_READ :
				       part == PAGE_SIZE ? PAGES_FILL :
							   PAGES_WRITE;
		bool may = vma && (!in || vma_is_private(vma) || (vma->prot & VMA_WRITE));
		phys_addr_t pa;
		int err = may ? pages_touch(mm, vma, at, how, &pa) : -EFAULT;

		if (err)
			return err == -ENXIO ? -EFAULT : err;
		if (how == PAGES_FILL) /* nobody may look before */
			ASSERT_OP(cpumask_next(&mm->cpus, 0), ==, NR_CPUS);
		if (in) {
			memcpy((u8 *)phys_to_virt(pa) + offset, in, part);
			in = (const u8 *)in + part;
		} else {
			memcpy(out, (u8 *)phys_to_virt(pa) + offset, part);
			out = (u8 *)out + part;
		}
		at += part;
		n -= part;
		if (n > 0 && seam_long_work_point())
			return -EINTR;
	}
	return 0;
}

int mm_write(struct mm *mm, virt_addr_t to, const void *from, u64 n)
{
	int err;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	err = access(mm, to, NULL, from, n);
	sleep_unlock(&mm->lock);
	return err;
}

int mm_read(struct mm *mm, virt_addr_t from, void *to, u64 n)
{
	int err;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	err = access(mm, from, to, NULL, n);
	sleep_unlock(&mm->lock);
	return err;
}

/*
 * Where the (aligned) word is now: 0, -ENOFRAME, or -EFAULT: there is none, or the
 * program may not do this to it.
 */
static int find_word(struct mm *mm, const struct vma *vma, virt_addr_t va, bool write, u32 **at)
{
	phys_addr_t pa;
	int err;

	if (!vma || !vma->prot || (write && !(vma->prot & VMA_WRITE)))
		return -EFAULT;
	err = pages_touch(mm, vma, va, write ? PAGES_WRITE : PAGES_READ, &pa);
	if (err)
		return err == -ENXIO ? -EFAULT : err;
	*at = (u32 *)phys_to_virt(pa) + va % PAGE_SIZE / sizeof(u32);
	return 0;
}

int mm_lock_word(struct mm *mm, virt_addr_t va, struct mm_word *word)
{
	const struct vma *vma;
	u32 *at;
	int err;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	vma = mm_find_or_grow(mm, va);
	err = find_word(mm, vma, va, false, &at);
	if (err) {
		sleep_unlock(&mm->lock);
		return err;
	}
	word->at = at;
	word->writable = vma->prot & VMA_WRITE;
	word->own = vma_is_private(vma);
	word->space = word->own ? mm->id : shared_id(vma->shared);
	word->offset = word->own ? va : vma->offset + (va - vma->start);
	return 0;
}

void mm_unlock_word(struct mm *mm)
{
	sleep_unlock(&mm->lock);
}

int mm_exchange_word(struct mm *mm, virt_addr_t va, u32 *old, u32 new)
{
	u32 *at;
	int done;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	done = find_word(mm, vma_find(mm, va), va, true, &at);
	if (!done)
		done = __atomic_compare_exchange_n(at, old, new, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_SEQ_CST);
	sleep_unlock(&mm->lock);
	return done;
}
