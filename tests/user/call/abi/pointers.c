/*
 * pointers.c: each call that takes a pointer gets each kind of bad pointer, and
 * must answer EFAULT: not crash, not read, not write, whatever lies there.
 *
 * A transfer that begins well and runs into an unmapped page is another matter:
 * Linux reports the part that it moved or EFAULT, as the file likes (a pipe does
 * the one, a terminal the other). Both are accepted here.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#define LENGTH 16	/* bytes that each operation moves, or more */

unsigned char *map_pages(unsigned pages)
{
	int64_t address = sys(SYS_mmap, 0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (address < 0) {
		check_equal(address, 0, "mmap of %u pages succeeds", pages);
		exit(check_end());
	}
	return (unsigned char *)address;
}

bool can_read(const void *address)
{
	return sys(SYS_nanosleep, address, 0) != -EFAULT;
}

bool can_write(void *address)
{
	return sys(SYS_clock_gettime, CLOCK_MONOTONIC, address) != -EFAULT;
}

static int64_t write_from(uint64_t p)		{ return sys(SYS_write, 1, p, LENGTH); }
static int64_t writev_vector_at(uint64_t p)	{ return sys(SYS_writev, 1, p, 1); }
static int64_t nanosleep_from(uint64_t p)	{ return sys(SYS_nanosleep, p, 0); }
static int64_t uname_to(uint64_t p)		{ return sys(SYS_uname, p); }
static int64_t clock_gettime_to(uint64_t p)	{ return sys(SYS_clock_gettime, CLOCK_MONOTONIC, p); }
static int64_t getrandom_to(uint64_t p)		{ return sys(SYS_getrandom, p, LENGTH, 0); }
static int64_t arch_prctl_to(uint64_t p)	{ return sys(SYS_arch_prctl, ARCH_GET_FS, p); }
static int64_t read_to(uint64_t p)		{ return sys(SYS_read, 0, p, LENGTH); }

static int64_t writev_from(uint64_t p)
{
	struct iovec vector[2] = { { NULL, 0 }, { (void *)p, LENGTH } };

	return sys(SYS_writev, 1, vector, 2);
}

static const struct operation {
	const char *name;
	int64_t (*call)(uint64_t p);
	bool writes;		/* the kernel writes to the pointer */
	bool may_wait;		/* with a pointer into the user half it may wait for input */
} operations[] = {
	{ "write from",		write_from,		false,	false },
	{ "writev with parts at", writev_vector_at,	false,	false },
	{ "writev from",	writev_from,		false,	false },
	{ "nanosleep from",	nanosleep_from,		false,	false },
	{ "uname to",		uname_to,		true,	false },
	{ "clock_gettime to",	clock_gettime_to,	true,	false },
	{ "getrandom to",	getrandom_to,		true,	false },
	{ "arch_prctl to",	arch_prctl_to,		true,	false },
	{ "read to",		read_to,		true,	true },
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void test_everywhere(uint64_t address, const char *what, bool user_half)
{
	for (unsigned i = 0; i < OPERATIONS; i++) {
		if (operations[i].may_wait && user_half)
			continue;
		check_equal(operations[i].call(address), -EFAULT, "%s %s gives EFAULT", operations[i].name, what);
	}
}

static void test_fixed_addresses(void)
{
	static const struct {
		uint64_t address;
		const char *what;
	} kernel_half[] = {
		{ 0x0000800000000000, "the first non-canonical address" },
		{ 0x4141414141414141, "0x4141414141414141" },
		{ 0xffff7ffffffffff8, "the last non-canonical address" },
		{ 0xffff888000000000, "the direct map" },
		{ 0xffffc90000000000, "the vmap area" },
		{ 0xfffffe7fffffe000, "the cpu_entry_area" },
		{ 0xfffffe8000000000, "the vault" },
		{ 0xffffffff80000000, "the kernel image" },
		{ 0xfffffffffffffff8, "the last address" },
	};

	test_everywhere(0, "NULL", true);
	test_everywhere(8, "address 8", true);
	for (unsigned i = 0; i < sizeof(kernel_half) / sizeof(kernel_half[0]); i++)
		test_everywhere(kernel_half[i].address, kernel_half[i].what, false);
}

static void test_own_pages(void)
{
	unsigned char *page = map_pages(3);
	struct utsname name;

	memset(page, 0xff, 3 * PAGE);
	sys(SYS_munmap, page + PAGE, PAGE);
	test_everywhere((uint64_t)page + PAGE, "an unmapped page", true);
	sys(SYS_mprotect, page, PAGE, PROT_NONE);
	test_everywhere((uint64_t)page, "a PROT_NONE page", true);
	sys(SYS_mprotect, page, PAGE, PROT_READ);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		if (operations[i].writes && !operations[i].may_wait)
			check_equal(operations[i].call((uint64_t)page), -EFAULT, "%s a read-only page gives EFAULT",
				    operations[i].name);
	}
	check_true(page[0] == 0xff && memcmp(page, page + 1, 255) == 0, "the read-only page did not change");
	/* CR0.WP: the kernel may not write there either. */
	check_equal(sys(SYS_uname, (uint64_t)map_pages), -EFAULT, "uname to program text gives EFAULT");
	check_equal(sys(SYS_uname, &name), 0, "uname to the stack returns 0");
	sys(SYS_munmap, page, 3 * PAGE);
}

/* The last bytes of a page, and none behind it. */
static void test_page_end(void)
{
	static const char text[] = "# part of a write\n";
	unsigned char *page = map_pages(2);
	unsigned char *end = page + PAGE;
	int64_t result;

	sys(SYS_munmap, end, PAGE);
	check_equal(sys(SYS_clock_gettime, CLOCK_MONOTONIC, end - 16), 0, "clock_gettime to the end of a page returns 0");
	check_equal(sys(SYS_getrandom, end - 16, 16, 0), 16, "getrandom to the end of a page fills it");
	check_equal(sys(SYS_clock_gettime, CLOCK_MONOTONIC, end - 8), -EFAULT, "clock_gettime across the end gives EFAULT");
	check_equal(sys(SYS_arch_prctl, ARCH_GET_FS, end - 4), -EFAULT, "arch_prctl across the end gives EFAULT");
	check_equal(sys(SYS_uname, end - sizeof(struct utsname) + 1), -EFAULT, "uname one byte across the end gives EFAULT");
	check_equal(sys(SYS_nanosleep, end - 8, 0), -EFAULT, "nanosleep from across the end gives EFAULT");
	check_equal(sys(SYS_writev, 1, end - 8, 1), -EFAULT, "writev with parts across the end gives EFAULT");

	memcpy(end - (sizeof(text) - 1), text, sizeof(text) - 1);
	result = sys(SYS_write, 1, end - (sizeof(text) - 1), 100);
	check_true(result == -EFAULT || (result > 0 && result < (int64_t)sizeof(text)),
		   "write across the end gives EFAULT or the bytes that there were");
	if (result > 0 && result < (int64_t)sizeof(text) - 1)
		sys(SYS_write, 1, "\n", 1);
	result = sys(SYS_getrandom, end - 16, 512, 0);
	check_true(result == -EFAULT || (result > 0 && result <= 16),
		   "getrandom across the end gives EFAULT or the bytes that there were");
	check_equal(sys(SYS_write, 1, end, 1ul << 40), -EFAULT, "write of 2^40 bytes from an unmapped page gives EFAULT");
	check_equal(sys(SYS_getrandom, end, 1ul << 40, 0), -EFAULT, "getrandom of 2^40 bytes to an unmapped page gives EFAULT");
	sys(SYS_munmap, page, PAGE);
}

void test_pointers(void)
{
	test_fixed_addresses();
	test_own_pages();
	test_page_end();
}
