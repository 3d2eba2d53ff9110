/*
 * regions.h: where the kernel's memory is, as the address map (kernel/base/layout.h)
 * has it for everybody, and which pages of it answer.
 */
#ifndef USER_MELTDOWN_REGIONS_H
#define USER_MELTDOWN_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096ul
#define STACK_CELL 0x8000ul /* vmap: at most one stack in each */

enum { REGION_DIRECT_MAP, REGION_STACKS, REGION_LDT, REGION_ESPFIX, REGION_IDT,
       REGION_AREAS, REGION_VAULTS, REGION_IMAGE, REGION_REST, NR_REGIONS };

/* `count` pages, one in each `step` bytes, at `start`. */
struct region {
	const char *name;
	uint64_t start, step;
	unsigned count;
	bool gate;    /* the ledger has pages there: every table may show them */
	unsigned answers;
	uint64_t first, last; /* of those that answer */
};
extern struct region regions[NR_REGIONS];

/* Fills in `answers`, `first` and `last` of all. */
void regions_ask(void);

#endif
