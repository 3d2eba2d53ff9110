/* How often does the monitor hear of a guest that loads segments and uses the data that lie
 * beside its table?  Each kind of work is done ROUNDS times, with the time stamp counter
 * read around it; where the table lies is in one of the small files beside this one. */
#include "guest.h"

#define ROUNDS 1000
#define LOADS 4    /* of segment registers, in each round */
#define ACCESSES 4 /* half of them writes */

extern descriptor table[];
extern const uint32_t table_bytes, selectors[LOADS];
extern volatile uint32_t neighbours[ACCESSES];

static uint32_t ticks(void) {
	uint32_t low;

	__asm__ volatile("lfence; rdtsc" : "=a"(low) : : "edx", "memory");
	return low;
}

static void put(uint32_t selector, uint32_t kind) {
	table[selector / 8].low = 0xffff;
	table[selector / 8].high = 0xcf0000 | kind;
}

static void load_segments(void) {
	for (int i = 0; i < ROUNDS; i++)
		__asm__ volatile("mov %0, %%fs; mov %1, %%gs; mov %2, %%fs; mov %3, %%gs"
				 : : "r"(selectors[0]), "r"(selectors[1]), "r"(selectors[2]), "r"(selectors[3]));
}

/* SS with RPL 0: of the loads, the one that a monitor must do itself. */
static void load_stack_segment(void) {
	for (int i = 0; i < ROUNDS; i++)
		__asm__ volatile("mov %0, %%ss" : : "r"(DATA) : "memory");
}

static void use_neighbours(void) {
	for (uint32_t i = 0; i < ROUNDS; i++) {
		neighbours[1] = neighbours[0] + i;
		neighbours[3] = neighbours[2] + i;
	}
}

static void measure(const char *what, uint32_t count, void (*work)(void)) {
	uint32_t before = ticks();

	work();
	say("bench: %s: %8 times, %8 ticks", what, count, ticks() - before);
}

void guest_main(void) {
	struct table_register gdtr = {(uint16_t)(table_bytes - 1), (uint32_t)table};

	put(CODE, 0x9a00);
	put(DATA, 0x9200);
	for (int i = 0; i < LOADS; i++)
		put(selectors[i], 0x9200);
	use_table(gdtr, CODE, DATA);
	measure("segment loads", ROUNDS * LOADS, load_segments);
	measure("loads of SS", ROUNDS, load_stack_segment);
	measure("neighbours read and written", ROUNDS * ACCESSES, use_neighbours);
	say("bench: the last neighbour is %8", neighbours[3]);
	end(0);
}
