/*
 * Descriptors: pure functions of 64 bits.
 * Source: Intel SDM vol. 3, 3.4.5 and 3.5.
 */
#include "kernel/base/layout.h"
#include "kernel/guest/convert.h"

u64 guest_convert(u64 desc)
{
	if (!(desc & DESC_SEGMENT))
		return 0;
	if (desc & GDESC_CODE)
		desc &= ~GDESC_CONFORMING;
	return (desc | DESC_DPL3) & ~DESC_LONG;
}

static u32 base_of(u64 desc)
{
	return (u32)(desc >> 16 & 0xffffff) | (u32)(desc >> 56) << 24;
}

static u32 limit_of(u64 desc)
{
	u32 limit = (u32)(desc & 0xffff) | (u32)(desc >> 32 & 0xf0000);

	return desc & BIT(55) ? limit << PAGE_SHIFT | (PAGE_SIZE - 1) : limit;
}

void guest_segment_of(u64 desc, struct guest_segment *out)
{
	bool code = desc & GDESC_CODE;

	*out = (struct guest_segment){
		.base = base_of(desc),
		.limit = limit_of(desc),
		.usable = desc & DESC_SEGMENT,
		.code = code,
		.readable = !code || (desc & GDESC_WRITABLE),
		.writable = !code && (desc & GDESC_WRITABLE),
		.expand_down = !code && (desc & GDESC_CONFORMING),
		.big = desc & BIT(54),
	};
}

struct guest_table guest_system_segment(u64 desc)
{
	u32 limit = limit_of(desc);

	return (struct guest_table){ base_of(desc), MAX(limit + 1, limit) };
}
