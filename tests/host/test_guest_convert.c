/*
 * Test of kernel/guest/convert.c: millions of descriptors, all types, rings and flags; none
 * becomes one by which ring 3 reaches more than a segment of its own.
 *
 * What that is, is written down here a second time, from the manual's figure 3-8 and tables
 * 3-1 and 3-2, bit by bit.
 */
#include "kernel/guest/convert.h"
#include "tests/suites/descriptors.h"
#include "tests/host/host.h"

#define ROUNDS 1000

static unsigned bits(u64 desc, unsigned low, unsigned n)
{
	return (unsigned)(desc >> low) & ((1U << n) - 1);
}

/* Null, or code or data of ring 3, of at most 32 bits, that no other ring is entered by. */
static bool may_have(u64 desc)
{
	bool segment = bits(desc, 44, 1), code = bits(desc, 43, 1), conforming = bits(desc, 42, 1);

	if (desc == 0)
		return true;
	return segment && bits(desc, 45, 2) == 3 && !bits(desc, 53, 1) && !(code && conforming);
}

static void test_what_ring_3_may_have(void)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < DESCRIPTOR_KINDS * ROUNDS; i++)
		bad += !may_have(guest_convert(descriptor_of_kind(i)));
	CHECK_EQ(bad, 0);
}

/* Of a segment stays what the guest has chosen: base, limit, type, accessed, P, AVL, D, G. */
static void test_what_stays(void)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < DESCRIPTOR_KINDS * 16; i++) {
		u64 desc = descriptor_of_kind(i);

		lost += !descriptor_kept(desc, guest_convert(desc));
	}
	CHECK_EQ(lost, 0);
}

static void test_what_is_said(void)
{
	struct guest_segment s;
	struct guest_table t;

	guest_segment_of(0x12cf9a345678ffffULL, &s);
	CHECK_EQ(s.base, 0x12345678);
	CHECK_EQ(s.limit, 0xffffffff);
	CHECK(s.usable && s.code && s.readable && !s.writable && !s.expand_down && s.big);
	guest_segment_of(0x0000960000000fffULL, &s);
	CHECK_EQ(s.limit, 0xfff);
	CHECK(s.usable && !s.code && s.readable && s.writable && s.expand_down && !s.big);
	guest_segment_of(0x0080900000000000ULL, &s);
	CHECK_EQ(s.limit, 0xfff);
	CHECK(s.usable && !s.writable && !s.expand_down);
	guest_segment_of(0x00cf980000000000ULL, &s);
	CHECK(s.code && !s.readable);
	guest_segment_of(0, &s);
	CHECK(!s.usable);
	t = guest_system_segment(0x1200820034560017ULL | 0x78ULL << 32);
	CHECK_EQ(t.base, 0x12783456);
	CHECK_EQ(t.bytes, 0x18);
	CHECK_EQ(guest_system_segment(0x008f82000000ffffULL).bytes, 0xffffffff);
}

const struct host_case host_cases[] = {
	{ "no descriptor gives ring 3 more than a segment of its own", test_what_ring_3_may_have },
	{ "of a segment stays what the guest has chosen", test_what_stays },
	{ "base, limit and rights are the descriptor's", test_what_is_said },
	{ NULL, NULL }
};
