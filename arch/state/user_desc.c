/*
 * Between struct user_desc and descriptors (SDM vol. 3, 3.4.5).  Whatever a
 * program asks for, what goes into a table is a segment of ring 3: no gate, no
 * TSS, no 64-bit code, and nothing that the processor would have to write to.
 */
#include "arch/state/user_desc.h"
#include "kernel/base/errno.h"
#include "kernel/base/x86.h"

#define TYPE_WRITE_OR_READ BIT(41)
#define TYPE_CONTENTS_SHIFT 42
#define FLAG_USEABLE BIT(52) /* AVL */
#define FLAG_32BIT BIT(54)
#define FLAG_PAGES BIT(55)

bool user_desc_is_empty(const struct user_desc *d)
{
	return d->base_addr == 0 && d->limit == 0 &&
	       (d->flags & USER_DESC_FLAGS) == (USER_DESC_READ_EXEC_ONLY | USER_DESC_NOT_PRESENT);
}

bool user_desc_is_zero(const struct user_desc *d)
{
	return d->base_addr == 0 && d->limit == 0 && !(d->flags & USER_DESC_FLAGS);
}

u64 user_desc_pack(const struct user_desc *d)
{
	u64 base = d->base_addr, limit = d->limit, desc;

	desc = DESC_ACCESSED | DESC_SEGMENT | DESC_DPL3;
	desc |= (limit & 0xffff) | (limit >> 16 & 0xf) << 48;
	desc |= (base & 0xffffff) << 16 | (base >> 24) << 56;
	desc |= (u64)(d->flags & USER_DESC_CONTENTS) >> 1 << TYPE_CONTENTS_SHIFT;
	desc |= d->flags & USER_DESC_READ_EXEC_ONLY ? 0 : TYPE_WRITE_OR_READ;
	desc |= d->flags & USER_DESC_NOT_PRESENT ? 0 : DESC_PRESENT;
	desc |= d->flags & USER_DESC_USEABLE ? FLAG_USEABLE : 0;
	desc |= d->flags & USER_DESC_32BIT ? FLAG_32BIT : 0;
	desc |= d->flags & USER_DESC_LIMIT_IN_PAGES ? FLAG_PAGES : 0;
	return desc;
}

/* A conforming segment must at least not be present. */
int user_desc_pack_ldt(const struct user_desc *d, bool old_mode, u64 *desc)
{
	struct user_desc packed = *d;

	if ((d->flags & USER_DESC_CONTENTS) == USER_DESC_CONFORMING &&
	    (old_mode || !(d->flags & USER_DESC_NOT_PRESENT)))
		return -EINVAL;
	if (old_mode)
		packed.flags &= ~(u32)USER_DESC_USEABLE;
	*desc = user_desc_pack(&packed);
	if ((old_mode && !d->base_addr && !d->limit) || user_desc_is_empty(&packed))
		*desc = 0;
	return 0;
}

struct user_desc user_desc_unpack(u64 desc)
{
	struct user_desc d = {
		.base_addr = (u32)(desc >> 16 & 0xffffff) | (u32)(desc >> 56) << 24,
		.limit = (u32)(desc & 0xffff) | (u32)(desc >> 48 & 0xf) << 16,
	};

	d.flags = (u32)(desc >> TYPE_CONTENTS_SHIFT & 3) << 1;
	d.flags |= desc & TYPE_WRITE_OR_READ ? 0 : USER_DESC_READ_EXEC_ONLY;
	d.flags |= desc & DESC_PRESENT ? 0 : USER_DESC_NOT_PRESENT;
	d.flags |= desc & FLAG_USEABLE ? USER_DESC_USEABLE : 0;
	d.flags |= desc & FLAG_32BIT ? USER_DESC_32BIT : 0;
	d.flags |= desc & FLAG_PAGES ? USER_DESC_LIMIT_IN_PAGES : 0;
	return d;
}
