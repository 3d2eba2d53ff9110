/* The guest's IDT, and exceptions that it makes to see them come. */
#include "guest.h"

#define INTERRUPT_GATE 0x8e00
#define EFLAGS_IF 0x200
#define AN_INT 0x30 /* the vectors below are exceptions */

struct trap_frame { /* as start.asm leaves it */
	uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
	uint32_t vector, error, eip, cs, eflags;
};
extern const struct {
	uint32_t vector, entry;
} trap_stubs[];
void trap(struct trap_frame *frame);

static descriptor idt[AN_INT + 1];
uint32_t resume_at; /* where FAULT() goes on; 0: no exception is expected */

/* The gates lead to the code segment of the table in use. */
void use_traps(uint32_t code) {
	struct table_register idtr = {sizeof(idt) - 1, (uint32_t)idt};

	for (int i = 0; trap_stubs[i].entry; i++) {
		idt[trap_stubs[i].vector].low = code << 16 | (trap_stubs[i].entry & 0xffff);
		idt[trap_stubs[i].vector].high = (trap_stubs[i].entry & 0xffff0000) | INTERRUPT_GATE;
	}
	lidt(&idtr);
}

/* Called by the stubs; what it changes in the frame, IRET loads. */
void trap(struct trap_frame *frame) {
	say("  trap %2, error %4, EIP %8, CS %4, IF %1", frame->vector, frame->error, frame->eip,
	    frame->cs, frame->eflags / EFLAGS_IF & 1);
	frame->eflags &= ~EFLAGS_IF;
	if (frame->vector == AN_INT) {
		say("  IF in the handler: %1", eflags() / EFLAGS_IF & 1);
		return;
	}
	if (!resume_at) {
		say("guest: nobody expected this trap");
		end(1);
	}
	frame->eip = resume_at;
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
	say("INT, with interrupts on by the STI before it:");
	__asm__ volatile("sti; int $0x30" : : : "memory");
}
