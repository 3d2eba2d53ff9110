/*
 * The initial stack, built downwards from the top of the stack area:
 *
 *   strings: path, environment, arguments; 16 random bytes
 *   auxiliary vector, AT_NULL last
 *   envp[], NULL
 *   argv[], NULL
 *   argc                  <- RSP, 16-aligned
 *
 * Sources: System V ABI, AMD64 supplement, 3.4; getauxval(3).
 * Called by kernel/process.c.
 */
#include "arch/cpu.h"
#include "arch/random.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "kernel/user_stack.h"

enum auxv {
	AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6,
	AT_BASE = 7, AT_FLAGS = 8, AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12,
	AT_GID = 13, AT_EGID = 14, AT_HWCAP = 16, AT_CLKTCK = 17, AT_SECURE = 23,
	AT_RANDOM = 25, AT_HWCAP2 = 26, AT_EXECFN = 31,
};
#define HWCAP2_FSGSBASE 2
#define CLOCK_TICKS 100
#define MAX_WORDS 512
#define MAX_STRINGS 0x3000

/* Words are collected here and written at once, lowest address first. */
struct builder {
	struct mm *mm;
	virt_addr_t at; /* grows down, while strings are written */
	int err;
	unsigned count;
	u64 word[MAX_WORDS];
};

static virt_addr_t push_bytes(struct builder *b, const void *bytes, size_t n)
{
	b->at -= n;
	if (!b->err && MM_STACK_TOP - b->at > MAX_STRINGS)
		b->err = -E2BIG;
	if (!b->err)
		b->err = mm_write(b->mm, b->at, bytes, n);
	return b->at;
}

static void add_word(struct builder *b, u64 v)
{
	if (b->count == MAX_WORDS)
		b->err = -E2BIG;
	else
		b->word[b->count++] = v;
}

static void add_auxv(struct builder *b, enum auxv type, u64 v)
{
	add_word(b, type);
	add_word(b, v);
}

static void add_strings(struct builder *b, const char *const list[])
{
	for (unsigned i = 0; list[i]; i++)
		add_word(b, push_bytes(b, list[i], strlen(list[i]) + 1));
	add_word(b, 0);
}

static void add_all_auxv(struct builder *b, const struct elf_image *elf, u64 base,
			 virt_addr_t execfn, virt_addr_t random)
{
	add_auxv(b, AT_HWCAP, cpuid(1, 0).edx);
	add_auxv(b, AT_HWCAP2, cpu_features.fsgsbase ? HWCAP2_FSGSBASE : 0);
	add_auxv(b, AT_PAGESZ, PAGE_SIZE);
	add_auxv(b, AT_CLKTCK, CLOCK_TICKS);
	add_auxv(b, AT_PHDR, elf->phdr ? base + elf->phdr : 0);
	add_auxv(b, AT_PHENT, elf->phentsize);
	add_auxv(b, AT_PHNUM, elf->phnum);
	add_auxv(b, AT_BASE, 0);
	add_auxv(b, AT_FLAGS, 0);
	add_auxv(b, AT_ENTRY, base + elf->entry);
	add_auxv(b, AT_UID, 0);
	add_auxv(b, AT_EUID, 0);
	add_auxv(b, AT_GID, 0);
	add_auxv(b, AT_EGID, 0);
	add_auxv(b, AT_SECURE, 0);
	add_auxv(b, AT_RANDOM, random);
	add_auxv(b, AT_EXECFN, execfn);
	add_auxv(b, AT_NULL, 0);
}

int user_stack_build(struct mm *mm, const char *path, const char *const argv[],
		     const char *const envp[], const struct elf_image *elf, u64 base,
		     virt_addr_t *sp)
{
	static struct builder builder; /* boot and tests: one at a time */
	struct builder *b = &builder;
	u64 random[2] = { random_u64(), random_u64() };
	virt_addr_t execfn, random_at;

	*b = (struct builder){ .mm = mm, .at = MM_STACK_TOP - sizeof(u64) };
	execfn = push_bytes(b, path, strlen(path) + 1);
	random_at = push_bytes(b, random, sizeof(random));
	add_word(b, 0); /* argc, below */
	while (argv[b->word[0]])
		b->word[0]++;
	add_strings(b, argv);
	add_strings(b, envp);
	add_all_auxv(b, elf, base, execfn, random_at);
	b->at = ALIGN_DOWN(b->at - b->count * sizeof(u64), 16);
	*sp = b->at;
	return b->err ? b->err : mm_write(mm, b->at, b->word, b->count * sizeof(u64));
}
