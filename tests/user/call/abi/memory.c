/*
 * memory.c: mmap of anonymous private memory, munmap, mprotect, brk.
 *
 * Besides return values it looks at what is there afterwards: contents, zeros
 * in fresh pages, and through can_read and can_write the rights.
 * Nothing maps memory writable and executable at once: Linux would allow it,
 * another kernel may have better ideas.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define READ_WRITE	(PROT_READ | PROT_WRITE)
#define ANONYMOUS	(MAP_PRIVATE | MAP_ANONYMOUS)

static bool all_bytes(const unsigned char *start, uint64_t bytes, unsigned char value)
{
	for (uint64_t i = 0; i < bytes; i++) {
		if (start[i] != value)
			return false;
	}
	return true;
}

/* Page i is full of 0xa0 + i. */
static unsigned char *map_numbered(unsigned pages)
{
	unsigned char *area = map_pages(pages);

	for (unsigned i = 0; i < pages; i++)
		memset(area + i * PAGE, (int)(0xa0 + i), PAGE);
	return area;
}

static bool numbered(const unsigned char *area, unsigned page)
{
	return all_bytes(area + page * PAGE, PAGE, (unsigned char)(0xa0 + page));
}

static void test_mmap_refusals(void)
{
	check_equal(sys(SYS_mmap, 0, 0, READ_WRITE, ANONYMOUS, -1, 0), -EINVAL, "mmap of 0 bytes gives EINVAL");
	check_equal(sys(SYS_mmap, 0, PAGE, READ_WRITE, MAP_ANONYMOUS, -1, 0), -EINVAL,
		    "mmap neither private nor shared gives EINVAL");
	check_equal(sys(SYS_mmap, 0, PAGE, READ_WRITE, ANONYMOUS, -1, 1), -EINVAL, "mmap with an odd offset gives EINVAL");
	check_equal(sys(SYS_mmap, 0, PAGE, READ_WRITE, MAP_PRIVATE, 99, 0), -EBADF, "mmap of fd 99 gives EBADF");
	check_equal(sys(SYS_mmap, 0, -1, READ_WRITE, ANONYMOUS, -1, 0), -ENOMEM, "mmap of -1 bytes gives ENOMEM");
	check_equal(sys(SYS_mmap, 0, 1ul << 47, READ_WRITE, ANONYMOUS, -1, 0), -ENOMEM,
		    "mmap of the whole user half gives ENOMEM");
	check_equal(sys(SYS_mmap, 0x10000001, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), -EINVAL,
		    "mmap fixed at an odd address gives EINVAL");
	check_equal(sys(SYS_mmap, 0xffffffff80000000, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), -ENOMEM,
		    "mmap fixed over the kernel gives ENOMEM");
	check_equal(sys(SYS_mmap, 0xfffffe7fffffe000, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), -ENOMEM,
		    "mmap fixed over the cpu_entry_area gives ENOMEM");
	check_equal(sys(SYS_mmap, 0x00007fffffffe000, 2 * PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), -ENOMEM,
		    "mmap fixed across the end of the user half gives ENOMEM");
	check_equal(sys(SYS_mmap, 0x4141414141414000, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), -ENOMEM,
		    "mmap fixed at a non-canonical address gives ENOMEM");
}

static void test_mmap(void)
{
	const uint64_t large = 32ul << 20;
	unsigned char *area = map_pages(3);
	int64_t other;

	check_equal((int64_t)((uint64_t)area % PAGE), 0, "mmap returns a page's address");
	check_true(all_bytes(area, 3 * PAGE, 0), "fresh pages are zero");
	memset(area, 0x55, 3 * PAGE);
	check_true(all_bytes(area, 3 * PAGE, 0x55), "pages keep what is written");
	check_equal(sys(SYS_munmap, area, 3 * PAGE), 0, "munmap returns 0");
	check_true(!can_read(area) && !can_read(area + 2 * PAGE), "after munmap the pages are gone");
	other = sys(SYS_mmap, area, 3 * PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0);
	check_equal(other, (int64_t)area, "mmap fixed returns the address");
	check_true(all_bytes(area, 3 * PAGE, 0), "pages mapped again are zero");

	other = sys(SYS_mmap, area, PAGE, READ_WRITE, ANONYMOUS, -1, 0);
	check_true(other > 0 && (other < (int64_t)area || other >= (int64_t)(area + 3 * PAGE)),
		   "a hint to a used address finds another");
	sys(SYS_munmap, other, PAGE);
	other = sys(SYS_mmap, 0xffffffff80000000, PAGE, READ_WRITE, ANONYMOUS, -1, 0);
	check_true(other > 0, "a hint into the kernel finds an address in the user half");
	sys(SYS_munmap, other, PAGE);
	other = sys(SYS_mmap, 0, 1, READ_WRITE, ANONYMOUS, -1, 0);
	check_true(other > 0 && can_write((unsigned char *)other + PAGE - 16), "mmap of 1 byte gives a page");
	sys(SYS_munmap, other, 1);
	check_true(!can_read((void *)other), "munmap of 1 byte takes a page");
	sys(SYS_munmap, area, 3 * PAGE);

	area = map_pages(large / PAGE);
	area[0] = area[large - 1] = 1;
	check_true(area[0] == 1 && area[large - 1] == 1 && area[large / 2] == 0, "32 MiB, of which three pages are used");
	check_equal(sys(SYS_munmap, area, large), 0, "munmap of 32 MiB returns 0");
}

static void test_holes(void)
{
	unsigned char *area = map_numbered(8);

	check_equal(sys(SYS_munmap, area + 3 * PAGE, 2 * PAGE), 0, "munmap in the middle returns 0");
	check_true(numbered(area, 2) && numbered(area, 5), "its neighbours keep their contents");
	check_true(!can_read(area + 3 * PAGE) && !can_read(area + 4 * PAGE), "the hole is not there");
	check_equal(sys(SYS_munmap, area + 3 * PAGE, 2 * PAGE), 0, "munmap of a hole returns 0");
	check_equal(sys(SYS_mmap, area + 4 * PAGE, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0),
		    (int64_t)(area + 4 * PAGE), "mmap fixed fills half of the hole");
	check_true(all_bytes(area + 4 * PAGE, PAGE, 0), "with zeros");
	check_true(!can_read(area + 3 * PAGE), "the other half is still not there");
	check_equal(sys(SYS_mmap, area + 5 * PAGE, 2 * PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0),
		    (int64_t)(area + 5 * PAGE), "mmap fixed replaces two pages");
	check_true(all_bytes(area + 5 * PAGE, 2 * PAGE, 0), "with zeros");
	check_true(numbered(area, 7) && numbered(area, 0), "and no others");
	check_equal(sys(SYS_munmap, area + PAGE, 6 * PAGE), 0, "munmap across maps and a hole returns 0");
	check_true(numbered(area, 0) && numbered(area, 7), "the first page and the last are left");
	check_true(!can_read(area + PAGE) && !can_read(area + 6 * PAGE), "all between are gone");
	sys(SYS_munmap, area, 8 * PAGE);

	check_equal(sys(SYS_munmap, area, 0), -EINVAL, "munmap of 0 bytes gives EINVAL");
	check_equal(sys(SYS_munmap, area + 1, PAGE), -EINVAL, "munmap at an odd address gives EINVAL");
	check_equal(sys(SYS_munmap, area, -1), -EINVAL, "munmap of -1 bytes gives EINVAL");
	check_equal(sys(SYS_munmap, 0xffffffff80000000, PAGE), -EINVAL, "munmap of the kernel gives EINVAL");
	check_equal(sys(SYS_munmap, 0xfffffe7fffffe000, PAGE), -EINVAL, "munmap of the cpu_entry_area gives EINVAL");
	check_equal(sys(SYS_munmap, 0x00007fffffffe000, 2 * PAGE), -EINVAL, "munmap across the end of the user half gives EINVAL");
}

static void test_mprotect(void)
{
	unsigned char *area = map_numbered(5);

	check_equal(sys(SYS_mprotect, area + 2 * PAGE, PAGE, PROT_READ), 0, "mprotect of the middle to PROT_READ returns 0");
	check_true(can_read(area + 2 * PAGE) && !can_write(area + 2 * PAGE), "it can be read and not written");
	check_true(numbered(area, 2), "its contents are the same");
	check_true(can_write(area + PAGE) && can_write(area + 3 * PAGE), "its neighbours can be written");
	check_equal(sys(SYS_mprotect, area + PAGE, 3 * PAGE, PROT_NONE), 0, "mprotect of three pages to PROT_NONE returns 0");
	check_true(!can_read(area + PAGE) && !can_read(area + 2 * PAGE) && !can_read(area + 3 * PAGE), "they cannot be read");
	check_true(numbered(area, 0) && numbered(area, 4), "their neighbours can");
	check_equal(sys(SYS_mprotect, area, 5 * PAGE, READ_WRITE), 0, "mprotect of all to read and write returns 0");
	check_true(numbered(area, 2), "the contents are back");
	check_true(can_write(area + 2 * PAGE), "and can be written");
	check_equal(sys(SYS_mprotect, area, 0, PROT_READ), 0, "mprotect of 0 bytes returns 0");

	check_equal(sys(SYS_mprotect, area + 1, PAGE, PROT_READ), -EINVAL, "mprotect at an odd address gives EINVAL");
	check_equal(sys(SYS_mprotect, area, PAGE, 0x40), -EINVAL, "mprotect with an unknown right gives EINVAL");
	check_equal(sys(SYS_mprotect, 0xffffffff80000000, PAGE, PROT_READ), -ENOMEM, "mprotect of the kernel gives ENOMEM");
	check_equal(sys(SYS_mprotect, 0xfffffe7fffffe000, PAGE, READ_WRITE), -ENOMEM,
		    "mprotect of the cpu_entry_area gives ENOMEM");
	check_equal(sys(SYS_mprotect, area, -PAGE, PROT_READ), -ENOMEM, "mprotect of a range that wraps gives ENOMEM");
	sys(SYS_munmap, area + 2 * PAGE, PAGE);
	check_equal(sys(SYS_mprotect, area, 5 * PAGE, READ_WRITE), -ENOMEM, "mprotect across a hole gives ENOMEM");
	check_true(!can_read(area + 2 * PAGE), "and does not fill it");
	sys(SYS_munmap, area, 5 * PAGE);
}

/* A right given to a page that nobody touched yet counts when it is touched. */
static void test_untouched(void)
{
	unsigned char *area = map_pages(2);

	sys(SYS_mprotect, area, PAGE, PROT_READ);
	check_true(can_read(area) && !can_write(area), "an untouched page made read-only can be read, not written");
	check_equal(area[PAGE - 1], 0, "it is zero");
	sys(SYS_mprotect, area, PAGE, READ_WRITE);
	area[0] = 7;
	check_true(area[0] == 7 && area[1] == 0 && area[PAGE] == 0, "made writable it takes a write, and its neighbour none");
	sys(SYS_munmap, area, 2 * PAGE);
}

static void test_exec(void)
{
	static const unsigned char code[] = { 0xb8, 0x2a, 0, 0, 0, 0xc3 };	/* mov eax, 42; ret */
	unsigned char *area = map_pages(1);
	int (*function)(void);

	memcpy(area, code, sizeof(code));
	check_equal(sys(SYS_mprotect, area, PAGE, PROT_READ | PROT_EXEC), 0, "mprotect to read and execute returns 0");
	memcpy(&function, &area, sizeof(function));
	check_equal(function(), 42, "code that was written there runs");
	check_true(!can_write(area), "and can no longer be written");
	sys(SYS_munmap, area, PAGE);
}

static void test_brk(void)
{
	int64_t old = sys(SYS_brk, 0);
	int64_t start = (old + 2 * (int64_t)PAGE - 1) / (int64_t)PAGE * (int64_t)PAGE;
	int64_t end = start + 3 * (int64_t)PAGE;
	unsigned char *area = (unsigned char *)start;

	check_true(old > 0, "brk(0) tells the break");
	check_equal(sys(SYS_brk, end), end, "brk grows");
	check_true(all_bytes(area, 3 * PAGE, 0), "the new pages are zero");
	memset(area, 0x66, 3 * PAGE);
	check_equal(sys(SYS_brk, 0), end, "brk(0) tells the new break");
	check_equal(sys(SYS_brk, start), start, "brk shrinks");
	check_true(!can_read(area) && !can_read(area + 2 * PAGE), "the pages are gone");
	check_equal(sys(SYS_brk, end - 100), end - 100, "brk grows to the middle of a page");
	check_true(all_bytes(area, 3 * PAGE, 0), "the pages are zero again");
	check_equal(sys(SYS_brk, 1), end - 100, "brk below the heap changes nothing");
	check_equal(sys(SYS_brk, 0x00007fffffffe000), end - 100, "brk to the end of the user half changes nothing");
	check_equal(sys(SYS_brk, 0xffff888000000000), end - 100, "brk into the kernel half changes nothing");
	check_equal(sys(SYS_brk, -1), end - 100, "brk to the last address changes nothing");
	check_equal(sys(SYS_brk, old), old, "brk goes back");
}

void test_memory(void)
{
	test_mmap_refusals();
	test_mmap();
	test_holes();
	test_mprotect();
	test_untouched();
	test_exec();
	test_brk();
}
