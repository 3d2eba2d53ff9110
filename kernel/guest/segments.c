/*
 * Instructions of segment registers, and far calls and jumps, in the processor's place: they
 * touch a covered page, or are what ring 3 may not do (SS with RPL 0, returns to RPL 0).
 *
 * A selector is checked against the guest's own descriptor, by the rules of the instruction.
 * Then CS and SS are loaded by the IRET that ends the trap, the others by guest_enter(): by
 * the processor, from our table, as a load of the guest's own would be.
 * Source: Intel SDM vol. 2, MOV, POP, PUSH, LDS, JMP, CALL; vol. 3, 5.4.1, 5.8.1.
 */
#include "kernel/guest/guest.h"

#define SELECTOR_ERROR 0xfffc /* the bits of a selector that an error code has */

/* One instruction under way. */
struct segment_work {
	struct guest *g;
	const struct guest_insn *insn;
	struct guest_memory memory;
	struct guest_fault *fault;
};

static bool fault_of(struct guest_fault *fault, u8 vector, u32 error)
{
	*fault = (struct guest_fault){ .vector = vector, .has_error = true, .error = error };
	return false;
}

/* ---- What a register may hold ------------------------------------------------------------ */

static bool is_segment(u64 desc)
{
	return desc & DESC_SEGMENT;
}

static bool is_readable(u64 desc)
{
	return is_segment(desc) && (!(desc & GDESC_CODE) || (desc & GDESC_WRITABLE));
}

static bool is_writable(u64 desc)
{
	return is_segment(desc) && !(desc & GDESC_CODE) && (desc & GDESC_WRITABLE);
}

/* Null is good for all but SS; `absent` is the fault of what is not present. */
static bool check(u16 selector, u64 desc, bool good, u8 absent, struct guest_fault *fault)
{
	if (!good)
		return fault_of(fault, VEC_GP, selector & SELECTOR_ERROR);
	if (!(desc & DESC_PRESENT))
		return fault_of(fault, absent, selector & SELECTOR_ERROR);
	return true;
}

static bool load(struct segment_work *w, enum user_segment s, u16 selector)
{
	u64 desc = guest_descriptor(w->g, selector);

	if (s == SEG_SS) {
		if (!check(selector, desc, is_writable(desc), VEC_SS, w->fault))
			return false;
		guest_load_ss(w->g, selector);
		return true;
	}
	if ((selector & SELECTOR_ERROR) &&
	    !check(selector, desc, is_readable(desc), VEC_NP, w->fault))
		return false;
	guest_load_data(w->g, s, selector);
	return true;
}

static u16 held(const struct guest *g, enum user_segment s)
{
	return s == SEG_CS ? (u16)g->regs->cs : s == SEG_SS ? (u16)g->regs->ss : g->segment[s];
}

/* ---- MOV, PUSH, POP ------------------------------------------------------------------------ */

static bool mov_from(struct segment_work *w, enum user_segment s)
{
	return guest_write_word(w->g, w->insn, held(w->g, s), w->fault);
}

static bool mov_to(struct segment_work *w, enum user_segment s)
{
	u16 selector;

	return guest_read_word(w->g, w->insn, &selector, w->fault) && load(w, s, selector);
}

/* As wide as the operand.  Some processors leave the upper half of 32 bits as it was. */
static bool push(struct segment_work *w, enum user_segment s)
{
	return guest_push(w->g->regs, &w->memory, w->insn->operand, held(w->g, s), w->fault);
}

static bool pop(struct segment_work *w, enum user_segment s)
{
	u64 sp = w->g->regs->sp;
	u32 word;

	if (!guest_pop(w->g->regs, &w->memory, w->insn->operand, &word, w->fault))
		return false;
	if (load(w, s, (u16)word))
		return true;
	w->g->regs->sp = sp;
	return false;
}

/* ---- Far pointers -------------------------------------------------------------------------- */

static bool read_pointer(struct segment_work *w, u32 *offset, u16 *selector)
{
	unsigned n = w->insn->operand;
	u8 bytes[6];

	if (!guest_read_operand(w->g, w->insn, bytes, n + sizeof(*selector), w->fault))
		return false;
	*offset = 0;
	__builtin_memcpy(offset, bytes, n);
	__builtin_memcpy(selector, bytes + n, sizeof(*selector));
	return true;
}

static bool load_pointer(struct segment_work *w, enum user_segment s)
{
	u16 selector;
	u32 offset;

	if (!read_pointer(w, &offset, &selector) || !load(w, s, selector))
		return false;
	guest_reg_write(w->g->regs, w->insn->reg, w->insn->operand, offset);
	return true;
}

/* IP is behind it, for a CALL to push.  Nothing is pushed if it leads nowhere. */
static bool far(struct segment_work *w, bool call, u16 selector, u32 offset)
{
	struct pt_regs *regs = w->g->regs;
	unsigned n = w->insn->operand;
	u64 sp = regs->sp, desc;

	if (!guest_check_cs(w->g, selector, offset, &desc, w->fault))
		return false;
	if (call && (!guest_push(regs, &w->memory, n, (u16)regs->cs, w->fault) ||
		     !guest_push(regs, &w->memory, n, (u32)regs->ip, w->fault))) {
		regs->sp = sp;
		return false;
	}
	guest_load_cs(w->g, selector, desc);
	regs->ip = offset;
	return true;
}

static bool far_through_memory(struct segment_work *w)
{
	u16 selector;
	u32 offset;

	return read_pointer(w, &offset, &selector) && far(w, w->insn->reg == 3, selector, offset);
}

/* ---- Which ---------------------------------------------------------------------------------- */

/* PUSH and POP of ES, CS, SS, DS, FS, GS have these opcodes: bit 0 says POP. */
static enum user_segment of_stack(u16 opcode)
{
	switch (opcode) {
	case 0x06:
	case 0x07: return SEG_ES;
	case 0x0e: return SEG_CS;
	case 0x16:
	case 0x17: return SEG_SS;
	case 0x1e:
	case 0x1f: return SEG_DS;
	case 0x0fa0:
	case 0x0fa1: return SEG_FS;
	case 0x0fa8:
	case 0x0fa9: return SEG_GS;
	default: return SEG_NONE;
	}
}

static enum user_segment of_pointer(u16 opcode)
{
	switch (opcode) {
	case 0xc4: return SEG_ES;
	case 0xc5: return SEG_DS;
	case 0x0fb2: return SEG_SS;
	case 0x0fb4: return SEG_FS;
	case 0x0fb5: return SEG_GS;
	default: return SEG_NONE;
	}
}

static enum guest_done as_done(bool done)
{
	return done ? GUEST_DONE : GUEST_FAULT;
}

static enum guest_done execute(struct segment_work *w)
{
	const struct guest_insn *insn = w->insn;
	enum user_segment on_stack = of_stack(insn->opcode), with = of_pointer(insn->opcode);
	enum user_segment s = SEG_ES + insn->reg;

	if (on_stack != SEG_NONE)
		return as_done(insn->opcode & 1 ? pop(w, on_stack) : push(w, on_stack));
	if (with != SEG_NONE)
		return as_done(load_pointer(w, with));
	switch (insn->opcode) {
	case 0x8c: return s <= SEG_GS ? as_done(mov_from(w, s)) : GUEST_UNKNOWN;
	case 0x8e: return s <= SEG_GS && s != SEG_CS ? as_done(mov_to(w, s)) : GUEST_UNKNOWN;
	case 0x9a: return as_done(far(w, true, insn->selector, insn->immediate));
	case 0xca: return as_done(guest_far_return(w->g, insn, insn->immediate, w->fault));
	case 0xcb: return as_done(guest_far_return(w->g, insn, 0, w->fault));
	case 0xcf: return as_done(guest_iret(w->g, insn, w->fault));
	case 0xff:
		if (insn->reg != 3 && insn->reg != 5)
			return GUEST_UNKNOWN;
		return as_done(far_through_memory(w));
	default: return GUEST_UNKNOWN;
	}
}

bool guest_is_ring0_segment_insn(const struct guest_insn *insn)
{
	switch (insn->opcode) {
	case 0x17:
	case 0x0fb2:
	case 0xca:
	case 0xcb:
	case 0xcf: return true;
	case 0x8e: return SEG_ES + insn->reg == SEG_SS;
	default: return false;
	}
}

enum guest_done guest_segment_insn(struct guest *g, const struct guest_insn *insn,
				   struct guest_fault *fault)
{
	struct segment_work w = { g, insn, guest_memory_of(g), fault };
	u64 ip = g->regs->ip, flags = g->regs->flags;
	enum guest_done done;

	guest_insn_skip(insn, g->regs);
	done = execute(&w);
	if (done != GUEST_DONE) {
		g->regs->ip = ip;
		g->regs->flags = flags;
	}
	return done;
}
