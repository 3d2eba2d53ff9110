/*
 * Where the hostile values come from.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* So much of each page has nasty values; the rest is zero. */
#define FILLED 512UL

volatile int fuzz_last_child;
static uint64_t state;

/* splitmix64 */
uint64_t fuzz_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void fuzz_seed(uint64_t seed, uint64_t number)
{
	state = seed;
	state = fuzz_random() ^ number;
	state = fuzz_random();
}

unsigned fuzz_below(unsigned n)
{
	return (unsigned)(fuzz_random() >> 32) % n;
}

bool fuzz_one_in(unsigned n)
{
	return fuzz_below(n) == 0;
}

/* ---- Values ---------------------------------------------------------------------------- */

/* The kernel's addresses, the ends of both halves, what lies between them. */
static uint64_t address_of_kernel(void)
{
	static const uint64_t place[] = {
		0xffffffff80000000, 0xffffffff80100000, 0xfffffffffffff000,
		0xfffffe0000000000, 0xfffffe7fffffe000, 0xfffffe8000000000,
		0xfffffd8000000000, 0xffffc90000000000, 0xffff888000000000,
		0xffff888000100000, 0xffff800000000000, 0xffff7fffffffffff,
		0x0000800000000000, 0x0000800000001000, 0x00007fffffffffff,
		0x00007ffffffff000, 0x00007fffffffeff8, 0x8000000000000000,
	};
	uint64_t at = place[fuzz_below(sizeof(place) / sizeof(*place))];

	return fuzz_one_in(4) ? at + fuzz_below(64) - 32 : at;
}

/* Of our own memory: inside, at the end of a page, across it. */
static uint64_t address_of_ours(void)
{
	uint64_t page = FUZZ_MEMORY + fuzz_below(FUZZ_WRITABLE_PAGES + 3) * FUZZ_PAGE;

	switch (fuzz_below(5)) {
	case 0: return page;
	case 1: return page + FUZZ_PAGE - 1 - fuzz_below(16);
	case 2: return FUZZ_NOTHING - 1 - fuzz_below(64);
	case 3: return (uint64_t)&page - fuzz_below(8192);
	default: return page + fuzz_below(FUZZ_PAGE / 8) * 8;
	}
}

static uint64_t size(void)
{
	static const uint64_t sizes[] = {
		1, 4, 8, 16, 32, 128, 512, 2048, 4095, 4096, 4097, 8192, 65535, 65536,
		1 << 20, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x7fffffffffffffff,
	};

	return sizes[fuzz_below(sizeof(sizes) / sizeof(*sizes))];
}

static uint64_t flags(void)
{
	uint64_t f = 0;

	for (unsigned n = fuzz_below(6); n > 0; n--)
		f |= 1ULL << fuzz_below(fuzz_one_in(8) ? 64 : 32);
	return f;
}

static uint64_t pid(void)
{
	static const int pids[] = { 0, -1, 1, 2, 99999999, -99999999 };
	unsigned n = fuzz_below(12);

	if (n < 6)
		return (uint64_t)(int64_t)pids[n];
	return (uint64_t)(int64_t)(n < 9 ? fuzz_last_child : n < 11 ? getpid() : -getpid());
}

uint16_t fuzz_selector(void)
{
	static const uint16_t selectors[] = {
		0, 3, 8, 0x10, 0x13, 0x18, 0x1b, 0x20, 0x23, 0x28, 0x2b, 0x30, 0x33, 0x38,
		0x3b, 0x40, 0x43, 0x48, 0x50, 0x53, 0x58, 0x5b, 0x60, 0x63, 0x68, 0x6b,
		0x70, 0x73, 0x78, 0x7b, 7, 0xf, 0x17, 0x1f, 0x27, 0x2f, 0xffff, 0xfff7,
	};

	if (fuzz_one_in(8))
		return (uint16_t)fuzz_random();
	return selectors[fuzz_below(sizeof(selectors) / sizeof(*selectors))];
}

uint64_t fuzz_value(void)
{
	switch (fuzz_below(16)) {
	case 0: return 0;
	case 1: case 2: return fuzz_below(12);
	case 3: return fuzz_below(70);
	case 4: return (uint64_t)-(int64_t)fuzz_below(40);
	case 5: return address_of_kernel();
	case 6: case 7: case 8: return address_of_ours();
	case 9: return size();
	case 10: case 11: return flags();
	case 12: return pid();
	case 13: return fuzz_random() >> fuzz_below(64);
	case 14: return fuzz_selector();
	default: return fuzz_random() & 0xfff;
	}
}

void fuzz_fill(void *at, unsigned long bytes)
{
	uint64_t value;

	for (unsigned long i = 0; i + sizeof(value) <= bytes; i += sizeof(value)) {
		value = fuzz_value();
		memcpy((char *)at + i, &value, sizeof(value));
	}
}

void fuzz_map_memory(void)
{
	const int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	mmap((void *)FUZZ_MEMORY, FUZZ_NOTHING - FUZZ_MEMORY, PROT_READ | PROT_WRITE, how, -1, 0);
	for (unsigned i = 0; i < FUZZ_WRITABLE_PAGES; i++)
		fuzz_fill((char *)FUZZ_MEMORY + i * FUZZ_PAGE + FILLED * fuzz_below(FUZZ_PAGE / FILLED),
			  FILLED);
	mprotect((void *)FUZZ_READABLE, FUZZ_PAGE, PROT_READ);
	mprotect((void *)FUZZ_CODE, FUZZ_PAGE, PROT_READ | PROT_EXEC);
}
