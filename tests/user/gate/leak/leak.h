/*
 * leak.h: what the parts of the program `leak` share (tests/user/gate/leak.c).
 */
#ifndef TESTS_USER_LEAK_H
#define TESTS_USER_LEAK_H

#include <stdbool.h>
#include <stdint.h>

#include "../../../../user/meltdown/far_return.h"
#undef PAGE_SIZE
#include "../../../../kernel/base/layout.h"

#define PAGE ((uint64_t)PAGE_SIZE)
#define MOST_CPUS_READ 4 /* whose pages are read byte by byte */

/* What was found: the exit status. */
enum { FOUND_EXTRA = 1, FOUND_MISSING = 2, FOUND_HIDDEN = 4, FOUND_AT_REST = 8,
       FOUND_POISON = 16, FOUND_NOTHING_WORKS = 32,
       FOUND_STUCK = 64 };

enum { PART_PAGES = 1, PART_CONTENTS = 2, PART_POISON = 4, PART_VICTIMS = 8 };

/* ---- The ledger, from the command line (ledger.c) ------------------------------ */

/* Names as in mm/ledger.h; letters of the arguments. */
enum place { PLACE_SHARED = 's', PLACE_AREA = 'a', PLACE_ESPFIX = 'e' };
enum kind { KIND_STACK = 's', KIND_GDT = 'g', KIND_IDT = 'i', KIND_OTHER = 'o' };

struct row {
	enum place place;
	enum kind kind;
	uint64_t at;
	unsigned pages;
};

struct range {
	uint64_t start, end;
};

extern struct row rows[];
extern unsigned row_count;
extern struct range hidden[]; /* addresses that no visible byte string may hold */
extern unsigned hidden_count;
extern unsigned cpus;
extern unsigned rounds; /* looks at the stacks of a CPU with a task on it */
extern unsigned areas; /* of CPUs from the first on: shown to us */
extern uint64_t ram_top;
extern uint8_t paint; /* a byte of a stack at rest, besides 0: the debug build's */
extern enum depth { DEPTH_SAMPLE, DEPTH_STACKS, DEPTH_ALL } depth;
extern int parts; /* PART_x, or'ed */

/* False: the command line is not what tests/suites/leak.c makes. */
bool ledger_parse(char **argv);

/* First address of a row, for a CPU. */
uint64_t row_address(const struct row *r, unsigned cpu);

/* Does the ledger show this page? */
bool ledger_has(uint64_t page);

/* Is it an address of what is hidden? */
bool is_hidden(uint64_t value);

/* ---- The parts; each returns FOUND_x, or'ed, and says where ----------------------- */

/* Exactly the ledger's pages answer (pages.c). */
int check_pages(void);

/* No hidden address is in them; stacks of other CPUs are empty (contents.c). */
int check_contents(void);

/* No word of a task that has run, or runs, on any CPU (poison.c). */
int check_poison(void);

/* Starts those tasks, for tests/leak/run.py to look at.  Does not return. */
void run_victims(void) __attribute__((noreturn));

/* The bytes of a stack page that an event uses: [*from, *to). */
void used_part(const struct row *r, unsigned *from, unsigned *to);

/* "leak: ..." */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
