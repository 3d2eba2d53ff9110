/*
 * Test of kernel/guest/insn_*.c: what is not executed, LOCK, and then bytes, registers,
 * segments and faults at random: nothing is read beyond the bytes that there are, each
 * access is within a segment that allows it, what faults has changed nothing, and it ends.
 */
#include "tests/host/host.h"
#include "tests/host/insn_guest.h"

#include <stdlib.h>
#include <string.h>

/* #UD but before what reads, changes and writes memory. */
static void test_lock(void)
{
	static const struct {
		const char *bytes;
		unsigned n;
		bool right;
	} rows[] = {
		{ "\xf0\x01\x03", 3, true },	     { "\xf0\x03\x03", 3, false },
		{ "\xf0\x39\x03", 3, false },	     { "\xf0\x83\x0b\x01", 4, true },
		{ "\xf0\x83\x3b\x01", 4, false },    { "\xf0\x87\x03", 3, true },
		{ "\xf0\x89\x03", 3, false },	     { "\xf0\xff\x03", 3, true },
		{ "\xf0\xff\x33", 3, false },	     { "\xf0\xf7\x13", 3, true },
		{ "\xf0\xf7\x03\0\0\0\0", 7, false }, { "\xf0\x0f\xb1\x03", 4, true },
		{ "\xf0\x0f\xc1\x03", 4, true },     { "\xf0\x0f\xc7\x0b", 4, true },
		{ "\xf0\x0f\xa3\x03", 4, false },    { "\xf0\x0f\xab\x03", 4, true },
		{ "\xf0\x0f\xba\x23\x01", 5, false }, { "\xf0\x0f\xba\x2b\x01", 5, true },
		{ "\xf0\x01\xc3", 3, false },	     { "\xf0\xa5", 2, false },
		{ "\xf0\x0f\x94\x03", 4, false },    { "\xf0\xd1\x23", 3, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pt_regs before;

		guest_operand_reset();
		before = regs;
		CHECK_EQ(guest_run(rows[i].bytes, rows[i].n), rows[i].right ? GUEST_DONE : GUEST_FAULT);
		if (rows[i].right)
			continue;
		CHECK(fault.vector == VEC_UD && !fault.has_error && !guest.accesses);
		guest_check_untouched(&before);
	}
}

/* Segment registers, the FPU, SSE, ports, far jumps: the caller's, or nobody's. */
static void test_unknown(void)
{
	static const struct {
		const char *bytes;
		unsigned n;
	} rows[] = {
		{ "\x8c\x1b", 2 },	   { "\x8e\x1b", 2 },	  { "\xc4\x03", 2 },
		{ "\xff\x1b", 2 },	   { "\xff\x2b", 2 },	  { "\xff\x3b", 2 },
		{ "\xdd\x33", 2 },	   { "\xd9\x03", 2 },	  { "\x0f\xae\x03", 3 },
		{ "\x0f\xae\x0b", 3 },	   { "\x0f\x10\x03", 3 }, { "\x0f\x6f\x03", 3 },
		{ "\x0f\x01\x13", 3 },	   { "\x0f\xb2\x03", 3 }, { "\x0f\x00\x03", 3 },
		{ "\x0f\x20\xc0", 3 },	   { "\xcf", 1 },	  { "\xcb", 1 },
		{ "\x1e", 1 },		   { "\x1f", 1 },	  { "\xf3\x6c", 2 },
		{ "\xf3\x0f\xbc\x03", 4 }, { "\xc6\x4b\x00\x01", 4 }, { "\x0f\xba\x03\x01", 4 },
		{ "\x0f\xc7\x33", 3 },	   { "\xf4", 1 },	  { "\x90", 1 },
		{ "\xcd\x80", 2 },	   { "\x62\x03", 2 },	  { "\x63\x03", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pt_regs before;

		guest_operand_reset();
		before = regs;
		CHECK_EQ(guest_run(rows[i].bytes, rows[i].n), GUEST_UNKNOWN);
		CHECK_EQ(guest.accesses, 0);
		guest_check_untouched(&before);
	}
}

/* ---- At random -------------------------------------------------------------------------- */

static void random_registers(void)
{
	memset(&regs, 0, sizeof(regs));
	for (unsigned r = GUEST_AX; r <= GUEST_DI; r++)
		guest_reg_write(&regs, r, 4, (u32)host_random() >> host_random() % 32);
	regs.ip = (u32)host_random();
	regs.flags = RFLAGS_FIXED | (host_random() & 0xdd5);
	for (unsigned s = SEG_ES; s <= SEG_GS; s++) {
		u64 r = host_random();

		guest.segment[s] = (struct guest_segment){
			.base = r & 1 ? 0 : (u32)host_random(),
			.limit = r & 2 ? 0xffffffff : (u32)host_random() >> (r >> 8) % 32,
			.usable = (r & 0x1c) != 0,
			.code = (r & 0xe0) == 0,
			.readable = r >> 16 & 1,
			.writable = r >> 17 & 3,
			.expand_down = (r >> 19 & 3) == 0,
			.big = r >> 21 & 1,
		};
	}
}

/* Was every access within a segment that allows it? */
static void check_accesses(void)
{
	for (unsigned i = 0; i < guest.accesses; i++) {
		struct guest_fault none;
		bool right = false;
		u32 linear;

		for (unsigned s = SEG_ES; s <= SEG_GS; s++)
			right |= guest_linear(&memory, s, guest.log[i].linear - guest.segment[s].base,
					      guest.log[i].n, guest.log[i].write, &linear, &none);
		CHECK(right);
	}
}

/* One, in a block of its bytes; returns whether it is one that is executed. */
static bool fuzz_one(void)
{
	unsigned have = (unsigned)(host_random() % (INSN_MAX + 3));
	u64 random[3] = { host_random(), host_random(), host_random() };
	struct guest_insn insn;
	struct pt_regs before;
	enum guest_done done;
	u8 *bytes;

	((u8 *)random)[0] = host_random() % 4 ? ((u8 *)random)[0] : 0x0f;
	bytes = host_exact_copy(random, have);
	if (!guest_insn_decode(bytes, have, host_random() % 2, &insn)) {
		free(bytes);
		return false;
	}
	CHECK(insn.length >= 1 && insn.length <= have && insn.length <= INSN_MAX);
	CHECK(!memcmp(insn.byte, bytes, insn.length));
	free(bytes);
	random_registers();
	before = regs;
	guest.accesses = 0;
	done = guest_insn_execute(&insn, &regs, &memory, &fault);
	if (done == GUEST_UNKNOWN || (done == GUEST_FAULT && !insn.rep))
		CHECK(!memcmp(&regs, &before, sizeof(regs)));
	if (done == GUEST_FAULT)
		CHECK_EQ(regs.ip, before.ip);
	CHECK_EQ(regs.ip >> 32, 0);
	check_accesses();
	return done != GUEST_UNKNOWN;
}

static void test_fuzz(void)
{
	unsigned executed = 0;

	guest_reset();
	for (unsigned i = 0; i < 300000; i++) {
		if (i % 4096 == 0)
			guest.fault_one_of = (unsigned)(host_random() % 8);
		executed += fuzz_one();
	}
	CHECK(executed > 60000);
}

const struct host_case host_cases[] = {
	{ "LOCK where there is nothing to lock", test_lock },
	{ "what is not executed changes nothing", test_unknown },
	{ "bytes, registers and faults at random", test_fuzz },
	{ NULL, NULL }
};
