/*
 * The word that is cleared, and woken, when a thread ends (CLONE_CHILD_CLEARTID).
 *
 * Who waits for the thread waits there.  A kernel that wakes only if it could clear the
 * word leaves him asleep for ever where the word cannot be written (DragonOS); one that
 * forgets exec, which leaves the memory too, leaves him asleep there.
 *
 * In Postern: kernel/linux/process/exit.c wakes whatever became of the store; kernel/linux/process/futex.c asks
 * for as much as Linux: to wait, to wake and to move others takes a word that one
 * can read, and that somebody can write.
 *
 * Right: woken in each case, but where the wait was for a private wake, which this is
 * not, or for a word that nobody can ever change, which is refused.  Nobody ends before
 * the other waits: that is seen by moving him from the word to the same word.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../user/raw_clone.h"

#define PAGE 4096
#define VALUE 77
enum { WAIT = 0, WAKE = 1, REQUEUE = 3, CMP_REQUEUE = 4, PRIVATE = 128 };
#define LONG 20	/* seconds: only if it hangs */

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static char thread_stack[65536] __attribute__((aligned(16)));
static volatile uint32_t *word;
static volatile int flags;
static const char *self;

static long futex(volatile uint32_t *w, int op, uint32_t value, const void *time, uint32_t third)
{
	long r = syscall(SYS_futex, w, op, value, time, w, third);

	return r < 0 ? -errno : r;
}

/* Not before somebody waits.  A number where the time would be. */
static void await_waiter(void)
{
	while (futex(word, REQUEUE | flags, 0, (void *)1, 0) == 0)
		sched_yield();
}

static int ends(void *unused)
{
	(void)unused;
	await_waiter();
	syscall(SYS_exit, 0);
	return 0;
}

static int execs(void *unused)
{
	static char quiet[] = "-q", again[] = "-second";
	char *argv[] = { (char *)(uintptr_t)self, quiet, again, NULL }, *envp[] = { NULL };

	(void)unused;
	await_waiter();
	execve(self, argv, envp);
	_exit(99);
}

static volatile long woken;

static int wakes(void *unused)
{
	(void)unused;
	await_waiter();
	woken = futex(word, WAKE | flags, 1, NULL, 0);
	syscall(SYS_exit, 0);
	return 0;
}

static volatile uint32_t *page(int kind, int prot)
{
	volatile uint32_t *w = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);

	*w = VALUE;
	mprotect((void *)(uintptr_t)w, PAGE, prot);
	return w;
}

/* Waits for `fn`'s end at the word; what the wait returned. */
static long wait_for_end(int (*fn)(void *), uint64_t how, int wait_flags, time_t seconds)
{
	struct timespec t = { seconds, 0 };
	int64_t tid;

	flags = wait_flags;
	tid = raw_clone(fn, thread_stack + sizeof(thread_stack), how, NULL, (volatile int *)word);
	if (tid < 0)
		return tid;
	return futex(word, WAIT | wait_flags, VALUE, &t, 0);
}

static void check_end_of_thread(int kind, int prot, uint32_t left, const char *what)
{
	word = page(kind, prot);
	check_equal(wait_for_end(ends, THREAD | CLONE_CHILD_CLEARTID, 0, LONG), 0, "%s: woken", what);
	check_equal(*word, left, "the word");
	munmap((void *)(uintptr_t)word, PAGE);
}

/* The wake is not private, so the wait ends by time; then the thread has ended, too. */
static void test_private(void)
{
	word = page(MAP_PRIVATE, PROT_READ | PROT_WRITE);
	check_equal(wait_for_end(ends, THREAD | CLONE_CHILD_CLEARTID, PRIVATE, 1), -ETIMEDOUT,
		    "a wait for a private wake is not ended");
	while (*word)
		sched_yield();
	munmap((void *)(uintptr_t)word, PAGE);
}

static void test_exec(void)
{
	int status = -1;

	word = page(MAP_SHARED, PROT_READ);
	check_equal(wait_for_end(execs, CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, 0, LONG), 0,
		    "exec leaves the memory, too: woken");
	check_equal(wait(&status) > 0 ? status : -1, EXITED(9), "and the new program runs");
	munmap((void *)(uintptr_t)word, PAGE);
}

static void test_wake(void)
{
	word = page(MAP_SHARED, PROT_READ);
	check_equal(wait_for_end(wakes, THREAD, 0, LONG), 0, "who only reads is woken");
	while (woken == 0)
		sched_yield();
	check_equal(woken, 1, "by one who only reads");
	munmap((void *)(uintptr_t)word, PAGE);
}

static void check_rights(int kind, int prot, int how, long expected, const char *what)
{
	struct timespec none = { 0, 0 };
	volatile uint32_t *w = page(kind, prot);
	long waits = expected ? expected : prot == PROT_NONE ? -EFAULT : -ETIMEDOUT;

	check_equal(futex(w, WAKE | how, 1, NULL, 0), expected, "%s: FUTEX_WAKE", what);
	check_equal(futex(w, REQUEUE | how, 1, (void *)1, 0), expected, "FUTEX_REQUEUE");
	check_equal(futex(w, WAIT | how, VALUE, &none, 0), waits, "FUTEX_WAIT");
	check_equal(futex(w, CMP_REQUEUE | how, 1, (void *)1, VALUE), waits == -EFAULT ? waits : 0,
		    "FUTEX_CMP_REQUEUE");
	munmap((void *)(uintptr_t)w, PAGE);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 2 && strcmp(argv[2], "-second") == 0)
		return 9;
	bugs_begin(argc, argv);
	check_end_of_thread(MAP_SHARED, PROT_READ | PROT_WRITE, 0, "a shared word");
	check_end_of_thread(MAP_PRIVATE, PROT_READ | PROT_WRITE, 0, "a private word");
	check_end_of_thread(MAP_SHARED, PROT_READ, VALUE, "a word that cannot be written");
	test_private();
	test_exec();
	test_wake();
	check_rights(MAP_SHARED, PROT_READ, 0, 0, "shared, to be read");
	check_rights(MAP_PRIVATE, PROT_READ, 0, -EFAULT, "private, to be read, which nobody can change");
	check_rights(MAP_PRIVATE, PROT_READ, PRIVATE, 0, "the same, among threads");
	check_rights(MAP_SHARED, PROT_NONE, 0, -EFAULT, "closed");
	check_rights(MAP_SHARED, PROT_NONE, PRIVATE, 0, "closed, among threads");
	return check_end();
}
