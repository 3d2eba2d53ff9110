/*
 * The initial stack, built downwards from the top of the stack area:
 *
 *   strings: path; environment, arguments, the first ones lowest; what else the
 *            auxiliary vector points to
 *   a gap
 *   auxiliary vector, AT_NULL last
 *   envp[], NULL
 *   argv[], NULL
 *   argc                  <- RSP, 16-aligned
 *
 * Programs choose how many strings there are, and how long.  So they go page by page
 * from the old address space to the stack area, which grows with them; the kernel has
 * three frames for it, and no copy.
 * Nor does it keep their addresses: the pointers are written last, and where each string
 * begins is then read from the new stack itself.
 *
 * A 32-bit program has the same in words of 32 bits.
 *
 * Source: System V ABI, AMD64 and i386 supplements.
 */
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/files/start_stack.h"
#include "mm/frames/frame.h"
#include "mm/space/mm.h"
#include "mm/space/uaccess.h"

#define MAX_AUXV 48

struct start_stack {
	struct mm *mm;
	void (*grown)(const struct mm *mm);
	virt_addr_t at; /* of what was written last; grows down */
	u64 room;       /* bytes that strings may still take */
	int err;
	unsigned word_size;
	virt_addr_t words_at; /* where the words go that are kept here, ascending */
	unsigned used;        /* bytes of them */
	u64 argc, envc;
	unsigned auxv_count;
	u64 auxv[MAX_AUXV];
	virt_addr_t string;    /* to which the next pointer will lead */
	virt_addr_t window_at; /* the page that `window` has; 0: none */
	u8 words[PAGE_SIZE];
	u8 window[PAGE_SIZE + 1]; /* and a NUL */
};

#define FRAMES (ALIGN_UP(sizeof(struct start_stack), PAGE_SIZE) / PAGE_SIZE)

/* The first error stays. */
static bool fail(struct start_stack *b, int err)
{
	if (!b->err)
		b->err = err;
	return b->err;
}

static void write(struct start_stack *b, virt_addr_t to, const void *bytes, u64 n)
{
	int err = b->err ? 0 : mm_write(b->mm, to, bytes, n);

	fail(b, err == -EFAULT ? -E2BIG : err); /* the stack may not grow so far */
	b->grown(b->mm);
}

virt_addr_t start_stack_bytes(struct start_stack *b, const void *bytes, size_t n)
{
	b->at -= n;
	write(b, b->at, bytes, n);
	return b->at;
}

/* ---- Strings ---------------------------------------------------------------------- */

static void take_room(struct start_stack *b, u64 n)
{
	if (n > b->room)
		fail(b, -E2BIG);
	else
		b->room -= n;
}

static virt_addr_t push_string(struct start_stack *b, const char *s)
{
	take_room(b, strlen(s) + 1);
	return start_stack_bytes(b, s, strlen(s) + 1);
}

/* Of a string of the process, with the NUL; or -EFAULT, -E2BIG, -EINTR. */
static long user_size(struct start_stack *b, virt_addr_t from)
{
	for (u64 n = 0; n < START_STRING_MAX;) {
		u64 part = MIN(PAGE_SIZE - (from + n) % PAGE_SIZE, START_STRING_MAX - n);
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
static void push_user_string(struct start_stack *b, virt_addr_t from)
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

static virt_addr_t pointer(struct start_stack *b, const struct string_list *l, u64 i)
{
	virt_addr_t p = 0;

	if (l->kernel)
		p = (virt_addr_t)l->kernel[i];
	else if (l->user && copy_from_user(&p, l->user + i * l->width, l->width))
		fail(b, -EFAULT);
	return b->err ? 0 : p;
}

/* Pointers take room, too, so this ends. */
static u64 count(struct start_stack *b, const struct string_list *l)
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
static void push_list(struct start_stack *b, const struct string_list *l, u64 n)
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

static void flush_words(struct start_stack *b)
{
	write(b, b->words_at, b->words, b->used);
	b->words_at += b->used;
	b->used = 0;
}

static void add_word(struct start_stack *b, u64 v)
{
	if (b->word_size == sizeof(u64))
		__builtin_memcpy(b->words + b->used, &v, sizeof(u64));
	else
		__builtin_memcpy(b->words + b->used, &v, sizeof(u32));
	b->used += b->word_size;
	if (b->used == sizeof(b->words))
		flush_words(b);
}

void start_stack_auxv(struct start_stack *b, u64 type, u64 value)
{
	ASSERT_OP(b->auxv_count, <, MAX_AUXV);
	b->auxv[b->auxv_count++] = type;
	b->auxv[b->auxv_count++] = value;
}

/* To the next string in the new stack. */
static void skip_string(struct start_stack *b)
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

static void add_pointers(struct start_stack *b, u64 n)
{
	for (; n > 0 && !b->err; n--) {
		add_word(b, b->string);
		skip_string(b);
		if (seam_long_work_point())
			fail(b, -EINTR);
	}
	add_word(b, 0);
}

/* ---- All ---------------------------------------------------------------------------- */

struct start_stack *start_stack_begin(struct mm *mm, bool ia32, u64 room,
				      void (*grown)(const struct mm *mm))
{
	phys_addr_t pa = frame_alloc_run(FRAMES, NO_FRAME);
	struct start_stack *b = pa == NO_FRAME ? NULL : phys_to_virt(pa);

	if (!b)
		return NULL;
	memset(b, 0, offsetof(struct start_stack, words));
	b->mm = mm;
	b->grown = grown;
	b->at = mm->stack_top - sizeof(u64);
	b->room = room;
	b->word_size = ia32 ? sizeof(u32) : sizeof(u64);
	return b;
}

/* Leaves b->string at argv[0]. */
virt_addr_t start_stack_strings(struct start_stack *b, const char *path,
				const struct start_strings *strings)
{
	static const char *const nameless[] = { "", NULL };
	struct string_list argv = strings->argv;
	virt_addr_t at;

	b->argc = count(b, &argv);
	b->envc = count(b, &strings->envp);
	if (b->argc == 0) { /* a program is told its name, if only "" */
		argv = (struct string_list){ .kernel = nameless };
		b->argc = 1;
		take_room(b, sizeof(u64));
	}
	at = push_string(b, path);
	b->mm->told.env_end = b->at;
	push_list(b, &strings->envp, b->envc);
	b->mm->told.env = b->at;
	push_list(b, &argv, b->argc);
	b->mm->told.args = b->string = b->at;
	return at;
}

static void write_words(struct start_stack *b, u64 gap)
{
	u64 words = 1 + b->argc + 1 + b->envc + 1 + b->auxv_count;

	b->at = ALIGN_DOWN(b->at - gap - words * b->word_size, 16);
	b->words_at = b->at;
	add_word(b, b->argc);
	add_pointers(b, b->argc);
	add_pointers(b, b->envc);
	b->mm->told.auxv = b->at + (words - b->auxv_count) * b->word_size;
	b->mm->told.auxv_end = b->at + words * b->word_size;
	for (unsigned i = 0; i < b->auxv_count; i++)
		add_word(b, b->auxv[i]);
	flush_words(b);
}

int start_stack_end(struct start_stack *b, u64 gap, virt_addr_t *sp)
{
	int err;

	if (!b->err)
		write_words(b, gap);
	*sp = b->at;
	err = b->err;
	frame_free_contiguous(virt_to_phys(b), FRAMES);
	return err;
}
