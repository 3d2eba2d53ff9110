/*
 * Where the parts of programs lie, 64-bit and 32-bit: within Linux's bits of
 * randomness, apart from each other, and with norandmaps always the same.  What a
 * program sees of it is tests/user/memory/layout.c's.
 */
#include "arch/machine/random.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "mm/pagetable.h"
#include "tests/suites/programs.h"

#define ROUNDS 16
#define STACK_PAGES 0x400000ULL
#define STACK_PAGES_IA32 0x800ULL
#define MMAP_PAGES 0x10000000ULL
#define MMAP_PAGES_IA32 0x100ULL
#define BRK_PAGES 0x2000ULL

enum { STACK, MMAP, LOW, BRK, SP, VDSO, PLACES };
static const char *const names[PLACES] = {
	"stack", "mmap", "MAP_32BIT", "brk", "sp", "vdso",
};

static bool get_places(struct selftest *t, const char *path, u64 at[PLACES], bool *random)
{
	const char *argv[] = { path, NULL }, *envp[] = { NULL };
	const struct start_strings strings = { { .kernel = argv }, { .kernel = envp } };
	struct built_program program;
	struct complaint why;

	if (program_build(path, &strings, &program, &why)) {
		EXPECT(t, false, "the program is built");
		return false;
	}
	at[STACK] = program.mm->stack_top;
	at[MMAP] = program.mm->mmap_top;
	at[LOW] = program.mm->low_top;
	at[BRK] = program.mm->brk_start;
	at[SP] = program.sp;
	at[VDSO] = program.mm->vdso + program.mm->vdso64; /* one of them is 0 */
	*random = program.mm->random_layout;
	mm_put(program.mm);
	return true;
}

static void check_places(struct selftest *t, const u64 at[PLACES], bool ia32, u64 first_brk)
{
	u64 top = ia32 ? MM_STACK_TOP_IA32 : MM_STACK_TOP;
	u64 mmap = ia32 ? MM_MMAP_TOP_IA32 : MM_MMAP_TOP;
	u64 stack_pages = ia32 ? STACK_PAGES_IA32 : STACK_PAGES;
	u64 mmap_pages = ia32 ? MMAP_PAGES_IA32 : MMAP_PAGES;

	EXPECT(t, top - at[STACK] < stack_pages * PAGE_SIZE, "the stack's range");
	EXPECT(t, mmap - at[MMAP] < (stack_pages + mmap_pages) * PAGE_SIZE, "mmap's range");
	EXPECT(t, MM_LOW_TOP - at[LOW] < BRK_PAGES * PAGE_SIZE, "MAP_32BIT's range");
	EXPECT(t, at[BRK] - first_brk + BRK_PAGES * PAGE_SIZE < 2 * BRK_PAGES * PAGE_SIZE,
	       "the brk's range");
	EXPECT(t, at[MMAP] + PAGE_SIZE <= at[STACK] - MM_STACK_SIZE, "room for the stack");
	EXPECT_EQ(t, at[SP] % 16, 0, "sp is aligned");
	EXPECT(t, at[STACK] - at[SP] < 4 * PAGE_SIZE, "sp is near the top");
	if (ia32)
		EXPECT_EQ(t, at[VDSO], at[MMAP], "the vDSO page is above mmap's");
	else
		EXPECT(t, at[VDSO] >= at[STACK] &&
		       at[VDSO] + PAGE_SIZE <= ALIGN_UP(at[STACK] + PAGE_SIZE, PT_SIZE(2)),
		       "the vDSO is above the stack's top, in the same page table");
}

static void check_program(struct selftest *t, const char *path, bool ia32)
{
	u64 last[PLACES], at[PLACES], first_brk;
	unsigned changes[PLACES] = { 0 }, sp_in_page = 0;
	bool random;

	if (!program_exists(path)) {
		selftest_skip(t, "no %s in the initramfs, or no initramfs", path);
		return;
	}
	if (!get_places(t, path, last, &random))
		return;
	first_brk = last[BRK];
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (!get_places(t, path, at, &random))
			return;
		check_places(t, at, ia32, first_brk);
		for (unsigned i = 0; i < PLACES; i++)
			changes[i] += at[i] != last[i];
		sp_in_page += at[SP] % PAGE_SIZE != last[SP] % PAGE_SIZE;
		memcpy(last, at, sizeof(last));
	}
	for (unsigned i = 0; i < PLACES; i++)
		EXPECT_EQ(t, changes[i] >= ROUNDS / 2, random, names[i]);
	EXPECT_EQ(t, sp_in_page >= ROUNDS / 2, random, "sp's offset in its page");
}

static void native(struct selftest *t)
{
	check_program(t, "/bin/hello", false);
}

static void ia32(struct selftest *t)
{
	check_program(t, "/bin/ia32", true);
}

static void words(struct selftest *t)
{
	u64 word[4 * ROUNDS];
	unsigned same = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(word); i++) {
		word[i] = random_u64();
		for (unsigned j = 0; j < i; j++)
			same += word[j] == word[i];
	}
	EXPECT_EQ(t, same, 0, "words that were given before");
}

static const struct selftest_case cases[] = {
	{ "no random word is given twice", words },
	{ "the parts of a 64-bit program lie at random, and in range", native },
	{ "those of a 32-bit program, too", ia32 },
};
SELFTEST_SUITE(randmaps, cases);
