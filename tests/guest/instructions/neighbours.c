/* What lies beside a table is memory like any other, and so is the table itself. */
#include "guest.h"
#include "tests/guest/instructions/instructions.h"

#define AROUND 32 /* bytes that are filled before and summed up behind an instruction */
#define IN_FRONT 16 /* so many of them, or up to 7 more, in front of where it works */

struct state {
	uint32_t eax, ecx, esi, edi, eflags;
};
extern const struct {
	const char *name;
	void *code;
	uint32_t flags; /* those that it defines; REVERSED beside them */
} instruction_table[];
#define REVERSED 0x10000
#define FIRST_ONLY 0x20000 /* it uses selectors of the first table */

void run_instruction(void *code, volatile void *edi, volatile void *esi, struct state *state);

static volatile _Alignas(uint32_t) uint8_t open_memory[AROUND];

static void fill(volatile uint8_t *at, uint32_t seed) {
	for (volatile uint32_t *word = (volatile uint32_t *)at; word < (volatile uint32_t *)(at + AROUND);
	     word++)
		*word = seed += 0x1b3a5c7d;
}

static uint32_t sum(volatile uint8_t *at, uint32_t sum) {
	for (volatile uint32_t *word = (volatile uint32_t *)at; word < (volatile uint32_t *)(at + AROUND);
	     word++)
		sum = (sum << 5 | sum >> 27) ^ *word;
	return sum;
}

/* Each instruction on what lies at `place`: the bytes there, the registers, the flags, and
 * a sum of all that lies around. */
static void at_place(const char *name, volatile uint8_t *place, bool second) {
	volatile uint8_t *around = (volatile uint8_t *)(((uint32_t)place & ~7U) - IN_FRONT);
	volatile uint8_t *open = open_memory + IN_FRONT;

	for (int i = 0; instruction_table[i].name; i++) {
		bool reversed = instruction_table[i].flags & REVERSED;
		volatile uint8_t *edi = reversed ? open : place, *esi = reversed ? place : open;
		struct state state;

		if (second && (instruction_table[i].flags & FIRST_ONLY))
			continue;
		fill(around, 0x01234567);
		fill(open_memory, 0x89abcdef);
		run_instruction(instruction_table[i].code, edi, esi, &state);
		say("%s: %s: %2%2%2%2 eax %8 ecx %1 esi %2 edi %2 flags %3 sum %8", name,
		    instruction_table[i].name, place[0], place[1], place[2], place[3], state.eax, state.ecx,
		    (state.esi - (uint32_t)esi) & 0xff, (state.edi - (uint32_t)edi) & 0xff,
		    state.eflags & instruction_table[i].flags & 0xfff, sum(around, sum(open_memory, 0)));
	}
}

void neighbours(void) {
	volatile uint8_t *table = (volatile uint8_t *)memory.gdt;
	volatile uint8_t *behind = table + sizeof(memory.gdt);

	at_place("in front", table - IN_FRONT, false);
	at_place("over the front", table - 2, false);
	at_place("in the table", behind - 7, false); /* its last entries are spare */
	at_place("over the back", behind - 2, false);
	at_place("behind", behind + 8, false);
	at_place("over the page's end", (volatile uint8_t *)&memory + PAGE - 2, false);
}

void neighbours_of_second(void) {
	at_place("over the page's end in the second", (volatile uint8_t *)&memory.gdt2[2] - 2, true);
}
