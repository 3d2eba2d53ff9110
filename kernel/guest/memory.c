/*
 * A guest's memory as its instructions see it: where a page is covered, its own bytes.
 *
 * Whatever cannot be accessed has no answer on the bare machine that would be worth
 * imitating: the caller ends the guest (kernel/guest/deliver.c).
 */
#include "kernel/guest/guest.h"
#include "kernel/base/string.h"
#include "mm/space/uaccess.h"

static bool no_memory(u32 linear, bool write, struct guest_fault *fault)
{
	*fault = (struct guest_fault){
		.vector = VEC_PF,
		.has_error = true,
		.error = PF_USER | (write ? PF_WRITE : 0),
		.address = linear,
	};
	return false;
}

/* Bytes up to the page's end, n at most. */
static unsigned in_page(u32 linear, unsigned n)
{
	return (unsigned)MIN(n, PAGE_SIZE - linear % PAGE_SIZE);
}

static bool read_part(struct guest *g, u32 linear, void *to, unsigned n)
{
	const struct overlay_page *p = guest_covered(g, linear);

	if (linear >= GUEST_MEMORY)
		return false;
	if (!p)
		return copy_from_user(to, linear, n) == 0;
	guest_before_access(g, linear, n, false);
	memcpy(to, (const u8 *)p->guest + linear % PAGE_SIZE, n);
	return true;
}

static bool write_part(struct guest *g, u32 linear, const void *from, unsigned n)
{
	const struct overlay_page *p = guest_covered(g, linear);

	if (linear >= GUEST_MEMORY)
		return false;
	if (!p)
		return copy_to_user(linear, from, n) == 0;
	guest_before_access(g, linear, n, true);
	memcpy((u8 *)p->guest + linear % PAGE_SIZE, from, n);
	guest_after_write(g, linear, n);
	return true;
}

static bool read(void *guest, u32 linear, void *to, unsigned n, struct guest_fault *fault)
{
	u8 *at = to;

	while (n > 0) {
		unsigned part = in_page(linear, n);

		if (!read_part(guest, linear, at, part))
			return no_memory(linear, false, fault);
		linear += part;
		at += part;
		n -= part;
	}
	return true;
}

static bool write(void *guest, u32 linear, const void *from, unsigned n, struct guest_fault *fault)
{
	const u8 *at = from;

	while (n > 0) {
		unsigned part = in_page(linear, n);

		if (!write_part(guest, linear, at, part))
			return no_memory(linear, true, fault);
		linear += part;
		at += part;
		n -= part;
	}
	return true;
}

static void segment(void *guest, enum user_segment s, struct guest_segment *out)
{
	guest_segment_of(guest_descriptor_in(guest, s), out);
}

struct guest_memory guest_memory_of(struct guest *g)
{
	return (struct guest_memory){ .read = read, .write = write, .segment = segment, .arg = g };
}

bool guest_fetch(struct guest *g, struct guest_insn *insn)
{
	u64 desc = guest_descriptor_in(g, SEG_CS);
	struct guest_segment cs;
	u8 bytes[INSN_MAX];
	unsigned n, have, first;
	u32 ip = (u32)g->regs->ip, linear;

	guest_segment_of(desc, &cs);
	linear = cs.base + ip;
	n = ip > cs.limit ? 0 : (unsigned)MIN(INSN_MAX, (u64)cs.limit - ip + 1);
	first = in_page(linear, n);
	have = read_part(g, linear, bytes, first) ? first : 0;
	if (have && have < n && read_part(g, linear + have, bytes + have, n - have))
		have = n;
	return guest_insn_decode(bytes, have, cs.big, insn);
}

u8 guest_code_byte(struct guest *g, u32 ip)
{
	struct guest_segment cs;
	u8 byte = 0;

	segment(g, SEG_CS, &cs);
	read_part(g, cs.base + ip, &byte, 1);
	return byte;
}

bool guest_read_operand(struct guest *g, const struct guest_insn *insn, void *to, unsigned n,
			struct guest_fault *fault)
{
	const struct guest_memory memory = guest_memory_of(g);
	u32 linear;

	return guest_insn_operand(insn, g->regs, &memory, n, false, &linear, fault) &&
	       read(g, linear, to, n, fault);
}

bool guest_write_operand(struct guest *g, const struct guest_insn *insn, const void *from,
			 unsigned n, struct guest_fault *fault)
{
	const struct guest_memory memory = guest_memory_of(g);
	u32 linear;

	return guest_insn_operand(insn, g->regs, &memory, n, true, &linear, fault) &&
	       write(g, linear, from, n, fault);
}

bool guest_read_word(struct guest *g, const struct guest_insn *insn, u16 *value,
		     struct guest_fault *fault)
{
	if (insn->mod != 3)
		return guest_read_operand(g, insn, value, sizeof(*value), fault);
	*value = (u16)guest_reg_read(g->regs, insn->rm, 2);
	return true;
}

/* A register is stored as wide as the operand, memory always as 16 bits. */
bool guest_write_word(struct guest *g, const struct guest_insn *insn, u32 value,
		      struct guest_fault *fault)
{
	u16 word = (u16)value;

	if (insn->mod != 3)
		return guest_write_operand(g, insn, &word, sizeof(word), fault);
	guest_reg_write(g->regs, insn->rm, insn->operand, value);
	return true;
}
