/*
 * driver.c: one row of a table, with every kind of address.
 *
 * A call is made twice, into pages filled with one byte and with its complement:
 * a byte that is the fill both times was not written. So we know what part of a
 * result there is, and that nothing else has changed.
 */
#include "../../lib/check.h"
#include "hostile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FILL		0xa5
#define FILL_WORD	(FILL * 0x0101010101010101ul)

#define LOW_ADDRESS	0x40	/* MAP_32BIT: INT 0x80 shall reach it */

enum { LOW, HOLE, HIGH, READ_ONLY, NO_ACCESS, PAGES };

uint8_t *arena;

/* Those that depend on neither row nor arena. */
const struct hostile_address hostile_addresses[] = {
	{ 0x0000000000000001, "address 1" },
	{ USER_END - 1, "the last byte of the user half" },
	{ USER_END, "the end of the user half" },
	{ 0x0000800000000000, "the first non-canonical address" },
	{ 0x4141414141414141, "0x4141414141414141" },
	{ 0x8000000000000000, "0x8000000000000000" },
	{ 0xffff7fffffffffff, "the last non-canonical address" },
	{ 0xffff800000000000, "the first address of the kernel half" },
	{ 0xffff888000000000, "the direct map" },
	{ 0xffffc90000000000, "the vmap area" },
	{ 0xfffffe7fffbff000, "a page of the entry area" },
	{ 0xfffffe7fffffe000, "the cpu_entry_area" },
	{ 0xfffffe8000000000, "the vault" },
	{ 0xffffffff80000000, "the kernel image" },
	{ 0xffffffffff600000, "the vsyscall page" },
	{ 0xffffffffffffffff, "the last address" },
};
const unsigned hostile_count = COUNT(hostile_addresses);

static int64_t own_pid;

static uint8_t *page(unsigned n)
{
	return arena + n * PAGE;
}

static void protect(unsigned n, int rights)
{
	sys(SYS_mprotect, page(n), PAGE, rights);
}

static void fill_page(unsigned n, uint64_t value)
{
	uint64_t *word = (uint64_t *)page(n);

	for (unsigned i = 0; i < PAGE / 8; i++)
		word[i] = value;
}

void driver_begin(void)
{
	int64_t at = sys(SYS_mmap, 0, PAGES * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | LOW_ADDRESS, -1, 0);

	check_true(at > 0, "there is memory");
	if (at < 0)
		exit(check_end());
	arena = (uint8_t *)at;
	own_pid = sys(SYS_getpid);
	fill_page(READ_ONLY, FILL_WORD);
	protect(READ_ONLY, PROT_READ);
	protect(NO_ACCESS, PROT_NONE);
	sys(SYS_munmap, page(HOLE), PAGE);
}

/* ---- One call ------------------------------------------------------------------ */

static int64_t wait_for;	/* a child, or 0 */

/* Without a stack, which may be any: the child ends at once. */
int64_t clone_and_end(const uint64_t *args);
__asm__(".text\n"
	"clone_and_end:\n"
	"	mov	8(%rdi), %rsi\n"
	"	mov	16(%rdi), %rdx\n"
	"	mov	24(%rdi), %r10\n"
	"	mov	32(%rdi), %r8\n"
	"	mov	(%rdi), %rdi\n"
	"	mov	$56, %eax\n"
	"	syscall\n"
	"	test	%rax, %rax\n"
	"	jnz	1f\n"
	"	xor	%edi, %edi\n"
	"	mov	$60, %eax\n"
	"	syscall\n"
	"1:	ret\n");

/* R8 to R11 may be lost, by older Linux. */
static int64_t int80(long number, const uint64_t *a)
{
	int64_t result = number;

	__asm__ volatile("push %%rbp; mov %[f], %%ebp; int $0x80; pop %%rbp"
			 : "+a"(result)
			 : "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4]), [f] "r"((uint32_t)a[5])
			 : "r8", "r9", "r10", "r11", "memory");
	return result;
}

static uint64_t argument(uint64_t a)
{
	static const uint64_t vfork[5] = { 0x4111 };	/* CLONE_VM | CLONE_VFORK | SIGCHLD */

	switch (a) {
	case SELF: return (uint64_t)own_pid;
	case TRACEE: return (uint64_t)stopped_child();
	case CHILD:
		wait_for = clone_and_end(vfork);
		return (uint64_t)wait_for;
	default: return a;
	}
}

int64_t make_call(long number, const uint64_t *args)
{
	uint64_t a[6];

	for (unsigned i = 0; i < 6; i++)
		a[i] = argument(args[i]);
	if (number & IA32_CALL)
		return int80(number & ~IA32_CALL, a);
	if (number == SYS_clone)
		return wait_for = clone_and_end(a);
	return raw_syscall((uint64_t)number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int64_t call_row(const struct pointer_row *row, uint64_t address)
{
	uint64_t a[6];
	int64_t result;

	wait_for = 0;
	for (unsigned i = 0; i < 6; i++)
		a[i] = row->args[i] == P ? address : row->args[i];
	if (row->word)
		*row->word = address;
	if (row->before)
		row->before();
	result = make_call(row->number, a);
	if (row->after)
		row->after();
	if (wait_for > 0)	/* fails if the call itself has waited for it */
		sys(SYS_wait4, wait_for, 0, 0, 0);
	return result;
}

static bool is_good(const struct pointer_row *row, int64_t result)
{
	return row->good == NONNEGATIVE ? result >= 0 : result == row->good;
}

static void expect_good(const struct pointer_row *row, int64_t got, const char *where)
{
	if (is_good(row, got) || ((row->flags & MAY_ENOTTY) && got == -ENOTTY))
		check_true(true, "%s(%s) does well", row->name, where);
	else
		check_equal(got, row->good, "%s(%s) does well", row->name, where);
}

static void expect_bad(const struct pointer_row *row, int64_t got, const char *where)
{
	if (row->flags & BAD_GOOD)
		expect_good(row, got, where);
	else if (!(row->flags & MAY_ENOTTY) || got != -ENOTTY)
		check_equal(got, row->bad ? row->bad : -EFAULT, "%s(%s) is refused", row->name, where);
}

/* ---- What was written ----------------------------------------------------------- */

static uint8_t seen[2][2 * PAGE];	/* LOW and HIGH after each of two calls */

static void put_image(const struct pointer_row *row, uint8_t *at, unsigned skip, unsigned n)
{
	if (row->image)
		memcpy(at + skip, (const uint8_t *)row->image + skip, n);
}

/* The bytes [skip, skip + n) of the buffer at `at` are ours. */
static int64_t call_twice(const struct pointer_row *row, uint8_t *at, unsigned skip, unsigned n)
{
	int64_t result = 0;

	for (unsigned i = 0; i < 2; i++) {
		fill_page(LOW, i ? ~FILL_WORD : FILL_WORD);
		fill_page(HIGH, i ? ~FILL_WORD : FILL_WORD);
		put_image(row, at, skip, n);
		result = call_row(row, (uint64_t)at);
		memcpy(seen[i], page(LOW), PAGE);
		memcpy(seen[i] + PAGE, page(HIGH), PAGE);
	}
	return result;
}

static bool was_written(unsigned i)
{
	return !(seen[0][i] == FILL && seen[1][i] == (FILL ^ 0xff));
}

/* The next byte that was written, or lies in [start, end); by words, for there are thousands. */
static unsigned next(unsigned i, unsigned start, unsigned end)
{
	uint64_t a, b;

	for (; i % 8 == 0 && i < 2 * PAGE && (i + 8 <= start || i >= end); i += 8) {
		memcpy(&a, seen[0] + i, 8);
		memcpy(&b, seen[1] + i, 8);
		if (a != FILL_WORD || b != ~FILL_WORD)
			break;
	}
	return i;
}

/* Of [start, end) in `seen`, the image, or what was written; nothing beside it. */
static void expect_written(const struct pointer_row *row, unsigned start, unsigned end, const char *where)
{
	unsigned wrong = 0, missing = 0;

	for (unsigned i = next(0, start, end); i < 2 * PAGE; i = next(i + 1, start, end)) {
		bool inside = i >= start && i < end;
		bool hole = inside && i - start >= row->hole && i - start < row->hole_end;

		if (was_written(i) && (!inside || hole))
			wrong++;
		if (!was_written(i) && inside && !hole)
			missing++;
	}
	check_equal(wrong, 0, "%s(%s) writes nothing beside its result", row->name, where);
	if ((row->flags & RANDOM) && missing <= 2)
		missing = 0;
	if (row->unit)
		check_equal(missing, 0, "%s(%s) writes what it can", row->name, where);
}

static void expect_image_only(const struct pointer_row *row, unsigned start, unsigned end, const char *where)
{
	unsigned wrong = 0;

	for (unsigned i = next(0, start, end); i < 2 * PAGE; i = next(i + 1, start, end))
		wrong += was_written(i) && (i < start || i >= end);
	check_equal(wrong, 0, "%s(%s) writes nothing", row->name, where);
}

static void look(const struct pointer_row *row, unsigned start, unsigned n, const char *where)
{
	if (row->image)
		expect_image_only(row, start, start + n, where);
	else
		expect_written(row, start, start + n, where);
}

/* ---- A row ---------------------------------------------------------------------- */

void check_unharmed(const char *after)
{
	const uint64_t *word = (const uint64_t *)page(READ_ONLY);
	unsigned changed = 0;

	for (unsigned i = 0; i < PAGE / 8; i++)
		changed += word[i] != FILL_WORD;
	check_equal(changed, 0, "the read-only page is unchanged after %s", after);
	check_equal(sys(SYS_getpid), own_pid, "getpid works after %s", after);
}

static void try_bad(const struct pointer_row *row, uint64_t address, const char *what)
{
	expect_bad(row, call_row(row, address), what);
	check_unharmed(row->name);
}

static void try_null(const struct pointer_row *row)
{
	int64_t got;

	if (row->flags & NULL_SKIP)
		return;
	got = call_row(row, 0);
	if (row->flags & NULL_GOOD)
		expect_good(row, got, "NULL");
	else if (row->flags & NULL_EINVAL)
		check_equal(got, -EINVAL, "%s(NULL) is refused", row->name);
	else
		expect_bad(row, got, "NULL");
}

static void try_addresses(const struct pointer_row *row)
{
	for (unsigned i = 0; i < hostile_count; i++) {
		const struct hostile_address *h = &hostile_addresses[i];

		if ((row->number & IA32_CALL) && (uint32_t)h->address == 0)
			continue; /* NULL */
		if (!(row->flags & KERNEL_ONLY) || h->address >= USER_END)
			try_bad(row, h->address, h->what);
	}
	if (row->size > 1)
		try_bad(row, 0 - (uint64_t)row->size / 2, "an end behind 2^64");
	if (row->flags & KERNEL_ONLY)
		return;
	if (row->size > 1)
		try_bad(row, USER_END - row->size / 2, "across the end of the user half");
	try_bad(row, (uint64_t)page(HOLE), "an unmapped page");
	if (row->flags & RIGHTS_GOOD)
		return;
	try_bad(row, (uint64_t)page(NO_ACCESS), "a PROT_NONE page");
	if (row->image)
		return;
	try_bad(row, (uint64_t)page(READ_ONLY), "a read-only page");
	try_bad(row, (uint64_t)try_rows, "program text");
}

/* Up to the end of a page, at an odd address, in a read-only page. */
static void try_good(const struct pointer_row *row)
{
	static const char end[] = "the end of a page", odd[] = "an odd address";

	expect_good(row, call_twice(row, page(HOLE) - row->size, 0, row->size), end);
	look(row, PAGE - row->size, row->size, end);
	expect_good(row, call_twice(row, page(HIGH) + 1, 0, row->size), odd);
	look(row, PAGE + 1, row->size, odd);
	if (!row->image)
		return;
	protect(READ_ONLY, PROT_READ | PROT_WRITE);
	put_image(row, page(READ_ONLY), 0, row->size);
	protect(READ_ONLY, PROT_READ);
	expect_good(row, call_row(row, (uint64_t)page(READ_ONLY)), "a read-only page");
	protect(READ_ONLY, PROT_READ | PROT_WRITE);
	fill_page(READ_ONLY, FILL_WORD);
	protect(READ_ONLY, PROT_READ);
}

/* `there` bytes of the buffer are, the others lie in the hole. */
static void try_crossing(const struct pointer_row *row, unsigned there)
{
	static const char out[] = "into an unmapped page", in[] = "out of an unmapped page";
	unsigned whole = row->unit ? there - there % row->unit : there;
	int64_t got;

	if (there == 0 || there >= row->size)
		return;
	got = call_twice(row, page(HOLE) - there, 0, there);
	if (row->flags & EITHER)
		check_true(got == -EFAULT || got == there, "%s(%s) moves what it can, or refuses", row->name, out);
	else if (row->flags & PARTIAL)
		check_equal(got, there, "%s(%s) moves what it can", row->name, out);
	else
		expect_bad(row, got, out);
	if (!(row->flags & MAY_ENOTTY) || got != -ENOTTY)
		look(row, PAGE - there, row->image ? there : whole, out);
	expect_bad(row, call_twice(row, page(HIGH) - there, there, row->size - there), in);
	if (!(row->flags & SCATTERED))
		expect_image_only(row, PAGE, PAGE + (row->image ? row->size - there : 0), in);
}

static void try_row(const struct pointer_row *row)
{
	bool in_range = !(row->flags & KERNEL_ONLY);

	if (in_range && !(row->flags & NO_GOOD))
		try_good(row);
	if (in_range)
		try_null(row);
	try_addresses(row);
	if (in_range && !(row->flags & BAD_GOOD && row->image)) {
		try_crossing(row, 1);
		if (row->size / 2 > 1)
			try_crossing(row, row->size / 2);
		if (row->size - 1 > row->size / 2)
			try_crossing(row, row->size - 1);
	}
	if (in_range && !(row->flags & NO_GOOD))
		expect_good(row, call_twice(row, page(LOW), 0, row->size), "after all that");
}

void try_rows(const struct pointer_row *rows, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		try_row(&rows[i]);
}

void try_integers(const struct integer_row *rows, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct integer_row *row = &rows[i];
		int64_t got = make_call(row->number, row->args);

		if (row->or && got == row->or)
			got = row->result;
		check_equal(got, row->result, "%s(0x%lx, 0x%lx, 0x%lx, 0x%lx)", row->name, row->args[0],
			    row->args[1], row->args[2], row->args[3]);
		check_unharmed(row->name);
	}
}
