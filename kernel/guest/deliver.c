/*
 * Exceptions of a guest, through its own IDT, to the same ring: what the processor does in
 * ring 0 (SDM vol. 3, 6.12.1).  Its frames have the selector that it knows, with RPL 0; so
 * the IRET from there faults in ring 3, and is done here, too.
 */
#include "kernel/debug/names.h"
#include "kernel/guest/guest.h"

#define GATE_PRESENT 0x8000
#define GATE_KIND(high) ((high) >> 8 & 0x1f)
#define GATE_INTERRUPT16 0x6
#define GATE_TRAP16 0x7
#define GATE_INTERRUPT 0xe
#define GATE_TRAP 0xf

#define NO_ERROR (-1)
#define ERROR_EXT 1 /* what failed is the way to a handler, of an exception */
#define ERROR_IDT 2 /* the error code's index is of the IDT */

/* Flags that a guest's POPF or IRET in ring 0 may set; IF is virtual, IOPL 0. */
#define FLAGS_OWN                                                                            \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | \
	 RFLAGS_OF | RFLAGS_AC | RFLAGS_ID)

struct gate {
	u32 low, high;
};

static bool fault_of(struct guest_fault *fault, u8 vector, u32 error)
{
	*fault = (struct guest_fault){ .vector = vector, .has_error = true, .error = error };
	return false;
}

bool guest_check_cs(struct guest *g, u16 selector, u32 ip, u64 *desc, struct guest_fault *fault)
{
	struct guest_segment cs;

	*desc = guest_descriptor(g, selector);
	if (!(*desc & DESC_SEGMENT) || !(*desc & GDESC_CODE))
		return fault_of(fault, VEC_GP, selector & 0xfffc);
	if (!(*desc & DESC_PRESENT))
		return fault_of(fault, VEC_NP, selector & 0xfffc);
	guest_segment_of(*desc, &cs);
	return ip <= cs.limit || guest_fault_zero(fault, VEC_GP);
}

/* ---- To a handler ------------------------------------------------------------------------ */

static u32 flags_for_guest(const struct guest *g)
{
	return (u32)(g->regs->flags & (FLAGS_OWN | RFLAGS_RF | RFLAGS_NT)) | RFLAGS_FIXED |
	       (g->interrupts ? RFLAGS_IF : 0);
}

static bool read_gate(struct guest *g, unsigned vector, struct gate *gate,
		      struct guest_fault *fault)
{
	const struct guest_memory memory = guest_memory_of(g);
	u32 kind;

	if (vector * 8 + 8 > g->idt.bytes)
		return fault_of(fault, VEC_GP, vector * 8 + ERROR_IDT);
	if (!memory.read(g, g->idt.base + vector * 8, gate, sizeof(*gate), fault))
		return false;
	kind = GATE_KIND(gate->high);
	if (kind != GATE_INTERRUPT && kind != GATE_TRAP && kind != GATE_INTERRUPT16 &&
	    kind != GATE_TRAP16)
		return fault_of(fault, VEC_GP, vector * 8 + ERROR_IDT);
	if (!(gate->high & GATE_PRESENT))
		return fault_of(fault, VEC_NP, vector * 8 + ERROR_IDT);
	return true;
}

/* The frame, or nothing: SP and memory below it change only in that case. */
static bool push_frame(struct guest *g, u32 width, s64 error, struct guest_fault *fault)
{
	const struct guest_memory memory = guest_memory_of(g);
	const u32 word[] = { flags_for_guest(g), (u16)g->regs->cs & 0xfffc, (u32)g->regs->ip,
			     (u32)error };
	u64 sp = g->regs->sp;

	for (unsigned i = 0; i < (error == NO_ERROR ? 3 : 4); i++) {
		if (!guest_push(g->regs, &memory, width, word[i], fault)) {
			g->regs->sp = sp;
			return false;
		}
	}
	return true;
}

static bool enter_handler(struct guest *g, unsigned vector, s64 error, struct guest_fault *fault)
{
	struct gate gate;
	u16 selector;
	u64 desc;
	bool wide;
	u32 ip;

	if (!read_gate(g, vector, &gate, fault))
		return false;
	selector = (u16)(gate.low >> 16);
	wide = GATE_KIND(gate.high) >= GATE_INTERRUPT;
	ip = (gate.low & 0xffff) | (wide ? gate.high & 0xffff0000 : 0);
	if (!guest_check_cs(g, selector, ip, &desc, fault) ||
	    !push_frame(g, wide ? 4 : 2, error, fault))
		return false;
	guest_load_cs(g, selector, desc);
	g->regs->ip = ip;
	g->regs->flags &= ~(u64)(RFLAGS_TF | RFLAGS_NT | RFLAGS_RF);
	if ((GATE_KIND(gate.high) & 1) == 0)
		g->interrupts = false;
	return true;
}

/* No page can be absent: there is no paging, so this is an address that leads nowhere. */
static __noreturn void kill_for_page(const struct guest *g, const struct guest_fault *fault)
{
	guest_kill(g, SIGSEGV, "found %s of %#x, expected one of its %u MiB (code: R X, else RW)",
		   fault_access(fault->error), fault->address, GUEST_MEMORY >> 20);
}

/* SDM vol. 3, table 6-4.  An INT n has no error code, so its vector makes no double fault. */
static bool is_contributory(unsigned vector, s64 error)
{
	return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP && error != NO_ERROR);
}

void guest_deliver(struct guest *g, unsigned vector, s64 error)
{
	struct guest_fault fault;
	unsigned first = vector;

	g->exits[GUEST_EXIT_OWN]++;
	while (!enter_handler(g, vector, error, &fault)) {
		if (fault.vector == VEC_PF)
			kill_for_page(g, &fault);
		if (vector == VEC_DF)
			guest_kill(g, SIGSEGV,
				   "found no way to a handler of %s, nor of the double fault: a "
				   "triple fault, expected gates in its IDT",
				   trap_name(first));
		if (is_contributory(vector, error)) {
			vector = VEC_DF;
			error = 0;
		} else {
			vector = fault.vector;
			error = fault.error | ERROR_EXT;
		}
	}
}

void guest_deliver_fault(struct guest *g, const struct guest_fault *fault)
{
	if (fault->vector == VEC_PF)
		kill_for_page(g, fault);
	guest_deliver(g, fault->vector, fault->has_error ? (s64)fault->error : NO_ERROR);
}

void guest_deliver_int(struct guest *g, unsigned vector, unsigned length)
{
	struct guest_fault fault;

	g->exits[GUEST_EXIT_OWN]++;
	if (enter_handler(g, vector, NO_ERROR, &fault))
		return;
	g->regs->ip = (u32)(g->regs->ip - length); /* the INT has faulted: it is not done */
	guest_deliver_fault(g, &fault);
}

/* ---- And back -------------------------------------------------------------------------- */

/*
 * IP, CS and, of an IRET, flags: popped into n words, CS and IP loaded.  False: *fault, and
 * nothing has changed.
 */
static bool pop_return(struct guest *g, const struct guest_insn *insn, u32 *word, unsigned n,
		       struct guest_fault *fault)
{
	const struct guest_memory memory = guest_memory_of(g);
	u64 sp = g->regs->sp, desc;
	bool good = true;

	for (unsigned i = 0; good && i < n; i++)
		good = guest_pop(g->regs, &memory, insn->operand, &word[i], fault);
	if (!good || !guest_check_cs(g, (u16)word[1], word[0], &desc, fault)) {
		g->regs->sp = sp;
		return false;
	}
	guest_load_cs(g, (u16)word[1], desc);
	g->regs->ip = word[0];
	return true;
}

bool guest_iret(struct guest *g, const struct guest_insn *insn, struct guest_fault *fault)
{
	u32 word[3];

	if (g->regs->flags & RFLAGS_NT)
		guest_kill(g, SIGILL,
			   "found IRET with NT set, expected it clear: "
			   "there is no other task");
	if (!pop_return(g, insn, word, 3, fault))
		return false;
	g->regs->flags = (g->regs->flags & ~(u64)(FLAGS_OWN | RFLAGS_RF | RFLAGS_NT)) |
			 (word[2] & (FLAGS_OWN | RFLAGS_NT)) |
			 (insn->operand == 4 ? word[2] & RFLAGS_RF : 0);
	g->interrupts = word[2] & RFLAGS_IF;
	return true;
}

bool guest_far_return(struct guest *g, const struct guest_insn *insn, unsigned more,
		      struct guest_fault *fault)
{
	const struct guest_memory memory = guest_memory_of(g);
	u32 word[2];

	if (!pop_return(g, insn, word, 2, fault))
		return false;
	guest_reg_write(g->regs, GUEST_SP, guest_stack_width(&memory), (u32)g->regs->sp + more);
	return true;
}
