/*
 * mapped: files that are mapped, private and shared.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step, `1..N` at
 * the end, exit status 0.  `mapped -q` prints failed steps only.
 */
#define _GNU_SOURCE 1
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define SIZE 5000 /* of a new file */
#define RW (PROT_READ | PROT_WRITE)

static char name[64];

static int got(long result)
{
	return result < 0 ? -errno : (int)result;
}

static char byte_at(int at)
{
	return (char)(at * 7 % 251);
}

/* Open for both, with SIZE known bytes. */
static int new_file(void)
{
	char bytes[SIZE];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	for (int i = 0; i < SIZE; i++)
		bytes[i] = byte_at(i);
	if (fd < 0 || write(fd, bytes, SIZE) != SIZE)
		exit(1);
	return fd;
}

static char *map(int fd, size_t size, int prot, int flags, off_t offset)
{
	char *at = mmap(NULL, size, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		exit(2);
	return at;
}

static int error(size_t size, int prot, int flags, int fd, off_t offset)
{
	char *at = mmap(NULL, size, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		return errno;
	munmap(at, size);
	return 0;
}

static int in_file(int fd, off_t at)
{
	char c = 0;

	return pread(fd, &c, 1, at) == 1 ? c : -1;
}

/* Bytes of the file that stand where they must. */
static int right_bytes(const char *at, int from, int n)
{
	int right = 0;

	while (right < n && at[right] == byte_at(from + right))
		right++;
	return right;
}

static int zeroes(const char *at, int n)
{
	int right = 0;

	while (right < n && at[right] == 0)
		right++;
	return right;
}

/* ---- The signal of a touch -------------------------------------------------------------- */

static sigjmp_buf back;
static volatile int code;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	code = info->si_code;
	siglongjmp(back, signal);
}

/* 0, or the signal of reading, or writing, a byte. */
static int touch(volatile char *at, int write)
{
	int signal = sigsetjmp(back, 1);

	if (signal)
		return signal;
	if (write)
		*at = 'w';
	else
		(void)*at;
	return 0;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

/* ---- Private ------------------------------------------------------------------------------ */

static void test_private(void)
{
	int fd = new_file(), status;
	char *at = map(fd, 3 * PAGE, RW, MAP_PRIVATE, 0), *second;

	check_equal(right_bytes(at, 0, SIZE), SIZE, "a mapping shows the file's bytes");
	check_equal(zeroes(at + SIZE, 2 * PAGE - SIZE), 2 * PAGE - SIZE, "and zeroes to the end of its last page");
	check_equal(touch(at + 2 * PAGE, 0), SIGBUS, "behind that is SIGBUS");
	check_equal(code, BUS_ADRERR, "of an address");
	check_equal(touch(at + 2 * PAGE, 1), SIGBUS, "to write, too");
	at[10] = 'x';
	at[PAGE] = 'y';
	check_equal(in_file(fd, 10), byte_at(10), "what is written to it is not in the file");
	check_equal(right_bytes(at + 11, 11, PAGE - 11), PAGE - 11, "the rest of the page is as it was");
	second = map(fd, 2 * PAGE, PROT_READ, MAP_PRIVATE, 0);
	check_equal(second[10], byte_at(10), "nor in another mapping");
	pwrite(fd, "z", 1, 20);
	check_equal(at[20], byte_at(20), "a page of its own is not the file's any more");
	pwrite(fd, "z", 1, 10);
	check_equal(in_file(fd, 10), 'z', "which goes on without it");
	check_equal(at[10], 'x', "and it without that");
	if (fork() == 0) {
		at[10] = 'c';
		_exit(at[PAGE] != 'y' || at[30] != byte_at(30));
	}
	wait(&status);
	check_equal(status, 0, "a child has it, too");
	check_equal(at[10], 'x', "for itself");
	check_equal(mprotect(second, 2 * PAGE, RW), 0, "what could be read can become writable");
	second[0] = 'q';
	check_equal(in_file(fd, 0), byte_at(0), "for itself, too");
	munmap(at, 3 * PAGE);
	munmap(second, 2 * PAGE);
	close(fd);
}

/* ---- Shared --------------------------------------------------------------------------------- */

static void test_shared(void)
{
	int fd = new_file(), status;
	char *at = map(fd, 2 * PAGE, RW, MAP_SHARED, 0), *second = map(fd, PAGE, PROT_READ, MAP_SHARED, PAGE);
	char *own = map(fd, 2 * PAGE, PROT_READ, MAP_PRIVATE, 0);

	check_equal(right_bytes(at, 0, SIZE), SIZE, "a shared mapping shows the bytes");
	check_equal(right_bytes(second, PAGE, SIZE - PAGE), SIZE - PAGE, "one from the second page those");
	at[PAGE + 1] = 's';
	check_equal(in_file(fd, PAGE + 1), 's', "what is written to it is in the file");
	check_equal(second[1], 's', "and in the other");
	check_equal(own[PAGE + 1], 's', "and in a private one that has no page of its own");
	pwrite(fd, "w", 1, 3);
	check_equal(at[3], 'w', "what is written to the file is in the mapping");
	if (fork() == 0) {
		at[5] = 'c';
		_exit(at[PAGE + 1] != 's');
	}
	wait(&status);
	check_equal(status, 0, "a child has it");
	check_equal(at[5], 'c', "and what it writes is seen");
	check_equal(got(msync(at, 2 * PAGE, MS_SYNC)), 0, "msync has nothing to do");
	check_equal(got(msync(at + 1, PAGE, MS_SYNC)), -EINVAL, "and wants pages");
	check_equal(got(msync(at, PAGE, MS_SYNC | MS_ASYNC)), -EINVAL, "and one kind");
	lseek(fd, 0, SEEK_SET);
	check_equal(read(fd, at + 100, 50), 50, "a file is read into its own mapping");
	check_equal(at[100], byte_at(0), "rightly");
	check_equal(pwrite(fd, at, 30, SIZE), 30, "and written from it");
	check_equal(at[SIZE + 29], at[29], "as well");
	munmap(second, PAGE);
	check_equal(got(msync(second, PAGE, MS_SYNC)), -ENOMEM, "what is not mapped is ENOMEM");
	munmap(own, 2 * PAGE);
	close(fd);
	unlink(name);
	at[0] = 'u';
	check_equal(at[0] + at[5], 'u' + 'c', "closed, and without a name, it is still there");
	munmap(at, 2 * PAGE);
}

/* ---- The end moves ---------------------------------------------------------------------------- */

static void test_truncate(void)
{
	int fd = new_file();
	char *at = map(fd, 3 * PAGE, RW, MAP_SHARED, 0), *own = map(fd, 3 * PAGE, RW, MAP_PRIVATE, 0);

	at[PAGE] = own[PAGE] = 'b';
	at[100] = own[100] = 'a';
	check_equal(ftruncate(fd, 50), 0, "a file is made shorter");
	check_equal(at[49], byte_at(49), "what is left is there");
	check_equal(at[100], 0, "the rest of the page is zeroes");
	check_equal(own[100], 'a', "but for a page of its own");
	check_equal(touch(at + PAGE, 0), SIGBUS, "a page behind the end is SIGBUS, had it been touched or not");
	check_equal(touch(own + PAGE, 0), SIGBUS, "a private one's, too");
	check_equal(ftruncate(fd, 3 * PAGE), 0, "and longer");
	check_equal(touch(at + 2 * PAGE, 1), 0, "then it may be touched");
	check_equal(zeroes(at + 50, 2 * PAGE - 50), 2 * PAGE - 50, "and what comes back is zeroes");
	check_equal(in_file(fd, 2 * PAGE), 'w', "and the file's");
	check_equal(zeroes(own + PAGE, PAGE), PAGE, "for the private one, too");
	close(open(name, O_WRONLY | O_TRUNC));
	check_equal(touch(at, 0), SIGBUS, "of an empty file nothing can be touched");
	munmap(at, 3 * PAGE);
	munmap(own, 3 * PAGE);
	close(fd);
}

/* ---- Who may ------------------------------------------------------------------------------------ */

static void test_rights(void)
{
	int fd = new_file(), in = open(name, O_RDONLY), out = open(name, O_WRONLY);
	int dir = open("/tmp", O_RDONLY), path = open(name, O_PATH), end[2];
	char *at;

	pipe(end);
	check_equal(error(PAGE, RW, MAP_SHARED, in, 0), EACCES, "what is open to read is not mapped to write");
	check_equal(error(PAGE, RW, MAP_PRIVATE, in, 0), 0, "but for oneself");
	check_equal(error(PAGE, PROT_READ, MAP_SHARED, in, 0), 0, "nor to read");
	check_equal(error(PAGE, PROT_READ, MAP_PRIVATE, out, 0), EACCES, "what is open to write is not mapped");
	check_equal(error(PAGE, PROT_WRITE, MAP_SHARED, out, 0), EACCES, "at all");
	check_equal(error(PAGE, PROT_READ, MAP_PRIVATE, path, 0), EBADF, "what is open as a path is not open");
	check_equal(error(PAGE, PROT_READ, MAP_PRIVATE, 99, 0), EBADF, "nor what is closed");
	check_equal(error(PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV, "directories have no bytes");
	check_equal(error(PAGE, PROT_READ, MAP_PRIVATE, end[0], 0), ENODEV, "pipes have no place for them");
	check_equal(error(0, PROT_READ, MAP_PRIVATE, fd, 0), EINVAL, "no bytes are none");
	check_equal(error(PAGE, PROT_READ, MAP_PRIVATE, fd, 100), EINVAL, "an offset is a page's");
	check_equal(error(PAGE, PROT_READ, 0, fd, 0), EINVAL, "private or shared must be said");
	at = map(in, PAGE, PROT_READ, MAP_SHARED, 0);
	check_equal(got(mprotect(at, PAGE, RW)), -EACCES, "what is mapped so to read stays so");
	check_equal(touch(at, 1), SIGSEGV, "and is not written");
	munmap(at, PAGE);
	for (int n = 3; n < 12; n++)
		close(n);
}

/* ---- What else is mapped --------------------------------------------------------------------------- */

static void test_zero(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *own = map(fd, PAGE, RW, MAP_PRIVATE, 0), *at = map(fd, PAGE, RW, MAP_SHARED, 0);

	check_equal(zeroes(own, PAGE) + zeroes(at, PAGE), 2 * PAGE, "/dev/zero is mapped as zeroes");
	if (fork() == 0) {
		own[0] = at[0] = 'c';
		_exit(0);
	}
	wait(NULL);
	check_equal(own[0], 0, "private");
	check_equal(at[0], 'c', "and shared");
	munmap(own, PAGE);
	munmap(at, PAGE);
	close(fd);
}

static void test_moved(void)
{
	int fd = new_file();
	char *at = map(fd, PAGE, RW, MAP_PRIVATE, 0), *all = map(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0);

	at[0] = 'm';
	at = mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	check_true(at != MAP_FAILED, "a mapping grows");
	check_equal(at[0], 'm', "with what was written to it");
	check_equal(right_bytes(at + PAGE, PAGE, SIZE - PAGE), SIZE - PAGE, "and shows more of the file");
	check_equal(munmap(all, PAGE), 0, "the first page of another goes");
	check_equal(right_bytes(all + PAGE, PAGE, SIZE - PAGE), SIZE - PAGE, "the second stays");
	check_equal(got(madvise(at, PAGE, MADV_DONTNEED)), 0, "pages of its own are given up");
	check_equal(at[0], byte_at(0), "and are the file's again");
	munmap(at, 2 * PAGE);
	munmap(all + PAGE, PAGE);
	close(fd);
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	snprintf(name, sizeof(name), "/tmp/mapped-%d", (int)getpid());
	catch_signals();
	test_private();
	test_shared();
	test_truncate();
	test_rights();
	test_zero();
	test_moved();
	check_equal(unlink(name), 0, "all is gone");
	return check_end();
}
