/*
 * A crowd: processes and threads that do to each other what processes may.  Any of
 * them makes others by clone() with usual and unusual flags, ends (leaders too, long
 * before their threads), execs from any thread, signals, stops, continues and traces
 * whom it likes, waits for children in all ways, changes shared and private mappings,
 * and waits and wakes on words in them.
 *
 * The first member is the storm's child.  Who execs begins a smaller crowd of its
 * own, two generations at most.
 */
#define _GNU_SOURCE
#include "../../../../user/raw_clone.h"
#include "crowd.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE 16384UL
#define MEMBERS 40
#define ACTIONS 60
#define GENERATIONS 2

static uint64_t seed;
static unsigned generation;

uint64_t crowd_random(struct member *me)
{
	uint64_t z = me->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned crowd_below(struct member *me, unsigned n)
{
	return (unsigned)(crowd_random(me) >> 32) % n;
}

uint64_t crowd_pick(struct member *me, const uint64_t *list, unsigned count)
{
	return list[crowd_below(me, count)];
}

static uint64_t any_of(struct member *me, const volatile int *list, uint64_t own)
{
	unsigned born = CROWD->born < CROWD_PLACES ? CROWD->born : CROWD_PLACES;
	unsigned n = crowd_below(me, 16);

	if (n == 0)
		return own;
	if (n == 1)
		return 99999999;
	return (uint64_t)list[crowd_below(me, born ? born : 1)];
}

uint64_t crowd_any_tid(struct member *me)
{
	return any_of(me, CROWD->tid, (uint64_t)fuzz_call(SYS_gettid, 0, 0, 0, 0));
}

uint64_t crowd_any_pid(struct member *me)
{
	return any_of(me, CROWD->pid, (uint64_t)fuzz_call(SYS_getpid, 0, 0, 0, 0));
}

/* ---- Births ----------------------------------------------------------------------------- */

static int live(void *arg);

/* Space for it comes from the heap of mappings, and goes with the process. */
static struct member *new_member(const struct member *parent)
{
	long at = CROWD_CALL(SYS_mmap, 0, STACK_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
	struct member *m = (struct member *)at;

	if (at < 0 && at > -4096)
		return NULL;
	m->most = parent->most;
	m->number = __atomic_fetch_add(&CROWD->born, 1, __ATOMIC_SEQ_CST);
	m->state = seed ^ (uint64_t)m->number << 8 ^ generation;
	crowd_random(m);
	return m;
}

bool crowd_bear(struct member *me, uint64_t flags)
{
	volatile int *where = &CROWD->tid[crowd_below(me, CROWD_PLACES)];
	struct member *m;

	if (CROWD->born >= me->most)
		return false;
	m = new_member(me);
	if (m) /* where: if the flags want it */
		raw_clone(live, (char *)m + STACK_SIZE, flags, m, where);
	return m != NULL;
}

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static void bear(struct member *me)
{
	static const uint64_t odd[] = {
		CLONE_VM | SIGCHLD, CLONE_VM, CLONE_VM | CLONE_VFORK | SIGCHLD,
		CLONE_VFORK | SIGCHLD, CLONE_VFORK | CLONE_VM, CLONE_PARENT | SIGCHLD,
		CLONE_PARENT | CLONE_VM | SIGUSR1, CLONE_CHILD_CLEARTID | CLONE_VM | SIGCHLD,
		CLONE_CHILD_SETTID | SIGUSR2, CLONE_PARENT_SETTID | 40, 0, 77, CLONE_SIGHAND,
		CLONE_THREAD, THREAD | CLONE_VFORK, THREAD | CLONE_PARENT, THREAD | CLONE_NEWNS,
		CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD, CLONE_PTRACE | SIGCHLD,
		CLONE_UNTRACED | CLONE_VM | SIGKILL, CLONE_FILES | CLONE_FS | SIGSTOP,
	};
	unsigned n = crowd_below(me, 12);

	if (n < 5)
		crowd_bear(me, THREAD);
	else if (n < 6)
		crowd_bear(me, THREAD | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID);
	else if (n < 9)
		crowd_bear(me, SIGCHLD);
	else
		crowd_bear(me, crowd_pick(me, odd, sizeof(odd) / sizeof(*odd)));
}

/* ---- Ends --------------------------------------------------------------------------------- */

static void print(char *to, uint64_t value)
{
	char digits[20];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n > 0)
		*to++ = digits[--n];
	*to = '\0';
}

static void exec(struct member *me)
{
	char words[2][24];
	const char *const again[] = { "fuzz", "crowd", words[0], words[1], NULL };
	const char *const other[] = { "regs", NULL };
	const char *const *argv = again;
	uint64_t path = CROWD_PICK(me, (uint64_t)"/bin/fuzz", (uint64_t)"/bin/fuzz",
				   (uint64_t)"/bin/fuzz", (uint64_t)"/bin/regs", (uint64_t)"/none",
				   8);
	const char *const no_environment[] = { NULL };

	if (generation >= GENERATIONS)
		path = (uint64_t)"/bin/regs";
	if (path == (uint64_t)"/bin/regs")
		argv = other;
	print(words[0], crowd_random(me));
	print(words[1], generation + 1);
	CROWD_CALL(SYS_execve, path, (uint64_t)argv, (uint64_t)no_environment);
}

static void end(struct member *me)
{
	switch (crowd_below(me, 6)) {
	case 0: CROWD_CALL(SYS_exit_group, crowd_below(me, 256)); break;
	case 1: exec(me); break;
	case 2: exec(me); break;
	default: CROWD_CALL(SYS_exit, crowd_below(me, 256)); break;
	}
}

/* ---- Lives -------------------------------------------------------------------------------- */

static const struct {
	void (*act)(struct member *me);
	unsigned share;
} acts[] = {
	{ bear, 14 }, { end, 2 }, { crowd_signal, 10 }, { crowd_stop, 6 }, { crowd_trace, 10 },
	{ crowd_wait, 8 }, { crowd_futex, 10 }, { crowd_change_self, 5 }, { crowd_sleep, 4 },
	{ crowd_map, 12 }, { crowd_touch, 8 }, { crowd_hog, 1 }, { crowd_long_call, 1 },
};

static void act(struct member *me)
{
	unsigned shares = 0, which;

	for (unsigned i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		shares += acts[i].share;
	which = crowd_below(me, shares);
	for (unsigned i = 0;; i++) {
		if (which < acts[i].share) {
			acts[i].act(me);
			return;
		}
		which -= acts[i].share;
	}
}

static int live(void *arg)
{
	struct member *me = arg;
	unsigned place = me->number % CROWD_PLACES;

	CROWD->tid[place] = (int)fuzz_call(SYS_gettid, 0, 0, 0, 0);
	CROWD->pid[place] = (int)fuzz_call(SYS_getpid, 0, 0, 0, 0);
	for (unsigned i = 0; i < ACTIONS; i++) {
		act(me);
		__atomic_fetch_add(&fuzz_counts->calls, 1, __ATOMIC_RELAXED);
	}
	return (int)crowd_below(me, 256);
}

static void caught(int signal)
{
	(void)signal;
}

/* As the founder; the others come by clone() and share or inherit it. */
static void settle(struct member *me)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGTRAP, SIGCONT,
				       SIGCHLD, 40, 41 };
	const int fixed = MAP_ANONYMOUS | MAP_FIXED;

	mmap((void *)CROWD_AT, FUZZ_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, -1, 0);
	mmap((void *)CROWD_PRIVATE, FUZZ_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | fixed, -1, 0);
	fuzz_catch_faults();
	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct sigaction action = { .sa_handler = caught };

		if (crowd_below(me, 2))
			action.sa_flags = SA_RESTART;
		if (signals[i] == SIGCHLD && crowd_below(me, 3) == 0)
			action.sa_handler = SIG_IGN;
		if (crowd_below(me, 4))
			sigaction(signals[i], &action, NULL);
	}
}

__attribute__((noreturn)) static void found(unsigned most)
{
	struct member me = { .state = seed ^ generation, .most = most };

	settle(&me);
	CROWD->born = 1;
	live(&me);
	if (crowd_below(&me, 4)) /* it lives until they have ended, or its time is over */
		while (waitpid(-1, NULL, __WALL) > 0)
			;
	if (crowd_below(&me, 2))
		CROWD_CALL(SYS_exit, 0);
	_exit(0);
}

void fuzz_crowd(void)
{
	seed = fuzz_random();
	fuzz_become_nobody();
	found(MEMBERS);
}

void fuzz_crowd_again(uint64_t its_seed, unsigned generations)
{
	static struct fuzz_counts own;

	fuzz_counts = &own;
	seed = its_seed;
	generation = generations;
	found(MEMBERS / 3);
}

/* ---- Bombs -------------------------------------------------------------------------------- */

static int sit(void *arg)
{
	(void)arg;
	while (fuzz_call(SYS_pause, 0, 0, 0, 0))
		;
	return 0;
}

static int flee(void *arg)
{
	fuzz_call(SYS_sched_yield, 0, 0, 0, 0);
	return (int)(uintptr_t)arg & 1;
}

/* As many threads or processes as there may be; some end, most sit there. */
void fuzz_bomb(void)
{
	unsigned threads = fuzz_below(2), most = threads ? 250 : 60;
	char *stacks = mmap(NULL, most * FUZZ_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fuzz_become_nobody();
	if (stacks == MAP_FAILED)
		_exit(0);
	for (unsigned i = 0; i < most; i++) {
		int (*fn)(void *) = fuzz_one_in(4) ? flee : sit;

		if (raw_clone(fn, stacks + (i + 1) * FUZZ_PAGE, threads ? THREAD : SIGCHLD,
			      (void *)(uintptr_t)i, NULL) < 0)
			break;
		fuzz_counts->calls++;
	}
	switch (fuzz_below(4)) {
	case 0: fuzz_call(SYS_exit, 0, 0, 0, 0); break;
	case 1: fuzz_call(SYS_kill, (uint64_t)getpid(), SIGSEGV, 0, 0); break;
	case 2: execl("/bin/regs", "regs", NULL); break;
	default: break;
	}
	_exit(0);
}
