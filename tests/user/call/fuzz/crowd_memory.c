/*
 * What members of a crowd do to the memory that they share: an arena of mappings,
 * private and shared ones, which come and go under the others' feet.
 */
#define _GNU_SOURCE
#include "crowd.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define TOUCHES 16
#define HOG_PIECE (1UL << 20)
#define HOG_PIECES 48

static uint64_t any_place(struct member *me)
{
	uint64_t page = CROWD_ARENA + crowd_below(me, CROWD_ARENA_PAGES) * FUZZ_PAGE;

	return crowd_below(me, 24) ? page : page + 8;
}

static uint64_t any_length(struct member *me)
{
	if (crowd_below(me, 12) == 0)
		return CROWD_PICK(me, 0, 1, 1UL << 30, 1UL << 39, 1UL << 46, 1UL << 47, -FUZZ_PAGE);
	return (1 + crowd_below(me, 8)) * FUZZ_PAGE;
}

static uint64_t any_prot(struct member *me)
{
	return CROWD_PICK(me, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
			  PROT_READ | PROT_EXEC, PROT_WRITE);
}

/* What may lie outside the arena is not written to, nor found again. */
static void map(struct member *me)
{
	uint64_t length = any_length(me), how = MAP_ANONYMOUS;

	how |= CROWD_PICK(me, MAP_SHARED, MAP_PRIVATE);
	if (length <= CROWD_ARENA_PAGES * FUZZ_PAGE)
		how |= CROWD_PICK(me, MAP_FIXED, MAP_FIXED, 0x100000 /* FIXED_NOREPLACE */) |
		       CROWD_PICK(me, 0, 0, MAP_POPULATE);
	CROWD_CALL(SYS_mmap, any_place(me), length, any_prot(me), how | MAP_NORESERVE,
		   (uint64_t)-1, 0);
}

static void move(struct member *me)
{
	uint64_t flags = CROWD_PICK(me, 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED);
	uint64_t old = crowd_below(me, 8) ? any_length(me) : 0;
	uint64_t length = any_length(me);

	if (length > CROWD_ARENA_PAGES * FUZZ_PAGE)
		flags &= ~(uint64_t)MREMAP_FIXED; /* it would take the program away */
	CROWD_CALL(SYS_mremap, any_place(me), old, length, flags, any_place(me));
}

void crowd_map(struct member *me)
{
	uint64_t at = any_place(me), length = any_length(me);
	bool inside = length <= CROWD_ARENA_PAGES * FUZZ_PAGE;

	switch (crowd_below(me, 9)) {
	case 0: case 1: case 2: map(me); break;
	case 3: case 4: move(me); break;
	case 5:
		if (inside)
			CROWD_CALL(SYS_munmap, at, length);
		break;
	case 6:
		if (inside)
			CROWD_CALL(SYS_mprotect, at, length, any_prot(me));
		break;
	case 7:
		CROWD_CALL(SYS_madvise, at, inside ? length : FUZZ_PAGE,
			   CROWD_PICK(me, MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, 14, 99));
		break;
	default:
		CROWD_CALL(crowd_below(me, 2) ? SYS_mlock : SYS_munlock, at, length);
		break;
	}
}

void crowd_touch(struct member *me)
{
	for (unsigned i = 0; i < TOUCHES; i++)
		fuzz_store(any_place(me) & ~7UL, crowd_random(me));
}

/* Takes memory, all if it can; some give it back at once, others at their end. */
void crowd_hog(struct member *me)
{
	uint64_t pieces = crowd_below(me, HOG_PIECES), at = 0x60000000;

	for (uint64_t i = 0; i < pieces; i++)
		CROWD_CALL(SYS_mmap, at + i * HOG_PIECE, HOG_PIECE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, (uint64_t)-1, 0);
	if (crowd_below(me, 2))
		CROWD_CALL(SYS_munmap, at, HOG_PIECES * HOG_PIECE);
}

/*
 * A shared page goes to the end of ever larger mappings, so that what lies there has
 * large offsets in its object.
 */
static void stretch(struct member *me)
{
	long at = CROWD_CALL(SYS_mmap, 0, FUZZ_PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, (uint64_t)-1, 0);

	for (unsigned n = 1 + crowd_below(me, 6); n > 0 && at > 0; n--) {
		uint64_t size = CROWD_PICK(me, 1UL << 30, 1UL << 39, 1UL << 46, 1UL << 46);
		long big = CROWD_CALL(SYS_mremap, (uint64_t)at, FUZZ_PAGE, size, MREMAP_MAYMOVE);

		if (big < 0)
			break;
		for (unsigned i = 0; i < TOUCHES; i++)
			fuzz_store((uint64_t)big + size - 8 - (crowd_random(me) % size >>
				   crowd_below(me, 40) & ~7UL), i);
		at = big + (long)(size - FUZZ_PAGE);
		CROWD_CALL(SYS_munmap, (uint64_t)big, size - FUZZ_PAGE);
	}
	if (at > 0 && crowd_below(me, 2))
		CROWD_CALL(SYS_munmap, (uint64_t)at, FUZZ_PAGE);
}

/* Calls that have much to do. */
void crowd_long_call(struct member *me)
{
	uint64_t size = CROWD_PICK(me, 1UL << 30, 1UL << 40, 1UL << 46);
	const int how = MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE;
	long at = CROWD_CALL(SYS_mmap, 0, size, PROT_NONE, MAP_PRIVATE | (uint64_t)how, (uint64_t)-1, 0);

	switch (crowd_below(me, 4)) {
	case 0: CROWD_CALL(SYS_getrandom, CROWD_ARENA, 1UL << 30, 0); break;
	case 1: CROWD_CALL(SYS_mprotect, (uint64_t)at, size, PROT_READ); break;
	case 2: CROWD_CALL(SYS_mremap, (uint64_t)at, size, FUZZ_PAGE, 0); break;
	default: stretch(me); break;
	}
	if (at > 0 && crowd_below(me, 4))
		CROWD_CALL(SYS_munmap, (uint64_t)at, size);
}
