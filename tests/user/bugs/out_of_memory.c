/*
 * Memory that runs out, and init that paid for it.
 *
 * Who touched a page when no frame was free was killed, whoever had taken them
 * all: a hog of uid 1000 waited in pause(), and init died of its own next page.
 *
 * In Postern the largest process of a user is killed, by all that is there for
 * it, and whoever wanted the page waits (kernel/linux/process/oom.c).
 *
 * Right: whatever kind of memory the hog takes, it is the hog that is killed,
 * and this program, which is init, gets its pages, its children and its calls.
 * To be run as init, with little memory.
 */
#include "../../../user/raw_clone.h"
#include "lib/bugs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 1000
#define PAGE 4096ul
#define CHUNK (64 * PAGE)
#define HUGE_AREA (1ul << 40)
#define TABLE_SPAN (1ul << 21)
#define FUTEX_WAKE 1
#define LITTLE 300 /* pages */
#define PIECES 600 /* of a page each */
#define SETOPTIONS 0x4200
#define TRACE_EXIT 0x40
#define EVENT_EXIT 6

static uint64_t free_pages(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram / PAGE;
}

static char *map(uint64_t size, int flags)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* ---- Hogs: all end by being killed -------------------------------------------------- */

static void touch_pages(void)
{
	char *at = map(HUGE_AREA, MAP_PRIVATE);

	for (uint64_t i = 0;; i += PAGE)
		at[i] = 1;
}

static void populate(void)
{
	while (map(CHUNK, MAP_PRIVATE | MAP_POPULATE))
		;
}

/* One page in each table: as many frames of tables as of pages. */
static void make_tables(void)
{
	char *at = map(HUGE_AREA, MAP_PRIVATE);

	for (uint64_t i = 0;; i += TABLE_SPAN)
		at[i] = 1;
}

/* The one that touched it has ended; the child has no page of it in its tables. */
static void inherit_shared(void)
{
	char *at = map(32ul << 20, MAP_SHARED);

	for (uint64_t i = 0; i < 32ul << 20; i += PAGE)
		at[i] = 1;
	if (fork() != 0)
		_exit(0);
	touch_pages();
}

/* Each is small; together they have all. */
static void fork_children(void)
{
	for (;;) {
		char *at = map(CHUNK, MAP_PRIVATE | MAP_POPULATE);

		if (at && fork() < 0)
			pause();
	}
}

static int thread(void *arg)
{
	for (;;)
		pause();
	return arg != NULL;
}

static int64_t make_thread(void)
{
	static char stack[PAGE] __attribute__((aligned(16)));

	return raw_clone(thread, stack + PAGE, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, NULL, NULL);
}

/* Kernel stacks, as many as RLIMIT_NPROC gives, and pages. */
static void make_threads(void)
{
	if (make_thread() < 0)
		_exit(1);
	while (make_thread() > 0)
		;
	touch_pages();
}

static const struct {
	const char *name;
	void (*run)(void);
	bool is_killed;	/* itself, whatever its children do */
} hogs[] = {
	{ "that touches pages", touch_pages, true },
	{ "that populates", populate, true },
	{ "of page tables", make_tables, true },
	{ "of shared memory that another touched", inherit_shared, false },
	{ "that forks", fork_children, false },
	{ "of threads", make_threads, true },
};

/* ---- Init, meanwhile ------------------------------------------------------------------ */

static bool child_works(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == EXITED(7);
}

static void reap_all(void)
{
	kill(-1, SIGKILL);
	while (wait(NULL) > 0)
		;
}

/* Until little is left, or what was started has ended; not for ever. */
static void wait_for_shortage(pid_t pid)
{
	siginfo_t info;

	for (int i = 0; i < 3000 && free_pages() > LITTLE; i++) {
		info.si_pid = 0;
		waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
		if (info.si_pid)
			return;
		usleep(10000);
	}
}

/* Pages, calls that store in untouched pages or read them, children, as the hog goes on. */
static void check_hog(unsigned n)
{
	char *at = map(CHUNK, MAP_PRIVATE), *words = map(CHUNK, MAP_PRIVATE);
	pid_t pid = make_child();
	int good = 0, status = 0;

	if (pid == 0) {
		if (setgid(USER) || setuid(USER))
			_exit(1);
		hogs[n].run();
		_exit(2);
	}
	wait_for_shortage(pid);
	for (uint64_t i = 0; i < CHUNK / PAGE; i += 2) {
		at[i * PAGE] = 1;
		good += sysinfo((struct sysinfo *)(at + (i + 1) * PAGE)) == 0;
		good += syscall(SYS_futex, words + i * PAGE, FUTEX_WAKE, 1) == 0;
		if (i % 16 == 0)
			good += child_works();
	}
	check_equal(good, CHUNK / PAGE + CHUNK / PAGE / 16, "init gets pages, calls and children beside a hog %s", hogs[n].name);
	if (hogs[n].is_killed) {
		waitpid(pid, &status, 0);
		check_equal(status, SIGKILL, "which is killed");
	}
	munmap(at, CHUNK);
	munmap(words, CHUNK);
	reap_all();
}

/*
 * A process that is alone with init and has most of the memory.  Its child needs none until
 * it writes, by itself and through the kernel; then there is not enough for both, and one
 * of the two is killed: the other has what it had.
 */
static void share_most(void)
{
	uint64_t pages = free_pages() * 3 / 4;
	char *at = map(pages * PAGE, MAP_PRIVATE | MAP_POPULATE);
	int status = -1;
	pid_t pid;

	if (!at)
		_exit(1);
	for (uint64_t i = 0; i < pages; i++)
		at[i * PAGE] = 1;
	pid = fork();
	if (pid < 0)
		_exit(2);
	for (uint64_t i = 0; pid == 0 && i < pages; i++) {
		if (i % 2)
			at[i * PAGE] = 2;
		else
			syscall(SYS_getrandom, at + i * PAGE + 1, 1, 0);
		if (at[i * PAGE] != (i % 2 ? 2 : 1))
			_exit(3);
	}
	if (pid == 0)
		_exit(0);
	if (waitpid(pid, &status, 0) != pid || status != SIGKILL)
		_exit(4);
	for (uint64_t i = 0; i < pages; i++)
		if (at[i * PAGE] != 1)
			_exit(5);
	_exit(0);
}

static uint64_t begun_with; /* free pages */

static void have(unsigned percent)
{
	uint64_t pages = begun_with * percent / 100;
	char *at = map(pages * PAGE, MAP_PRIVATE);

	for (uint64_t i = 0; at && i < pages; i++)
		at[i * PAGE] = 1;
}

static void want_much(void)
{
	have(45);
	_exit(0);
}

/* It has so much, in `processes` that share it; the first one's pid, when all is there. */
static pid_t make_holder(unsigned percent, int processes)
{
	uint64_t less = free_pages() - begun_with * percent / 100;
	pid_t pid = make_child();

	if (pid == 0) {
		if (setgid(USER) || setuid(USER))
			_exit(1);
		have(percent);
		if (processes > 1)
			fork();
		for (;;)
			pause();
	}
	for (int i = 0; i < 3000 && free_pages() > less; i++)
		usleep(10000);
	return pid;
}

/*
 * Two that share two fifths of the memory, and one that has less, but alone: only the end
 * of that one gives back what root's child wants.
 */
static void check_sharers(void)
{
	pid_t sharer, single;
	siginfo_t info = { .si_pid = 0 };
	int status = 0;

	begun_with = free_pages();
	sharer = make_holder(40, 2);
	single = make_holder(30, 1);
	check_equal(in_child(want_much), EXITED(0), "root's child gets what it wants");
	check_equal(waitpid(single, &status, WNOHANG) == single ? status : -1, SIGKILL,
		    "for one is killed that has less than two who share, but alone");
	waitid(P_PID, (id_t)sharer, &info, WEXITED | WNOHANG | WNOWAIT);
	check_equal(info.si_pid, 0, "and none of the two");
	reap_all();
}

/* It has most of the memory, and is in and out of the pipe's lock. */
static void have_and_write(int fd)
{
	have(80);
	for (;;)
		write(fd, "x", 1);
}

/*
 * Who is in the middle of a read from a pipe when no frame is left waits for the end of a
 * process that wants to write to that pipe: which must not wait for the first, then.
 */
static void check_pipe(void)
{
	static struct iovec page[PIECES];
	char *at = map(PIECES * PAGE, MAP_PRIVATE);
	int end[2], status = 0;
	uint64_t less;
	pid_t pid;

	check_begin(true); /* its steps are one of ours */
	begun_with = free_pages();
	less = begun_with - begun_with * 80 / 100;
	for (unsigned i = 0; i < PIECES; i++)
		page[i] = (struct iovec){ at + i * PAGE, 1 };
	if (pipe2(end, O_NONBLOCK))
		return;
	pid = make_child();
	if (pid == 0) {
		if (setgid(USER) || setuid(USER))
			_exit(1);
		have_and_write(end[1]);
	}
	for (int i = 0; i < 3000 && free_pages() > less; i++)
		usleep(10000);
	usleep(20000);
	less = free_pages();
	less = less > PIECES / 2 ? less - PIECES / 2 : 0;
	memset(map(less * PAGE, MAP_PRIVATE), 1, less * PAGE);
	check_equal(readv(end[0], page, PIECES), PIECES, "a pipe is read when no memory is left");
	waitpid(pid, &status, 0);
	check_equal(status, SIGKILL, "and who had it, and writes there, is killed");
	_exit(check_status());
}

static void have_and_end(void)
{
	have(60);
}

/* Traces a child that has most of the memory, and leaves it at its end, where it has all. */
static void hold_at_end(void)
{
	pid_t pid;
	int status;

	check_begin(true); /* no step of ours */
	if (setgid(USER) || setuid(USER))
		_exit(1);
	pid = trace_start(have_and_end);
	trace(SETOPTIONS, pid, 0, TRACE_EXIT);
	trace(CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	if (status >> 16 != EVENT_EXIT)
		_exit(2);
	for (;;)
		pause();
}

static void want_most(void)
{
	have(70);
	_exit(0);
}

/*
 * A process is at its end, and still has its memory: its tracer, who does nothing more, holds
 * it there.  Who waits for that memory must not wait for the tracer.
 */
static void check_held_at_end(void)
{
	uint64_t less;
	siginfo_t info = { .si_pid = 0 };
	pid_t pid;

	begun_with = free_pages();
	less = begun_with - begun_with * 60 / 100;
	pid = make_child();
	if (pid == 0)
		hold_at_end();
	for (int i = 0; i < 3000 && free_pages() > less; i++)
		usleep(10000);
	usleep(20000);
	check_equal(in_child(want_most), EXITED(0), "root's child gets what one holds that its tracer keeps from ending");
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	check_equal(info.si_pid, 0, "and the tracer, who has little, is there");
	reap_all();
}

/* All that sysinfo() calls free, but for what the tables of it take. */
static void take_what_is_free(void)
{
	uint64_t pages = free_pages();
	char *at = map(pages * PAGE, MAP_PRIVATE);

	pages -= pages / 256 + 16;
	for (uint64_t i = 0; i < pages; i++)
		at[i * PAGE] = 1;
	_exit(0);
}

int main(int argc, char **argv)
{
	uint64_t before;
	int status;

	bugs_begin(argc, argv);
	if (getuid() != 0 || getpid() != 1) {
		check_skip("must be init", "memory that runs out");
		return check_end();
	}
	child_works();
	in_child(share_most); /* so that init's own pages are there */
	reap_all();
	before = free_pages();
	for (unsigned i = 0; i < sizeof(hogs) / sizeof(hogs[0]); i++)
		check_hog(i);
	check_equal(in_child(take_what_is_free), EXITED(0), "what is called free can be had");
	check_sharers();
	check_equal(in_child(check_pipe), EXITED(0), "nobody waits for ever for a pipe");
	check_held_at_end();
	status = in_child(share_most);
	reap_all();
	check_true(status == EXITED(0) || status == SIGKILL,
		   "of two that share most of it, and want it twice, one is killed, got %#x", status);
	for (int i = 0; i < 100 && free_pages() < before; i++)
		usleep(20000);
	check_range((int64_t)free_pages(), (int64_t)before - 8, (int64_t)before + 8, "all memory has come back");
	return check_end();
}
