/*
 * areas: as many areas as a process may have, 65,530, and what happens then.
 *
 * Pages of one reservation get other rights than their neighbours, which makes two areas
 * more each, until the kernel refuses; then what needs no further area must still work, a
 * child must get all of them, and unmapping all must give all back, so that it goes again.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step, `1..N`
 * at the end, exit status 0.  `areas -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../lib/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define MOST 65530 /* vm.max_map_count */
#define PAGES 70000ul
#define OWN 60 /* areas that a program has before it begins, at most */

static char *reservation;

static bool reserve(void)
{
	reservation = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return reservation != MAP_FAILED;
}

static int result(int returned)
{
	return returned ? errno : 0;
}

static int protect(unsigned long page, int prot)
{
	return result(mprotect(reservation + page * PAGE, PAGE, prot));
}

static int unmap(unsigned long page)
{
	return result(munmap(reservation + page * PAGE, PAGE));
}

/* Every second page; how many areas there are then.  *page: that at which it was refused. */
static unsigned long cut_up(unsigned long *page, int *error)
{
	for (*page = 1; *page + 1 < PAGES; *page += 2) {
		*error = protect(*page, PROT_READ);
		if (*error)
			break;
	}
	return *page;
}

static void when_full(unsigned long page)
{
	int first = unmap(page + 10); /* where there was room for one, it is gone then */
	char *at;

	check_equal(first ? first : unmap(page + 20), ENOMEM, "nor may a hole be cut");
	check_equal(protect(1, PROT_READ | PROT_WRITE), 0, "rights of a whole area change");
	reservation[PAGE] = 7;
	check_equal(reservation[PAGE], 7, "and its page is there");
	check_equal(unmap(3), 0, "an area may go");
	check_equal(unmap(5), 0, "and another");
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check_true(at != MAP_FAILED, "then there is room for another");
	check_equal(result(munmap(at, PAGE)), 0, "which goes, too");
}

/* Of a child: it has all of them, as they were. */
static int look(unsigned long last)
{
	bool good = reservation[PAGE] == 7 && reservation[7 * PAGE] == 0;

	return good && reservation[(last - 2) * PAGE] == 0 && protect(2, PROT_READ) == 0 ? 0 : 1;
}

static void fork_all(unsigned long last)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(look(last));
	check_equal(waitpid(child, &status, 0), child, "a child has ended");
	check_equal(status, 0, "which found the areas as they were");
}

int main(int argc, char **argv)
{
	unsigned long page, areas, again;
	int error = 0;

	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	check_true(reserve(), "%lu pages are reserved", PAGES);
	areas = cut_up(&page, &error);
	check_equal(error, ENOMEM, "at some page the rights cannot change any more");
	check_range((int64_t)areas, MOST - OWN, MOST, "with %d areas, less the program's own", MOST);
	when_full(page);
	fork_all(page);
	check_equal(result(munmap(reservation, PAGES * PAGE)), 0, "all are unmapped at once");
	check_true(reserve(), "and reserved");
	again = cut_up(&page, &error);
	check_range((int64_t)again, (int64_t)areas - 4, (int64_t)areas + 4, "as many fit again");
	check_equal(result(mprotect(reservation, PAGES * PAGE, PROT_READ)), 0, "all become one");
	check_equal(reservation[(PAGES - 1) * PAGE], 0, "which can be read");
	return check_end();
}
