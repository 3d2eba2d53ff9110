/*
 * Test of kernel/guest/insn_*.c by hand: limits and rights of segments, the stack's width,
 * what is left behind by a fault, REP in pieces, bits far from their operand.
 *
 * test_insn_native.c compares with the processor; here are the rules that it cannot show.
 */
#include "tests/host/host.h"
#include "tests/host/insn_guest.h"

#include <string.h>

/* ---- Segments ------------------------------------------------------------------------- */

#define DATA .usable = true, .writable = true
#define NONE 0

/* clang-format off */
static const struct {
	struct guest_segment seg;
	u32 offset;
	unsigned n;
	bool write;
	u8 vector; /* of DS; that of SS is #SS in place of #GP, for limits */
} limits[] = {
	{ { DATA, .limit = 0xfff }, 0xffc, 4, true, NONE },
	{ { DATA, .limit = 0xfff }, 0xffd, 4, true, VEC_GP },
	{ { DATA, .limit = 0xfff }, 0xfff, 1, false, NONE },
	{ { DATA, .limit = 0xfff }, 0x1000, 1, false, VEC_GP },
	{ { DATA, .limit = 0 }, 0, 1, true, NONE },
	{ { DATA, .limit = 0 }, 0, 2, true, VEC_GP },
	{ { DATA, .limit = 0xffff }, 0xffff, 1, true, NONE },
	{ { DATA, .limit = 0xffff }, 0xffff, 2, true, VEC_GP },
	{ { DATA, .limit = 0x1ffff }, 0xffff, 2, true, NONE },
	{ { DATA, .limit = 0xffffffff }, 0xfffffffc, 4, true, NONE },
	{ { DATA, .limit = 0xffffffff }, 0xfffffffd, 4, true, VEC_GP },
	{ { DATA, .limit = 0xffffffff }, 0xffffffff, 8, false, VEC_GP },
	{ { DATA, .limit = 0xfff, .expand_down = true, .big = true }, 0x1000, 4, true, NONE },
	{ { DATA, .limit = 0xfff, .expand_down = true, .big = true }, 0xfff, 4, true, VEC_GP },
	{ { DATA, .limit = 0xfff, .expand_down = true, .big = true }, 0xfffffffc, 4, true, NONE },
	{ { DATA, .limit = 0xfff, .expand_down = true, .big = true }, 0xfffffffd, 4, true, VEC_GP },
	{ { DATA, .limit = 0xfff, .expand_down = true }, 0x1000, 1, true, NONE },
	{ { DATA, .limit = 0xfff, .expand_down = true }, 0xffe, 2, true, VEC_GP },
	{ { DATA, .limit = 0xfff, .expand_down = true }, 0xfffe, 2, true, NONE },
	{ { DATA, .limit = 0xfff, .expand_down = true }, 0xffff, 2, true, VEC_GP },
	{ { DATA, .limit = 0xfff, .expand_down = true }, 0x10000, 1, true, VEC_GP },
	{ { DATA, .limit = 0xffffffff, .expand_down = true, .big = true }, 0, 1, true, VEC_GP },
	{ { DATA, .limit = 0xffffffff, .expand_down = true, .big = true }, 0xffffffff, 1, true, VEC_GP },
	{ { DATA, .limit = 0, .expand_down = true, .big = true }, 1, 4, true, NONE },
	{ { .usable = false, .limit = 0xffffffff }, 0, 1, false, VEC_GP },
	{ { .usable = true, .limit = 0xfff }, 0, 4, false, NONE },
	{ { .usable = true, .limit = 0xfff }, 0, 4, true, VEC_GP },
	{ { .usable = true, .limit = 0xfff, .code = true, .readable = true }, 0, 4, false, NONE },
	{ { .usable = true, .limit = 0xfff, .code = true, .readable = true }, 0, 4, true, VEC_GP },
	{ { .usable = true, .limit = 0xfff, .code = true, .writable = true }, 0, 4, true, VEC_GP },
	{ { .usable = true, .limit = 0xfff, .code = true }, 0, 4, false, VEC_GP },
	/* Of code, conforming is where data has expand-down. */
	{ { .usable = true, .limit = 0xfff, .code = true, .readable = true, .expand_down = true },
	  0, 4, false, NONE },
};
/* clang-format on */

static void test_limits(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		u32 linear = 0;
		bool right;

		guest_reset();
		guest.segment[SEG_DS] = guest.segment[SEG_SS] = limits[i].seg;
		guest.segment[SEG_DS].base = guest.segment[SEG_SS].base = 0xfffff000;
		right = guest_linear(&memory, SEG_DS, limits[i].offset, limits[i].n, limits[i].write, &linear,
				     &fault);
		CHECK_EQ(right, limits[i].vector == NONE);
		CHECK_EQ(fault.vector, limits[i].vector);
		CHECK_EQ(fault.has_error, limits[i].vector != NONE);
		CHECK_EQ(linear, right ? limits[i].offset - 0x1000 : 0);
		if (limits[i].seg.usable && limits[i].seg.writable && !limits[i].seg.code && !right) {
			CHECK(!guest_linear(&memory, SEG_SS, limits[i].offset, limits[i].n, true, &linear,
					    &fault));
			CHECK_EQ(fault.vector, VEC_SS);
		}
	}
}

/* BP and SP mean SS, also as BP of 16-bit addresses; a prefix is stronger. */
static void test_default_segments(void)
{
	static const struct {
		bool code32;
		const char *bytes;
		unsigned n;
		enum user_segment s;
	} rows[] = {
		{ true, "\x8b\x00", 2, SEG_DS },	     /* (%eax) */
		{ true, "\x8b\x45\x00", 3, SEG_SS },	     /* 0(%ebp) */
		{ true, "\x8b\x05\0\0\0\0", 6, SEG_DS },     /* 0 */
		{ true, "\x8b\x04\x24", 3, SEG_SS },	     /* (%esp) */
		{ true, "\x8b\x04\x28", 3, SEG_DS },	     /* (%eax,%ebp) */
		{ true, "\x8b\x44\x05\x00", 4, SEG_SS },     /* 0(%ebp,%eax) */
		{ true, "\x8b\x04\x2d\0\0\0\0", 7, SEG_DS }, /* 0(,%ebp) */
		{ true, "\x26\x8b\x04\x24", 4, SEG_ES },
		{ false, "\x8b\x02", 2, SEG_SS },     /* (%bp,%si) */
		{ false, "\x8b\x03", 2, SEG_SS },     /* (%bp,%di) */
		{ false, "\x8b\x46\x00", 3, SEG_SS }, /* 0(%bp) */
		{ false, "\x8b\x06\0\0", 4, SEG_DS }, /* 0 */
		{ false, "\x8b\x00", 2, SEG_DS },     /* (%bx,%si) */
		{ false, "\x65\x8b\x02", 3, SEG_GS },
		{ false, "\x64\xa1\0\0", 4, SEG_FS },
	};
	struct guest_insn insn;
	enum user_segment s;

	guest_reset();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(guest_insn_decode((const u8 *)rows[i].bytes, rows[i].n, rows[i].code32, &insn));
		guest_insn_offset(&insn, &regs, &s);
		CHECK_EQ(s, rows[i].s);
	}
}

static void test_linear_wraps(void)
{
	struct guest_insn insn;
	u32 linear = 0;

	guest_reset();
	guest.segment[SEG_DS].base = 0xffff0000;
	regs.bx = 0x1fffe;
	CHECK_EQ(RUN("\x89\x03"), GUEST_DONE); /* movl %eax, (%ebx) */
	CHECK(guest.accesses == 1 && guest.log[0].linear == 0xfffe && guest.log[0].n == 4);
	CHECK(guest_insn_decode((const u8 *)"\x0f\x01\x53\x04", 4, true, &insn)); /* lgdt 4(%ebx) */
	CHECK(guest_insn_operand(&insn, &regs, &memory, 6, false, &linear, &fault));
	CHECK_EQ(linear, 0x10002);
	guest.segment[SEG_DS].limit = 0x20006;
	CHECK(!guest_insn_operand(&insn, &regs, &memory, 6, false, &linear, &fault));
	CHECK_EQ(fault.vector, VEC_GP);
}

/* ---- The stack ------------------------------------------------------------------------ */

static void test_stack_width(void)
{
	u32 v;

	guest_reset();
	guest.segment[SEG_SS].big = false;
	regs.sp = 0x12340002;
	CHECK(guest_push(&regs, &memory, 4, 0xaabbccdd, &fault));
	CHECK_EQ(regs.sp, 0x1234fffe); /* the upper half stays */
	CHECK_EQ(guest.log[0].linear, 0xfffe);
	CHECK(guest_pop(&regs, &memory, 4, &v, &fault));
	CHECK_EQ(v, 0xaabbccdd);
	CHECK_EQ(regs.sp, 0x12340002);
	guest.segment[SEG_SS].limit = 0xffff;
	CHECK(!guest_push(&regs, &memory, 4, 0, &fault)); /* fffe to 10001 */
	CHECK_EQ(fault.vector, VEC_SS);
	CHECK_EQ(regs.sp, 0x12340002);
	guest.segment[SEG_SS].big = true;
	CHECK(!guest_pop(&regs, &memory, 2, &v, &fault));
	CHECK_EQ(regs.sp, 0x12340002);
}

/* A call's target is beyond CS, or its stack not writable: nothing has happened. */
static void test_call_faults(void)
{
	guest_reset();
	guest.segment[SEG_CS].limit = 0xfff;
	memcpy(guest.byte + 0x200, "\x00\x10\x00\x00", 4);
	regs.bx = 0x200;
	CHECK_EQ(RUN("\xff\x13"), GUEST_FAULT); /* call *(%ebx) */
	CHECK(fault.vector == VEC_GP && regs.ip == 0x100 && regs.sp == 0x8000);
	CHECK_EQ(guest.accesses, 1);
	guest.segment[SEG_CS].limit = 0x1000;
	guest.read_only_from = 0x7000;
	CHECK_EQ(RUN("\xff\x13"), GUEST_FAULT);
	CHECK(fault.vector == VEC_PF && regs.ip == 0x100 && regs.sp == 0x8000);
	guest.read_only_from = 0xffffffff;
	CHECK_EQ(RUN("\xff\x13"), GUEST_DONE);
	CHECK(regs.ip == 0x1000 && regs.sp == 0x7ffc && guest.byte[0x7ffc] == 2);
	CHECK(!(regs.flags & RFLAGS_RF));
}

/* ---- Faults in between ----------------------------------------------------------------- */

static const struct {
	const char *bytes;
	unsigned n;
	unsigned reads, writes; /* of what (%ebx) is, one access each */
	bool stack;		/* uses the stack, too */
} accesses[] = {
	{ "\x89\x03", 2, 0, 1, false },		/* mov %eax, (%ebx) */
	{ "\xc7\x03\x01\0\0\0", 6, 0, 1, false }, /* movl $1, (%ebx) */
	{ "\x8b\x03", 2, 1, 0, false },		/* mov (%ebx), %eax */
	{ "\x01\x03", 2, 1, 1, false },		/* add %eax, (%ebx) */
	{ "\x03\x03", 2, 1, 0, false },		/* add (%ebx), %eax */
	{ "\x39\x03", 2, 1, 0, false },		/* cmp %eax, (%ebx) */
	{ "\x83\x0b\x01", 3, 1, 1, false },	/* orl $1, (%ebx) */
	{ "\xf6\x03\x01", 3, 1, 0, false },	/* testb $1, (%ebx) */
	{ "\xf7\x13", 2, 1, 1, false },		/* notl (%ebx) */
	{ "\xf7\x1b", 2, 1, 1, false },		/* negl (%ebx) */
	{ "\xf7\x23", 2, 1, 0, false },		/* mull (%ebx) */
	{ "\xff\x03", 2, 1, 1, false },		/* incl (%ebx) */
	{ "\x87\x03", 2, 1, 1, false },		/* xchg %eax, (%ebx) */
	{ "\x0f\xb1\x0b", 3, 1, 1, false },	/* cmpxchg %ecx, (%ebx), equal */
	{ "\x0f\xb1\x03", 3, 1, 1, false },	/* the same, of what it has read */
	{ "\x0f\xc1\x03", 3, 1, 1, false },	/* xadd %eax, (%ebx) */
	{ "\x0f\xc7\x0b", 3, 1, 1, false },	/* cmpxchg8b (%ebx) */
	{ "\x0f\xba\x23\x01", 4, 1, 0, false }, /* btl $1, (%ebx) */
	{ "\x0f\xba\x2b\x01", 4, 1, 1, false }, /* btsl $1, (%ebx) */
	{ "\xd1\x23", 2, 1, 1, false },		/* shll (%ebx) */
	{ "\x0f\xa5\x03", 3, 1, 1, false },	/* shld %cl, %eax, (%ebx) */
	{ "\x0f\x94\x03", 3, 0, 1, false },	/* sete (%ebx) */
	{ "\x0f\x44\x03", 3, 1, 0, false },	/* cmove (%ebx), %eax, not equal */
	{ "\x0f\xb6\x03", 3, 1, 0, false },	/* movzbl (%ebx), %eax */
	{ "\x8f\x03", 2, 0, 1, true },		/* popl (%ebx) */
	{ "\xff\x33", 2, 1, 0, true },		/* pushl (%ebx) */
	{ "\xff\x13", 2, 1, 0, true },		/* call *(%ebx) */
	{ "\xff\x23", 2, 1, 0, false },		/* jmp *(%ebx) */
	{ "\x0f\xaf\x03", 3, 1, 0, false },	/* imul (%ebx), %eax */
};

/* How the operand at 0x3000 is accessed; then each of its accesses faults. */
static void test_access_order(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		bool both = accesses[i].reads && accesses[i].writes;
		unsigned reads = 0, writes = 0;
		struct pt_regs before;

		guest_operand_reset();
		CHECK_EQ(guest_run(accesses[i].bytes, accesses[i].n), GUEST_DONE);
		for (unsigned k = 0; k < guest.accesses; k++)
			if (guest.log[k].linear == 0x3000) {
				CHECK(writes == 0); /* no read behind the write */
				*(guest.log[k].write ? &writes : &reads) += 1;
			}
		CHECK_EQ(reads, accesses[i].reads);
		CHECK_EQ(writes, accesses[i].writes);
		CHECK_EQ(guest.accesses, reads + writes + accesses[i].stack);

		guest_operand_reset();
		guest.bad = 0x3000;
		guest.bad_size = 8;
		before = regs;
		CHECK_EQ(guest_run(accesses[i].bytes, accesses[i].n), GUEST_FAULT);
		CHECK_EQ(fault.vector, VEC_PF);
		CHECK_EQ(fault.error, PF_USER | (writes ? PF_WRITE : 0));
		guest_check_untouched(&before);
		guest_operand_reset();
		guest.read_only_from = 0x3000;
		regs.sp = 0x2000;
		before = regs;
		CHECK_EQ(guest_run(accesses[i].bytes, accesses[i].n), writes ? GUEST_FAULT : GUEST_DONE);
		if (writes)
			guest_check_untouched(&before);
		if (both)
			CHECK_EQ(guest.accesses, 2);
	}
}

/* ---- Arithmetic, and where operands are ------------------------------------------------ */

#define STATUS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static void test_flags(void)
{
	guest_operand_reset();
	guest.byte[0x3000] = 0x7f;
	CHECK_EQ(RUN("\x80\x03\x01"), GUEST_DONE); /* addb $1, (%ebx) */
	CHECK_EQ(guest.byte[0x3000], 0x80);
	CHECK_EQ(regs.flags & STATUS, RFLAGS_AF | RFLAGS_SF | RFLAGS_OF);
	CHECK_EQ(RUN("\x80\x03\x80"), GUEST_DONE);
	CHECK_EQ(regs.flags & STATUS, RFLAGS_CF | RFLAGS_PF | RFLAGS_ZF | RFLAGS_OF);
	CHECK_EQ(RUN("\x83\x13\xfe"), GUEST_DONE); /* adcl $-2, (%ebx) */
	CHECK(guest.byte[0x3000] == 0xff && guest.byte[0x3003] == 0xff);
	CHECK_EQ(regs.flags & STATUS, RFLAGS_PF | RFLAGS_SF);
	regs.flags |= RFLAGS_CF;
	CHECK_EQ(RUN("\xff\x03"), GUEST_DONE); /* incl: CF stays */
	CHECK_EQ(regs.flags & STATUS, RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF);
	CHECK_EQ(RUN("\xf7\x33"), GUEST_FAULT); /* divl by 0 */
	CHECK(fault.vector == VEC_DE && !fault.has_error);
	CHECK(regs.flags & RFLAGS_IF && regs.ax == 0x11);
}

/* POP's address is made behind the pop; of strings, ES stays what it is. */
static void test_where(void)
{
	guest_operand_reset();
	guest.byte[0x8000] = 0x99;
	CHECK_EQ(RUN("\x8f\x44\x24\x10"), GUEST_DONE); /* popl 16(%esp) */
	CHECK(regs.sp == 0x8004 && guest.byte[0x8014] == 0x99);
	guest.segment[SEG_GS].base = 0x1000;
	regs.di = regs.si = 0x4000;
	CHECK_EQ(RUN("\x65\xa4"), GUEST_DONE); /* movsb %gs:(%esi), %es:(%edi) */
	CHECK(guest.log[0].linear == 0x5000 && guest.log[1].linear == 0x4000);
	CHECK_EQ(RUN("\x65\xaa"), GUEST_DONE); /* stosb */
	CHECK_EQ(guest.log[0].linear, 0x4001);
}

/* ---- REP --------------------------------------------------------------------------------- */

static void string_reset(u32 count)
{
	guest_reset();
	for (unsigned i = 0; i < 0x1000; i++)
		guest.byte[0x1000 + i] = (u8)(i * 7);
	regs.si = 0x1000;
	regs.di = 0x4000;
	regs.cx = count;
}

/* The registers say how far it came; behind the fault's cause it goes on. */
static void test_rep_fault(void)
{
	string_reset(100);
	guest.bad = 0x4000 + 37 * 4;
	guest.bad_size = 1;
	CHECK_EQ(RUN("\xf3\xa5"), GUEST_FAULT); /* rep movsl */
	CHECK(fault.vector == VEC_PF && fault.address == 0x4094);
	CHECK_EQ(regs.cx, 100 - 37);
	CHECK_EQ(regs.si, 0x1000 + 37 * 4);
	CHECK_EQ(regs.di, 0x4000 + 37 * 4);
	CHECK_EQ(regs.ip, 0x100);
	CHECK(regs.flags & RFLAGS_RF);
	guest.bad_size = 0;
	CHECK_EQ(RUN("\xf3\xa5"), GUEST_DONE);
	CHECK(regs.cx == 0 && regs.ip == 0x102 && !(regs.flags & RFLAGS_RF));
	CHECK(!memcmp(guest.byte + 0x1000, guest.byte + 0x4000, 400));
}

/* Flags are those from before: CMPS does not need its own to go on. */
static void test_repe_fault(void)
{
	string_reset(100);
	regs.di = 0x1000;
	guest.bad = 0x1003;
	guest.bad_size = 1;
	regs.flags |= RFLAGS_CF;
	CHECK_EQ(RUN("\xf3\xa6"), GUEST_FAULT); /* repe cmpsb */
	CHECK(regs.cx == 97 && regs.si == 0x1003 && regs.di == 0x1003);
	CHECK_EQ(regs.flags, RFLAGS_FIXED | RFLAGS_IF | RFLAGS_RF | RFLAGS_CF);
}

static void test_rep_pieces(void)
{
	string_reset(600);
	regs.ax = 0x55;
	CHECK_EQ(RUN("\xf3\xaa"), GUEST_DONE); /* rep stosb */
	CHECK(regs.cx == 600 - 256 && regs.ip == 0x100 && regs.di == 0x4100);
	CHECK(regs.flags & RFLAGS_RF);
	CHECK_EQ(RUN("\xf3\xaa"), GUEST_DONE);
	CHECK(regs.cx == 600 - 512 && regs.ip == 0x100);
	CHECK_EQ(RUN("\xf3\xaa"), GUEST_DONE);
	CHECK(regs.cx == 0 && regs.ip == 0x102 && regs.di == 0x4258);

	string_reset(256);
	CHECK_EQ(RUN("\xf3\xaa"), GUEST_DONE);
	CHECK(regs.cx == 0 && regs.ip == 0x102);

	string_reset(2); /* a single step is an iteration */
	regs.flags |= RFLAGS_TF;
	CHECK_EQ(RUN("\xf3\xaa"), GUEST_DONE);
	CHECK(regs.cx == 1 && regs.ip == 0x100 && guest.accesses == 1);
	CHECK_EQ(RUN("\xf3\xaa"), GUEST_DONE);
	CHECK(regs.cx == 0 && regs.ip == 0x102);
}

/* Backwards, none at all, of 16-bit addresses, up to what was looked for. */
static void test_rep_ways(void)
{
	string_reset(4);
	regs.flags |= RFLAGS_DF;
	CHECK_EQ(RUN("\x66\xf3\xa5"), GUEST_DONE); /* rep movsw */
	CHECK(regs.cx == 0 && regs.si == 0xff8 && regs.di == 0x3ff8);
	CHECK(guest.log[2].linear == 0xffe && guest.log[3].linear == 0x3ffe && guest.log[3].n == 2);

	string_reset(0);
	CHECK_EQ(RUN("\xf3\xa6"), GUEST_DONE);
	CHECK(regs.ip == 0x102 && !guest.accesses && regs.flags == (RFLAGS_FIXED | RFLAGS_IF));

	string_reset(0x20003);
	regs.di = 0x3fffe;
	CHECK_EQ(RUN("\x67\xf3\xab"), GUEST_DONE); /* rep stosl, with CX and DI */
	CHECK(regs.cx == 0x20000 && regs.di == 0x3000a);
	CHECK(guest.log[0].linear == 0xfffe && guest.log[1].linear == 2);

	string_reset(50);
	regs.ax = 7 * 5;
	regs.di = 0x1000;
	CHECK_EQ(RUN("\xf2\xae"), GUEST_DONE); /* repne scasb */
	CHECK(regs.cx == 44 && regs.di == 0x1006 && regs.flags & RFLAGS_ZF && regs.ip == 0x102);
	CHECK_EQ(RUN("\xf3\xae"), GUEST_DONE);
	CHECK(regs.cx == 43 && regs.di == 0x1007 && !(regs.flags & RFLAGS_ZF));
}

/* ---- Bits --------------------------------------------------------------------------- */

static void test_far_bits(void)
{
	guest_reset();
	regs.bx = 0x8000;
	regs.ax = 0xfffffffe; /* two bits before */
	CHECK_EQ(RUN("\x0f\xab\x03"), GUEST_DONE); /* bts %eax, (%ebx) */
	CHECK(guest.log[1].linear == 0x7ffc && guest.byte[0x7fff] == 0x40);
	regs.ax = 0x12345;
	CHECK_EQ(RUN("\x0f\xab\x03"), GUEST_DONE);
	CHECK(guest.log[1].linear == 0xa468 && guest.byte[0xa468] == 0x20);
	CHECK_EQ(RUN("\x66\x0f\xbb\x03"), GUEST_DONE); /* btcw %ax: 0x2345 */
	CHECK(guest.log[1].linear == 0x8468 && guest.log[1].n == 2 && guest.byte[0x8468] == 0x20);
	CHECK_EQ(RUN("\x0f\xba\x2b\x45"), GUEST_DONE); /* btsl $0x45: bit 5 */
	CHECK(guest.log[1].linear == 0x8000 && guest.byte[0x8000] == 0x20);
	regs.bx = 2;
	regs.ax = 0xfff0;
	CHECK_EQ(RUN("\x67\x66\x0f\xa3\x06\x01\x00"), GUEST_DONE); /* btw %ax, 1: offset ffff */
	CHECK_EQ(guest.log[0].linear, 0xffff);
}

const struct host_case host_cases[] = {
	{ "limits and rights of segments", test_limits },
	{ "which segment an address is in", test_default_segments },
	{ "linear addresses wrap at 4 GiB", test_linear_wraps },
	{ "the stack is as wide as SS says", test_stack_width },
	{ "a call that faults has not happened", test_call_faults },
	{ "what is read, written, and in which order", test_access_order },
	{ "arithmetic and its flags", test_flags },
	{ "where the operands of POP and of strings are", test_where },
	{ "a fault within REP: the registers say how far it came", test_rep_fault },
	{ "flags behind a fault within REPE are those from before", test_repe_fault },
	{ "a long REP is done in pieces", test_rep_pieces },
	{ "REP backwards, with 16 bits, until it is found, not at all", test_rep_ways },
	{ "a bit far from its operand", test_far_bits },
	{ NULL, NULL }
};
