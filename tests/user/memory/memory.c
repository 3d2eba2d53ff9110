/*
 * memory: maps, fills, cuts, checks and unmaps memory, up to argv[1] MiB of it
 * at a time (16 without it), argv[2] steps long (2000 without it).
 *
 * Each page carries a pattern made of its address and its region's number, so a
 * page that is lost, shared, not zero when fresh or left in the TLB shows.
 * Right outcome: one line with what was done, exit status 0.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE		4096ul
#define REGIONS		64
#define WORDS		(PAGE / sizeof(uint64_t))
#define STRIDE		64	/* words between those that are written */

static struct region {
	uint64_t *start;
	uint64_t pages;
	uint64_t key;
} regions[REGIONS];

static uint64_t mapped_pages, touched_pages, maps, random_state;

static uint64_t random_below(uint64_t limit)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (random_state >> 33) % limit;
}

static void fail(const char *what, const void *where, uint64_t got, uint64_t expected)
{
	printf("memory: pid %d: %s at %p: got 0x%llx, expected 0x%llx\n", (int)getpid(), what, where,
	       (unsigned long long)got, (unsigned long long)expected);
	exit(1);
}

static void fill(const struct region *region)
{
	for (uint64_t i = 0; i < region->pages * WORDS; i += STRIDE) {
		if (region->start[i] != 0)
			fail("a fresh page is not zero", region->start + i, region->start[i], 0);
		region->start[i] = (uint64_t)(region->start + i) ^ region->key;
	}
	touched_pages += region->pages;
}

static void verify(const struct region *region)
{
	for (uint64_t i = 0; i < region->pages * WORDS; i += STRIDE) {
		uint64_t expected = (uint64_t)(region->start + i) ^ region->key;

		if (region->start[i] != expected)
			fail("damage", region->start + i, region->start[i], expected);
	}
}

static void unmap(uint64_t *start, uint64_t pages)
{
	if (munmap(start, pages * PAGE) != 0)
		fail("munmap fails", start, 1, 0);
	mapped_pages -= pages;
}

static void map(struct region *region, uint64_t limit)
{
	uint64_t pages = 1 + random_below(limit / 8 + 1);

	if (mapped_pages + pages > limit)
		return;
	region->start = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region->start == MAP_FAILED) {
		region->start = NULL;
		fail("mmap fails", NULL, pages, 0);
	}
	region->pages = pages;
	region->key = ++maps << 48;
	mapped_pages += pages;
	fill(region);
}

/* Cuts a piece off the front or the back, or takes all. */
static void cut(struct region *region)
{
	uint64_t pages = 1 + random_below(region->pages);

	verify(region);
	if (random_below(2) == 0) {
		unmap(region->start + (region->pages - pages) * WORDS, pages);
	} else {
		unmap(region->start, pages);
		region->start += pages * WORDS;
	}
	region->pages -= pages;
	if (region->pages == 0)
		region->start = NULL;
}

int main(int argc, char **argv)
{
	uint64_t limit = (argc > 1 ? strtoull(argv[1], NULL, 0) : 16) * (1048576 / PAGE);
	uint64_t steps = argc > 2 ? strtoull(argv[2], NULL, 0) : 2000;

	random_state = (uint64_t)getpid();
	for (uint64_t i = 0; i < steps; i++) {
		struct region *region = &regions[random_below(REGIONS)];

		if (region->start)
			cut(region);
		else
			map(region, limit);
	}
	for (int i = 0; i < REGIONS; i++) {
		verify(&regions[i]);
		if (regions[i].start)
			unmap(regions[i].start, regions[i].pages);
	}
	if (mapped_pages != 0)
		fail("the count of pages is off", NULL, mapped_pages, 0);
	printf("memory: pid %d: %llu maps, %llu pages touched, no damage\n", (int)getpid(),
	       (unsigned long long)maps, (unsigned long long)touched_pages);
	return 0;
}
