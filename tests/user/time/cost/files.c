/*
 * What goes through files costs: pipes, and files in memory by their names.
 */
#define _GNU_SOURCE
#include "../../../../user/raw_syscall.h"
#include "cost.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One byte into a pipe, and out of it. */
uint64_t do_pipe(uint32_t turns)
{
	uint64_t start = 0;
	int end[2];
	char c = 0;

	if (pipe(end))
		return 0;
	start = rdtsc();
	while (turns--) {
		sys(SYS_write, end[1], &c, 1);
		sys(SYS_read, end[0], &c, 1);
	}
	start = rdtsc() - start;
	close(end[0]);
	close(end[1]);
	return start;
}

/* One byte to another process, which waits for it, and one back: two pipes. */
uint64_t do_ping(uint32_t turns)
{
	int there[2], back[2];
	uint64_t start;
	char c = 0;

	if (pipe(there) || pipe(back))
		return 0;
	if (fork() == 0) {
		while (sys(SYS_read, there[0], &c, 1) == 1)
			sys(SYS_write, back[1], &c, 1);
		sys(SYS_exit_group, 0);
	}
	start = rdtsc();
	for (uint32_t i = 0; i <= turns; i++) {
		if (i == 1)
			start = rdtsc(); /* the other waits by now */
		sys(SYS_write, there[1], &c, 1);
		sys(SYS_read, back[0], &c, 1);
	}
	start = rdtsc() - start;
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	return start;
}

/* ---- Files in memory: /tmp, and the root of an initramfs, on Linux, too ------------------- */

#define BYTES 4096
#define NAME "/tmp/cost-file"
#define DEEP "/tmp/cost-a/b/c/d"	/* five parts */

static int make_file(void)
{
	char bytes[BYTES] = { 0 };
	int fd, good;

	mkdir("/tmp", 0777);
	fd = open(NAME, O_CREAT | O_RDWR | O_TRUNC, 0644);
	good = write(fd, bytes, BYTES) == BYTES;
	close(fd);
	return good;
}

/* A file is opened, 4 KiB of it read, and closed. */
uint64_t do_open(uint32_t turns)
{
	char bytes[BYTES]; /* not the program's data: what exec takes of it is measured, too */
	uint64_t start;

	if (!make_file())
		return 0;
	start = rdtsc();
	while (turns--) {
		long fd = sys(SYS_open, NAME, O_RDONLY);

		sys(SYS_read, fd, bytes, BYTES);
		sys(SYS_close, fd);
	}
	return rdtsc() - start;
}

static uint64_t stat_turns(const char *name, uint32_t turns)
{
	uint64_t start = rdtsc();
	struct stat st;

	while (turns--)
		sys(SYS_stat, name, &st);
	start = rdtsc() - start;
	return stat(name, &st) ? 0 : start;
}

uint64_t do_stat(uint32_t turns)
{
	return make_file() ? stat_turns(NAME, turns) : 0;
}

/* The same of a name of five parts. */
uint64_t do_path(uint32_t turns)
{
	mkdir("/tmp", 0777);
	mkdir("/tmp/cost-a", 0777);
	mkdir("/tmp/cost-a/b", 0777);
	mkdir("/tmp/cost-a/b/c", 0777);
	mkdir(DEEP, 0777);
	return stat_turns(DEEP, turns);
}
