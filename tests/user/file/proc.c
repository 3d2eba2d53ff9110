/*
 * proc: what /proc says of processes, and who may read it; on Postern what /sys says of the
 * kernel, too.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step, `1..N` at
 * the end, exit status 0.  `proc -q` prints failed steps only.  The steps about other users
 * want root; /sys those are Postern's alone.
 */
#define _GNU_SOURCE 1
#include "proc/proc.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


char text[TEXT_SIZE], again[TEXT_SIZE];
static char data[4096] = "written";
static const char constant[4096] = "read";

int error(long result)
{
	return result < 0 ? errno : 0;
}

long read_into(char *to, const char *path, size_t piece)
{
	int fd = open(path, O_RDONLY);
	long n, all = 0;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, to + all, piece)) > 0)
		all += n;
	if (n < 0)
		all = -errno;
	close(fd);
	to[all < 0 ? 0 : all] = '\0';
	return all;
}

long read_all(const char *path)
{
	return read_into(text, path, 65536);
}

static const char *of(pid_t pid, const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return path;
}

long long number_of(const char *line)
{
	const char *at = text;

	while (strncmp(at, line, strlen(line)) != 0) {
		at = strchr(at, '\n');
		if (!at)
			return -1;
		at++;
	}
	return strtoll(at + strlen(line), NULL, 10);
}

/* ---- Numbers ------------------------------------------------------------------------------- */

struct stat_line {
	int fields, pid, ppid, pgrp, session;
	char state;
	long long threads, bytes, pages;
};

static struct stat_line parse_stat(const char *path)
{
	struct stat_line s = { .pid = -1 };
	char *at;

	if (read_all(path) <= 0)
		return s;
	s.pid = atoi(text);
	at = strrchr(text, ')');
	if (!at)
		return s;
	s.fields = 2;
	for (at = strtok(at + 1, " \n"); at; at = strtok(NULL, " \n")) {
		long long n = strtoll(at, NULL, 10);

		switch (++s.fields) {
		case 3: s.state = *at; break;
		case 4: s.ppid = (int)n; break;
		case 5: s.pgrp = (int)n; break;
		case 6: s.session = (int)n; break;
		case 20: s.threads = n; break;
		case 23: s.bytes = n; break;
		case 24: s.pages = n; break;
		}
	}
	return s;
}

static void test_stat(void)
{
	struct stat_line s = parse_stat("/proc/self/stat");

	check_equal(s.fields, 52, "fields of /proc/self/stat");
	check_equal(s.pid, getpid(), "its pid");
	check_equal(s.ppid, getppid(), "its parent");
	check_equal(s.pgrp, getpgrp(), "its group");
	check_equal(s.session, getsid(0), "its session");
	check_equal(s.state, 'R', "it runs");
	check_equal(s.threads, 1, "its threads");
	check_range(s.bytes, 4 * 4096, 1LL << 40, "its size");
	check_range(s.pages, 0, s.bytes / 4096, "of which is there"); /* Linux counts later */
	check_equal(parse_stat(of(getpid(), "stat")).pid, getpid(), "the same by its number");
	check_true(strstr(text, "(proc) ") != NULL || read_all("/proc/self/comm") == 5,
		   "its name");
}

static void test_status(void)
{
	static char pages[8192] __attribute__((aligned(4096)));

	read_all("/proc/self/status");
	check_equal(strncmp(text, "Name:\tproc\n", 11), 0, "status begins with the name");
	check_equal(number_of("Tgid:"), getpid(), "Tgid");
	check_equal(number_of("Pid:"), getpid(), "Pid");
	check_equal(number_of("PPid:"), getppid(), "PPid");
	check_equal(number_of("Uid:"), getuid(), "Uid");
	check_equal(number_of("Gid:"), getgid(), "Gid");
	check_equal(number_of("Threads:"), 1, "Threads");
	check_range(number_of("VmSize:"), 16, 1 << 30, "VmSize");
	check_equal(number_of("VmLck:"), 0, "VmLck");
	check_range(number_of("VmRSS:"), 16, number_of("VmSize:"), "VmRSS");
	mlock(pages, sizeof(pages));
	read_all("/proc/self/status");
	check_equal(number_of("VmLck:"), 8, "VmLck of two pages");
	munlock(pages, sizeof(pages));
}

static void test_signals(void)
{
	sigset_t usr1;
	const char *at;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	signal(SIGUSR2, SIG_IGN);
	kill(getpid(), SIGUSR1);
	read_all("/proc/self/status");
	at = strstr(text, "SigBlk:\t");
	check_true(at && strtoull(at + 8, NULL, 16) & 1ULL << (SIGUSR1 - 1), "SigBlk");
	at = strstr(text, "SigIgn:\t");
	check_true(at && strtoull(at + 8, NULL, 16) & 1ULL << (SIGUSR2 - 1), "SigIgn");
	at = strstr(text, "ShdPnd:\t");
	check_true(at && strtoull(at + 8, NULL, 16) & 1ULL << (SIGUSR1 - 1), "ShdPnd");
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* The line of maps that covers the address, or "". */
static const char *map_of(const void *address)
{
	static char line[256];
	unsigned long start, end;

	line[0] = '\0';
	read_all("/proc/self/maps");
	for (char *at = strtok(text, "\n"); at; at = strtok(NULL, "\n"))
		if (sscanf(at, "%lx-%lx", &start, &end) == 2 && (unsigned long)address >= start &&
		    (unsigned long)address < end)
			snprintf(line, sizeof(line), "%s", at);
	return line;
}

static void expect_map(const void *address, const char *rights, const char *what)
{
	const char *at = strchr(map_of(address), ' ');

	check_equal(at ? strncmp(at + 1, rights, strlen(rights)) : -1, 0, "maps: %s is %s", what, rights);
}

static void test_maps(void)
{
	char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int local, fd = open("/proc/self/maps", O_RDONLY), own = open("/proc/self/exe", O_RDONLY);
	char *file = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, own, 4096);
	long before, after;

	expect_map(test_maps, "r-xp", "a function");
	expect_map(data, "rw-p", "a variable");
	expect_map(constant, "r--p", "a constant");
	expect_map(&local, "rw-p", "the stack");
	check_true(strstr(map_of(&local), "[stack]") != NULL, "which has its name");
	expect_map(none, "---p", "what nobody may touch");
	expect_map(shared, "r--s", "shared memory");
	expect_map(file, "r--p 00001000", "a page of a file");
	munmap(file, 4096);
	close(own);
	before = read(fd, again, sizeof(again));
	munmap(none, 4096);
	munmap(shared, 4096);
	check_equal(map_of(none)[0], '\0', "maps: no more when it is gone");
	lseek(fd, 0, SEEK_SET);
	after = read(fd, again, sizeof(again));
	check_true(after > 0 && after < before, "a file that was open is read anew from 0");
	close(fd);
}

/* As another program: the file that was open before is about memory that is gone. */
static int read_after_exec(int fd)
{
	return read(fd, text, 100) == 0 ? 0 : 1;
}

int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_exec(const char *own)
{
	pid_t pid = fork();

	if (pid == 0) {
		char fd[16];

		snprintf(fd, sizeof(fd), "%d", open("/proc/self/maps", O_RDONLY));
		execl(own, "proc", "-after", fd, NULL);
		_exit(2);
	}
	check_equal(status_of(pid), 0, "maps that were opened before an exec are empty");
}

/* ---- What it was told ---------------------------------------------------------------------------- */

static void test_told(int argc, char **argv)
{
	unsigned long *auxv = (unsigned long *)again;
	size_t at = 0;
	long n = read_all("/proc/self/cmdline");
	bool same = true;

	for (int i = 0; i < argc; at += strlen(argv[i++]) + 1)
		same &= at < sizeof(text) && strcmp(text + at, argv[i]) == 0;
	check_true(same, "cmdline is argv");
	check_equal(n, (long)at, "and ends with it");
	n = read_all("/proc/self/environ");
	check_true(n > 0 && strcmp(text, environ[0]) == 0, "environ begins with the first of it");
	n = read_into(again, "/proc/self/auxv", 1024);
	for (at = 0; at < (size_t)n / sizeof(*auxv) && auxv[at] != AT_PAGESZ; at += 2)
		;
	check_equal((long)auxv[at + 1], 4096, "auxv has the size of a page");
	check_equal((long)auxv[n / 8 - 2], AT_NULL, "and ends in AT_NULL");
}

/* ---- Links ------------------------------------------------------------------------------------------ */

static bool is_same(const char *a, const char *b)
{
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static long link_text(const char *path)
{
	long n = readlink(path, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

static void test_links(const char *own)
{
	char number[16];
	struct stat st;

	snprintf(number, sizeof(number), "%d", getpid());
	link_text("/proc/self");
	check_equal(strcmp(text, number), 0, "/proc/self is the own number");
	check_true(is_same("/proc/self/exe", own), "exe leads to the program");
	check_true(link_text("/proc/self/exe") > 0 && is_same(text, own), "and is its path");
	check_true(lstat("/proc/self/exe", &st) == 0 && S_ISLNK(st.st_mode), "exe is a link");
	check_true(chdir("/tmp") == 0 && is_same("/proc/self/cwd", "/tmp"), "cwd leads there");
	check_true(is_same("/proc/self/cwd/..", "/"), "and further");
	check_true(is_same("/proc/self/../self/./exe", own), "there and back");
	check_true(chdir("/proc/self") == 0 && getcwd(text, sizeof(text)) &&
			   strcmp(strrchr(text, '/') + 1, number) == 0,
		   "/proc/self can be worked in");
	check_true(parse_stat("stat").pid == getpid(), "and read in");
	(void)!chdir("/");
}

static void test_files(void)
{
	int fd = open("/tmp/proc-test", O_RDWR | O_CREAT, 0600), end[2], third;
	char path[64], byte = 0;
	struct dirent *e;
	DIR *d = opendir("/proc/self/fd");
	bool found = false;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	link_text(path);
	check_equal(strcmp(text, "/tmp/proc-test"), 0, "an open file's link is its path");
	while (d && (e = readdir(d)))
		found |= atoi(e->d_name) == fd && e->d_type == DT_LNK;
	check_true(found, "and is in the directory");
	closedir(d);
	check_equal(write(fd, "x", 1), 1, "it is written");
	third = open(path, O_RDONLY);
	check_true(read(third, &byte, 1) == 1 && byte == 'x', "and opened by its link");
	close(third);
	unlink("/tmp/proc-test");
	link_text(path);
	check_true(strstr(text, " (deleted)") != NULL, "which says that the file is gone");
	third = open(path, O_RDONLY);
	check_true(read(third, &byte, 1) == 1 && byte == 'x', "and leads there yet");
	close(third);
	close(fd);
	check_equal(link_text(path), -ENOENT, "closed, it has no link");
	check_equal(error(open("/proc/self/fd/01", O_RDONLY)), ENOENT, "nor has 01");

	(void)!pipe(end);
	snprintf(path, sizeof(path), "/dev/fd/%d", end[0]);
	check_true(link_text(path) > 0 && strncmp(text, "pipe:[", 6) == 0, "a pipe's link");
	third = open(path, O_RDONLY);
	check_true(write(end[1], "y", 1) == 1 && read(third, &byte, 1) == 1 && byte == 'y',
		   "a pipe is opened by its link");
	close(third);
	close(end[0]);
	close(end[1]);
}

/* ---- Others --------------------------------------------------------------------------------------------- */

static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static bool becomes(pid_t pid, char state)
{
	for (unsigned i = 0; i < 10000; i++) {
		if (parse_stat(of(pid, "stat")).state == state)
			return true;
		usleep(1000);
	}
	return false;
}

static void test_child(void)
{
	pid_t pid = start_child();
	int fd = open(of(pid, "stat"), O_RDONLY), dir = open(of(pid, ""), O_RDONLY | O_DIRECTORY);
	int read_once = open(of(pid, "status"), O_RDONLY);
	char byte;

	check_true(becomes(pid, 'S'), "a child sleeps");
	check_equal(parse_stat(of(pid, "stat")).ppid, getpid(), "it has its parent");
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	check_true(becomes(pid, 'T'), "and is stopped");
	check_equal(read(read_once, &byte, 1), 1, "a byte of it");
	kill(pid, SIGKILL);
	check_true(becomes(pid, 'Z'), "ended, it is there until it is waited for");
	check_equal(link_text(of(pid, "exe")), -ENOENT, "without its program");
	check_equal(read_all(of(pid, "maps")), 0, "without memory");
	waitpid(pid, NULL, 0);
	check_equal(error(read(fd, text, 100)), ESRCH, "then it is gone: read");
	check_true(openat(dir, "stat", O_RDONLY) < 0, "opened in its directory");
	check_equal(error(open(of(pid, "stat"), O_RDONLY)), ENOENT, "opened");
	check_equal(read(read_once, &byte, 1), 1, "what was made before stays");
	close(read_once);
	close(fd);
	close(dir);
}

/* As another user: errors that do not fit are bits of the exit status. */
static int look_at(pid_t pid)
{
	struct stat st;
	int bad = 0;

	if (setresgid(OTHER_USER, OTHER_USER, OTHER_USER) ||
	    setresuid(OTHER_USER, OTHER_USER, OTHER_USER))
		return 128;
	bad |= read_all(of(pid, "maps")) == -EACCES ? 0 : 1;
	bad |= read_all(of(pid, "environ")) == -EACCES ? 0 : 2;
	bad |= read_all(of(pid, "auxv")) == -EACCES ? 0 : 4;
	bad |= error(open(of(pid, "fd"), O_RDONLY)) == EACCES ? 0 : 8;
	bad |= error(open(of(pid, "fd/0"), O_RDONLY)) == EACCES ? 0 : 8;
	bad |= link_text(of(pid, "exe")) == -EACCES ? 0 : 16;
	bad |= error(stat(of(pid, "cwd"), &st)) == EACCES ? 0 : 16;
	bad |= read_all(of(pid, "status")) > 0 && read_all(of(pid, "cmdline")) > 0 ? 0 : 32;
	return bad;
}

static void test_others(void)
{
	pid_t own = getpid(), pid;
	int status;

	if (geteuid() != 0) {
		check_skip("not root", "others");
		return;
	}
	pid = fork();
	if (pid == 0)
		_exit(look_at(own));
	status = status_of(pid);
	check_equal(status & ~32, 0, "another user may not look into it");
	check_equal(status & 32, 0, "but see that it is there");
	pid = start_child();
	check_true(becomes(pid, 'S') && read_all(of(pid, "environ")) > 0, "root may");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *own = realpath(argv[0], NULL);

	if (argc > 2 && strcmp(argv[1], "-after") == 0)
		return read_after_exec(atoi(argv[2]));
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_stat();
	test_status();
	test_signals();
	test_maps();
	test_exec(own);
	test_told(argc, argv);
	test_links(own);
	test_files();
	test_reading();
	test_child();
	test_others();
	test_system();
	test_kernel();
	return check_end();
}
