/*
 * pages.c: which pages of the kernel half answer; leak.h.
 *
 * With -all each page that can be one of the kernel's: the image, RAM's direct map,
 * the stacks, and the areas and vaults of the CPUs; of the rest of the 128 TiB a
 * sample.  Without, a sample of these, too, but for the areas.
 */
#include "leak.h"

#include <stdlib.h>

#define MIDDLE 0x800
#define CHUNK 512
#define MOST_SHOWN 8
#define LIGHT 16 /* one page in so many, and */
#define LIGHT_MOST 4096 /* no more than so many in a region */
#define IMAGE_BYTES (16ul << 20)
#define DEVICES (VMAP_BASE + 16384 * 0x8000ul)

static unsigned extra, missing, answers;

static bool all(void)
{
	return depth == DEPTH_ALL;
}

static void ask_chunk(uint64_t at, uint64_t step, unsigned n)
{
	int32_t word[CHUNK];

	far_return_scan(at + MIDDLE, step, n, word);
	for (unsigned i = 0; i < n; i++) {
		uint64_t page = at + i * step;
		bool answered = word[i] != NO_ANSWER, expected = ledger_has(page);

		answers += answered;
		if (answered == expected)
			continue;
		if ((answered ? extra++ : missing++) < MOST_SHOWN)
			say("%llx: %s", (unsigned long long)page, answered ?
			    "answers, and is not in the ledger" :
			    "is in the ledger, and does not answer");
	}
}

/* `count` pages from `at`, a `step` apart. */
static void ask(uint64_t at, uint64_t step, uint64_t count)
{
	for (uint64_t done = 0; done < count; done += CHUNK)
		ask_chunk(at + done * step, step,
			  (unsigned)(count - done < CHUNK ? count - done : CHUNK));
}

/* All pages of [start, start + bytes), or the sample. */
static void ask_region(uint64_t start, uint64_t bytes)
{
	uint64_t step = PAGE;

	while (!all() && (step < LIGHT * PAGE || bytes / step > LIGHT_MOST))
		step *= 2;
	ask(start, step, bytes / step);
}

/*
 * CPUs' areas: each page of those that are online, and of the next; of the others
 * two pages that each has, and its vault.
 */
static void ask_areas(void)
{
	unsigned asked = cpus + 1 < NR_CPUS ? cpus + 1 : NR_CPUS;

	ask(CEA_SHARED_BASE, PAGE, 512);
	ask(CEA_BASE, PAGE, asked * (CEA_STRIDE / PAGE));
	ask(CEA_BASE + CEA_ENTRY_STACK, CEA_STRIDE, NR_CPUS);
	ask(CEA_BASE + CEA_TRAMPOLINE, CEA_STRIDE, NR_CPUS);
	ask(VAULT_BASE, CEA_STRIDE, NR_CPUS);
	ask(VAULT_BASE, PAGE, asked * (all() ? CEA_STRIDE / PAGE : 1));
	ask(PROCESS_ENTRY_BASE, PAGE, 64);
	for (unsigned group = 0; group < NR_CPUS / ESPFIX_GROUP_CPUS; group++)
		ask(ESPFIX_BASE + group * ESPFIX_GROUP_SIZE, PAGE, ESPFIX_STRIDE_PAGES);
	/* Its other addresses: a sample of all 65,536. */
	ask(ESPFIX_BASE, ESPFIX_STRIDE * 251 + PAGE, all() ? 1024 : 64);
}

/* Anywhere in the kernel half; the seed is the same in each run. */
static void ask_anywhere(unsigned count)
{
	srandom(1);
	for (unsigned i = 0; i < count; i++) {
		uint64_t r = (uint64_t)random() << 31 | (uint64_t)random();

		ask((KERNEL_HALF | r << 12) & ~(PAGE - 1), PAGE, 1);
	}
}

int check_pages(void)
{
	ask_areas();
	ask_region(DIRECT_MAP_BASE, ram_top);
	ask_region(KERNEL_BASE, IMAGE_BYTES);
	ask_region(VMAP_BASE, all() ? 16ul << 20 : 4ul << 20);
	ask(DEVICES, PAGE, 16);
	ask(KERNEL_HALF + (1ul << 38), 1ul << 39, 256);
	ask_anywhere(all() ? 4000 : 100);
	say("%u pages answer, %u of them not in the ledger, %u of the ledger do not", answers,
	    extra, missing);
	return (extra ? FOUND_EXTRA : 0) | (missing ? FOUND_MISSING : 0);
}
