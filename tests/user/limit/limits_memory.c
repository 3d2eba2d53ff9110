/*
 * limits_memory: RLIMIT_STACK, for stacks that grow, for where execve puts things and
 * for what it takes; RLIMIT_MEMLOCK.  A case that lowers a limit is a child of its own.
 *
 * `limits_memory = MODE ...` is what it runs itself as.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step,
 * `1..N` at the end, exit status 0. `limits_memory -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "limits.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>

#define SELF "/proc/self/exe"
#define PAGE 4096ul
#define KIB 1024ul
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define RW (PROT_READ | PROT_WRITE)

static long map(uint64_t at, uint64_t size, int prot, int flags)
{
	return sys(SYS_mmap, at, size, prot, MAP_ANONYMOUS | MAP_PRIVATE | flags, -1, 0);
}

/* ---- Stacks that grow ------------------------------------------------------------ */

static sigjmp_buf back;
static siginfo_t fault;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	fault = *info;
	siglongjmp(back, 1);
}

static void catch_faults(void)
{
	static char stack[64 * KIB];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct sigaction action = { .sa_sigaction = on_fault,
					  .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

static bool can_touch(uint64_t at)
{
	if (sigsetjmp(back, 0))
		return false;
	*(volatile char *)at = 1;
	return true;
}

/* Some place on the stack, the same in all functions to a page or two. */
static uint64_t here(void)
{
	return (uint64_t)__builtin_frame_address(0);
}

static int stack_limit(void)
{
	catch_faults();
	set(RLIMIT_STACK, MIB, RLIM_INFINITY);
	if (!can_touch(here() - 800 * KIB))
		return 1;
	if (can_touch(here() - MIB - PAGE))
		return 2;
	if (fault.si_code != SEGV_MAPERR || here() - (uint64_t)fault.si_addr > 2 * MIB)
		return 3;
	set(RLIMIT_STACK, 3 * MIB, RLIM_INFINITY);
	if (!can_touch(here() - 2 * MIB))
		return 4;
	return can_touch(here() - 3 * MIB - PAGE) ? 5 : 0;
}

static int stack_ends_it(void)
{
	set(RLIMIT_STACK, MIB, MIB);
	*(volatile char *)(here() - 2 * MIB) = 1;
	return 1;
}

/* What a system call writes makes it grow, too. */
static int stack_of_calls(void)
{
	set(RLIMIT_STACK, MIB, MIB);
	if (sys(SYS_getrlimit, RLIMIT_CORE, here() - 700 * KIB))
		return 1;
	return sys(SYS_getrlimit, RLIMIT_CORE, here() - MIB - PAGE) == -EFAULT ? 0 : 2;
}

static int stack_and_others(void)
{
	catch_faults();
	set(RLIMIT_DATA, PAGE, PAGE);
	if (!can_touch(here() - 300 * KIB))
		return 1; /* it is no data */
	set(RLIMIT_AS, PAGE, PAGE);
	return can_touch(here() - 600 * KIB) ? 2 : 0;
}

/* An area that grows down, below it `free` bytes of nothing. */
static uint64_t growing(uint64_t free)
{
	uint64_t at = (uint64_t)map(0, free + PAGE, PROT_NONE, 0);

	sys(SYS_munmap, at, free);
	map(at + free, PAGE, RW, MAP_FIXED | MAP_GROWSDOWN);
	return at + free;
}

static int grows_down(void)
{
	uint64_t at = growing(16 * MIB);

	catch_faults();
	set(RLIMIT_STACK, 2 * MIB, RLIM_INFINITY);
	if (!can_touch(at - MIB))
		return 1;
	return can_touch(at - 2 * MIB) ? 2 : 0;
}

static int gap(void)
{
	uint64_t at = growing(16 * MIB), low = at - 4 * MIB;

	catch_faults();
	map(low, PAGE, PROT_READ, MAP_FIXED);
	if (can_touch(low + MIB) || !can_touch(low + MIB + PAGE))
		return 1;
	sys(SYS_mprotect, low, PAGE, PROT_NONE);
	if (!can_touch(low + PAGE))
		return 2; /* what has no rights needs no gap */
	at = growing(16 * MIB);
	if (map(at - MIB - PAGE, PAGE, RW, 0) != (long)(at - MIB - PAGE))
		return 3;
	return map(at - MIB, PAGE, RW, 0) == (long)(at - MIB) ? 4 : 0; /* nothing is put into it */
}

static void test_growth(void)
{
	check_child(stack_limit, 0, "RLIMIT_STACK: the stack grows to it, and at once to a higher one");
	check_child(stack_ends_it, 256 + SIGSEGV, "SIGSEGV beyond");
	check_child(stack_of_calls, 0, "EFAULT for a system call");
	check_child(stack_and_others, 0, "growth counts against RLIMIT_AS, not RLIMIT_DATA");
	check_child(grows_down, 0, "memory of MAP_GROWSDOWN grows like a stack");
	check_child(gap, 0, "1 MiB is left between it and what it could meet");
}

/* ---- Where execve puts the mmap area ---------------------------------------------- */

static int run(char *const argv[])
{
	char *const none[] = { NULL };

	return (int)sys(SYS_execve, SELF, argv, none) == -E2BIG ? 2 : 3;
}

/* argv: low and high end, in GiB: 0 if so much room is below the stack. */
static int as_room(char **argv)
{
	uint64_t room = here() - (uint64_t)map(0, PAGE, RW, 0);

	return room >= strtoul(argv[3], NULL, 10) * GIB && room <= strtoul(argv[4], NULL, 10) * GIB ? 0 : 1;
}

static int room(uint64_t limit, const char *low, const char *high)
{
	char *const argv[] = { (char *)"limits_memory", (char *)"=", (char *)"room", (char *)low, (char *)high, NULL };

	personality(ADDR_NO_RANDOMIZE);
	set(RLIMIT_STACK, limit, RLIM_INFINITY);
	return run(argv);
}

static int room_of_default(void) { return room(8 * MIB, "0", "1"); }
static int room_of_much(void) { return room(3 * GIB, "3", "4"); }
static int room_of_all(void) { return room(RLIM_INFINITY, "65536", "131071"); }

static void test_layout(void)
{
	check_child(room_of_default, 0, "with 8 MiB of stack, the mmap area begins near it");
	check_child(room_of_much, 0, "with 3 GiB, so far below");
	check_child(room_of_all, 0, "without a limit, so far that both have room");
}

/* ---- What execve takes --------------------------------------------------------------- */

#define MOST 40000
static char text[200 * KIB];
static char *argument[MOST + 4];

/* argv: count and length of those that follow: 0 if they are as they were. */
static int as_strings(int argc, char **argv)
{
	int count = atoi(argv[3]);
	size_t length = strtoul(argv[4], NULL, 10);

	if (argc != 5 + count)
		return 1;
	for (int i = 5; i < argc; i++)
		if (argv[i] != argv[i - 1] + strlen(argv[i - 1]) + 1 || strlen(argv[i]) != length ||
		    (length && (argv[i][0] != 'x' || argv[i][length - 1] != 'x')))
			return 1;
	return 0;
}

/* 0: all arrived; 2: E2BIG. */
static int pass(uint64_t limit, int count, size_t length)
{
	static char words[2][16];

	memset(text, 'x', length);
	text[length] = 0;
	for (int i = 0; i < 2; i++) {
		size_t v = i ? length : (size_t)count;
		char *at = words[i] + 15;

		do
			*--at = (char)('0' + v % 10);
		while (v /= 10);
		argument[3 + i] = at;
	}
	argument[0] = (char *)"limits_memory";
	argument[1] = (char *)"=";
	argument[2] = (char *)"strings";
	for (int i = 0; i < count; i++)
		argument[5 + i] = text;
	argument[5 + count] = NULL;
	set(RLIMIT_STACK, limit, RLIM_INFINITY);
	return run(argument);
}

static int quarter(void) { return pass(MIB, 240, 999); }
static int above_quarter(void) { return pass(MIB, 262, 999); }
static int least(void) { return pass(256 * KIB, 120, 999); }
static int above_least(void) { return pass(256 * KIB, 135, 999); }
static int most(void) { return pass(RLIM_INFINITY, 62, 99999); }
static int above_most(void) { return pass(RLIM_INFINITY, 63, 99999); }
static int longest(void) { return pass(8 * MIB, 1, 128 * KIB - 1); }
static int too_long(void) { return pass(8 * MIB, 1, 128 * KIB); }
static int pointers(void) { return pass(MIB, 28000, 0); }
static int too_many(void) { return pass(MIB, 30000, 0); }
static int no_stack(void) { return pass(64 * KIB, 100, 999); }

static void test_arguments(void)
{
	check_child(quarter, 0, "arguments may have a quarter of the stack, and arrive in order");
	check_child(above_quarter, 2, "more gives E2BIG");
	check_child(least, 0, "of a small stack 128 KiB");
	check_child(above_least, 2, "more gives E2BIG");
	check_child(most, 0, "without a limit 6 MiB");
	check_child(above_most, 2, "more gives E2BIG");
	check_child(longest, 0, "one may have 128 KiB with its end");
	check_child(too_long, 2, "more gives E2BIG");
	check_child(pointers, 0, "pointers to them count");
	check_child(too_many, 2, "too many give E2BIG");
	check_child(no_stack, 2, "and so do those for which the stack may not grow");
}

/* ---- RLIMIT_MEMLOCK ------------------------------------------------------------------ */

#define PAGES 4 /* that may be locked */

/* A user who may lock so many, and has an area of twice as many. */
static long lock_area(void)
{
	long at = map(0, 2 * PAGES * PAGE, RW, 0);

	return set(RLIMIT_MEMLOCK, PAGES * PAGE, PAGES * PAGE) || become(USER) ? 0 : at;
}

static long lock(long at, uint64_t pages)
{
	return sys(SYS_mlock, at, pages * PAGE);
}

static int lock_count(void)
{
	long at = lock_area();
	char *p = (char *)at;

	if (!at)
		return CANNOT;
	if (lock(at, PAGES) || lock(at, PAGES) || lock(at + (long)PAGE, 1))
		return 1; /* what is locked does not count again */
	if (lock(at + PAGES * (long)PAGE, 1) != -ENOMEM || lock(at, PAGES + 1) != -ENOMEM)
		return 2;
	if (sys(SYS_munlock, at, PAGE) || lock(at + PAGES * (long)PAGE, 1) || lock(at, 1) != -ENOMEM)
		return 3;
	sys(SYS_mprotect, at + (long)PAGE, PAGE, PROT_READ); /* in pieces now */
	if (lock(at, 1) != -ENOMEM)
		return 4;
	sys(SYS_munmap, at + (long)PAGE, 2 * PAGE);
	if (lock(at, 1) || lock(at + 5 * (long)PAGE, 1) || lock(at + 6 * (long)PAGE, 1) != -ENOMEM)
		return 5;
	p[0] = 7;
	if (sys(SYS_madvise, at, PAGE, MADV_DONTNEED) != -EINVAL || p[0] != 7)
		return 6;
	return sys(SYS_munlockall) || lock(at + 3 * (long)PAGE, PAGES) ? 7 : 0;
}

/* A hole: what is in front of it is locked all the same. */
static int lock_refusals(void)
{
	long at = lock_area();

	if (!at)
		return CANNOT;
	sys(SYS_munmap, at + (long)PAGE, PAGE);
	if (lock(at, 3) != -ENOMEM || lock(at + 2 * (long)PAGE, PAGES) != -ENOMEM ||
	    lock(at + 2 * (long)PAGE, PAGES - 1))
		return 1;
	sys(SYS_munlockall);
	if (sys(SYS_munlock, at, 3 * PAGE) != -ENOMEM)
		return 2;
	sys(SYS_mprotect, at, PAGE, PROT_NONE);
	if (lock(at, 1) != -ENOMEM)
		return 3;
	if (sys(SYS_mlock2, at, PAGE, 2) != -EINVAL || sys(SYS_mlock2, at, PAGE, 1))
		return 4;
	return sys(SYS_mlockall, 0) == -EINVAL && sys(SYS_mlockall, 4) == -EINVAL && sys(SYS_mlockall, 9) == -EINVAL ? 0 : 5;
}

static int lock_by_mmap(void)
{
	long at = lock_area(), more;

	if (!at)
		return CANNOT;
	if (map(0, (PAGES + 1) * PAGE, RW, MAP_LOCKED) != -EAGAIN)
		return 1;
	more = map(0, (PAGES - 1) * PAGE, RW, MAP_LOCKED);
	if (more < 0 || lock(at, 2) != -ENOMEM || lock(at, 1))
		return 2;
	sys(SYS_munmap, more, (PAGES - 1) * PAGE);
	return lock(at, PAGES) ? 3 : 0;
}

static int lock_by_mremap(void)
{
	long at = lock_area(), to;

	if (!at)
		return CANNOT;
	sys(SYS_munmap, at + 2 * (long)PAGE, PAGE);
	lock(at, 2);
	if (sys(SYS_mremap, at, 2 * PAGE, (PAGES + 1) * PAGE, MREMAP_MAYMOVE) != -EAGAIN)
		return 1;
	to = sys(SYS_mremap, at, 2 * PAGE, (PAGES - 1) * PAGE, MREMAP_MAYMOVE);
	if (to < 0)
		return 2;
	if (lock(at + 4 * (long)PAGE, 2) != -ENOMEM || lock(at + 4 * (long)PAGE, 1))
		return 3;
	if (sys(SYS_mremap, to, (PAGES - 1) * PAGE, PAGE, 0) != to)
		return 4;
	return lock(at + 5 * (long)PAGE, 3) == -ENOMEM && lock(at + 5 * (long)PAGE, 2) == 0 ? 0 : 5;
}

static int lock_all(void)
{
	long at = lock_area(), brk = sys(SYS_brk, 0);

	if (!at)
		return CANNOT;
	if (sys(SYS_mlockall, MCL_CURRENT) != -ENOMEM)
		return 1;
	if (sys(SYS_mlockall, MCL_FUTURE))
		return 2;
	if (map(0, (PAGES + 1) * PAGE, RW, 0) != -EAGAIN || map(0, PAGES * PAGE, RW, 0) < 0)
		return 3;
	if (lock(at, 1) != -ENOMEM || sys(SYS_brk, brk + 2 * (long)PAGE) != brk)
		return 4;
	return sys(SYS_munlockall) || map(0, (PAGES + 1) * PAGE, RW, 0) < 0 || lock(at, PAGES) ? 5 : 0;
}

static int lock_and_fork(void)
{
	long at = lock_area();
	int status = -1;
	pid_t pid;

	if (!at)
		return CANNOT;
	if (lock(at, PAGES - 1) || sys(SYS_mlockall, MCL_FUTURE))
		return 1;
	pid = fork();
	if (pid == 0 && sys(SYS_madvise, at, PAGE, MADV_DONTNEED)) /* locked: EINVAL */
		_exit(4);
	if (pid == 0)
		_exit(map(0, 2 * PAGES * PAGE, RW, 0) < 0 || lock(at + (long)PAGE, PAGES) ? 1 : 0);
	waitpid(pid, &status, 0);
	return status ? 2 : lock(at, PAGES + 1) == -ENOMEM ? 0 : 3;
}

static int as_locker(void)
{
	long at = map(0, 2 * PAGES * PAGE, RW, 0);

	return at < 0 || lock(at, PAGES) ? 1 : 0;
}

static int lock_and_exec(void)
{
	char *const argv[] = { (char *)"limits_memory", (char *)"=", (char *)"lock", NULL };
	long at = lock_area();

	if (!at)
		return CANNOT;
	return lock(at, PAGES - 1) || sys(SYS_mlockall, MCL_FUTURE) ? 4 : run(argv);
}

static int lock_nothing(void)
{
	long at = map(0, PAGE, RW, 0);

	if (set(RLIMIT_MEMLOCK, 0, 0) || getuid() != 0)
		return CANNOT;
	if (lock(at, 1))
		return 1; /* root's do not count */
	sys(SYS_munlockall);
	if (become(USER))
		return CANNOT;
	if (lock(at, 1) != -EPERM || sys(SYS_mlockall, MCL_FUTURE) != -EPERM)
		return 2;
	return map(0, PAGE, RW, MAP_LOCKED) == -EPERM && sys(SYS_munlock, at, PAGE) == 0 ? 0 : 3;
}

static int lock_stack(void)
{
	catch_faults();
	if (set(RLIMIT_MEMLOCK, 2 * GIB, 2 * GIB) || become(USER))
		return CANNOT;
	if (sys(SYS_mlockall, MCL_CURRENT))
		return 1;
	if (!can_touch(here() - 300 * KIB))
		return 2;
	set(RLIMIT_MEMLOCK, PAGE, PAGE);
	return can_touch(here() - 900 * KIB) ? 3 : 0;
}

static void test_locking(void)
{
	check_child(lock_count, 0, "RLIMIT_MEMLOCK: mlock gives ENOMEM above it; pieces count, once, until they are gone");
	check_child(lock_refusals, 0, "a hole, PROT_NONE and unknown flags are refused");
	check_child(lock_by_mmap, 0, "MAP_LOCKED counts, and gives EAGAIN");
	check_child(lock_by_mremap, 0, "mremap takes it along, and gives EAGAIN");
	check_child(lock_all, 0, "mlockall locks what is there, or what comes");
	check_child(lock_and_fork, 0, "a child has nothing locked");
	check_child(lock_and_exec, 0, "nor has a new program");
	check_child(lock_nothing, 0, "root may lock what it likes, others with a limit of 0 nothing: EPERM");
	check_child(lock_stack, 0, "a locked stack grows no further than that");
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "=") == 0)
		return strcmp(argv[2], "room") == 0 ? as_room(argv) :
		       strcmp(argv[2], "lock") == 0 ? as_locker() : as_strings(argc, argv);
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_growth();
	test_layout();
	test_arguments();
	test_locking();
	return check_end();
}
