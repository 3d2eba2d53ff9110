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

/* One instruction under way. */
struct work {
	struct guest *g;
	const struct guest_insn *insn;
	struct guest_fault *fault;
};

static enum guest_done as_done(bool done)
{
	return done ? GUEST_DONE : GUEST_FAULT;
}

static bool general_protection(struct work *w, u32 error)
{
	*w->fault = (struct guest_fault){ .vector = VEC_GP, .has_error = true, .error = error };
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

	if (!guest_read_operand(w->g, w->insn, &r, sizeof(r), w->fault))
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

	return guest_write_operand(w->g, w->insn, &r, sizeof(r), w->fault);
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
	w->fault->vector = VEC_NP;
	return false;
}

static bool load_ldt(struct work *w)
{
	struct guest_table t = { 0 };
	u16 selector;
	u64 desc;

	if (!guest_read_word(w->g, w->insn, &selector, w->fault))
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

	if (!guest_read_word(w->g, w->insn, &selector, w->fault))
		return false;
	if (!(selector & 0xfffc))
		return general_protection(w, 0);
	if (!system_descriptor(w, selector, GDESC_TSS32, GDESC_TSS16, &desc))
		return false;
	guest_mark(w->g, selector, GDESC_TSS_BUSY);
	w->g->tr = selector;
	return true;
}

static enum guest_done store(struct work *w, u32 value)
{
	return as_done(guest_write_word(w->g, w->insn, value, w->fault));
}

static enum guest_done group6(struct work *w)
{
	switch (w->insn->reg) {
	case 0: return store(w, w->g->ldtr);
	case 1: return store(w, w->g->tr);
	case 2: return as_done(load_ldt(w));
	case 3: return as_done(load_task(w));
	default: return GUEST_UNKNOWN;
	}
}

/* PE can be set, not cleared; the others that it has are of the FPU, and can be read back. */
static enum guest_done load_msw(struct work *w)
{
	u16 value;

	if (!guest_read_word(w->g, w->insn, &value, w->fault))
		return GUEST_FAULT;
	w->g->cr0 = (w->g->cr0 & ~(u32)CR0_OF_LMSW) | (value & CR0_OF_LMSW);
	return GUEST_DONE;
}

static enum guest_done group7(struct work *w)
{
	bool memory = w->insn->mod != 3;

	switch (w->insn->reg) {
	case 0: return memory ? as_done(store_table(w, w->g->gdt)) : GUEST_UNKNOWN;
	case 1: return memory ? as_done(store_table(w, w->g->idt)) : GUEST_UNKNOWN;
	case 2:
	case 3: return memory ? as_done(load_table(w, w->insn->reg == 2)) : GUEST_UNKNOWN;
	case 4: return store(w, w->g->cr0);
	case 6: return load_msw(w);
	case 7: return memory ? GUEST_DONE : GUEST_UNKNOWN; /* INVLPG: there is no paging */
	default: return GUEST_UNKNOWN;
	}
}

static enum guest_done read_cr(struct work *w)
{
	static const u8 exists[8] = { [0] = 1, [2] = 1, [3] = 1, [4] = 1 };
	u32 value = w->insn->reg == 0 ? w->g->cr0 : 0;

	if (!exists[w->insn->reg])
		return GUEST_UNKNOWN;
	guest_reg_write(w->g->regs, w->insn->rm, 4, value);
	return GUEST_DONE;
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
static enum guest_done in_or_out(const struct work *w)
{
	struct pt_regs *regs = w->g->regs;
	unsigned op = w->insn->opcode, n = op & 1 ? w->insn->operand : 1;
	u16 port = op < 0xec ? (u8)w->insn->immediate : (u16)regs->dx;

	if (op & 2)
		out(w, port, n, (u32)regs->ax);
	else
		guest_reg_write(regs, GUEST_AX, n, in(w, port, n));
	return GUEST_DONE;
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

static enum guest_done execute(struct work *w)
{
	struct guest *g = w->g;

	switch (w->insn->opcode) {
	case 0x0f00: return group6(w);
	case 0x0f01: return group7(w);
	case 0x0f06: g->cr0 &= ~(u32)CR0_TS; return GUEST_DONE;
	case 0x0f20: return read_cr(w);
	case 0xf4: halt_guest(w);
	case 0xfa: g->interrupts = false; return GUEST_DONE;
	case 0xfb: g->interrupts = true; return GUEST_DONE;
	case 0xe4:
	case 0xe5:
	case 0xe6:
	case 0xe7:
	case 0xec:
	case 0xed:
	case 0xee:
	case 0xef: return in_or_out(w);
	default: return GUEST_UNKNOWN;
	}
}

enum guest_done guest_privileged(struct guest *g, const struct guest_insn *insn,
				 struct guest_fault *fault)
{
	struct work w = { g, insn, fault };
	enum guest_done done;

	if (is_unknown(insn))
		guest_kill(g, SIGILL, "found %s, expected an instruction that the monitor emulates",
			   name_of(insn));
	done = execute(&w);
	if (done == GUEST_DONE)
		guest_insn_skip(insn, g->regs);
	return done;
}
