/*
 * contents.c: what the visible pages hold, as far as far returns read it: all but
 * the first nine and the last six bytes of a page without neighbours; leak.h.
 *
 * Hidden addresses are looked for as mm/leakscan.c does: in each window of eight
 * bytes, in gates and in descriptors.  The stacks of other CPUs, on which nothing
 * runs, must be empty.
 */
#include "leak.h"

#include <string.h>

#include "../../../../kernel/base/x86.h"

static unsigned char page[PAGE_SIZE];
static unsigned unknown;

static uint64_t window(unsigned at)
{
	uint64_t value;

	memcpy(&value, page + at, 8);
	return value;
}

/* Bytes [from, to) of a page into `page`, unknown ones as 0. */
static void read_bytes(uint64_t at, unsigned from, unsigned to)
{
	int16_t byte[PAGE_SIZE];

	memset(page, 0, sizeof(page));
	far_return_bytes(at + from, to - from, byte);
	for (unsigned i = 0; i < to - from; i++) {
		unknown += byte[i] < 0;
		page[from + i] = (unsigned char)(byte[i] < 0 ? 0 : byte[i]);
	}
}

static int found_hidden(uint64_t at, uint64_t value, const char *what)
{
	say("%llx: %s the hidden address %llx", (unsigned long long)at, what,
	    (unsigned long long)value);
	return FOUND_HIDDEN;
}

static int scan_page(const struct row *r, uint64_t at)
{
	int found = 0;

	for (unsigned i = 0; i + 8 <= PAGE_SIZE; i++)
		if (is_hidden(window(i)))
			found |= found_hidden(at + i, window(i), "holds");
	for (unsigned i = 0; r->kind == KIND_IDT && i < PAGE_SIZE; i += 16) {
		uint64_t gate = (window(i) & 0xffff) | window(i) >> 48 << 16 | window(i + 8) << 32;

		if (is_hidden(gate))
			found |= found_hidden(at + i, gate, "is a gate with");
	}
	for (unsigned i = 0; r->kind == KIND_GDT && i + 16 <= PAGE_SIZE; i += 8) {
		uint64_t base = (window(i) >> 16 & 0xffffff) | window(i) >> 56 << 24 |
				window(i + 8) << 32;

		if (is_hidden(base))
			found |= found_hidden(at + i, base, "is a descriptor with");
	}
	return found;
}

static int scan_at_rest(uint64_t at)
{
	for (unsigned i = 0; i < PAGE_SIZE; i++) {
		if (!page[i] || page[i] == paint)
			continue;
		say("%llx: a byte of another CPU's stack is %02x", (unsigned long long)at + i,
		    page[i]);
		return FOUND_AT_REST;
	}
	return 0;
}

static int check_row(const struct row *r, unsigned cpu)
{
	unsigned from = 0, to = PAGE_SIZE;
	int found = 0;

	if (depth != DEPTH_ALL && r->kind != KIND_STACK)
		return 0;
	if (depth == DEPTH_SAMPLE)
		used_part(r, &from, &to);
	for (unsigned i = 0; i < r->pages; i++) {
		uint64_t at = row_address(r, cpu) + i * PAGE;

		read_bytes(at, from, to);
		found |= scan_page(r, at);
		if (r->kind == KIND_STACK && cpu != 0)
			found |= scan_at_rest(at);
	}
	return found;
}

int check_contents(void)
{
	unsigned most = areas < MOST_CPUS_READ ? areas : MOST_CPUS_READ;
	int found = 0;

	for (unsigned i = 0; i < row_count; i++)
		for (unsigned cpu = 0; cpu < (rows[i].place == PLACE_SHARED ? 1 : most); cpu++)
			found |= check_row(&rows[i], cpu);
	say("%s of %u CPUs read; %u bytes at edges were not to be had",
	    depth == DEPTH_ALL ? "all pages" : depth == DEPTH_STACKS ? "stacks" :
	    "the used part of stacks", most, unknown);
	return found;
}
