/*
 * The ways into the kernel, each with the same calls.  Unlike INT 0x80, the
 * others lose registers, which must be what they were all the same.
 */
#include "ia32.h"

#define ARITHMETIC_FLAGS 0x8d5		/* CF PF AF ZF SF OF */

static char text[] = "# six arguments\n";

static void check_registers(way_in *way)
{
	int32_t pid = way(SYS_getpid, 0x11111111, 0x22222222, 0x33333333, 0x44444444,
			  0x55555555, 0x66666666);
	struct call_regs after = after_call; /* the steps make calls, too */

	check_equal(after.ebx, 0x11111111, "ebx is kept");
	check_equal(after.ecx, 0x22222222, "ecx is kept");
	check_equal(after.edx, 0x33333333, "edx is kept");
	check_equal(after.esi, 0x44444444, "esi is kept");
	check_equal(after.edi, 0x55555555, "edi is kept");
	check_equal(after.ebp, 0x66666666, "ebp is kept");
	check_equal(after.flags & ~ARITHMETIC_FLAGS, 0x202, "the flags are kept");
	check_true(pid > 0, "getpid gives a pid");
	check_equal((uint32_t)pid, (uint32_t)sys(SYS_getpid), "getpid gives INT 0x80's pid");
	check_equal((uint32_t)way(SYS_gettid, 0, 0, 0, 0, 0, 0), (uint32_t)pid,
		    "gettid is getpid's");
}

/* Numbers have 32 bits, and none of them is too high. */
static void check_numbers(way_in *way)
{
	static const uint32_t none[] = {
		222, 251, 0x1000, 0x40000014, 0x7fffffff, 0x80000000, 0x80000014, 0xffffffff,
	};

	for (uint32_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check_equal((uint32_t)way(none[i], 0, 0, 0, 0, 0, 0), (uint32_t)-ENOSYS,
			    "a number that no call has gives ENOSYS");
}

/* The arguments arrive in order; errors are negative in 32 bits. */
static void check_arguments(way_in *way)
{
	uint32_t page = (uint32_t)way(SYS_mmap2, 0, PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE_ANONYMOUS, 0xffffffff, 0);

	check_true(page % PAGE == 0 && page >= 0x10000 && page < 0xffffe000,
		   "mmap2 with six arguments gives a page");
	*(volatile uint32_t *)page = 1;
	check_equal((uint32_t)way(SYS_mmap2, page, PAGE, PROT_READ,
				  MAP_PRIVATE_ANONYMOUS | MAP_FIXED, 0xffffffff, 5), page,
		    "mmap2 replaces it");
	check_equal(*(volatile uint32_t *)page, 0, "with a page of zeroes");
	check_equal((uint32_t)way(SYS_mmap2, 0, PAGE, PROT_READ, 0x2, 99, 0),
		    (uint32_t)-EBADF, "mmap2 of fd 99, the fifth argument, gives EBADF");
	check_equal((uint32_t)way(SYS_munmap, page, PAGE, 0, 0, 0, 0), 0, "munmap");
	check_equal((uint32_t)way(SYS_write, 1, (uint32_t)text, sizeof(text) - 1, 0, 0, 0),
		    sizeof(text) - 1, "write gives the number of bytes");
	check_equal((uint32_t)way(SYS_write, 99, (uint32_t)text, 1, 0, 0, 0),
		    (uint32_t)-EBADF, "write to fd 99 gives EBADF");
	check_equal((uint32_t)way(SYS_write, 1, 0xffffffff, 1, 0, 0, 0),
		    (uint32_t)-EFAULT, "write from the last byte of 4 GiB gives EFAULT");
}

#define FUTEX_WAIT_BITSET 9

/* Here the sixth argument, which is on the stack for some, decides. */
static void check_sixth(way_in *way)
{
	static uint32_t word = 1;

	check_equal((uint32_t)way(SYS_futex, (uint32_t)&word, FUTEX_WAIT_BITSET, 0, 0, 0, 0),
		    (uint32_t)-EINVAL, "futex without a bit to wait for gives EINVAL");
	check_equal((uint32_t)way(SYS_futex, (uint32_t)&word, FUTEX_WAIT_BITSET, 0, 0, 0, 1),
		    (uint32_t)-EAGAIN, "with one, and another value in the word, EAGAIN");
}

static void check_way(way_in *way, const char *subject)
{
	check_subject(subject);
	check_registers(way);
	check_numbers(way);
	check_arguments(way);
	check_sixth(way);
	check_subject("");
}

void test_entries(void)
{
	check_way(by_int80, "INT 0x80: ");
	check_way(by_sysinfo, "AT_SYSINFO: ");
	if (has_sysenter())
		check_way(by_sysenter, "SYSENTER: ");
	else
		check_skip("not on this vendor's processors", "SYSENTER");
	if (has_syscall())
		check_way(by_syscall, "SYSCALL: ");
	else
		check_skip("not on this vendor's processors", "SYSCALL");
}
