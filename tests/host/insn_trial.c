/*
 * What tests/host/insn_trial.h chooses from, and how.
 */
#include "tests/host/host.h"
#include "tests/host/insn_trial.h"

#include <string.h>

#define AF RFLAGS_AF
#define OF RFLAGS_OF
#define CF RFLAGS_CF
#define NOT_CO (RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF)
#define BITS_FLAGS (RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF)

static const struct form forms[] = {
	{ 0x00, 0x03, 0xff, 0, 0 },
	{ 0x08, 0x0b, 0xff, 0, AF },
	{ 0x10, 0x13, 0xff, 0, 0 },
	{ 0x18, 0x1b, 0xff, 0, 0 },
	{ 0x20, 0x23, 0xff, 0, AF },
	{ 0x28, 0x2b, 0xff, 0, 0 },
	{ 0x30, 0x33, 0xff, 0, AF },
	{ 0x38, 0x3b, 0xff, 0, 0 },
	{ 0x80, 0x83, 0xad, 0, 0 }, /* ADD, ADC, SBB, SUB, CMP */
	{ 0x80, 0x83, 0x52, 0, AF },
	{ 0x84, 0x85, 0xff, 0, AF },
	{ 0x86, 0x8b, 0xff, 0, 0 },
	{ 0x50, 0x5f, 0xff, STACK, 0 },
	{ 0x60, 0x61, 0xff, STACK | PARTIAL, 0 },
	{ 0x68, 0x68, 0xff, STACK, 0 },
	{ 0x6a, 0x6a, 0xff, STACK, 0 },
	{ 0x69, 0x69, 0xff, 0, NOT_CO },
	{ 0x6b, 0x6b, 0xff, 0, NOT_CO },
	{ 0x8f, 0x8f, 0x01, STACK, 0 },
	{ 0x9c, 0x9d, 0xff, STACK, 0 },
	{ 0xa0, 0xa3, 0xff, 0, 0 },
	{ 0xa4, 0xa5, 0xff, STRING, 0 },
	{ 0xa6, 0xa7, 0xff, STRING | CMPS, 0 },
	{ 0xaa, 0xaf, 0xff, STRING, 0 },
	{ 0xc0, 0xc1, 0xff, 0, AF | OF | CF },
	{ 0xd0, 0xd1, 0xff, 0, AF },
	{ 0xd2, 0xd3, 0xff, 0, AF | OF | CF },
	{ 0xc2, 0xc3, 0xff, STACK | JUMP, 0 },
	{ 0xc6, 0xc7, 0x01, 0, 0 },
	{ 0xc8, 0xc8, 0xff, STACK | PARTIAL, 0 },
	{ 0xc9, 0xc9, 0xff, STACK, 0 },
	{ 0xd7, 0xd7, 0xff, XLAT, 0 },
	{ 0xe8, 0xe8, 0xff, STACK | JUMP, 0 },
	{ 0xf6, 0xf7, 0x03, 0, AF },
	{ 0xf6, 0xf7, 0x0c, 0, 0 },
	{ 0xf6, 0xf7, 0x30, 0, NOT_CO },
	{ 0xf6, 0xf7, 0xc0, 0, GUEST_STATUS_FLAGS },
	{ 0xfe, 0xff, 0x03, 0, 0 },
	{ 0xff, 0xff, 0x14, STACK | JUMP, 0 },
	{ 0xff, 0xff, 0x40, STACK, 0 },
	{ 0x0f40, 0x0f4f, 0xff, 0, 0 },
	{ 0x0f90, 0x0f9f, 0xff, 0, 0 },
	{ 0x0fa3, 0x0fa3, 0xff, BIT_REGISTER, BITS_FLAGS },
	{ 0x0fab, 0x0fab, 0xff, BIT_REGISTER, BITS_FLAGS },
	{ 0x0fb3, 0x0fb3, 0xff, BIT_REGISTER, BITS_FLAGS },
	{ 0x0fbb, 0x0fbb, 0xff, BIT_REGISTER, BITS_FLAGS },
	{ 0x0fba, 0x0fba, 0xf0, 0, BITS_FLAGS },
	{ 0x0fa4, 0x0fa5, 0xff, 0, AF | OF | CF },
	{ 0x0fac, 0x0fad, 0xff, 0, AF | OF | CF },
	{ 0x0faf, 0x0faf, 0xff, 0, NOT_CO },
	{ 0x0fb0, 0x0fb1, 0xff, CMPXCHG, 0 },
	{ 0x0fb6, 0x0fb7, 0xff, 0, 0 },
	{ 0x0fbc, 0x0fbd, 0xff, 0, GUEST_STATUS_FLAGS & ~RFLAGS_ZF },
	{ 0x0fbe, 0x0fbf, 0xff, 0, 0 },
	{ 0x0fc0, 0x0fc1, 0xff, 0, 0 },
	{ 0x0fc7, 0x0fc7, 0x02, MEMORY | CMPXCHG, 0 },
};

u8 trial_model[NATIVE_SIZE];

u8 *trial_byte(u32 linear)
{
	return linear - NATIVE_ARENA < NATIVE_SIZE ? trial_model + (linear - NATIVE_ARENA) :
						     native_at(linear);
}

static bool one_of(unsigned n)
{
	return host_random() % n == 0;
}


static u32 random_value(void)
{
	switch (host_random() % 4) {
	case 0: return (u32)(s32)(s8)host_random();
	case 1: return (u32)1 << host_random() % 32;
	default: return (u32)host_random();
	}
}

/* Somewhere in the arena, often at an edge. */
static u32 random_linear(const struct guest_segment *seg)
{
	static const u32 edges[] = { 0, NATIVE_READ_ONLY, 0x2000, 0x3000, 0x4000, NATIVE_SIZE };
	u32 near = (u32)(host_random() % 24) - 12, limit = seg->base + seg->limit + near;

	if (one_of(4) && limit - NATIVE_ARENA < NATIVE_SIZE)
		return limit;
	if (one_of(8))
		return NATIVE_ARENA + edges[host_random() % ARRAY_SIZE(edges)] + near;
	return NATIVE_ARENA + NATIVE_READ_ONLY + (u32)(host_random() % 0x4f00);
}

static u32 random_offset(const struct native_segment *segment)
{
	return random_linear(&segment->is) - segment->is.base;
}

static void choose_segments(struct native_run *run)
{
	static const u8 stacks[] = { NATIVE_FLAT, NATIVE_UP, NATIVE_UP16, NATIVE_DOWN, NATIVE_DOWN16 };
	static const u8 codes[] = { NATIVE_CODE32, NATIVE_CODE32, NATIVE_CODE32_SHORT, NATIVE_CODE16 };
	const u8 set[] = { SEG_DS, SEG_ES, SEG_GS };

	for (size_t i = 0; i < sizeof(set); i++)
		run->segment[set[i]] =
			&native_segments[one_of(3) ? host_random() % NATIVE_DATA_SEGMENTS : NATIVE_FLAT];
	run->segment[SEG_SS] =
		&native_segments[one_of(2) ? NATIVE_FLAT : stacks[host_random() % sizeof(stacks)]];
	run->segment[SEG_CS] = &native_segments[codes[host_random() % sizeof(codes)]];
}

static void choose_bytes(struct trial *t)
{
	static const u8 prefixes[] = { 0x66, 0x66, 0x67, 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x65, 0xf0 };
	const struct form *f = t->form;
	u16 opcode = (u16)(f->first + host_random() % (f->last - f->first + 1u));
	unsigned n = 0;
	u8 reg;

	while (one_of(2) && n < 4)
		t->bytes[n++] = prefixes[host_random() % sizeof(prefixes)];
	if (f->what & STRING ? !one_of(4) : opcode < 0x100 && one_of(32))
		t->bytes[n++] = one_of(2) ? 0xf2 : 0xf3;
	if (opcode > 0xff)
		t->bytes[n++] = 0x0f;
	t->bytes[n++] = (u8)opcode;
	for (unsigned i = n; i < sizeof(t->bytes); i++)
		t->bytes[i] = (u8)host_random();
	do
		reg = (u8)(host_random() % 8);
	while (!(f->regs >> reg & 1));
	if (f->regs != 0xff)
		t->bytes[n] = (u8)((t->bytes[n] & 0xc7) | reg << 3);
	if (one_of(2) || f->what & MEMORY)
		t->bytes[n] &= 0x7f;
	t->displacement = n;
}

static bool decode(struct trial *t)
{
	return guest_insn_decode(t->bytes, INSN_MAX, t->run.segment[SEG_CS]->is.big, &t->insn);
}

/* The register that an address begins with: one that can be moved. */
static unsigned base_register(const struct guest_insn *i)
{
	static const u8 by_rm[8] = { GUEST_BX, GUEST_BX, GUEST_BP, GUEST_BP,
				     GUEST_SI, GUEST_DI, GUEST_BP, GUEST_BX };

	return i->address == 2 ? by_rm[i->rm] : i->rm == 4 ? i->sib & 7 : i->rm;
}

/* Makes the operand's address one in the arena.  False: the same register twice. */
static bool aim(struct trial *t)
{
	const struct guest_insn *i = &t->insn;
	bool direct = i->mod == 0 && (i->address == 2 ? i->rm == 6 : base_register(i) == GUEST_BP);
	unsigned at = t->displacement + (i->address == 4 && i->rm == 4);
	enum user_segment s;
	u32 offset = guest_insn_offset(i, &t->run.regs, &s), wanted, moved;

	if (s == SEG_FS)
		return false;
	wanted = random_offset(t->run.segment[s]);
	moved = i->displacement + wanted - offset;
	if (i->mod == 2 || direct || !i->has_modrm) {
		memcpy(t->bytes + at + i->has_modrm, &moved, i->address);
		if (!decode(t))
			return false;
	} else {
		moved = guest_reg_read(&t->run.regs, base_register(i), 4) + wanted - offset;
		guest_reg_write(&t->run.regs, base_register(i), i->address, moved);
	}
	offset = guest_insn_offset(i, &t->run.regs, &s);
	return i->address == 2 ? (u16)offset == (u16)wanted : offset == wanted;
}

#define CALM (NATIVE_ARENA + 0x1f00)

/*
 * Which side of CMPS a processor reads first is its own business, and whether a call looks
 * at its stack or at its target first: one of the two is in the middle of the arena.
 */
static void calm(struct trial *t, enum user_segment s, u64 *offset, unsigned width)
{
	t->run.segment[s] = &native_segments[width == 4 ? NATIVE_FLAT : NATIVE_UP16];
	*offset = CALM - t->run.segment[s]->is.base;
}

static void calm_one_side(struct trial *t, enum user_segment source)
{
	if (one_of(2) && source != SEG_CS)
		calm(t, source, &t->run.regs.si, t->insn.address);
	else
		calm(t, SEG_ES, &t->run.regs.di, t->insn.address);
}

/* What an instruction uses beside the operand of ModRM. */
static void choose_registers(struct trial *t)
{
	struct pt_regs *regs = &t->run.regs;
	enum user_segment source = t->insn.override ? t->insn.override : SEG_DS;

	for (unsigned r = GUEST_AX; r <= GUEST_DI; r++)
		guest_reg_write(regs, r, 4, random_value());
	regs->flags = RFLAGS_FIXED | RFLAGS_IF | (host_random() & (GUEST_STATUS_FLAGS | RFLAGS_DF));
	regs->ip = t->run.segment[SEG_CS]->is.base ? 0x400 : NATIVE_CODE + 0x400;
	if (t->form->what & STACK) {
		regs->sp = random_offset(t->run.segment[SEG_SS]);
		regs->bp = random_offset(t->run.segment[SEG_SS]);
	}
	if (t->form->what & JUMP && t->run.segment[SEG_CS]->is.base)
		calm(t, SEG_SS, &regs->sp, one_of(2) ? 2 : 4);
	if (t->form->what & STRING) {
		regs->si = random_offset(t->run.segment[source]);
		regs->di = random_offset(t->run.segment[SEG_ES]);
		regs->cx = host_random() % (one_of(8) ? 700 : 40);
		if (t->form->what & CMPS)
			calm_one_side(t, source);
	}
	if (t->form->what & BIT_REGISTER)
		guest_reg_write(regs, t->insn.reg, 4, (u32)(s32)(s16)random_value());
	if (t->form->what & XLAT)
		regs->bx = (u32)(random_offset(t->run.segment[source]) - (u8)regs->ax);
	if (!t->run.segment[SEG_SS]->is.big)
		regs->sp = (u16)regs->sp | native_esp_upper();
	if (t->insn.address == 2) { /* the upper halves are not used */
		regs->cx |= host_random() % 2 << 16;
		regs->si ^= host_random() % 2 << 20;
		regs->di ^= host_random() % 2 << 20;
	}
}

/* Puts the same into both memories, if it is there. */
static void poke(u32 linear, u32 v)
{
	if (linear - NATIVE_ARENA - NATIVE_READ_ONLY > NATIVE_SIZE - NATIVE_READ_ONLY - sizeof(v))
		return;
	memcpy(native_at(linear), &v, sizeof(v));
	memcpy(trial_byte(linear), &v, sizeof(v));
}

/* What is in memory, if something is, becomes EDX:EAX. */
static void make_equal(const struct trial *t)
{
	enum user_segment s;
	u32 offset = guest_insn_offset(&t->insn, &t->run.regs, &s);

	if (t->insn.mod == 3)
		return;
	poke(t->run.segment[s]->is.base + offset, (u32)t->run.regs.ax);
	poke(t->run.segment[s]->is.base + offset + 4, (u32)t->run.regs.dx);
}

/* The linear address that SP is. */
static u32 stack_top(const struct native_run *run)
{
	const struct guest_segment *ss = &run->segment[SEG_SS]->is;

	return ss->base + guest_reg_read(&run->regs, GUEST_SP, ss->big ? 4 : 2);
}

/* Where it jumps to: INT3, nothing, or beyond the limit. */
static void choose_target(struct trial *t)
{
	u32 code = (u32)t->run.regs.ip + 0x100 + (u32)(host_random() % 0x800);
	u32 target = one_of(8) ? 0x70000000 + code : code, moved;
	enum user_segment s;
	u32 offset;

	if (t->insn.opcode == 0xe8) {
		moved = target - (u32)t->run.regs.ip - t->insn.length;
		memcpy(t->bytes + t->insn.length - t->insn.operand, &moved, t->insn.operand);
	} else if (!t->insn.has_modrm) {
		poke(stack_top(&t->run), target);
	} else if (t->insn.mod == 3) {
		guest_reg_write(&t->run.regs, t->insn.rm, 4, target);
	} else {
		offset = guest_insn_offset(&t->insn, &t->run.regs, &s);
		poke(t->run.segment[s]->is.base + offset, target);
	}
}

/* aim() may have moved SP. */
static bool stack_is_near(const struct trial *t)
{
	const struct native_run *run = &t->run;

	if (t->form->what & JUMP && run->segment[SEG_CS]->is.base)
		return stack_top(run) == CALM;
	return stack_top(run) - (NATIVE_ARENA - 0x10000) < NATIVE_SIZE + 0x20000;
}

/* False: another one. */
static bool choose(struct trial *t)
{
	memset(t, 0, sizeof(*t));
	t->form = &forms[host_random() % ARRAY_SIZE(forms)];
	choose_segments(&t->run);
	choose_bytes(t);
	if (!decode(t))
		return false;
	choose_registers(t);
	if (guest_insn_has_memory(&t->insn) && !aim(t))
		return false;
	if (t->form->what & BIT_REGISTER && t->insn.operand == 4 &&
	    (u32)(guest_reg_read(&t->run.regs, t->insn.reg, 4) + 0x10000) > 0x20000)
		return false;
	if (t->form->what & CMPXCHG && one_of(2))
		make_equal(t);
	if (t->form->what & STACK && !stack_is_near(t))
		return false;
	if (t->form->what & JUMP) {
		if (t->insn.has_modrm && t->insn.mod == 3 && t->insn.rm == GUEST_SP)
			return false; /* the stack would be where the code is */
		choose_target(t);
	}
	return decode(t) && (t->run.segment[SEG_SS]->is.big ||
			     ((u32)t->run.regs.sp & 0xffff0000) == native_esp_upper());
}

unsigned trial_choose(struct trial *t)
{
	while (!choose(t))
		;
	return (unsigned)(t->form - forms);
}

unsigned trial_form_count(void)
{
	return ARRAY_SIZE(forms);
}
