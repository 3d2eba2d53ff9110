/*
 * Loading the user's segment registers without a fault: LAR says, of any
 * selector at all, whether a load would be good.  Nothing can come between:
 * interrupts are off, and both tables change on this CPU only (an LDT is
 * replaced by an interrupt, see arch/state/ldt.c).
 */
#include "arch/gdt.h"
#include "arch/state/insn.h"
#include "arch/state/segment.h"
#include "entry/entry.h"
#include "kernel/base/insn.h"
#include "mm/space/mm.h"

#define RPL 3
#define TYPE_CODE BIT(43)
#define TYPE_READ BIT(41)  /* of code */
#define TYPE_WRITE BIT(41) /* of data */
#define DATA_OF_USER (DESC_SEGMENT | DESC_DPL3 | DESC_PRESENT)

/* Null, or a present segment of ring 3 that can be read. */
static u16 good(u16 selector)
{
	u64 desc;

	if (selector <= RPL)
		return selector;
	if (!lar(selector, &desc) || (desc & DATA_OF_USER) != DATA_OF_USER)
		return 0;
	return (desc & TYPE_CODE) && !(desc & TYPE_READ) ? 0 : selector;
}

u16 segment_of_frame(const struct mm *mm, u16 selector)
{
	if ((selector & SEL_TI) && !__atomic_load_n(&mm->ldt.active, __ATOMIC_ACQUIRE))
		return RPL;
	return selector;
}

bool segment_is_stack(u16 selector)
{
	u64 need = DATA_OF_USER | TYPE_WRITE, desc;

	return lar(selector, &desc) && (desc & (need | TYPE_CODE)) == need;
}

void segment_load_ds(u16 selector)
{
	write_ds(good(selector));
}

void segment_load_es(u16 selector)
{
	write_es(good(selector));
}

void segment_load_fs(u16 selector)
{
	write_fs(good(selector));
}

void segment_load_gs(u16 selector)
{
	entry_load_user_gs(good(selector));
}
