/* ledger.c: the ledger as the command line gives it; leak.h. */
#include "leak.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 20
#define MOST_HIDDEN 4

struct row rows[MOST_ROWS];
unsigned row_count;
struct range hidden[MOST_HIDDEN];
unsigned hidden_count;
unsigned cpus;
unsigned areas, rounds;
uint64_t ram_top;
uint8_t paint;
enum depth depth;
int parts = PART_PAGES | PART_CONTENTS | PART_POISON;

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("leak: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

/* row=PLACE,KIND,AT,PAGES */
static bool parse_row(const char *text)
{
	struct row *r = &rows[row_count];
	unsigned long long at;
	char place, kind;

	if (row_count == MOST_ROWS ||
	    sscanf(text, "%c,%c,%llx,%u", &place, &kind, &at, &r->pages) != 4)
		return false;
	r->place = (enum place)place;
	r->kind = (enum kind)kind;
	r->at = at;
	row_count++;
	return true;
}

/* hidden=START,END */
static bool parse_hidden(const char *text)
{
	unsigned long long start, end;

	if (hidden_count == MOST_HIDDEN || sscanf(text, "%llx,%llx", &start, &end) != 2)
		return false;
	hidden[hidden_count++] = (struct range){ start, end };
	return true;
}

bool ledger_parse(char **argv)
{
	bool good = true;

	while (*++argv && good) {
		const char *word = *argv;

		if (strncmp(word, "row=", 4) == 0)
			good = parse_row(word + 4);
		else if (strncmp(word, "hidden=", 7) == 0)
			good = parse_hidden(word + 7);
		else if (strncmp(word, "cpus=", 5) == 0)
			cpus = (unsigned)strtoul(word + 5, NULL, 0);
		else if (strncmp(word, "areas=", 6) == 0)
			areas = (unsigned)strtoul(word + 6, NULL, 0);
		else if (strncmp(word, "rounds=", 7) == 0)
			rounds = (unsigned)strtoul(word + 7, NULL, 0);
		else if (strncmp(word, "ram=", 4) == 0)
			ram_top = strtoull(word + 4, NULL, 16);
		else if (strncmp(word, "paint=", 6) == 0)
			paint = (uint8_t)strtoul(word + 6, NULL, 16);
		else if (strcmp(word, "-all") == 0)
			depth = DEPTH_ALL;
		else if (strcmp(word, "-stacks") == 0)
			depth = DEPTH_STACKS;
		else if (strncmp(word, "victims=", 8) == 0)
			parts = PART_VICTIMS, cpus = (unsigned)strtoul(word + 8, NULL, 0);
		else if (strncmp(word, "parts=", 6) == 0)
			parts = (int)strtol(word + 6, NULL, 0);
		else
			good = false;
	}
	areas = areas ? areas : cpus;
	return good && cpus && (parts == PART_VICTIMS || (row_count && hidden_count));
}

uint64_t row_address(const struct row *r, unsigned cpu)
{
	if (r->place == PLACE_AREA)
		return CEA_BASE + cpu * (uint64_t)CEA_STRIDE + r->at;
	if (r->place == PLACE_ESPFIX)
		return r->at + cpu / ESPFIX_GROUP_CPUS * ESPFIX_GROUP_SIZE +
		       cpu % ESPFIX_GROUP_CPUS * ESPFIX_CPU_STRIDE;
	return r->at;
}

/* The CPU in whose place a page lies; shared ones are CPU 0's. */
static unsigned cpu_of(uint64_t page)
{
	if (page >= CEA_BASE && page < CEA_SLOT_END)
		return (unsigned)((page - CEA_BASE) / CEA_STRIDE);
	if (page >= ESPFIX_BASE && page < ESPFIX_END)
		return (unsigned)((page - ESPFIX_BASE) / ESPFIX_GROUP_SIZE * ESPFIX_GROUP_CPUS +
				  page % ESPFIX_STRIDE / ESPFIX_CPU_STRIDE);
	return 0;
}

bool ledger_has(uint64_t page)
{
	unsigned cpu = cpu_of(page);

	if (page >= ESPFIX_BASE && page < ESPFIX_END) /* one page, at many addresses */
		page -= page % ESPFIX_GROUP_SIZE / ESPFIX_STRIDE * ESPFIX_STRIDE;
	for (unsigned i = 0; i < row_count; i++)
		if (page - row_address(&rows[i], cpu) < rows[i].pages * PAGE)
			return cpu < areas;
	return false;
}

bool is_hidden(uint64_t value)
{
	for (unsigned i = 0; i < hidden_count; i++)
		if (value >= hidden[i].start && value < hidden[i].end)
			return true;
	return false;
}

void used_part(const struct row *r, unsigned *from, unsigned *to)
{
	bool ist = r->place == PLACE_AREA && r->at >= CEA_IST;

	*from = ist ? PAGE_SIZE - IST_USED : 0;
	*to = ist ? PAGE_SIZE : ENTRY_STACK_SIZE;
}
