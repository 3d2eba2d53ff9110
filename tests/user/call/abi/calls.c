/*
 * calls.c: system call numbers, file descriptors, identity, random bytes and
 * the refusals of reboot.
 *
 * The kernel takes the low 32 bits of rax as the number, sign-extended, and the
 * low 32 bits of a file descriptor: what lies above does not matter.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <string.h>

/* Of linux/reboot.h, which musl-gcc does not have. */
#define REBOOT_MAGIC1	0xfee1dead
#define REBOOT_MAGIC2	672274793

#define HIGH 0x100000000ul	/* the first bit that the kernel does not look at */

static void test_numbers(void)
{
	static const uint64_t unknown[] = { 999, 100000, 0x7fffffff, 0x80000000, 0x80000027, 0xffffffff, ~0ul };
	int64_t pid = sys(SYS_getpid);

	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		check_equal(sys(unknown[i]), -ENOSYS, "call number 0x%llx gives ENOSYS", (unsigned long long)unknown[i]);
	check_equal(sys(HIGH | 999), -ENOSYS, "call number 0x1000003e7 gives ENOSYS");
	check_equal(sys(HIGH | SYS_getpid), pid, "call number 0x100000027 is getpid");
	check_equal(sys(0xffffffff00000000 | SYS_getpid), pid, "call number 0xffffffff00000027 is getpid");
}

static void test_identity(void)
{
	int64_t pid = sys(SYS_getpid);
	uint64_t word = 0;
	struct utsname name;

	check_range(pid, 1, 0x7fffffff, "getpid is positive");
	check_equal(sys(SYS_getpid), pid, "getpid says the same again");
	check_equal(sys(SYS_gettid), pid, "gettid of the first thread is getpid");
	check_range(sys(SYS_getppid), 0, 0x7fffffff, "getppid is not negative");
	check_equal(sys(SYS_set_tid_address, &word), pid, "set_tid_address returns the tid");
	check_equal(sys(SYS_set_tid_address, 0xffffffff80000000), pid, "set_tid_address takes any address");
	sys(SYS_set_tid_address, 0);
	check_equal(sys(SYS_sched_yield), 0, "sched_yield returns 0");

	memset(&name, 0xff, sizeof(name));
	check_equal(sys(SYS_uname, &name), 0, "uname returns 0");
	check_true(memchr(name.sysname, 0, sizeof(name.sysname)) && name.sysname[0], "uname has a system name");
	check_true(memchr(name.release, 0, sizeof(name.release)) && name.release[0], "uname has a release");
	check_true(memchr(name.version, 0, sizeof(name.version)), "uname's version ends");
	check_true(memchr(name.nodename, 0, sizeof(name.nodename)), "uname's node name ends");
	check_true(memcmp(name.machine, "x86_64", 7) == 0, "uname's machine is x86_64");
}

static void test_descriptors(void)
{
	const struct iovec vector = { &(char){ 0 }, 0 };
	static const int bad[] = { -1, 99, 0x7fffffff };
	char byte;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check_equal(sys(SYS_read, bad[i], &byte, 1), -EBADF, "read from fd %d gives EBADF", bad[i]);
		check_equal(sys(SYS_write, bad[i], "", 1), -EBADF, "write to fd %d gives EBADF", bad[i]);
		check_equal(sys(SYS_writev, bad[i], &vector, 1), -EBADF, "writev to fd %d gives EBADF", bad[i]);
		check_equal(sys(SYS_ioctl, bad[i], TIOCGWINSZ, &byte), -EBADF, "ioctl on fd %d gives EBADF", bad[i]);
	}
	check_equal(sys(SYS_write, 99, 0, 8), -EBADF, "a bad fd counts before a bad pointer in write");
	check_equal(sys(SYS_writev, 99, 0, 1), -EBADF, "a bad fd counts before a bad pointer in writev");
	check_equal(sys(SYS_write, HIGH | 1, "", 0), 0, "fd 0x100000001 is fd 1");
}

static void test_write(void)
{
	static const char text[] = "# written by write\n";
	static char first[] = "# written ", last[] = "by writev\n";
	const struct iovec parts[] = { { first, 10 }, { NULL, 0 }, { last, 10 } };
	const struct iovec negative = { first, (size_t)-1 };

	check_equal(sys(SYS_write, 1, text, sizeof(text) - 1), sizeof(text) - 1, "write writes all");
	check_equal(sys(SYS_writev, 1, parts, 3), 20, "writev writes all parts");
	check_equal(sys(SYS_write, 1, text, 0), 0, "write of nothing returns 0");
	check_equal(sys(SYS_write, 1, 0, 0), 0, "write of nothing from NULL returns 0");
	check_equal(sys(SYS_read, 0, 0, 0), 0, "read of nothing to NULL returns 0");
	check_equal(sys(SYS_writev, 1, parts, 0), 0, "writev of no parts returns 0");
	check_equal(sys(SYS_writev, 1, 0, 0), 0, "writev of no parts at NULL returns 0");
	check_equal(sys(SYS_writev, 1, parts, -1), -EINVAL, "writev of -1 parts gives EINVAL");
	check_equal(sys(SYS_writev, 1, parts, 1025), -EINVAL, "writev of 1025 parts gives EINVAL");
	check_equal(sys(SYS_writev, 1, &negative, 1), -EINVAL, "writev of a part of -1 bytes gives EINVAL");
	check_equal(sys(SYS_write, 1, text, -1), -EFAULT, "write of -1 bytes gives EFAULT");
	check_equal(sys(SYS_write, 1, text, 1ul << 63), -EFAULT, "write of 2^63 bytes gives EFAULT");
	check_equal(sys(SYS_write, 1, text, 1ul << 47), -EFAULT, "write past the user half gives EFAULT");
	check_equal(sys(SYS_read, 0, text, -1), -EFAULT, "read of -1 bytes gives EFAULT");
	check_equal(sys(SYS_read, 0, text, 1ul << 47), -EFAULT, "read past the user half gives EFAULT");
}

static void test_ioctl(void)
{
	struct winsize size = { 0 };
	int64_t result = sys(SYS_ioctl, 1, TIOCGWINSZ, &size);

	check_true(result == 0 || result == -ENOTTY, "TIOCGWINSZ gives a size or ENOTTY");
	check_equal(sys(SYS_ioctl, 1, 0xdeadbeef, 0), -ENOTTY, "an unknown ioctl gives ENOTTY");
	result = sys(SYS_ioctl, 1, TIOCGWINSZ, 0xffffffff80000000);
	check_true(result == -EFAULT || result == -ENOTTY, "TIOCGWINSZ to kernel memory gives EFAULT or ENOTTY");
}

static void test_random(void)
{
	static unsigned char first[3 * PAGE], second[32];

	check_equal(sys(SYS_getrandom, first, 32, 0), 32, "getrandom fills 32 bytes");
	check_equal(sys(SYS_getrandom, second, 32, GRND_NONBLOCK), 32, "getrandom fills 32 bytes without waiting");
	check_true(memcmp(first, second, 32) != 0, "getrandom's bytes differ");
	check_equal(sys(SYS_getrandom, first, sizeof(first), 0), sizeof(first), "getrandom fills three pages");
	check_true(memcmp(first + sizeof(first) - 32, second, 32) != 0 && memcmp(first, first + 2 * PAGE, 32) != 0,
		   "getrandom's pages differ");
	check_equal(sys(SYS_getrandom, first, 0, 0), 0, "getrandom of nothing returns 0");
	check_equal(sys(SYS_getrandom, first, 8, 8), -EINVAL, "getrandom with an unknown flag gives EINVAL");
	check_equal(sys(SYS_getrandom, first, 8, GRND_RANDOM | GRND_INSECURE), -EINVAL,
		    "getrandom both random and insecure gives EINVAL");
}

/* The command is not one either, so even a kernel that looks at nothing goes on. */
static void test_reboot(void)
{
	const uint64_t no_command = 0x12345;
	int expected = getauxval(AT_EUID) == 0 ? -EINVAL : -EPERM;

	check_equal(sys(SYS_reboot, 0, 0, no_command), expected, "reboot without magic is refused");
	check_equal(sys(SYS_reboot, REBOOT_MAGIC1, 0, no_command), expected, "reboot with half the magic is refused");
	check_equal(sys(SYS_reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, no_command), expected,
		    "reboot with an unknown command is refused");
}

void test_calls(void)
{
	test_numbers();
	test_identity();
	test_descriptors();
	test_write();
	test_ioctl();
	test_random();
	test_reboot();
}
