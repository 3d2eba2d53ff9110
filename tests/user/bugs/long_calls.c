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
#define TABLE_SPAN (1ul << 21)
#define FIRST_SIZE (4ul << 20)
#define LONG_MS 100 /* ten turns; with less, nothing is said of who had none */
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#define POPULATE_WRITE 23 /* MADV_, which musl has not */
#define TRIES 20 /* a host that stands still at the wrong moment spoils one */
#define TURNS 5 /* one or two are due at the ends of one call, whatever it does */

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

/*
 * For another try: a call of a size that may be long enough, at least twice as large, or
 * the longest; false: even that is too fast.
 */
static bool try_again(size_t most, int *tries)
{
	size_t by = *took < LONG_MS / 8 ? 8 : *took < LONG_MS / 4 ? 4 : 2;

	while (by > 1 && size * by > most)
		by /= 2;
	if (by > 1)
		size *= by;
	else if (*took < LONG_MS)
		return false;
	else
		++*tries;
	return true;
}

/* ---- Turns -------------------------------------------------------------------------- */

static void call_fork(void)
{
	if (fork() == 0)
		_exit(0);
}

static void call_populate(void)
{
	mmap(NULL, size, READ_WRITE, ANONYMOUS | MAP_POPULATE, -1, 0);
}

static void call_getrandom(void)
{
	result = syscall(SYS_getrandom, buffer, size, 0);
}

static void populate_buffer(void)
{
	madvise(buffer, size, POPULATE_WRITE);
}

static void prepare_nothing(void)
{
}

/*
 * Pages each of which has a page table of its own, which fork makes anew; it shares
 * neighbours too fast to be seen.  With a child's tables they are three quarters of `size`.
 */
static void touch_tables(void)
{
	size_t n = size / PAGE / 4;
	char *at = map(n * TABLE_SPAN, READ_WRITE, ANONYMOUS);

	for (size_t i = 0; i < n; i++)
		at[i * TABLE_SPAN] = 1;
}

/* How often we ran while a child was in its call, on the one CPU of both. */
static int turns_during(void (*prepare)(void), void (*call)(void))
{
	pid_t child;
	int turns = 0;

	*stage = 0;
	child = make_child();
	if (child == 0) {
		prepare();
		make_call(call);
		while (wait(NULL) > 0)
			;
		_exit(0);
	}
	while (*stage == 0)
		sched_yield();
	for (; *stage == 1; turns++)
		sched_yield();
	check_equal(wait_for(child), EXITED(0), "the child ends");
	return turns;
}

/*
 * A call that is too short to tell is made longer; the longest is made again, since
 * the time of one that was short may be the host's.
 */
static void check_turns(void (*prepare)(void), void (*call)(void), const char *name)
{
	size_t most = free_bytes() / 2;
	int turns = 0, tries = 0;

	size = FIRST_SIZE;
	while (turns < TURNS && tries < TRIES) {
		buffer = map(size, READ_WRITE, ANONYMOUS);
		turns = turns_during(prepare, call);
		munmap(buffer, size);
		if (!try_again(most, &tries))
			break;
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

/* How far the call is.  Of 64 random bytes one at least is not zero. */
struct progress {
	const char *name;
	void (*call)(void);
	bool (*reached)(size_t bytes);
};

static unsigned long free_before;

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

	size = FIRST_SIZE;
	for (int tries = 0; !before && tries < TRIES;) {
		buffer = map(size, READ_WRITE, ANONYMOUS);
		before = kill_waiter();
		munmap(buffer, size);
		if (!try_again(most, &tries))
			break;
	}
	if (!before && *took < LONG_MS)
		check_skip("too fast, or little memory", "SIGKILL ends the wait for another's long call");
	else
		check_true(before, "SIGKILL ends the wait for another's long call");
}

static bool populated(size_t bytes)
{
	return free_before - free_bytes() + PAGE >= bytes;
}

static bool filled(size_t bytes)
{
	bool any = false;

	for (size_t i = bytes - 64; i < bytes; i++)
		any |= buffer[i] != 0;
	return any;
}

/* What became of a call that got a signal. */
enum end { TOO_LATE, CUT, WENT_ON };

/* A signal that comes in the second half of the work says nothing. */
static enum end signal_call(const struct progress *p, int signal)
{
	static char stack[65536];
	pid_t child;
	bool early, whole;

	*stage = 0;
	buffer = map(size, READ_WRITE, ANONYMOUS);
	free_before = free_bytes();
	child = clone(call_in_our_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD,
		      (void *)(uintptr_t)p->call);
	while (*stage == 0)
		sched_yield();
	early = *stage == 1 && !p->reached(size / 2);
	kill(child, signal);
	waitpid(child, NULL, 0);
	whole = p->reached(size);
	munmap(buffer, size);
	return !early ? TOO_LATE : whole ? WENT_ON : CUT;
}

/* A call that is too short to tell is made longer.  That we lose the CPU between
 * our look at the call and the signal happens, but not each time. */
static enum end check_cut(const struct progress *p, int signal, const char *by)
{
	size_t most = free_bytes() / 2;
	enum end end = TOO_LATE;

	size = FIRST_SIZE;
	for (int tries = 0; end != CUT && tries < TRIES && size <= most;) {
		end = signal_call(p, signal);
		if (end == TOO_LATE)
			size *= 2;
		else
			tries++;
	}
	if (end == TOO_LATE)
		check_skip("too fast, or little memory", "a signal ends a long call");
	else
		check_true(end == CUT, "%s ends a long %s before it is done", by, p->name);
	return end;
}

static void nothing(ucontext_t *uc)
{
	(void)uc;
}

static void check_ends(void)
{
	static const struct progress populate = { "madvise(MADV_POPULATE_WRITE)",
						  populate_buffer, populated };
	static const struct progress random = { "getrandom", call_getrandom, filled };

	check_cut(&populate, SIGKILL, "SIGKILL");
	check_cut(&random, SIGKILL, "SIGKILL");
	on_usr1 = nothing;
	/* As Linux: it has given what it has given. */
	if (check_cut(&random, SIGUSR1, "a signal") == CUT)
		check_true(result > 0 && (size_t)result < size,
			   "and its result is what there is");
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
	check_turns(touch_tables, call_fork, "fork");
	check_turns(prepare_nothing, call_populate, "mmap with MAP_POPULATE");
	check_turns(populate_buffer, call_getrandom, "getrandom");
	check_waiter();
	check_ends();
	return check_end();
}
