/* The guest's IDT, and exceptions that it makes to see them come. */
#include "guest.h"

static descriptor idt[VECTORS];
uint32_t resume_at; /* where FAULT() goes on; 0: no exception is expected */

static void trap(uint32_t vector, uint32_t error, volatile struct frame *frame) {
	say("  trap %2, error %4, EIP %8, CS %4, IF %1", vector, error, frame->eip, frame->cs,
	    frame->eflags / EFLAGS_IF & 1);
	if (!resume_at) {
		say("guest: nobody expected this trap");
		end(1);
	}
	frame->eip = resume_at; /* IRET loads it, of which the compiler knows nothing: volatile */
	frame->eflags &= ~EFLAGS_IF;
}

/* The compiler has it save all registers, drop the error code, and end in IRET. */
#define HANDLER(vector, error, ...) \
	static __attribute__((interrupt)) void trap_##vector(struct frame *frame, ##__VA_ARGS__) { \
		trap(vector, error, frame); \
	}
HANDLER(0x00, 0)
HANDLER(0x06, 0)
HANDLER(0x0b, error, uint32_t error)
HANDLER(0x0c, error, uint32_t error)
HANDLER(0x0d, error, uint32_t error)

void set_gate(uint32_t vector, uint32_t handler, uint32_t kind) {
	idt[vector].low = read_cs() << 16 | (handler & 0xffff);
	idt[vector].high = (handler & 0xffff0000) | kind;
}

void use_traps(void) {
	set_gate(0x00, (uint32_t)trap_0x00, INTERRUPT_GATE);
	set_gate(0x06, (uint32_t)trap_0x06, INTERRUPT_GATE);
	set_gate(0x0b, (uint32_t)trap_0x0b, INTERRUPT_GATE);
	set_gate(0x0c, (uint32_t)trap_0x0c, INTERRUPT_GATE);
	set_gate(0x0d, (uint32_t)trap_0x0d, INTERRUPT_GATE);
	lidt(&(struct table_register){sizeof(idt) - 1, (uint32_t)idt});
}

void meet_traps(void) {
	FAULT("DIV by 0", "xor %%edx, %%edx; divl %0", "m"((uint32_t){0}));
	FAULT("UD2", "ud2", );
	FAULT("INT without a gate", "int $0x20", );
	FAULT("FS = a selector beyond the table", "mov %0, %%fs", "r"(BEYOND));
	FAULT("FS = a segment that is not present", "mov %0, %%fs", "r"(ABSENT));
	FAULT("SS = a segment that is not present", "mov %0, %%ss", "r"(ABSENT));
	FAULT("SS = a segment that cannot be written", "mov %0, %%ss", "r"(READ_ONLY));
	load_fs(READ_ONLY);
	FAULT("a write through a segment that cannot be written", "movb $1, %%fs:0", );
	load_fs(MARKS);
	FAULT("a read beyond a limit", "movb %%fs:0x100, %%al", );
	load_fs(DOWN);
	FAULT("a read below an expand-down segment", "movb %%fs:0xfff, %%al", );
}
