/*
 * Address space layout randomization, with Linux's numbers of bits:
 *
 *                       64-bit                  32-bit
 *   stack               22 bits of pages        11
 *   SP in its page      9 bits (16 bytes each)  9
 *   mmap, 32-bit vDSO   28                      8
 *   static-pie          28                      8
 *   brk                 13 (32 MiB)             13
 *   MAP_32BIT           13                      13
 *   64-bit vDSO         up to 9, above the stack
 *
 * What the program's file fixes (an image that is no static-pie) stays.  The mmap
 * area begins so far below the stack that this can grow to its RLIMIT_STACK: at least
 * 128 MiB, at most five sixths of what there is.
 *
 * Sources: Linux, arch/x86/mm/mmap.c, fs/binfmt_elf.c, arch/x86/kernel/process.c.
 */
#include "arch/machine/random.h"
#include "kernel/base/layout.h"
#include "kernel/files/randmaps.h"
#include "mm/pagetable.h"
#include "mm/space/mm.h"

#define STACK_BITS 22
#define STACK_BITS_IA32 11
#define MMAP_BITS 28
#define MMAP_BITS_IA32 8
#define BRK_BITS 13
#define LOW_BITS 13
#define SP_RANGE 8192
#define SP_ALIGN 16

static bool turned_off;

void randmaps_turn_off(void)
{
	turned_off = true;
}

static u64 random_pages(unsigned bits)
{
	return (random_u64() & (BIT(bits) - 1)) << PAGE_SHIFT;
}

/*
 * From the highest top of the stack: room for the stack at its limit wherever its top
 * falls, but not all that there is.
 */
static u64 mmap_gap(const struct mm *mm, u64 stack, unsigned stack_bits)
{
	u64 range = mm->random_layout ? 1ULL << stack_bits << PAGE_SHIFT : 0;
	u64 most = mm->end / 6 * 5;
	u64 gap = MIN(stack, most) + range + STACK_GUARD_GAP;

	return ALIGN_UP(MIN(MAX(gap, MM_STACK_GAP_MIN), most), PAGE_SIZE);
}

void randmaps_place(struct mm *mm, bool ia32, u64 stack, bool fixed)
{
	unsigned stack_bits = ia32 ? STACK_BITS_IA32 : STACK_BITS;

	mm->random_layout = !turned_off && !fixed;
	mm->mmap_top = mm->stack_top - mmap_gap(mm, stack, stack_bits);
	if (!mm->random_layout)
		return;
	mm->stack_top -= random_pages(stack_bits);
	mm->mmap_top -= random_pages(ia32 ? MMAP_BITS_IA32 : MMAP_BITS);
	mm->low_top -= random_pages(LOW_BITS);
}

u64 randmaps_pie_offset(const struct mm *mm, bool ia32)
{
	return mm->random_layout ? random_pages(ia32 ? MMAP_BITS_IA32 : MMAP_BITS) : 0;
}

u64 randmaps_brk_offset(const struct mm *mm)
{
	return mm->random_layout ? random_pages(BRK_BITS) : 0;
}

u64 randmaps_stack_gap(const struct mm *mm)
{
	return mm->random_layout ? random_u64() % SP_RANGE & ~(SP_ALIGN - 1ULL) : 0;
}

virt_addr_t randmaps_vdso(const struct mm *mm)
{
	virt_addr_t end = MIN(ALIGN_UP(mm->stack_top + PAGE_SIZE, PT_SIZE(2)), mm->end);
	u64 pages = (end - mm->stack_top) / PAGE_SIZE;

	return mm->stack_top + (mm->random_layout ? random_u64() % pages * PAGE_SIZE : 0);
}
