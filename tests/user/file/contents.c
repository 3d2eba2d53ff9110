/*
 * contents: files are made, written, read, made shorter and longer; directories are read.
 *
 * All happens in a directory of its own in /tmp, which is gone in the end.  Right outcome, on
 * Linux and on Postern alike: a line `ok N - ...` for each step, `1..N` at the end, exit
 * status 0.  `contents -q` prints failed steps only.
 */
#define _GNU_SOURCE 1
#include "../lib/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 500
#define FAR (1LL << 33)

static char place[64];
static unsigned char bytes[3 * 4096 + 100], back[sizeof(bytes)];

static int error(long result)
{
	return result < 0 ? errno : 0;
}

static int64_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

static int open_error(const char *path, int flags)
{
	int fd = open(path, flags, 0644), err = error(fd);

	if (fd >= 0)
		close(fd);
	return err;
}

static void fill(unsigned seed)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
}

static bool is_zero(size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		if (back[i])
			return false;
	return true;
}

/* ---- Opening ------------------------------------------------------------------------ */

static void test_open(void)
{
	struct stat st;
	int fd;

	check_equal(open_error("f", O_RDONLY), ENOENT, "what is not there is not opened");
	check_equal(open_error("f", O_RDWR | O_CREAT | O_EXCL), 0, "but made");
	check_equal(open_error("f", O_RDWR | O_CREAT | O_EXCL), EEXIST, "once");
	check_equal(open_error("f", O_RDWR | O_CREAT), 0, "and opened again");
	check_equal(open_error("f", O_RDONLY | O_DIRECTORY), ENOTDIR, "it is no directory");
	check_equal(open_error("f/x", O_RDONLY | O_CREAT), ENOTDIR, "nor has it files");
	check_equal(open_error("g/", O_RDWR | O_CREAT), EISDIR, "a slash is for directories");
	check_equal(open_error("none/x", O_RDWR | O_CREAT), ENOENT, "which are not made so");
	mkdir("d", 0755);
	check_equal(open_error("d", O_RDONLY), 0, "a directory is read");
	check_equal(open_error("d", O_RDWR), EISDIR, "and not written");
	check_equal(open_error("d", O_RDONLY | O_CREAT), EISDIR, "nor made");
	symlink("f", "l");
	symlink("new", "to-new");
	check_equal(open_error("l", O_RDONLY | O_NOFOLLOW), ELOOP, "a link can be refused");
	check_equal(open_error("l", O_RDONLY), 0, "or followed");
	check_equal(open_error("to-new", O_RDWR | O_CREAT), 0, "even to what is not there");
	check_true(stat("new", &st) == 0, "which is made");
	check_equal(open_error("to-new", O_RDWR | O_CREAT | O_EXCL), EEXIST, "but not with O_EXCL");
	fd = open("d", O_RDONLY);
	check_equal(error(openat(fd, "in", O_RDWR | O_CREAT, 0600)), 0, "a path begins at a descriptor");
	check_equal(error(fstatat(fd, "in", &st, 0)), 0, "and is there");
	check_equal(error(fchdir(fd)), 0, "or one goes there");
	check_true(stat("in", &st) == 0, "and is");
	check_equal(error(read(fd, back, 1)), EISDIR, "a directory has no bytes");
	chdir("..");
	close(fd);
	unlink("d/in");
	rmdir("d");
	unlink("l");
	unlink("to-new");
	unlink("new");
	unlink("f");
}

/* ---- Bytes ---------------------------------------------------------------------------- */

static void test_bytes(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644), other;

	fill(1);
	check_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes), "pages and a bit are written");
	check_equal(size_of(fd), sizeof(bytes), "and counted");
	check_equal(lseek(fd, 0, SEEK_SET), 0, "back to the beginning");
	check_equal(read(fd, back, sizeof(back)), sizeof(back), "they are read");
	check_true(memcmp(bytes, back, sizeof(back)) == 0, "as they were");
	check_equal(read(fd, back, 1), 0, "then comes the end");
	check_equal(pwrite(fd, "middle", 6, 4093), 6, "across two pages");
	check_equal(pread(fd, back, 6, 4093), 6, "is read so");
	check_true(memcmp(back, "middle", 6) == 0, "the same");
	check_equal(lseek(fd, 0, SEEK_CUR), sizeof(bytes), "the position stays");
	check_equal(lseek(fd, -10, SEEK_END), sizeof(bytes) - 10, "the end is known");
	check_equal(error(lseek(fd, -1, SEEK_SET)), EINVAL, "nothing is in front of a file");
	check_equal(pwrite(fd, "far", 3, 100000), 3, "behind the end");
	check_equal(size_of(fd), 100003, "a file has a hole");
	check_equal(pread(fd, back, 4096, 50000), 4096, "which is read");
	check_true(is_zero(0, 4096), "as zeroes");
	check_equal(write(fd, (void *)8, 5), -1, "a bad address is refused");
	check_equal(errno, EFAULT, "as such");
	other = open("f", O_WRONLY | O_APPEND);
	check_equal(write(other, "end", 3), 3, "another appends");
	check_equal(size_of(fd), 100006, "to the end");
	check_equal(error(read(other, back, 1)), EBADF, "and cannot read");
	check_equal(pread(fd, back, 3, 100003), 3, "what all can");
	check_true(memcmp(back, "end", 3) == 0, "who are in the file");
	close(other);
	other = open("f", O_RDONLY);
	check_equal(error(write(other, bytes, 1)), EBADF, "who reads does not write");
	close(other);
	check_equal(error(unlink("f")), 0, "its name goes");
	check_equal(pread(fd, back, 3, 100003), 3, "what is open stays");
	close(fd);
}

static void test_sizes(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	fill(2);
	write(fd, bytes, sizeof(bytes));
	check_equal(error(ftruncate(fd, 5000)), 0, "a file is cut");
	check_equal(size_of(fd), 5000, "to its size");
	check_equal(error(ftruncate(fd, sizeof(bytes))), 0, "and made longer");
	check_equal(pread(fd, back, sizeof(back), 0), sizeof(back), "again");
	check_true(memcmp(back, bytes, 5000) == 0, "what was left is");
	check_true(is_zero(5000, sizeof(back) - 5000), "what was cut off is not");
	check_equal(error(truncate("f", 0)), 0, "to nothing");
	check_equal(size_of(fd), 0, "at all");
	check_equal(error(truncate("f", -1)), EINVAL, "not to less");
	check_equal(error(truncate(".", 0)), EISDIR, "no directory");
	check_equal(pwrite(fd, "x", 1, FAR), 1, "eight gigabytes on");
	check_equal(size_of(fd), FAR + 1, "there is a byte");
	check_equal(pread(fd, back, 4096, FAR - 8192), 4096, "in front of it");
	check_true(is_zero(0, 4096), "is nothing");
	close(open("f", O_WRONLY | O_TRUNC));
	check_equal(size_of(fd), 0, "O_TRUNC cuts all off");
	close(fd);
	unlink("f");
}

static void test_nameless(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	struct stat st;

	if (fd < 0) {
		check_skip("this file system has none", "files without names");
		return;
	}
	check_equal(write(fd, "abc", 3), 3, "a file without a name");
	check_equal(pread(fd, back, 3, 0), 3, "has bytes");
	check_true(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 3, "and no link");
	close(fd);
}

static void test_limit(void)
{
	const struct rlimit small = { 5000, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	check_equal(write(fd, bytes, sizeof(bytes)), 5000, "a file grows to its limit");
	check_equal(error(write(fd, bytes, 1)), EFBIG, "and no further");
	check_equal(error(ftruncate(fd, 6000)), EFBIG, "by no call");
	setrlimit(RLIMIT_FSIZE, &none);
	close(fd);
	unlink("f");
}

/* ---- Directories ------------------------------------------------------------------------- */

static int count(DIR *dir, bool take_away)
{
	struct dirent *e;
	int n = 0;

	while ((e = readdir(dir))) {
		n++;
		if (take_away && e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	return n;
}

static void test_directory(void)
{
	DIR *dir;
	char name[64];

	mkdir("d", 0755);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d/file-number-%d", i);
		close(open(name, O_WRONLY | O_CREAT, 0644));
	}
	dir = opendir("d");
	check_true(dir != NULL, "a directory is opened");
	check_equal(count(dir, false), MANY + 2, "and read to its end");
	rewinddir(dir);
	check_equal(count(dir, false), MANY + 2, "twice");
	rewinddir(dir);
	check_equal(count(dir, true), MANY + 2, "what is read may be taken away");
	rewinddir(dir);
	check_equal(count(dir, false), 2, "and is gone");
	check_equal(error(rmdir("d")), 0, "so may the directory");
	closedir(dir);
}

/* ---- Devices -------------------------------------------------------------------------------- */

static void test_devices(void)
{
	int fd = open("/dev/null", O_RDWR);

	check_equal(write(fd, bytes, 100), 100, "/dev/null takes all");
	check_equal(read(fd, back, 100), 0, "and gives nothing");
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	memset(back, 1, sizeof(back));
	check_equal(read(fd, back, sizeof(back)), sizeof(back), "/dev/zero gives as much as is wanted");
	check_true(is_zero(0, sizeof(back)), "of zeroes");
	close(fd);
	fd = open("/dev/full", O_RDWR);
	check_equal(error(write(fd, bytes, 1)), ENOSPC, "/dev/full has no room");
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	check_equal(read(fd, back, 64), 64, "/dev/urandom gives bytes");
	check_true(!is_zero(0, 64), "that are none of these");
	close(fd);
}

/* ---- Programs ------------------------------------------------------------------------------- */

#define CHILD "-child"
#define CHILD_STATUS 7

static int run(const char *path)
{
	int status;

	if (fork() == 0) {
		execl(path, path, CHILD, NULL);
		_exit(errno);
	}
	wait(&status);
	return WEXITSTATUS(status);
}

static void test_programs(const char *self)
{
	int from = open(self, O_RDONLY), to = open("copy", O_WRONLY | O_CREAT, 0755);
	ssize_t n;

	while ((n = read(from, back, sizeof(back))) > 0)
		write(to, back, (size_t)n);
	close(from);
	close(to);
	check_equal(run("./copy"), CHILD_STATUS, "a copy of a program runs");
	to = open("text", O_WRONLY | O_CREAT, 0755);
	write(to, "no program", 10);
	close(to);
	check_equal(run("./text"), ENOEXEC, "what is none does not");
	to = open("copy", O_WRONLY);
	check_equal(pwrite(to, "!", 1, 0), 1, "a program can be written");
	close(to);
	check_equal(run("./copy"), ENOEXEC, "and is none then");
	unlink("copy");
	unlink("text");
}

/* ---- Several at once ----------------------------------------------------------------------- */

/* Each appends its own records: none is lost or torn. */
static void test_append(void)
{
	int fd, seen[4] = { 0 }, good = 0;

	for (int child = 0; child < 4; child++)
		if (fork() == 0) {
			fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
			memset(bytes, 'a' + child, 100);
			for (int i = 0; i < 200; i++)
				write(fd, bytes, 100);
			_exit(0);
		}
	for (int child = 0; child < 4; child++)
		wait(NULL);
	fd = open("log", O_RDONLY);
	while (read(fd, back, 100) == 100) {
		bool whole = true;

		for (int i = 1; i < 100; i++)
			whole &= back[i] == back[0];
		good += whole;
		if (back[0] >= 'a' && back[0] < 'e')
			seen[back[0] - 'a']++;
	}
	check_equal(good, 800, "four append to a file");
	check_true(seen[0] == 200 && seen[1] == 200 && seen[2] == 200 && seen[3] == 200,
		   "nobody loses a record");
	close(fd);
	unlink("log");
}

int main(int argc, char **argv)
{
	char self[256] = "";

	if (argc > 1 && strcmp(argv[1], CHILD) == 0)
		return CHILD_STATUS;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	umask(022);
	snprintf(place, sizeof(place), "/tmp/contents-%d", (int)getpid());
	check_equal(error(mkdir(place, 0755)), 0, "there is a place for files");
	check_equal(error(chdir(place)), 0, "to be in");
	test_open();
	test_bytes();
	test_sizes();
	test_nameless();
	test_limit();
	test_directory();
	test_devices();
	test_append();
	test_programs(self);
	chdir("/");
	check_equal(error(rmdir(place)), 0, "all is gone");
	return check_end();
}
