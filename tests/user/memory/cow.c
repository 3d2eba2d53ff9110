/*
 * cow: what fork gives to both is copied for whoever writes to it next.
 *
 * Each step changes a page on one side, in one of the ways in which memory can be changed (a
 * store, the kernel's answer to a call, a tracer, a right that comes back), and looks at the
 * other side, which must not see it.  The same of pages that were only read: all show zeroes
 * until they are written, each for itself.  At last, threads write while others fork, unmap
 * and protect: what a child has does not change any more, and no store is lost.
 *
 * Source: the bugs of others.  CVE-2016-5195 (a write through a read-only private page
 * reached what it was copied from), CVE-2020-29374 (a page that two have was written by one,
 * because the other's hold was not counted).
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step, `1..N` at
 * the end, exit status 0.  `cow -q` prints failed steps only; `cow ROUNDS` more of the last.
 */
#define _GNU_SOURCE
#include "../../../user/raw_syscall.h"
#include "../lib/check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 4
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static unsigned char in_data[PAGE] = { 1 };
static unsigned char in_bss[PAGE];
static volatile unsigned char *area; /* PAGES pages, page i full of 0xa0 + i */
static volatile int *both;           /* shared memory: stages, and what children found */

static bool full_of(const volatile unsigned char *page, unsigned value)
{
	for (unsigned i = 0; i < PAGE; i++)
		if (page[i] != value)
			return false;
	return true;
}

static unsigned char *map(unsigned pages, int prot)
{
	return mmap(NULL, pages * PAGE, prot, ANONYMOUS, -1, 0);
}

static void make_area(void)
{
	unsigned char *at = map(PAGES, READ_WRITE);

	for (unsigned i = 0; i < PAGES; i++)
		memset(at + i * PAGE, (int)(0xa0 + i), PAGE);
	area = at;
}

static bool area_is_whole(void)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (!full_of(area + i * PAGE, 0xa0 + i))
			return false;
	return true;
}

static void free_area(void)
{
	munmap((void *)area, PAGES * PAGE);
}

/* What a child does; true: it found what it should. */
static bool child_does(bool (*what)(void))
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(what() ? 0 : 1);
	waitpid(child, &status, 0);
	return status == 0;
}

/* ---- One side writes ---------------------------------------------------------------- */

static bool stores(void)
{
	volatile unsigned char on_stack = 7;

	area[PAGE] = on_stack;
	in_data[0] = in_bss[0] = 9;
	return area[PAGE] == 7 && area[PAGE + 1] == 0xa1 && in_data[0] == 9 && full_of(area, 0xa0);
}

static bool has_children(void)
{
	area[3 * PAGE] = 1;
	return child_does(stores) && area[3 * PAGE] == 1 && full_of(area + PAGE, 0xa1);
}

static bool kernel_answers(void)
{
	struct timespec *now = (struct timespec *)(area + 2 * PAGE - 8); /* across two pages */

	return clock_gettime(CLOCK_MONOTONIC, now) == 0 && now->tv_nsec < 1000000000 &&
	       area[PAGE] == 0xa1 && area[2 * PAGE + 8] == 0xa2;
}

static bool loses_and_regains_rights(void)
{
	void *page = (void *)(area + PAGE);

	mprotect(page, PAGE, PROT_NONE);
	mprotect(page, 2 * PAGE, PROT_READ);
	mprotect((void *)area, PAGES * PAGE, READ_WRITE);
	area[PAGE] = area[2 * PAGE] = 3;
	return area[PAGE + 1] == 0xa1 && area[2 * PAGE + 1] == 0xa2;
}

static bool moves(void)
{
	volatile unsigned char *to = mremap((void *)area, PAGES * PAGE, 2 * PAGES * PAGE,
					    MREMAP_MAYMOVE);

	for (unsigned i = 0; i < 2 * PAGES; i++)
		to[i * PAGE] = 5;
	return to[1] == 0xa0 && to[(PAGES - 1) * PAGE + 1] == 0xa0 + PAGES - 1 &&
	       to[PAGES * PAGE + 1] == 0;
}

static bool discards(void)
{
	madvise((void *)area, 2 * PAGE, MADV_DONTNEED);
	return full_of(area, 0) && full_of(area + 2 * PAGE, 0xa2);
}

static bool locks(void)
{
	if (mlock((void *)area, PAGES * PAGE))
		return errno == EPERM || errno == ENOMEM;
	return area_is_whole();
}

static void check_stores(void)
{
	make_area();
	check_true(child_does(stores), "a child stores");
	check_true(area_is_whole() && in_data[0] == 1 && in_bss[0] == 0, "its parent has not seen it");
	check_true(child_does(has_children), "a child's child stores");
	check_true(area_is_whole(), "its grandparent has not seen it");
	check_true(child_does(kernel_answers), "the kernel answers a child, across two pages");
	check_true(area_is_whole(), "its parent has not seen it");
	check_true(child_does(loses_and_regains_rights), "a child has rights taken and given back");
	check_true(area_is_whole(), "with them it did not write to its parent's pages");
	check_true(child_does(moves), "a child moves pages");
	check_true(area_is_whole(), "its parent's are where they were");
	check_true(child_does(discards), "a child's discarded pages are zeroes");
	check_true(area_is_whole(), "its parent's are not");
	check_true(child_does(locks), "a child locks pages");
	check_true(area_is_whole(), "its parent's are what they were");
	free_area();
}

/* The child looks when the parent has written, and whether it has the pages to itself. */
static bool looks_later(void)
{
	both[0] = 1;
	while (both[0] != 2)
		sched_yield();
	return area_is_whole();
}

static void check_parent_stores(void)
{
	int status = -1;
	pid_t child;

	make_area();
	both[0] = 0;
	child = fork();
	if (child == 0)
		_exit(looks_later() ? 0 : 1);
	while (both[0] != 1)
		sched_yield();
	for (unsigned i = 0; i < PAGES; i++)
		area[i * PAGE] = 0;
	both[0] = 2;
	waitpid(child, &status, 0);
	check_equal(status, 0, "a parent stores: its child has not seen it");
	check_true(area[0] == 0 && area[1] == 0xa0, "the parent's stores are there");
	free_area();
}

/* As many as no fault that changes nothing may come in a row. */
#define MANY 1100

static bool stores_to_many(void)
{
	for (unsigned i = 0; i < MANY; i++)
		area[i * PAGE] = 2;
	return area[1] == 1 && area[(MANY - 1) * PAGE + 1] == 1;
}

static void check_many(void)
{
	area = map(MANY, READ_WRITE);
	memset((void *)area, 1, MANY * PAGE);
	check_true(child_does(stores_to_many), "a child stores to %u pages", MANY);
	check_true(child_does(stores_to_many), "so does the next");
	check_true(full_of(area, 1) && full_of(area + (MANY - 1) * PAGE, 1),
		   "their parent has not seen it");
	munmap((void *)area, MANY * PAGE);
}

/* Without the right: PROT_NONE when forked. */
static bool opens(void)
{
	mprotect((void *)area, PAGES * PAGE, READ_WRITE);
	area[0] = 0;
	return area[1] == 0xa0 && full_of(area + PAGE, 0xa1);
}

static void check_hidden(void)
{
	make_area();
	mprotect((void *)area, PAGES * PAGE, PROT_NONE);
	check_true(child_does(opens), "pages without rights are a child's, too");
	mprotect((void *)area, PAGES * PAGE, READ_WRITE);
	check_true(area_is_whole(), "what it stores there its parent does not see");
	free_area();
}

/* ---- Others write: a tracer, the kernel at a thread's end ---------------------------- */

static const unsigned char constant[PAGE] __attribute__((aligned(4096))) = { 0x5a, 0x5a };

static void check_tracer(void)
{
	const volatile unsigned char *seen = constant;
	int status = -1;
	long word;
	pid_t child;

	make_area();
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(seen[0] == 0 && area[0] == 0 && area[8] == 0xa0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	word = ptrace(PTRACE_PEEKDATA, child, constant, 0);
	check_equal(word & 0xffff, 0x5a5a, "a tracer reads a constant of its child");
	check_equal(ptrace(PTRACE_POKEDATA, child, constant, 0), 0, "it changes it");
	check_equal(ptrace(PTRACE_POKEDATA, child, area, 0), 0, "and a variable");
	check_true(seen[0] == 0x5a && area_is_whole(), "its own are as they were");
	ptrace(PTRACE_CONT, child, 0, 0);
	waitpid(child, &status, 0);
	check_equal(status, 0, "the child has seen both changes");
	free_area();
}

/* A robust lock whose holder ends: the kernel marks it, in the holder's memory alone. */
static struct {
	struct {
		void *next;
		long offset;
		void *pending;
	} head;
	void *entry; /* the list's only element, in front of its lock */
	uint32_t word;
} robust __attribute__((aligned(4096)));

/* The child holds the lock, and shares its page with a child of its own when it ends. */
static void hold_lock(void)
{
	pid_t self = getpid();

	robust.head.next = &robust.entry;
	robust.entry = &robust.head;
	robust.head.offset = (char *)&robust.word - (char *)&robust.entry;
	robust.word = (uint32_t)self;
	sys(SYS_set_robust_list, &robust.head, sizeof(robust.head));
	if (fork() == 0) {
		while (getppid() == self)
			sched_yield();
		both[0] = robust.word == (uint32_t)self ? 1 : 2;
	}
	_exit(0);
}

static void check_robust(void)
{
	pid_t child;

	both[0] = 0;
	child = fork();
	if (child == 0)
		hold_lock();
	waitpid(child, NULL, 0);
	while (both[0] == 0)
		sched_yield();
	check_equal(both[0], 1, "the kernel's mark on a lock whose holder ended is the holder's");
	check_equal(robust.word, 0, "whose parent never had it");
}

/* ---- Pages that were only read ------------------------------------------------------ */

static void check_zeroes(void)
{
	volatile unsigned char *at = map(PAGES, READ_WRITE), *read_only = map(1, PROT_READ);
	unsigned char filled;
	bool zero = true;

	for (unsigned i = 0; i < PAGES; i++)
		zero &= full_of(at + i * PAGE, 0);
	check_true(zero && full_of(read_only, 0), "pages that nobody wrote are zeroes");
	at[0] = 1;
	check_true(full_of(at + PAGE, 0) && full_of(read_only, 0), "a store to one is in that one");
	check_true(sys(SYS_getrandom, at + PAGE, PAGE, 0) == (long)PAGE && !full_of(at + PAGE, 0),
		   "the kernel fills one");
	check_true(full_of(at + 2 * PAGE, 0) && full_of(read_only, 0), "the others are zeroes still");
	mprotect((void *)read_only, PAGE, READ_WRITE);
	read_only[0] = 1;
	check_true(read_only[0] == 1 && full_of(at + 2 * PAGE, 0), "so when the right came later");
	area = at;
	filled = at[PAGE];
	child_does(stores);
	check_true(at[PAGE] == filled && full_of(at + 2 * PAGE, 0),
		   "a child stores to one that was filled: its parent's are what they were");
	munmap((void *)at, PAGES * PAGE);
	munmap((void *)read_only, PAGE);
}

/* ---- Threads ------------------------------------------------------------------------ */

static volatile bool stop, lost;

/* Counts in a word of each page; who finds less than it has stored has lost a store. */
static void *count(void *unused)
{
	uint64_t n[PAGES] = { 0 };

	(void)unused;
	while (!stop) {
		for (unsigned i = 0; i < PAGES; i++) {
			volatile uint64_t *word = (volatile uint64_t *)(area + i * PAGE);

			if (*word != n[i])
				lost = true;
			*word = ++n[i];
		}
	}
	return NULL;
}

/* Makes the neighbours of what is counted come and go, and their rights. */
static void *disturb(void *unused)
{
	(void)unused;
	while (!stop) {
		unsigned char *at = map(PAGES, READ_WRITE);

		at[0] = at[PAGE] = 1;
		mprotect(at, PAGE, PROT_READ);
		mprotect((void *)area, PAGE, READ_WRITE);
		munmap(at, PAGES * PAGE);
		sched_yield();
	}
	return NULL;
}

/* What the child has of the counters stays what it is. */
static bool snapshot_stays(void)
{
	uint64_t first[PAGES];

	for (unsigned i = 0; i < PAGES; i++)
		first[i] = *(volatile uint64_t *)(area + i * PAGE);
	for (unsigned turn = 0; turn < 3; turn++) {
		sched_yield();
		for (unsigned i = 0; i < PAGES; i++)
			if (*(volatile uint64_t *)(area + i * PAGE) != first[i])
				return false;
	}
	for (unsigned i = 0; i < PAGES; i++)
		*(volatile uint64_t *)(area + i * PAGE) = ~0ull;
	return true;
}

static void check_threads(unsigned rounds)
{
	pthread_t counter, disturber;
	bool stays = true;

	area = map(PAGES, READ_WRITE);
	pthread_create(&counter, NULL, count, NULL);
	pthread_create(&disturber, NULL, disturb, NULL);
	for (unsigned i = 0; i < rounds && stays && !lost; i++)
		stays = child_does(snapshot_stays);
	stop = true;
	pthread_join(counter, NULL);
	pthread_join(disturber, NULL);
	check_true(stays, "threads store while others fork: what a child has stays as it was");
	check_true(!lost, "no store is lost, and none of a child's comes in");
	free_area();
}

/* both[1]: the round in which main has stored; both[2]: in which watch() has looked. */
static volatile bool stale;

/* Has the page in its TLB when another thread's store gives the process a copy of it. */
static void *watch(void *unused)
{
	unsigned char seen = 0;

	(void)unused;
	while (!stop) {
		int round = both[1];

		seen = area[0];
		if (round == both[2])
			continue;
		stale |= seen != (unsigned char)round;
		both[2] = round;
	}
	return NULL;
}

static void check_watcher(int rounds)
{
	pthread_t watcher;

	area = map(1, READ_WRITE);
	area[0] = 0;
	stop = false;
	both[1] = both[2] = 0;
	pthread_create(&watcher, NULL, watch, NULL);
	for (int round = 1; round <= rounds; round++) {
		pid_t child = fork();

		if (child == 0)
			for (;;)
				pause();
		area[0] = (unsigned char)round;
		both[1] = round;
		while (both[2] != round)
			sched_yield();
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	stop = true;
	pthread_join(watcher, NULL);
	check_true(!stale, "a thread's store that made a copy is seen by the other threads at once");
	munmap((void *)area, PAGE);
}

int main(int argc, char **argv)
{
	bool quiet = argc > 1 && strcmp(argv[1], "-q") == 0;
	int rounds = argc > 1 + quiet ? atoi(argv[1 + quiet]) : 0;

	check_begin(quiet);
	both = mmap(NULL, PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check_stores();
	check_parent_stores();
	check_many();
	check_hidden();
	check_tracer();
	check_robust();
	check_zeroes();
	check_threads(rounds > 0 ? (unsigned)rounds : 20);
	check_watcher(rounds > 0 ? rounds : 20);
	return check_end();
}
