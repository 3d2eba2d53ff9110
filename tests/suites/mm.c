/*
 * Address spaces and shared objects, as the kernel sees them: verdicts on faults
 * that a program cannot bring about at will, and the names that futexes use.
 * What system calls do with memory is tested by tests/user/memory/mappings.c and
 * tests/user/bugs/shared_size.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/x86.h"
#include "kernel/start/selftest.h"
#include "mm/frames/frame.h"
#include "mm/space/mm.h"
#include "mm/space/mm_range.h"
#include "mm/space/shared.h"

#define AREA 0x10000000
#define RW (VMA_READ | VMA_WRITE)
#define USER_WRITE (PF_USER | PF_WRITE)
#define PF_RESERVED 0x8

static struct mm *new_mm(unsigned how)
{
	struct mm *mm = mm_alloc();

	ASSERT(mm);
	ASSERT_OP(mm_map(mm, AREA, PAGE_SIZE, RW, MM_FIXED | how), ==, AREA);
	return mm;
}

/* What the CPU saw was forbidden, and by now is not: mprotect, by another thread. */
static void granted_meanwhile(struct selftest *t)
{
	struct mm *mm = new_mm(0);
	u64 error = USER_WRITE | PF_PROT;

	EXPECT_EQ(t, mm_fault(mm, AREA, error), FAULT_HANDLED, "and not there any more");
	EXPECT_EQ(t, mm->resident, 1, "it is now");
	EXPECT_EQ(t, mm_fault(mm, AREA, error), FAULT_HANDLED, "a write that may be tried again");
	EXPECT_EQ(t, mm_fault(mm, AREA, PF_USER | PF_PROT), FAULT_HANDLED, "a read");
	EXPECT_EQ(t, mm_fault(mm, AREA, error | PF_RESERVED), FAULT_ACCERR, "reserved bits");
	EXPECT_EQ(t, mm_fault(mm, AREA, PF_USER | PF_PROT | PF_INSTR), FAULT_ACCERR, "a fetch");
	EXPECT_EQ(t, mm_protect(mm, AREA, PAGE_SIZE, VMA_READ), 0, "read-only");
	EXPECT_EQ(t, mm_fault(mm, AREA, error), FAULT_ACCERR, "a write that may not");
	EXPECT_EQ(t, mm_protect(mm, AREA, PAGE_SIZE, 0), 0, "nothing");
	EXPECT_EQ(t, mm_fault(mm, AREA, PF_USER), FAULT_ACCERR, "a read that may not");
	mm_put(mm);
}

/* Where the kernel PGD is left loaded, fetches fault whatever the areas say. */
static void retries_end(struct selftest *t)
{
	struct mm *mm = new_mm(0);
	u64 error = PF_USER | PF_PROT | PF_INSTR;
	unsigned tries = 0;

	for (unsigned round = 0; round < 2; round++) {
		EXPECT_EQ(t, mm_protect(mm, AREA, PAGE_SIZE, VMA_READ | VMA_EXEC), 0, "R X");
		EXPECT_EQ(t, mm_fault(mm, AREA, error), FAULT_HANDLED, "tried again");
		for (tries = 0; tries < 10000; tries++)
			if (mm_fault(mm, AREA, error) != FAULT_HANDLED)
				break;
		EXPECT(t, tries > 100 && tries < 10000, "not for ever");
	}
	mm_put(mm);
}

static void behind_the_end(struct selftest *t)
{
	struct mm *mm = new_mm(MM_SHARED);
	u8 byte = 1;

	EXPECT_EQ(t, mm_remap(mm, AREA, PAGE_SIZE, 3 * PAGE_SIZE, 0, 0), AREA, "it grows");
	EXPECT_EQ(t, mm_fault(mm, AREA, USER_WRITE), FAULT_HANDLED, "in the object");
	EXPECT_EQ(t, mm_fault(mm, AREA + PAGE_SIZE, USER_WRITE), FAULT_BUS, "behind it");
	EXPECT_EQ(t, mm_write(mm, AREA + PAGE_SIZE, &byte, 1), -EFAULT, "by the kernel");
	EXPECT_EQ(t, mm->resident, 1, "pages");
	mm_put(mm);
}

/* Nor may a lack of memory look like a bad address. */
static void no_frame(struct selftest *t)
{
	struct mm *mm = new_mm(0);
	struct mm_word word;
	u32 old = 0;
	u8 byte = 0;
	int lock, exchange, write;

	frame_fail_after(0);
	lock = mm_lock_word(mm, AREA, &word);
	exchange = mm_exchange_word(mm, AREA, &old, 1);
	write = mm_write(mm, AREA, &byte, 1);
	frame_fail_after(-1);
	EXPECT_EQ(t, lock, -ENOFRAME, "a futex's word");
	EXPECT_EQ(t, exchange, -ENOFRAME, "a robust futex's");
	EXPECT_EQ(t, write, -ENOFRAME, "a debugger's write");
	mm_put(mm);
}

/* Ids ascend, whatever memory they are about is freed and taken again. */
static void names(struct selftest *t)
{
	u64 last = space_id_new();
	unsigned again = 0;

	for (unsigned i = 0; i < 100; i++) {
		struct shared *s = shared_alloc(PAGE_SIZE);
		struct mm *mm = mm_alloc();
		struct mm *child = mm ? mm_fork(mm) : NULL;

		ASSERT(s && child);
		again += shared_id(s) <= last || mm->id <= shared_id(s) || child->id <= mm->id;
		last = child->id;
		shared_put(s);
		mm_put(child);
		mm_put(mm);
	}
	EXPECT_EQ(t, again, 0, "names that were given before");
}

static const struct selftest_case cases[] = {
	{ "a fault whose reason has gone is tried again", granted_meanwhile },
	{ "but not for ever", retries_end },
	{ "behind the end of a shared object is nothing", behind_the_end },
	{ "without a frame, calls are to be tried again", no_frame },
	{ "no two objects or address spaces ever have the same name", names },
};
SELFTEST_SUITE(mm, cases);
