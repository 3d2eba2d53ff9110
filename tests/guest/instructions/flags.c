/* IF, IOPL and TF, and where the frame of a handler says that it came from. */
#include "guest.h"
#include "tests/guest/instructions/instructions.h"

GIVES(eflags, "pushf; pop %0")
/* STI holds interrupts back for one instruction: here the POPF that clears IF again. */
GIVES(eflags_after_popf, "pushf; sti; popf; pushf; pop %0; cli")
GIVES(eflags_after_iopl, "pushf; push $0x3002; popf; pushf; pop %0; popf")
GIVES(eflags_after_iopl_by_iret,
      "pushf; push $0x3002; push %%cs; push $1f; iret; 1: pushf; pop %0; popf")
GIVES(eflags_after_nt, "pushf; push $0x4002; popf; pushf; pop %0; popf")
TAKES(interrupt_return, uint32_t, "push $2; push %0; push $1f; iret; 1:")

enum { INNER = 0x30, OUTER = 0x2f, STEP = 0x01, BREAKPOINT = 0x03, OVERFLOW = 0x04 };
enum { INVALID_OPCODE = 0x06, TIMER = 0x08, EFLAGS_TF = 0x100 };

static bool clears_if;

static __attribute__((interrupt)) void inner(volatile struct frame *frame) {
	say("  from EIP %8, IF %1", frame->eip, frame->eflags / EFLAGS_IF & 1);
}

/* Its frame, what its gate has made of IF, and what PUSHF says. */
static __attribute__((interrupt)) void outer(volatile struct frame *frame) {
	say("  from EIP %8, IF %1", frame->eip, frame->eflags / EFLAGS_IF & 1);
	__asm__ volatile("int $0x30");
	say("  PUSHF in the handler, IF: %1", eflags() / EFLAGS_IF & 1);
	if (clears_if)
		frame->eflags &= ~EFLAGS_IF;
}

/* On the bare machine it comes once: nobody tells the PIC that it is over. */
static __attribute__((interrupt)) void timer(volatile struct frame *frame) {
	(void)frame;
}

static __attribute__((interrupt)) void step(volatile struct frame *frame) {
	say("  stepped to EIP %8", frame->eip);
	frame->eflags &= ~EFLAGS_TF;
}

/* The INT behind it tells in its frame what IRET has made of IF. */
static void interrupts_on(const char *what, uint32_t kind, bool cleared) {
	say("INT with IF, %s:", what);
	clears_if = cleared;
	set_gate(OUTER, (uint32_t)outer, kind);
	__asm__ volatile("sti; int $0x2f; int $0x30; cli" : : : "memory");
}

static void software_interrupts(void) {
	set_gate(BREAKPOINT, (uint32_t)inner, INTERRUPT_GATE);
	set_gate(OVERFLOW, (uint32_t)inner, INTERRUPT_GATE);
	say("INT3:");
	__asm__ volatile("int3");
	say("INT 3:");
	__asm__ volatile(".byte 0xcd, 3");
	say("INTO:");
	__asm__ volatile("movb $0x7f, %%al; addb $1, %%al; into" : : : "eax", "cc");
	set_gate(BREAKPOINT, 0, 0);
	set_gate(OVERFLOW, 0, 0);
	FAULT("INT3 without a gate", "int3", );
	FAULT("INT 3 without a gate", ".byte 0xcd, 3", );
	FAULT("INTO without a gate", "movb $0x7f, %%al; addb $1, %%al; into", );
	set_gate(OUTER, (uint32_t)outer, 0x0e00);
	FAULT("INT through a gate that is not present", "int $0x2f", );
	set_gate(INVALID_OPCODE, 0, 0);
	FAULT("UD2 without a gate", "ud2", );
	use_traps();
}

static void single_steps(void) {
	set_gate(STEP, (uint32_t)step, INTERRUPT_GATE);
	say("TF behind POPF, then NOP:");
	__asm__ volatile("pushf; orl $0x100, (%%esp); popf; nop; nop" : : : "memory", "cc");
	say("CLI:");
	__asm__ volatile("pushf; orl $0x100, (%%esp); popf; cli; nop" : : : "memory", "cc");
	say("INC beside the table:");
	__asm__ volatile("pushf; orl $0x100, (%%esp); popf; incl %0; nop"
			 : "+m"(*(volatile uint32_t *)memory.back) : : "memory", "cc");
	say("IRET:");
	__asm__ volatile("pushf; orl $0x100, (%%esp); push %%cs; push $1f; iret; 1: nop; nop"
			 : : : "memory", "cc");
}

void use_flags(void) {
	set_gate(INNER, (uint32_t)inner, INTERRUPT_GATE);
	set_gate(TIMER, (uint32_t)timer, INTERRUPT_GATE);
	say("PUSHF, IOPL and IF: %4", eflags() & 0x3200);
	say("PUSHF behind STI and a POPF that clears IF: %4", eflags_after_popf() & 0x3200);
	say("PUSHF behind a POPF of IOPL 3: %4", eflags_after_iopl() & 0x3200);
	say("PUSHF behind an IRET with IOPL 3: %4", eflags_after_iopl_by_iret() & 0x3200);
	say("PUSHF behind a POPF of NT: %4", eflags_after_nt() & 0x4000);
	interrupts_on("an interrupt gate", INTERRUPT_GATE, false);
	interrupts_on("a trap gate", TRAP_GATE, false);
	interrupts_on("IRET clears IF", INTERRUPT_GATE, true);
	software_interrupts();
	single_steps();
	memory.gdt[OTHER_CODE / 8].high &= ~ACCESSED;
	interrupt_return(OTHER_CODE);
	say("IRET, to CS %4", read_cs());
	say("accessed by an IRET: %1", memory.gdt[OTHER_CODE / 8].high / ACCESSED & 1);
	interrupt_return(CODE);
}
