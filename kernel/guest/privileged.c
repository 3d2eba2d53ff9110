/*
 * Instructions of ring 0, on the virtual processor of a guest; and its ports.
 *
 *   0x3f8 .. 0x3ff  COM1: data goes to the console, the line status says ready, the other
 *                   registers take what is written
 *   0xe9            the console, as Bochs and QEMU have it
 *   0xf4            the end, with that exit status: QEMU's isa-debug-exit
 *
 * SGDT, SIDT, SLDT, STR and SMSW come here only where the processor has UMIP: docs/overlay.md
 * says what a guest sees elsewhere.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/guest/guest.h"
#include "kernel/linux/tree.h"

#define PORT_COM1 0x3f8
#define PORT_COM1_STATUS 0x3fd
#define COM1_READY 0x60
#define PORT_E9 0xe9
#define PORT_EXIT 0xf4

#define CR0_OF_LMSW 0xe /* MP, EM, TS; no #NM comes of them */
#define CR0_TS 0x8

/* What became of one of them. */
enum result { DONE, FAULT, NOT_ONE };

/* One instruction under way. */
struct work {
	struct guest *g;
	const struct guest_insn *insn;
	struct guest_memory memory;
	struct guest_fault fault;
};

static enum result as_result(bool done)
{
	return done ? DONE : FAULT;
}

/* ---- Operands -------------------------------------------------------------------------- */

static bool read_memory(struct work *w, void *to, unsigned n)
{
	u32 linear;

	return guest_insn_operand(w->insn, w->g->regs, &w->memory, n, false, &linear, &w->fault) &&
	       w->memory.read(w->g, linear, to, n, &w->fault);
}

static bool write_memory(struct work *w, const void *from, unsigned n)
{
	u32 linear;

	return guest_insn_operand(w->insn, w->g->regs, &w->memory, n, true, &linear, &w->fault) &&
	       w->memory.write(w->g, linear, from, n, &w->fault);
}

static bool read_rm16(struct work *w, u16 *value)
{
	if (w->insn->mod != 3)
		return read_memory(w, value, sizeof(*value));
	*value = (u16)guest_reg_read(w->g->regs, w->insn->rm, 2);
	return true;
}

/* A register is stored as wide as the operand, memory always as 16 bits. */
static bool write_rm16(struct work *w, u32 value)
{
	u16 word = (u16)value;

	if (w->insn->mod != 3)
		return write_memory(w, &word, sizeof(word));
	guest_reg_write(w->g->regs, w->insn->rm, w->insn->operand, value);
	return true;
}

static bool general_protection(struct work *w, u32 error)
{
	w->fault = (struct guest_fault){ .vector = VEC_GP, .has_error = true, .error = error };
	return false;
}

/* ---- GDTR, IDTR, LDTR, TR ---------------------------------------------------------------- */

struct __packed memory_register {
	u16 limit;
	u32 base;
};

static bool load_table(struct work *w, bool gdt)
{
	struct memory_register r;
	struct guest_table t;

	if (!read_memory(w, &r, sizeof(r)))
		return false;
	t.base = w->insn->operand == 2 ? r.base & 0xffffff : r.base;
	t.bytes = r.limit + 1U;
	if (gdt)
		guest_set_gdt(w->g, t);
	else
		w->g->idt = t;
	return true;
}

static bool store_table(struct work *w, struct guest_table t)
{
	struct memory_register r = { (u16)(t.bytes - 1), t.base };

	return write_memory(w, &r, sizeof(r));
}

/* A descriptor of the GDT, of one of two types. */
static bool system_descriptor(struct work *w, u16 selector, unsigned type, unsigned other,
			      u64 *desc)
{
	*desc = selector & SEL_TI ? 0 : guest_descriptor(w->g, selector);
	if (GDESC_TYPE(*desc) != type && GDESC_TYPE(*desc) != other)
		return general_protection(w, selector & 0xfffc);
	if (*desc & DESC_PRESENT)
		return true;
	general_protection(w, selector & 0xfffc);
	w->fault.vector = VEC_NP;
	return false;
}

static bool load_ldt(struct work *w)
{
	struct guest_table t = { 0 };
	u16 selector;
	u64 desc;

	if (!read_rm16(w, &selector))
		return false;
	if (selector & 0xfffc) {
		if (!system_descriptor(w, selector, GDESC_LDT, GDESC_LDT, &desc))
			return false;
		t = guest_system_segment(desc);
	}
	guest_set_ldt(w->g, t);
	w->g->ldtr = selector;
	return true;
}

static bool load_task(struct work *w)
{
	u16 selector;
	u64 desc;

	if (!read_rm16(w, &selector))
		return false;
	if (!(selector & 0xfffc))
		return general_protection(w, 0);
	if (!system_descriptor(w, selector, GDESC_TSS32, GDESC_TSS16, &desc))
		return false;
	guest_mark(w->g, selector, GDESC_TSS_BUSY);
	w->g->tr = selector;
	return true;
}

static enum result group6(struct work *w)
{
	switch (w->insn->reg) {
	case 0: return as_result(write_rm16(w, w->g->ldtr));
	case 1: return as_result(write_rm16(w, w->g->tr));
	case 2: return as_result(load_ldt(w));
	case 3: return as_result(load_task(w));
	default: return NOT_ONE;
	}
}

/* PE can be set, not cleared; the others that it has are of the FPU, and can be read back. */
static enum result load_msw(struct work *w)
{
	u16 value;

	if (!read_rm16(w, &value))
		return FAULT;
	w->g->cr0 = (w->g->cr0 & ~(u32)CR0_OF_LMSW) | (value & CR0_OF_LMSW);
	return DONE;
}

static enum result group7(struct work *w)
{
	bool memory = w->insn->mod != 3;

	switch (w->insn->reg) {
	case 0: return memory ? as_result(store_table(w, w->g->gdt)) : NOT_ONE;
	case 1: return memory ? as_result(store_table(w, w->g->idt)) : NOT_ONE;
	case 2:
	case 3: return memory ? as_result(load_table(w, w->insn->reg == 2)) : NOT_ONE;
	case 4: return as_result(write_rm16(w, w->g->cr0));
	case 6: return load_msw(w);
	case 7: return memory ? DONE : NOT_ONE; /* INVLPG: there is no paging */
	default: return NOT_ONE;
	}
}

static enum result read_cr(struct work *w)
{
	static const u8 exists[8] = { [0] = 1, [2] = 1, [3] = 1, [4] = 1 };
	u32 value = w->insn->reg == 0 ? w->g->cr0 : 0;

	if (!exists[w->insn->reg])
		return NOT_ONE;
	guest_reg_write(w->g->regs, w->insn->rm, 4, value);
	return DONE;
}

/* ---- SS ------------------------------------------------------------------------------------ */

static enum result load_ss(struct work *w, u16 selector)
{
	if (!guest_check_ss(w->g, selector, &w->fault))
		return FAULT;
	guest_load_ss(w->g, selector);
	return DONE;
}

static enum result mov_ss(struct work *w)
{
	u16 selector;

	if (w->insn->reg != SEG_SS - SEG_ES)
		return NOT_ONE;
	return read_rm16(w, &selector) ? load_ss(w, selector) : FAULT;
}

static enum result pop_ss(struct work *w)
{
	u64 sp = w->g->regs->sp;
	u32 word;

	if (!guest_pop(w->g->regs, &w->memory, w->insn->operand, &word, &w->fault))
		return FAULT;
	if (load_ss(w, (u16)word) == DONE)
		return DONE;
	w->g->regs->sp = sp;
	return FAULT;
}

static enum result lss(struct work *w)
{
	unsigned n = w->insn->operand;
	u8 pointer[6];
	u16 selector;
	u32 offset = 0;

	if (!read_memory(w, pointer, n + 2))
		return FAULT;
	__builtin_memcpy(&offset, pointer, n);
	__builtin_memcpy(&selector, pointer + n, 2);
	if (load_ss(w, selector) == FAULT)
		return FAULT;
	guest_reg_write(w->g->regs, w->insn->reg, n, offset);
	return DONE;
}

/* ---- Ports --------------------------------------------------------------------------------- */

static __noreturn void no_port(const struct work *w, bool write, u16 port)
{
	guest_kill(w->g, SIGILL, "found %s port %#x, expected COM1's from %#x, %#x or %#x",
		   write ? "OUT to" : "IN from", port, PORT_COM1, PORT_E9, PORT_EXIT);
}

static bool is_com1(u16 port)
{
	return port >= PORT_COM1 && port < PORT_COM1 + 8;
}

static void out(const struct work *w, u16 port, unsigned n, u32 value)
{
	char c = (char)value;

	if (n != 1 || !(is_com1(port) || port == PORT_E9 || port == PORT_EXIT))
		no_port(w, true, port);
	if (port == PORT_EXIT)
		guest_exit(w->g, value & 0xff);
	if ((port == PORT_COM1 || port == PORT_E9) && !current_process()->quiet)
		console_write(&c, 1);
}

static u32 in(const struct work *w, u16 port, unsigned n)
{
	if (n != 1 || !(is_com1(port) || port == PORT_E9))
		no_port(w, false, port);
	if (port == PORT_E9)
		return PORT_E9;
	return port == PORT_COM1_STATUS ? COM1_READY : 0;
}

/* E4 to E7 with the port in the instruction, EC to EF in DX; even: a byte; bit 1: OUT. */
static enum result in_or_out(const struct work *w)
{
	struct pt_regs *regs = w->g->regs;
	unsigned op = w->insn->opcode, n = op & 1 ? w->insn->operand : 1;
	u16 port = op < 0xec ? (u8)w->insn->immediate : (u16)regs->dx;

	if (op & 2)
		out(w, port, n, (u32)regs->ax);
	else
		guest_reg_write(regs, GUEST_AX, n, in(w, port, n));
	return DONE;
}

/* ---- HLT ----------------------------------------------------------------------------------- */

static __noreturn void halt_guest(const struct work *w)
{
	if (!w->g->interrupts)
		guest_exit(w->g, 0);
	guest_kill(w->g, SIGILL,
		   "found HLT with interrupts on, expected CLI before it: "
		   "there is no device that could interrupt");
}

/* ---- All ----------------------------------------------------------------------------------- */

/* Of ring 0, and not done here. */
static bool is_unknown(const struct guest_insn *insn)
{
	switch (insn->opcode) {
	case 0x0f08: /* INVD */
	case 0x0f09: /* WBINVD */
	case 0x0f21: /* MOV from and to DRn, to CRn */
	case 0x0f22:
	case 0x0f23:
	case 0x0f30: /* WRMSR, RDMSR, RDPMC, SYSEXIT */
	case 0x0f32:
	case 0x0f33:
	case 0x0f35:
	case 0x6c: /* INS, OUTS */
	case 0x6d:
	case 0x6e:
	case 0x6f: return true;
	default: return false;
	}
}

static const char *name_of(const struct guest_insn *insn)
{
	switch (insn->opcode) {
	case 0x0f08: return "INVD";
	case 0x0f09: return "WBINVD";
	case 0x0f21: return "MOV from DRn";
	case 0x0f22: return "MOV to CRn";
	case 0x0f23: return "MOV to DRn";
	case 0x0f30: return "WRMSR";
	case 0x0f32: return "RDMSR";
	case 0x0f33: return "RDPMC";
	case 0x0f35: return "SYSEXIT";
	default: return insn->opcode < 0x6e ? "INS" : "OUTS";
	}
}

static enum result execute(struct work *w)
{
	struct guest *g = w->g;

	switch (w->insn->opcode) {
	case 0x0f00: return group6(w);
	case 0x0f01: return group7(w);
	case 0x0f06: g->cr0 &= ~(u32)CR0_TS; return DONE;
	case 0x0f20: return read_cr(w);
	case 0x0fb2: return lss(w);
	case 0x17: return pop_ss(w);
	case 0x8e: return mov_ss(w);
	case 0xca: return as_result(guest_far_return(g, w->insn, w->insn->immediate, &w->fault));
	case 0xcb: return as_result(guest_far_return(g, w->insn, 0, &w->fault));
	case 0xcf: return as_result(guest_iret(g, w->insn, &w->fault));
	case 0xf4: halt_guest(w);
	case 0xfa: g->interrupts = false; return DONE;
	case 0xfb: g->interrupts = true; return DONE;
	case 0xe4:
	case 0xe5:
	case 0xe6:
	case 0xe7:
	case 0xec:
	case 0xed:
	case 0xee:
	case 0xef: return in_or_out(w);
	default: return NOT_ONE;
	}
}

static bool jumps(const struct guest_insn *insn)
{
	return insn->opcode == 0xca || insn->opcode == 0xcb || insn->opcode == 0xcf;
}

bool guest_privileged(struct guest *g, const struct guest_insn *insn)
{
	struct work w = { .g = g, .insn = insn, .memory = guest_memory_of(g) };

	if (is_unknown(insn))
		guest_kill(g, SIGILL, "found %s, expected an instruction that the monitor emulates",
			   name_of(insn));
	switch (execute(&w)) {
	case NOT_ONE: return false;
	case FAULT: guest_deliver_fault(g, &w.fault); return true;
	default: break;
	}
	if (!jumps(insn))
		guest_insn_skip(insn, g->regs);
	return true;
}
