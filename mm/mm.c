/*
 * Address spaces.  An area (struct vma) says what a program may find at an
 * address; page tables say what is there already.  Pages come at the first
 * touch, zeroed (mm_fault()), and go in batches: entries cleared, TLBs
 * flushed, then frames freed, in that order.
 *
 * Invariants: areas are sorted and do not overlap; a present entry lies in an
 * area and grants no more than it; nothing is W and X.
 * Areas are kept in mm/vma.c's array; system calls come through
 * kernel/sys_memory.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "mm/audit.h"
#include "mm/frame.h"
#include "mm/mm.h"
#include "mm/phys.h"
#include "mm/pti.h"
#include "mm/tlb.h"
#include "mm/vma.h"

struct mm *mm_alloc(void)
{
	phys_addr_t pa = frame_alloc_contiguous(MM_FRAMES, 1, NO_FRAME);
	struct mm *mm;

	if (pa == NO_FRAME)
		return NULL;
	mm = phys_to_virt(pa);
	mm->pgd = pti_alloc_pair();
	if (!mm->pgd) {
		frame_free_contiguous(pa, MM_FRAMES);
		return NULL;
	}
	return mm;
}

void mm_load(struct mm *mm)
{
	struct percpu *cpu = this_cpu();
	struct mm *old = cpu->mm;

	if (old == mm)
		return;
	if (mm)
		cpumask_set(&mm->cpus, cpu->cpu);
	cpu->mm = mm;
	tlb_load_pgd(virt_to_phys(mm ? mm->pgd : pti_init_pgd));
	if (old)
		cpumask_clear(&old->cpus, cpu->cpu);
}

/* ---- Pages ------------------------------------------------------------------- */

static u64 pte_prot(unsigned prot)
{
	u64 bits = PTE_P | PTE_U | PTE_A;

	if (prot & VMA_WRITE)
		bits |= PTE_W | PTE_D;
	if (!(prot & VMA_EXEC))
		bits |= PTE_NX;
	return bits;
}

/* The page of `va` in `vma`, made present if it was not.  NO_FRAME: no memory. */
static phys_addr_t touch(struct mm *mm, const struct vma *vma, virt_addr_t va)
{
	pte_t *pte = pti_user_pte(mm->pgd, va, true);
	phys_addr_t pa;

	if (!pte)
		return NO_FRAME;
	if (*pte & PTE_ADDR_MASK)
		return *pte & PTE_ADDR_MASK;
	pa = frame_alloc_zeroed();
	if (pa == NO_FRAME)
		return NO_FRAME;
	*pte = pa | pte_prot(vma->prot);
	mm->resident++;
	return pa;
}

enum fault_verdict mm_fault(struct mm *mm, virt_addr_t addr, u64 error)
{
	const struct vma *vma = vma_find(mm, addr);

	if (!vma)
		return FAULT_MAPERR;
	if ((error & PF_WRITE && !(vma->prot & VMA_WRITE)) ||
	    (error & PF_INSTR && !(vma->prot & VMA_EXEC)) ||
	    vma->prot == 0 || (error & PF_PROT))
		return FAULT_ACCERR;
	return touch(mm, vma, addr) == NO_FRAME ? FAULT_OOM : FAULT_HANDLED;
}

static int access(struct mm *mm, virt_addr_t at, void *out, const void *in, u64 n)
{
	while (n > 0) {
		u64 offset = at % PAGE_SIZE;
		u64 part = MIN(n, PAGE_SIZE - offset);
		const struct vma *vma = vma_find(mm, at);
		phys_addr_t pa;

		if (!vma)
			return -EFAULT;
		pa = touch(mm, vma, at);
		if (pa == NO_FRAME)
			return -ENOMEM;
		if (in) {
			memcpy((u8 *)phys_to_virt(pa) + offset, in, part);
			in = (const u8 *)in + part;
		} else {
			memcpy(out, (u8 *)phys_to_virt(pa) + offset, part);
			out = (u8 *)out + part;
		}
		at += part;
		n -= part;
	}
	return 0;
}

int mm_write(struct mm *mm, virt_addr_t to, const void *from, u64 n)
{
	return access(mm, to, NULL, from, n);
}

int mm_read(struct mm *mm, virt_addr_t from, void *to, u64 n)
{
	return access(mm, from, to, NULL, n);
}

/* ---- Ranges ------------------------------------------------------------------ */

#define BATCH 64

/* The first address at or after va that may have a PTE: skips absent tables. */
static virt_addr_t skip_absent(const pte_t *pgd, virt_addr_t va, virt_addr_t end)
{
	while (va < end) {
		unsigned level = PT_LEVELS;
		const pte_t *entry;

		for (; level > 1; level--) {
			entry = pt_entry((pte_t *)pgd, va, level, false);
			if (!(*entry & PTE_P))
				break;
		}
		if (level == 1)
			return va;
		va = ALIGN_DOWN(va, PT_SIZE(level)) + PT_SIZE(level);
	}
	return end;
}

/* Takes away the pages of [start, end), whose areas are gone or going. */
static void drop_pages(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	phys_addr_t frame[BATCH];
	virt_addr_t va = skip_absent(mm->pgd, start, end);

	while (va < end) {
		virt_addr_t from = va;
		unsigned n = 0;

		while (va < end && n < BATCH) {
			pte_t old = pt_unmap(mm->pgd, va);

			if (old & PTE_ADDR_MASK)
				frame[n++] = old & PTE_ADDR_MASK;
			va = skip_absent(mm->pgd, va + PAGE_SIZE, end);
		}
		if (n)
			tlb_flush_range(&mm->cpus, from, va);
		mm->resident -= n;
		while (n > 0)
			frame_free(frame[--n]);
	}
}

void mm_free(struct mm *mm)
{
	ASSERT_OP(cpumask_count(&mm->cpus), ==, 0);
	audit_slots_or_panic(mm->pgd, "an address space ends");
	for (unsigned i = 0; i < mm->count; i++)
		drop_pages(mm, mm->vma[i].start, mm->vma[i].end);
	for (unsigned slot = 0; slot < PGD_FIRST_KERNEL_SLOT; slot++) {
		if (!mm->pgd[slot])
			continue;
		pt_free_tables(mm->pgd, slot, slot);
		pti_set_user_pgd(mm->pgd, slot, 0);
	}
	pti_free_pair(mm->pgd);
	frame_free_contiguous(virt_to_phys(mm), MM_FRAMES);
}

/* A PROT_NONE page keeps its frame: absent entry, address still in it. */
static void protect_pages(struct mm *mm, virt_addr_t start, virt_addr_t end,
			  unsigned prot)
{
	virt_addr_t va = skip_absent(mm->pgd, start, end);

	while (va < end) {
		pte_t *pte = pt_entry(mm->pgd, va, 1, false);
		u64 bits = prot ? pte_prot(prot) : 0;

		if (*pte & PTE_ADDR_MASK)
			*pte = (*pte & PTE_ADDR_MASK) | bits;
		va = skip_absent(mm->pgd, va + PAGE_SIZE, end);
	}
	tlb_flush_range(&mm->cpus, start, end);
}

/* Rounds len up; the range must be pages of the user half. */
static bool range_ok(virt_addr_t addr, u64 *len)
{
	if (*len > USER_END)
		return false;
	*len = ALIGN_UP(*len, PAGE_SIZE);
	return addr <= USER_END - *len;
}

long mm_map(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot, bool fixed)
{
	int err;

	if (len == 0 || (fixed && addr % PAGE_SIZE))
		return -EINVAL;
	if ((prot & VMA_WRITE) && (prot & VMA_EXEC))
		return -EACCES;
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	if (!range_ok(fixed ? addr : 0, &len))
		return -ENOMEM;
	if (fixed) {
		if (addr < USER_START)
			return -EPERM;
		if (!vma_has_room(mm, 2)) /* nothing goes away in vain */
			return -ENOMEM;
		err = (int)mm_unmap(mm, addr, len);
		if (err)
			return err;
	} else if (addr < USER_START || !range_ok(addr, &len) ||
		   !vma_range_free(mm, addr, addr + len)) {
		addr = vma_find_room(mm, len, MM_MMAP_TOP);
		if (!addr)
			return -ENOMEM;
	}
	err = vma_insert(mm, (struct vma){ addr, addr + len, prot });
	return err ? err : (long)addr;
}

long mm_unmap(struct mm *mm, virt_addr_t addr, u64 len)
{
	int err;

	if (addr % PAGE_SIZE || len == 0 || !range_ok(addr, &len))
		return -EINVAL;
	err = vma_remove(mm, addr, addr + len);
	if (!err)
		drop_pages(mm, addr, addr + len);
	return err;
}

long mm_protect(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot)
{
	int err;

	if (addr % PAGE_SIZE)
		return -EINVAL;
	if (len == 0)
		return 0;
	if ((prot & VMA_WRITE) && (prot & VMA_EXEC))
		return -EACCES;
	if (!range_ok(addr, &len))
		return -ENOMEM;
	err = vma_protect(mm, addr, addr + len, prot);
	if (!err)
		protect_pages(mm, addr, addr + len, prot);
	return err;
}

virt_addr_t mm_brk(struct mm *mm, virt_addr_t brk)
{
	virt_addr_t old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
	virt_addr_t end;

	if (brk < mm->brk_start || brk > USER_END)
		return mm->brk;
	end = ALIGN_UP(brk, PAGE_SIZE);
	if (end > old_end &&
	    (!vma_range_free(mm, old_end, end) ||
	     vma_insert(mm, (struct vma){ old_end, end, VMA_READ | VMA_WRITE })))
		return mm->brk;
	if (end < old_end && mm_unmap(mm, end, old_end - end))
		return mm->brk;
	mm->brk = brk;
	return brk;
}
