/*
 * fuzz: children that do hostile things at random, and good programs beside
 * them that must not notice.
 *
 *	fuzz storm SEED FIRST LOTS	is init of a round: starts children FIRST,
 *		FIRST + 1, .., a lot at a time, and leaves what it counted where
 *		tests/suites/storm.c finds it
 *	fuzz child SEED NUMBER		does what that child did
 *	fuzz crowd SEED GENERATION	what a member of a crowd execs (fuzz/crowd.c)
 *
 * What child NUMBER does depends on the two numbers alone; what becomes of it
 * also on pids and on who runs when.  Left out: reboot, kill(-1) and kill(1) of
 * a process with all rights (tests/user/call/fuzz/calls.c).
 *
 * Right outcome: exit status 0: those that had to be good were.
 */
#define _GNU_SOURCE
#include "fuzz/fuzz.h"
#include "fuzz/report.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOGETHER 6
#define CHILD_MS 700
#define GOOD_MS 120000
#define STUCK_MS 120000 /* who has SIGKILL must be gone by then */

volatile struct fuzz_counts *fuzz_counts;
static volatile uint64_t *report;

static void good_program(void)
{
	static const char *const programs[][5] = {
		{ "/bin/storm", "threads", "4", NULL }, { "/bin/storm", "processes", "1", NULL },
		{ "/bin/regs", NULL }, { "/bin/fpu", "20", NULL }, { "/bin/ldt", "-q", NULL },
		{ "/bin/int80", "-q", NULL }, { "/bin/ia32", "-q", NULL },
		{ "/bin/memory", "1", "100", NULL }, { "/bin/fsgs", "-q", NULL },
	};
	const char *const *argv = programs[fuzz_below(sizeof(programs) / sizeof(*programs))];
	char *envp[] = { NULL };

	execve(argv[0], (char *const *)argv, envp);
	_exit(3);
}

/* `good`: it must exit with 0, or, with `or_dies`, die. */
static const struct kind {
	const char *name;
	void (*run)(void);
	unsigned share;
	bool good, or_dies;
} kinds[] = {
	{ "calls", fuzz_calls_as_nobody, 6, false, false },
	{ "rootcalls", fuzz_calls_as_root, 3, false, false },
	{ "i386calls", fuzz_calls_of_i386, 3, false, false },
	{ "frames", fuzz_frames, 5, false, false },
	{ "code", fuzz_code, 5, false, false },
	{ "tracing", fuzz_tracing, 3, false, false },
	{ "ports", fuzz_ports, 1, true, true },
	{ "shots", fuzz_shared_memory, 3, true, false },
	{ "crowd", fuzz_crowd, 14, false, false },
	{ "bomb", fuzz_bomb, 1, false, false },
	{ "files", fuzz_files, 10, false, false },
	{ "stream", fuzz_stream, 3, true, true },
	{ "forks", fuzz_forks, 2, true, true },
	{ "hog", fuzz_hog, 1, true, false },
	{ "good", good_program, 2, true, false },
};

/* ---- Children --------------------------------------------------------------------------------- */

static const struct kind *kind_of(uint64_t seed, uint64_t number)
{
	unsigned shares = 0, which;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		shares += kinds[i].share;
	fuzz_seed(seed, number);
	which = fuzz_below(shares);
	for (unsigned i = 0;; i++) {
		if (which < kinds[i].share)
			return &kinds[i];
		which -= kinds[i].share;
	}
}

/* Its name, which a panic shows, says how to do it again. */
static void be_child(uint64_t seed, uint64_t number)
{
	const struct kind *kind = kind_of(seed, number);
	char name[16];

	snprintf(name, sizeof(name), "%.8s %llu", kind->name, (unsigned long long)number);
	prctl(PR_SET_NAME, name);
	setsid();
	fuzz_last_child = getpid();
	fuzz_map_memory();
	kind->run();
	_exit(0);
}

/* ---- The supervisor --------------------------------------------------------------------------- */

static struct child {
	pid_t pid;
	uint64_t number;
	uint64_t deadline;
	bool late;
} children[TOGETHER];

static uint64_t next_child;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void start_child(unsigned slot, uint64_t seed)
{
	struct child *c = &children[slot];
	const struct kind *kind = kind_of(seed, next_child);

	c->number = next_child++;
	c->deadline = now_ms() + (kind->good ? GOOD_MS : CHILD_MS);
	c->late = false;
	c->pid = fork();
	if (c->pid == 0) {
		fuzz_counts += slot;
		be_child(seed, c->number);
	}
	report[FUZZ_CHILDREN] += c->pid > 0;
}

static void judge(const struct child *c, const struct kind *kind, int status)
{
	report[c->late ? FUZZ_LATE : WIFEXITED(status) ? FUZZ_EXITED : FUZZ_DIED]++;
	if (!kind->good)
		return;
	if (!c->late && (status == 0 || (kind->or_dies && WIFSIGNALED(status)))) {
		report[FUZZ_GOOD]++;
		return;
	}
	report[FUZZ_BAD]++;
	report[FUZZ_BAD_CHILD] = c->number;
	report[FUZZ_BAD_STATUS] = (uint64_t)status;
}

/* What a slot's child counted; it may have written anything there. */
static void take_counts(unsigned slot)
{
	volatile struct fuzz_counts *c = &fuzz_counts[slot];

	report[FUZZ_CALLS] += c->calls % 100000;
	report[FUZZ_TRIALS] += c->trials % 100000;
	report[FUZZ_CHANGES] += c->changes % 100000;
	c->calls = c->trials = c->changes = 0;
}

/* Takes all who have ended; true if a child is among them. */
static void reap(uint64_t seed)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		for (unsigned i = 0; i < TOGETHER; i++)
			if (children[i].pid == pid) {
				judge(&children[i], kind_of(seed, children[i].number), status);
				take_counts(i);
				children[i].pid = 0;
			}
}

static void end_late(uint64_t now)
{
	for (unsigned i = 0; i < TOGETHER; i++)
		if (children[i].pid > 0 && now > children[i].deadline) {
			children[i].late = true;
			kill(children[i].pid, SIGKILL);
		}
}

static bool any_left(void)
{
	for (unsigned i = 0; i < TOGETHER; i++)
		if (children[i].pid > 0)
			return true;
	return false;
}

/* False: somebody is there long after SIGKILL. */
static bool end_everybody(void)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	uint64_t start = now_ms();

	for (;;) {
		pid_t pid;

		kill(-1, SIGKILL);
		while ((pid = waitpid(-1, NULL, __WALL | WNOHANG)) > 0)
			;
		if (pid < 0)
			return true;
		if (now_ms() - start > STUCK_MS)
			return false;
		nanosleep(&moment, NULL);
	}
}

static int take_away(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* One lot of children, and then whoever and whatever they left behind. */
static bool lot(uint64_t seed)
{
	const struct timespec moment = { .tv_nsec = 2000000 };

	for (unsigned i = 0; i < TOGETHER; i++)
		start_child(i, seed);
	while (any_left()) {
		uint64_t now = now_ms();

		nanosleep(&moment, NULL);
		reap(seed);
		end_late(now);
		for (unsigned i = 0; i < TOGETHER; i++)
			if (children[i].pid > 0 && now > children[i].deadline + STUCK_MS)
				return false;
	}
	return end_everybody() && (nftw(FUZZ_FILES, take_away, 8, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT);
}

static int storm(uint64_t seed, uint64_t first, uint64_t lots)
{
	const int how = MAP_SHARED | MAP_ANONYMOUS;

	report = mmap((void *)FUZZ_REPORT_AT, FUZZ_PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	fuzz_counts = mmap(NULL, FUZZ_PAGE, PROT_READ | PROT_WRITE, how, -1, 0);
	if (report == MAP_FAILED || fuzz_counts == MAP_FAILED)
		return 2;
	next_child = first;
	while (lots-- > 0)
		if (!lot(seed)) {
			report[FUZZ_STUCK] = 1;
			return 1;
		}
	report[FUZZ_DONE] = 1;
	return report[FUZZ_BAD] != 0;
}

int main(int argc, char **argv)
{
	static struct fuzz_counts own;

	if (argc == 5 && strcmp(argv[1], "storm") == 0)
		return storm(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0),
			     strtoull(argv[4], NULL, 0));
	if (argc == 4 && strcmp(argv[1], "crowd") == 0)
		fuzz_crowd_again(strtoull(argv[2], NULL, 0), (unsigned)atoi(argv[3]));
	if (argc == 4 && strcmp(argv[1], "child") == 0) {
		fuzz_counts = &own;
		be_child(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
	}
	return 2;
}
