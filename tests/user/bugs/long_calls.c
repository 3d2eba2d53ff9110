/*
 * Calls whose work a program chooses.  Linux has a history of such calls that
 * held a CPU for seconds or could not be killed: MAP_POPULATE of a large area,
 * getrandom of a large buffer.
 *
 * In Postern every such loop has seam_long_work_point() in it, which lets others
 * run and ends the work of who has been killed; and what has no page tables is
 * skipped in steps of a table.
 *
 * Right: a huge area costs what is in it; another process on the same CPU gets
 * its turns while a long call runs; SIGKILL ends the call before its work is
 * done, and the wait for the address space that another's call has; another signal
 * ends getrandom with what there is by then.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define HUGE (1ul << 46)
#define FIRST_SIZE (4ul << 20)
#define LONG_MS 200 /* many turns; with less, nothing is said of who had none */
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#define POPULATE_WRITE 23 /* MADV_, which musl has not */
#define TURNS 3 /* one is due at the call's end, whatever it does */

static volatile int *stage; /* of a child: 1 calls, 2 has called */
static volatile int *took;  /* its call, in ms */
static volatile int *waiting; /* of another */
static char *buffer;
static size_t size;
static volatile long result;

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram;
}

static char *map(size_t n, int prot, int flags)
{
	char *at = mmap(NULL, n, prot, flags, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* ---- Huge areas -------------------------------------------------------------------- */

static void check_huge(void)
{
	char *none = map(HUGE, PROT_NONE, ANONYMOUS | MAP_POPULATE);
	char *a = map(HUGE / 4, READ_WRITE, ANONYMOUS), *b;
	size_t middle = HUGE / 8;
	pid_t child;

	check_true(none, "a huge area without rights is populated at once");
	check_true(a, "a huge area with rights");
	if (!a)
		return;
	a[middle] = 1;
	check_equal(mprotect(a, HUGE / 4, PROT_READ), 0, "its rights are changed");
	child = make_child();
	if (child == 0)
		_exit(a[middle] == 1 ? 0 : 1);
	check_equal(wait_for(child), EXITED(0), "it is forked");
	b = mremap(a, HUGE / 4, HUGE / 2, MREMAP_MAYMOVE);
	check_true(b != MAP_FAILED && b[middle] == 1, "it is moved");
	check_equal(madvise(b, HUGE / 2, MADV_DONTNEED), 0, "its pages are discarded");
	check_equal(munmap(b, HUGE / 2), 0, "it is unmapped");
	check_equal(munmap(none, HUGE), 0, "so is the other");
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void make_call(void (*call)(void))
{
	long begin = now_ms();

	*stage = 1;
	call();
	*took = (int)(now_ms() - begin);
	*stage = 2;
}

/* ---- Turns -------------------------------------------------------------------------- */

static void call_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void call_populate(void)
{
	char *at = mmap(NULL, size, READ_WRITE, ANONYMOUS | MAP_POPULATE, -1, 0);

	munmap(at, size);
}

static void call_getrandom(void)
{
	result = syscall(SYS_getrandom, buffer, size, 0);
}

static void touch_buffer(void)
{
	for (size_t i = 0; i < size; i += PAGE)
		buffer[i] = 1;
}

/* How often we ran while a child was in its call, on the one CPU of both. */
static int turns_during(void (*call)(void))
{
	pid_t child;
	int turns = 0;

	*stage = 0;
	child = make_child();
	if (child == 0) {
		touch_buffer();
		make_call(call);
		_exit(0);
	}
	while (*stage == 0)
		sched_yield();
	for (; *stage == 1; turns++)
		sched_yield();
	check_equal(wait_for(child), EXITED(0), "the child ends");
	return turns;
}

/* A call that is too short to tell is made longer. */
static void check_turns(void (*call)(void), const char *name)
{
	size_t most = free_bytes() / 4;
	int turns = 0;

	for (size = FIRST_SIZE; turns < TURNS && size <= most; size *= 2) {
		buffer = map(size, READ_WRITE, ANONYMOUS);
		turns = turns_during(call);
		munmap(buffer, size);
	}
	if (turns < TURNS && *took < LONG_MS)
		check_skip("too fast, or little memory", "turns during a long call");
	else
		check_range(turns, TURNS, 1 << 30, "turns during a long %s", name);
}

/* ---- Ends --------------------------------------------------------------------------- */

/* In a process of its own, but in our memory, where we see how far it came. */
static int call_in_our_memory(void *call)
{
	make_call((void (*)(void))call);
	return 0;
}

/* Kills the call; false: it was over before that. */
static bool kill_during(void (*call)(void))
{
	static char stack[65536];
	pid_t child;
	int status;

	*stage = 0;
	child = clone(call_in_our_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD, call);
	while (*stage == 0)
		sched_yield();
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return *stage == 1;
}

static void populate_buffer(void)
{
	madvise(buffer, size, POPULATE_WRITE);
}

static int wait_for_lock(void *arg)
{
	*waiting = 1;
	mprotect(arg, PAGE, READ_WRITE);
	return 0;
}

/* Kills a process that waits until another has populated the memory of both. */
static bool kill_waiter(void)
{
	static char stack[2][65536];
	pid_t holder, waiter;
	bool before;

	memset(stack, 1, sizeof(stack)); /* present: a fault would wait, too */
	*stage = *waiting = 0;
	holder = clone(call_in_our_memory, stack[0] + sizeof(stack[0]), CLONE_VM | SIGCHLD, populate_buffer);
	while (*stage == 0)
		sched_yield();
	waiter = clone(wait_for_lock, stack[1] + sizeof(stack[1]), CLONE_VM | SIGCHLD, buffer);
	while (*waiting == 0)
		sched_yield();
	for (int i = 0; i < TURNS; i++)
		sched_yield();
	kill(waiter, SIGKILL);
	waitpid(waiter, NULL, 0);
	before = *stage == 1;
	waitpid(holder, NULL, 0);
	return before;
}

static void check_waiter(void)
{
	size_t most = free_bytes() / 2;
	bool before = false;

	for (size = FIRST_SIZE; !before && size <= most; size *= 2) {
		buffer = map(size, READ_WRITE, ANONYMOUS);
		before = kill_waiter();
		munmap(buffer, size);
	}
	if (!before && *took < LONG_MS)
		check_skip("too fast, or little memory", "SIGKILL ends the wait for another's long call");
	else
		check_true(before, "SIGKILL ends the wait for another's long call");
}

static size_t bytes_random(void)
{
	size_t n = size;

	while (n > 0 && buffer[n - 1] == 0)
		n--;
	return n;
}

static void check_killed(void (*call)(void), size_t (*bytes_done)(void), const char *name)
{
	size_t most = free_bytes() / 4, done = 0;
	bool caught_it = false;

	for (size = FIRST_SIZE; !caught_it && size <= most; size *= 2) {
		buffer = map(size, READ_WRITE, ANONYMOUS);
		done = free_bytes();
		caught_it = kill_during(call);
		done = bytes_done ? bytes_done() : done - free_bytes();
		munmap(buffer, size);
		if (caught_it && done + PAGE >= size) /* it was just at its end */
			caught_it = false;
	}
	if (!caught_it && *took < LONG_MS)
		check_skip("too fast, or little memory", "SIGKILL ends a long call before it is done");
	else
		check_true(caught_it, "SIGKILL ends a long %s before it is done", name);
}

static void nothing(ucontext_t *uc)
{
	(void)uc;
}

/* As Linux: a signal ends it, and it has given what it has given. */
static void check_interrupted(void)
{
	size_t most = free_bytes() / 4;
	bool cut = false;

	on_usr1 = nothing;
	for (size = FIRST_SIZE; !cut && size <= most; size *= 2) {
		buffer = map(size, READ_WRITE, ANONYMOUS);
		*stage = 0;
		pid_t child = make_child();

		if (child == 0) {
			make_call(call_getrandom);
			_exit(result > 0 && (size_t)result < size ? 1 : (size_t)result != size);
		}
		while (*stage == 0)
			sched_yield();
		kill(child, SIGUSR1);
		cut = wait_for(child) == EXITED(1);
		munmap(buffer, size);
	}
	if (!cut && *took < LONG_MS)
		check_skip("too fast, or little memory", "a signal ends a long getrandom");
	else
		check_true(cut, "a signal ends a long getrandom with what there is");
}

static void on_one_cpu(void)
{
	cpu_set_t set;
	int cpu = 0;

	sched_getaffinity(0, sizeof(set), &set);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	stage = mmap(NULL, PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	took = stage + 1;
	waiting = stage + 2;
	on_one_cpu();
	check_huge();
	check_turns(call_fork, "fork");
	check_turns(call_populate, "mmap with MAP_POPULATE");
	check_turns(call_getrandom, "getrandom");
	check_killed(populate_buffer, NULL, "madvise(MADV_POPULATE_WRITE)");
	check_killed(call_getrandom, bytes_random, "getrandom");
	check_waiter();
	check_interrupted();
	return check_end();
}
