/*
 * The initial stack, built downwards from the top of the stack area:
 *
 *   strings: path, environment, arguments; 16 random bytes
 *   a gap of random size
 *   auxiliary vector, AT_NULL last
 *   envp[], NULL
 *   argv[], NULL
 *   argc                  <- RSP, 16-aligned
 *
 * A 32-bit program has the same in words of 32 bits, and AT_SYSINFO in front of
 * the vector: the address of __kernel_vsyscall.  There is no AT_SYSINFO_EHDR, for
 * the page it is in is no ELF image; C libraries do without.
 *
 * Sources: System V ABI, AMD64 and i386 supplements; getauxval(3).
 * Called by kernel/process.c.
 */
#include "arch/cpu.h"
#include "arch/random.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/creds.h"
#include "kernel/ia32_vdso.h"
#include "kernel/process.h"
#include "kernel/randmaps.h"
#include "kernel/sigframe.h"
#include "kernel/user_stack.h"
#include "mm/frame.h"
#include "mm/phys.h"

enum auxv {
	AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6,
	AT_BASE = 7, AT_FLAGS = 8, AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12,
	AT_GID = 13, AT_EGID = 14, AT_PLATFORM = 15, AT_HWCAP = 16, AT_CLKTCK = 17,
	AT_SECURE = 23, AT_RANDOM = 25, AT_HWCAP2 = 26, AT_EXECFN = 31,
	AT_SYSINFO = 32, AT_MINSIGSTKSZ = 51,
};
#define HWCAP2_FSGSBASE 2
#define CLOCK_TICKS 100
#define MAX_WORDS 2560
#define MAX_STRINGS 0x21000

/* Words are collected here and written at once, lowest address first. */
struct builder {
	struct mm *mm;
	virt_addr_t at; /* grows down, while strings are written */
	int err;
	unsigned count;
	u64 word[MAX_WORDS];
};
/* Addresses that the auxiliary vector gives. */
struct places {
	virt_addr_t execfn, random, platform;
};

#define BUILDER_FRAMES (ALIGN_UP(sizeof(struct builder), PAGE_SIZE) / PAGE_SIZE)

static virt_addr_t push_bytes(struct builder *b, const void *bytes, size_t n)
{
	b->at -= n;
	if (!b->err && b->mm->stack_top - b->at > MAX_STRINGS)
		b->err = -E2BIG;
	if (!b->err)
		b->err = mm_write(b->mm, b->at, bytes, n);
	return b->at;
}

static virt_addr_t push_string(struct builder *b, const char *s)
{
	return push_bytes(b, s, strlen(s) + 1);
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
	for (unsigned i = 0; list[i]; i++) {
		add_word(b, push_string(b, list[i]));
		seam_long_work_point();
	}
	add_word(b, 0);
}

static void add_all_auxv(struct builder *b, const struct elf_image *elf, u64 base,
			 const struct places *at)
{
	/* Whose execve this is; root's at boot. */
	const struct process *p = current_process();
	const struct ids ids = p ? p->ids : (struct ids){ 0 };

	if (elf->ia32)
		add_auxv(b, AT_SYSINFO, ia32_vdso_vsyscall(b->mm));
	add_auxv(b, AT_HWCAP, cpuid(1, 0).edx);
	add_auxv(b, AT_HWCAP2, cpu_features.fsgsbase ? HWCAP2_FSGSBASE : 0);
	add_auxv(b, AT_MINSIGSTKSZ, sigframe_max_size());
	add_auxv(b, AT_PAGESZ, PAGE_SIZE);
	add_auxv(b, AT_CLKTCK, CLOCK_TICKS);
	add_auxv(b, AT_PHDR, elf->phdr ? base + elf->phdr : 0);
	add_auxv(b, AT_PHENT, elf->phentsize);
	add_auxv(b, AT_PHNUM, elf->phnum);
	add_auxv(b, AT_BASE, 0);
	add_auxv(b, AT_FLAGS, 0);
	add_auxv(b, AT_ENTRY, base + elf->entry);
	add_auxv(b, AT_UID, ids.user[REAL_ID]);
	add_auxv(b, AT_EUID, ids.user[EFFECTIVE_ID]);
	add_auxv(b, AT_GID, ids.group[REAL_ID]);
	add_auxv(b, AT_EGID, ids.group[EFFECTIVE_ID]);
	add_auxv(b, AT_SECURE, p && creds_are_mixed());
	add_auxv(b, AT_RANDOM, at->random);
	add_auxv(b, AT_EXECFN, at->execfn);
	add_auxv(b, AT_PLATFORM, at->platform);
	add_auxv(b, AT_NULL, 0);
}

/* The words become 32 bits wide, in place.  Returns their size in bytes. */
static u64 narrow_words(struct builder *b)
{
	u32 *narrow = (u32 *)b->word;

	for (unsigned i = 0; i < b->count; i++)
		narrow[i] = (u32)b->word[i];
	return b->count * sizeof(u32);
}

int user_stack_build(struct mm *mm, const char *path, const char *const argv[],
		     const char *const envp[], const struct elf_image *elf, u64 base,
		     virt_addr_t *sp)
{
	phys_addr_t pa = frame_alloc_contiguous(BUILDER_FRAMES, NO_FRAME);
	struct builder *b = pa == NO_FRAME ? NULL : phys_to_virt(pa);
	u64 random[2];
	struct places at;
	u64 size;
	int err;

	if (!b)
		return -ENOFRAME;
	random_bytes(random, sizeof(random));
	b->mm = mm;
	b->at = mm->stack_top - sizeof(u64);
	at.execfn = push_string(b, path);
	at.random = push_bytes(b, random, sizeof(random));
	at.platform = push_string(b, elf->ia32 ? "i686" : "x86_64");
	add_word(b, 0); /* argc, below */
	while (argv[b->word[0]])
		b->word[0]++;
	add_strings(b, argv);
	add_strings(b, envp);
	add_all_auxv(b, elf, base, &at);
	size = elf->ia32 ? narrow_words(b) : b->count * sizeof(u64);
	b->at = ALIGN_DOWN(b->at - randmaps_stack_gap(mm) - size, 16);
	*sp = b->at;
	err = b->err ? b->err : mm_write(mm, b->at, b->word, size);
	frame_free_contiguous(pa, BUILDER_FRAMES);
	return err;
}
