/*
 * The initial stack, built downwards from the top of the stack area:
 *
 *   strings: path; environment, arguments, the first ones lowest; platform;
 *            16 random bytes
 *   a gap of random size
 *   auxiliary vector, AT_NULL last
 *   envp[], NULL
 *   argv[], NULL
 *   argc                  <- RSP, 16-aligned
 *
 * Programs choose how many strings there are, and how long.  So they go page by page
 * from the old address space to the stack area, which grows with them and is charged
 * to the process (kernel/linux/process/oom.c); the kernel has three frames for it, and no copy.
 * Nor does it keep their addresses: the pointers are written last, and where each string
 * begins is then read from the new stack itself.
 *
 * A 32-bit program has the same in words of 32 bits, and AT_SYSINFO in front of
 * the vector: the address of __kernel_vsyscall.  There is no AT_SYSINFO_EHDR, for
 * the page it is in is no ELF image; C libraries do without.
 *
 * Sources: System V ABI, AMD64 and i386 supplements; getauxval(3).
 */
#include "arch/cpu.h"
#include "arch/machine/random.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/ia32_vdso.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/program/randmaps.h"
#include "kernel/linux/program/user_stack.h"
#include "kernel/linux/signal/sigframe.h"
#include "kernel/linux/tree.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

enum auxv {
	AT_NULL = 0,
	AT_PHDR = 3,
	AT_PHENT = 4,
	AT_PHNUM = 5,
	AT_PAGESZ = 6,
	AT_BASE = 7,
	AT_FLAGS = 8,
	AT_ENTRY = 9,
	AT_UID = 11,
	AT_EUID = 12,
	AT_GID = 13,
	AT_EGID = 14,
	AT_PLATFORM = 15,
	AT_HWCAP = 16,
	AT_CLKTCK = 17,
	AT_SECURE = 23,
	AT_RANDOM = 25,
	AT_HWCAP2 = 26,
	AT_EXECFN = 31,
	AT_SYSINFO = 32,
	AT_MINSIGSTKSZ = 51,
};
#define HWCAP2_FSGSBASE 2
#define CLOCK_TICKS 100
#define MAX_AUXV 48

struct builder {
	struct mm *mm;
	virt_addr_t at; /* of what was written last; grows down */
	u64 room;       /* bytes that strings may still take */
	int err;
	unsigned word_size;
	virt_addr_t words_at; /* where the words go that are kept here, ascending */
	unsigned used;        /* bytes of them */
	unsigned auxv_count;
	u64 auxv[MAX_AUXV];
	virt_addr_t execfn, random, platform; /* that the auxiliary vector gives */
	virt_addr_t string;                   /* to which the next pointer will lead */
	virt_addr_t window_at;                /* the page that `window` has; 0: none */
	u8 words[PAGE_SIZE];
	u8 window[PAGE_SIZE + 1]; /* and a NUL */
};

#define BUILDER_FRAMES (ALIGN_UP(sizeof(struct builder), PAGE_SIZE) / PAGE_SIZE)

/* The first error stays. */
static bool fail(struct builder *b, int err)
{
	if (!b->err)
		b->err = err;
	return b->err;
}

static void write(struct builder *b, virt_addr_t to, const void *bytes, u64 n)
{
	int err = b->err ? 0 : mm_write(b->mm, to, bytes, n);

	fail(b, err == -EFAULT ? -E2BIG : err); /* the stack may not grow so far */
	oom_charge_exec(b->mm);
}

static virt_addr_t push_bytes(struct builder *b, const void *bytes, size_t n)
{
	b->at -= n;
	write(b, b->at, bytes, n);
	return b->at;
}

/* ---- Strings ---------------------------------------------------------------------- */

static void take_room(struct builder *b, u64 n)
{
	if (n > b->room)
		fail(b, -E2BIG);
	else
		b->room -= n;
}

static virt_addr_t push_string(struct builder *b, const char *s)
{
	take_room(b, strlen(s) + 1);
	return push_bytes(b, s, strlen(s) + 1);
}

/* Of a string of the process, with the NUL; or -EFAULT, -E2BIG, -EINTR. */
static long user_size(struct builder *b, virt_addr_t from)
{
	for (u64 n = 0; n < LIMIT_EXEC_STRING;) {
		u64 part = MIN(PAGE_SIZE - (from + n) % PAGE_SIZE, LIMIT_EXEC_STRING - n);
		long length = copy_string_from_user((char *)b->window, from + n, part);

		if (length < 0)
			return length;
		if ((u64)length < part)
			return (long)n + length + 1;
		n += part;
		if (seam_long_work_point())
			return -EINTR;
	}
	return -E2BIG;
}

/* Other threads may write to it: it ends where it ended, whatever is there by now. */
static void push_user_string(struct builder *b, virt_addr_t from)
{
	long size = user_size(b, from);
	u64 n = (u64)size, part;

	if (size < 0) {
		fail(b, (int)size);
		return;
	}
	take_room(b, n);
	b->at -= n;
	for (u64 done = 0; !b->err && done < n; done += part) {
		part = MIN(n - done, PAGE_SIZE);
		if (copy_from_user(b->window, from + done, part))
			fail(b, -EFAULT);
		if (done + part == n)
			b->window[part - 1] = 0;
		write(b, b->at + done, b->window, part);
	}
}

static virt_addr_t pointer(struct builder *b, const struct string_list *l, u64 i)
{
	virt_addr_t p = 0;

	if (l->kernel)
		p = (virt_addr_t)l->kernel[i];
	else if (l->user)
		fail(b, abi_read_words(&p, l->user + i * abi_width(), 1, abi_width()));
	return b->err ? 0 : p;
}

/* Pointers take room, too, so this ends. */
static u64 count(struct builder *b, const struct string_list *l)
{
	u64 n = 0;

	for (; pointer(b, l, n); n++) {
		take_room(b, sizeof(u64));
		if (seam_long_work_point())
			fail(b, -EINTR);
	}
	return n;
}

/* The last first, so that they lie in order. */
static void push_list(struct builder *b, const struct string_list *l, u64 n)
{
	while (n-- > 0 && !b->err) {
		virt_addr_t p = pointer(b, l, n);

		if (l->kernel)
			push_string(b, (const char *)p);
		else
			push_user_string(b, p);
		if (seam_long_work_point())
			fail(b, -EINTR);
	}
}

/* ---- Words ------------------------------------------------------------------------- */

static void flush_words(struct builder *b)
{
	write(b, b->words_at, b->words, b->used);
	b->words_at += b->used;
	b->used = 0;
}

static void add_word(struct builder *b, u64 v)
{
	memcpy(b->words + b->used, &v, b->word_size);
	b->used += b->word_size;
	if (b->used == sizeof(b->words))
		flush_words(b);
}

static void add_auxv(struct builder *b, enum auxv type, u64 v)
{
	ASSERT_OP(b->auxv_count, <, MAX_AUXV);
	b->auxv[b->auxv_count++] = type;
	b->auxv[b->auxv_count++] = v;
}

/* To the next string in the new stack. */
static void skip_string(struct builder *b)
{
	u64 offset, length;

	do {
		offset = b->string % PAGE_SIZE;
		if (b->window_at != b->string - offset) {
			b->window_at = b->string - offset;
			fail(b, mm_read(b->mm, b->window_at, b->window, PAGE_SIZE));
			b->window[PAGE_SIZE] = 0;
		}
		length = strlen((char *)b->window + offset);
		b->string += length;
	} while (!b->err && offset + length == PAGE_SIZE);
	b->string++;
}

static void add_pointers(struct builder *b, u64 n)
{
	for (; n > 0 && !b->err; n--) {
		add_word(b, b->string);
		skip_string(b);
		if (seam_long_work_point())
			fail(b, -EINTR);
	}
	add_word(b, 0);
}

static void add_all_auxv(struct builder *b, const struct elf_image *elf, u64 base)
{
	/* Whose execve this is; root's at boot. */
	const struct process *p = calling_process();
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
	add_auxv(b, AT_SECURE, p && process_ids_are_mixed());
	add_auxv(b, AT_RANDOM, b->random);
	add_auxv(b, AT_EXECFN, b->execfn);
	add_auxv(b, AT_PLATFORM, b->platform);
	add_auxv(b, AT_NULL, 0);
}

/* ---- All ---------------------------------------------------------------------------- */

/* Leaves b->string at argv[0]. */
static void push_all_strings(struct builder *b, const char *path, const struct start_strings *s,
			     u64 argc, u64 envc)
{
	b->execfn = push_string(b, path);
	push_list(b, &s->envp, envc);
	push_list(b, &s->argv, argc);
	b->string = b->at;
}

static void push_platform(struct builder *b, bool ia32)
{
	u64 random[2];

	random_bytes(random, sizeof(random));
	b->platform = push_string(b, ia32 ? "i686" : "x86_64");
	b->random = push_bytes(b, random, sizeof(random));
}

static void write_words(struct builder *b, u64 argc, u64 envc)
{
	u64 words = 1 + argc + 1 + envc + 1 + b->auxv_count;

	b->at = ALIGN_DOWN(b->at - randmaps_stack_gap(b->mm) - words * b->word_size, 16);
	b->words_at = b->at;
	add_word(b, argc);
	add_pointers(b, argc);
	add_pointers(b, envc);
	for (unsigned i = 0; i < b->auxv_count; i++)
		add_word(b, b->auxv[i]);
	flush_words(b);
}

static void build(struct builder *b, const char *path, struct start_strings s,
		  const struct elf_image *elf, u64 base)
{
	static const char *const nameless[] = { "", NULL };
	u64 argc = count(b, &s.argv), envc = count(b, &s.envp);

	if (argc == 0) { /* a program is told its name, if only "" */
		s.argv = (struct string_list){ .kernel = nameless };
		argc = 1;
		take_room(b, sizeof(u64));
	}
	push_all_strings(b, path, &s, argc, envc);
	b->room = PAGE_SIZE; /* what follows does not count */
	push_platform(b, elf->ia32);
	add_all_auxv(b, elf, base);
	if (!b->err)
		write_words(b, argc, envc);
}

int user_stack_build(struct mm *mm, const char *path, const struct start_strings *strings,
		     const struct elf_image *elf, u64 base, virt_addr_t *sp)
{
	phys_addr_t pa = frame_alloc_contiguous(BUILDER_FRAMES, NO_FRAME);
	struct builder *b = pa == NO_FRAME ? NULL : phys_to_virt(pa);
	int err;

	if (!b)
		return -ENOFRAME;
	b->mm = mm;
	b->at = mm->stack_top - sizeof(u64);
	b->room = limits_exec_strings();
	b->word_size = elf->ia32 ? sizeof(u32) : sizeof(u64);
	build(b, path, *strings, elf, base);
	*sp = b->at;
	err = b->err;
	frame_free_contiguous(pa, BUILDER_FRAMES);
	return err;
}
