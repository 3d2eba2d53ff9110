/*
 * proc: reading in pieces, what is refused, and many files.
 */
#define _GNU_SOURCE 1
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANY 1000

static void test_pieces(void)
{
	static const char *const path[] = { "/proc/self/maps", "/proc/self/cmdline",
					    "/proc/version", "/proc/self/environ" };

	for (unsigned i = 0; i < 4; i++) {
		long n = read_all(path[i]), m = read_into(again, path[i], 1), parts = 0;
		int fd = open(path[i], O_RDONLY);

		check_true(n > 0 && n == m && memcmp(text, again, (size_t)n) == 0,
			   "%s byte by byte is the same", path[i]);
		for (long at = n / 7; at >= 0 && at < n; at += 13) {
			long got = pread(fd, again, 11, at);

			parts += got != (n - at < 11 ? n - at : 11) ||
				 memcmp(again, text + at, (size_t)got) != 0;
		}
		check_equal(parts, 0, "and at odd places");
		check_equal(pread(fd, again, 1, n), 0, "with nothing behind it");
		close(fd);
	}
}

static void test_refusals(void)
{
	int fd = open("/proc/self/stat", O_RDONLY);

	check_equal(error(open("/proc/999999999", O_RDONLY)), ENOENT, "a number that nobody has");
	check_equal(error(open("/proc/01", O_RDONLY)), ENOENT, "a number that is none");
	check_equal(error(mkdir("/proc/new", 0755)), ENOENT, "no directory is made in /proc");
	check_equal(error(open("/proc/self/new", O_CREAT | O_RDWR, 0644)), ENOENT, "nor a file");
	check_equal(error(unlink("/proc/self/stat")), EPERM, "nothing is taken away");
	check_equal(error(link("/proc/self/stat", "/tmp/proc-link")), EXDEV, "or named elsewhere");
	check_equal(error(rmdir("/proc")), EBUSY, "/proc itself stays");
	check_equal(error(open("/proc/self/stat/x", O_RDONLY)), ENOTDIR, "a file is no directory");
	check_equal(error(read(fd, (void *)8, 100)), EFAULT, "an address that is none");
	close(fd);
}

static void test_many(void)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < MANY; i++) {
		int fd = open("/proc/self/maps", O_RDONLY);

		bad += read(fd, text, 100) != 100;
		close(fd);
	}
	check_equal(bad, 0, "%u files opened, read and closed", MANY);
}

void test_reading(void)
{
	test_pieces();
	test_refusals();
	test_many();
}
