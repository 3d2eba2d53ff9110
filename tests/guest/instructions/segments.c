/* Segment registers loaded from beside the table, where that faults; a stack of 16 bits. */
#include "guest.h"
#include "tests/guest/instructions/instructions.h"

#define BESIDE ((volatile uint16_t *)memory.back)

/* ESP as a push on another stack leaves it. */
static uint32_t push_on(uint32_t selector, uint32_t top, uint32_t value) {
	__asm__ volatile("mov %%ss, %%edx; mov %%esp, %%esi; mov %1, %%ss; mov %2, %%esp; push %0;"
			 "mov %%esp, %0; mov %%edx, %%ss; mov %%esi, %%esp"
			 : "+a"(value) : "b"(selector), "c"(top) : "edx", "esi", "memory");
	return value;
}

static void refused(const char *what, uint16_t selector) {
	say("%s:", what);
	BESIDE[0] = 0; /* a far pointer: 0 in that segment */
	BESIDE[1] = 0;
	BESIDE[2] = selector;
	FAULT("  MOV FS", "movw %0, %%fs", "m"(BESIDE[2]));
	FAULT("  MOV SS", "movw %0, %%ss", "m"(BESIDE[2]));
	FAULT("  LGS", "lgs %0, %%eax", "m"(*(volatile uint64_t *)BESIDE));
	FAULT("  LSS", "lss %0, %%eax", "m"(*(volatile uint64_t *)BESIDE));
}

static void leads_nowhere(const char *what, uint16_t selector, uint16_t offset) {
	say("%s:", what);
	BESIDE[0] = offset;
	BESIDE[1] = 0;
	BESIDE[2] = selector;
	FAULT("  far JMP", "ljmp *%0", "m"(*(volatile uint64_t *)BESIDE));
	FAULT("  far CALL", "lcall *%0", "m"(*(volatile uint64_t *)BESIDE));
}

void segments(void) {
	say("PUSH on a 16-bit stack leaves SP %4", push_on(STACK16, 0x80, 0x12345678));
	say("it is there: %2", through_fs(STACK16, 0x7c));
	refused("from beside the table, what is not present", ABSENT);
	refused("what can only be executed", EXECUTE_ONLY);
	refused("a TSS", TSS);
	refused("beyond the table", BEYOND);
	refused("an entry of no LDT", LOCAL_MARKS);
	leads_nowhere("to what is not present", ABSENT, 0);
	leads_nowhere("to data", DATA, 0);
	leads_nowhere("to an LDT", LDT, 0);
	leads_nowhere("beyond a limit", CODE16, 0x100);
}
