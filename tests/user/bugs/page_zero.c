/*
 * Page zero: CVE-2009-2692, CVE-2009-1897 and their like (Linux).
 *
 * A null pointer that the kernel follows leads to address 0 of the program that
 * called, and a program that had mapped something there chose what the kernel
 * found: sock_sendpage called through it.  Since then the lowest 64 KiB
 * (vm.mmap_min_addr) are for nobody without the right to IO ports.
 *
 * In Postern: nothing maps below USER_START (mm/space/mm_range.c); with SMEP and SMAP,
 * and with the user half NX in the kernel PGD, the kernel would fault there anyway.
 *
 * Right: EPERM for each call that names a place there, another place for a mere
 * hint, SIGSEGV for each access; and the same behind the calls.
 */
#include "../../../user/raw_syscall.h"
#include "lib/bugs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static uint64_t lowest = 0x10000;

/* Some Linux has another; Postern has no such file. */
static void find_lowest(void)
{
	FILE *file = fopen("/proc/sys/vm/mmap_min_addr", "r");

	if (!file)
		return;
	if (fscanf(file, "%lu", &lowest) != 1)
		lowest = 0;
	fclose(file);
}

static int64_t map(uint64_t at, uint64_t len, int flags)
{
	return sys(SYS_mmap, at, len, READ_WRITE, ANONYMOUS | flags, -1, 0);
}

static void touch(uint64_t at)
{
	volatile char *p = (char *)at;

	__asm__("" : "+r"(p)); /* else gcc knows that it is no object's */
	*p = 1;
}

static void test_place(uint64_t at)
{
	char *area = (char *)map(0, PAGE, 0);

	check_equal(map(at, PAGE, MAP_FIXED), -EPERM, "mmap to %#lx", at);
	check_equal(map(at, lowest, MAP_FIXED), -EPERM, "of more");
	check_equal(map(at, PAGE, MAP_FIXED_NOREPLACE), -EPERM, "with MAP_FIXED_NOREPLACE");
	*area = 7;
	check_equal(sys(SYS_mremap, area, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at), -EPERM, "mremap to it");
	check_equal(*area, 7, "which leaves the page where it was");
	check_true((uint64_t)map(at, PAGE, 0) >= lowest, "it is a poor hint");
	check_equal(CAUGHT(touch(at)), SIGSEGV, "nothing is there");
	munmap(area, PAGE);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	if (geteuid() == 0 && setresuid(1, 1, 1)) /* root may, on Linux */
		return 1;
	find_lowest();
	for (uint64_t at = 0; at < lowest; at += 3 * PAGE)
		test_place(at);
	check_equal(map(lowest, PAGE, MAP_FIXED), (int64_t)lowest, "the page behind them can be had");
	return check_end();
}
