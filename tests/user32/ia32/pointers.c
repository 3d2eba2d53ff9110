/*
 * Every call that takes a pointer, with bad ones.  None can reach the kernel's
 * half, so these are absent pages, the last bytes of 4 GiB, and the page of the
 * vDSO, which can be read but not written.
 */
#include "ia32.h"

#define TIOCGWINSZ 0x5413

/* Two pages, the second absent; the address of the last byte of the first. */
static uint32_t edge;

static void check_fault(int32_t result, const char *sentence)
{
	check_equal((uint32_t)result, (uint32_t)-EFAULT, sentence);
}

static void check_bad(uint32_t p, const char *subject)
{
	uint32_t iov[2] = { p, 16 };

	check_subject(subject);
	check_fault(sys(SYS_writev, 1, p, 1), "writev's array gives EFAULT");
	check_fault(sys(SYS_uname, p), "uname gives EFAULT");
	check_fault(sys(SYS_nanosleep, p, 0), "nanosleep gives EFAULT");
	check_fault(sys(SYS_clock_gettime, 1, p), "clock_gettime gives EFAULT");
	check_fault(sys(SYS_clock_gettime64, 1, p), "clock_gettime64 gives EFAULT");
	check_fault(sys(SYS_mmap, p), "mmap's arguments give EFAULT");
	if (p != edge) {	/* the one byte that is there is done */
		check_fault(sys(SYS_write, 1, p, 16), "write gives EFAULT");
		check_fault(sys(SYS_writev, 1, iov, 1), "writev's piece gives EFAULT");
		check_fault(sys(SYS_getrandom, p, 16, 0), "getrandom gives EFAULT");
	}
	check_subject("");
}

static void check_read_only(uint32_t p)
{
	check_subject("to the vDSO page: ");
	check_fault(sys(SYS_uname, p), "uname gives EFAULT");
	check_fault(sys(SYS_clock_gettime, 1, p), "clock_gettime gives EFAULT");
	check_fault(sys(SYS_clock_gettime64, 1, p), "clock_gettime64 gives EFAULT");
	check_fault(sys(SYS_getrandom, p, 16, 0), "getrandom gives EFAULT");
	check_subject("");
}

/* A bad descriptor or clock is said before a bad pointer, as on Linux. */
static void check_order(void)
{
	check_equal((uint32_t)sys(SYS_write, 99, 0, 1), (uint32_t)-EBADF,
		    "write looks at the descriptor first");
	check_equal((uint32_t)sys(SYS_clock_gettime, 99, 0), (uint32_t)-EINVAL,
		    "clock_gettime looks at the clock first");
	check_equal((uint32_t)sys(SYS_ioctl, 99, TIOCGWINSZ, 0), (uint32_t)-EBADF,
		    "ioctl looks at the descriptor first");
}

void test_pointers(void)
{
	uint32_t pages = (uint32_t)sys(SYS_mmap2, 0, 2 * PAGE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE_ANONYMOUS, -1, 0);

	edge = pages + PAGE - 1;
	*(volatile char *)edge = '\n';
	sys(SYS_munmap, pages + PAGE, PAGE);
	check_bad(0, "from NULL: ");
	check_bad(pages + PAGE, "at an absent page: ");
	check_bad(edge, "across into an absent page: ");
	check_bad(0xffffe000, "behind the user half: ");
	check_bad(0xfffffff8, "across the end of 4 GiB: ");
	check_bad(0xffffffff, "at the last byte: ");
	check_read_only(auxv(AT_SYSINFO) & ~(PAGE - 1));
	check_order();
	sys(SYS_munmap, pages, PAGE);
}
