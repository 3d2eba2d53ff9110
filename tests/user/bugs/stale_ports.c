/*
 * The stale IO bitmap: CVE-2020-15852 (Linux 5.5 to 5.7 under Xen) and the story of
 * Linux 5.5's rework; before it, bitmaps that outlived a thread's exit.
 *
 * The TSS's IO bitmap is the processor's, the ports are a task's.  Linux 5.5 takes
 * them away at a switch by moving the bitmap's offset past the TSS's limit alone;
 * under Xen the offset that counts was another one, and whoever ran next had the
 * ports of whoever ran before.  The same follows from each place that forgets: exec,
 * exit with another task's switch skipped, a close that does not reach the TSS.
 *
 * In Postern: io_bitmap_load() (arch/state/io_bitmap.c) at each switch to or from a task
 * with ports, at ioperm and iopl themselves; io_bitmap_drop() at a task's end.
 *
 * Right: a port is open to who opened it, to its children by fork, and to nobody
 * else, on its CPU and others.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PORT 0x80
#define TURNS 200

static void read_port(void) { inb(PORT); }

static bool open_now(void)
{
	return CAUGHT(read_port()) == 0;
}

static long set_ports(unsigned long from, unsigned long n, int on)
{
	return syscall(SYS_ioperm, from, n, on) < 0 ? -errno : 0;
}

static void *try_in_thread(void *result)
{
	catch_signals();
	*(bool *)result = false;
	for (int i = 0; i < TURNS && !*(bool *)result; i++) {
		*(bool *)result = open_now();
		syscall(SYS_sched_yield);
	}
	return NULL;
}

/* A sibling that opens a port, yields to us, reads it, and so on. */
static void *open_in_thread(void *arg)
{
	set_ports(PORT, 1, 1);
	for (int i = 0; i < TURNS; i++) {
		inb(PORT);
		syscall(SYS_sched_yield);
	}
	return arg;
}

static void test_threads(void)
{
	pthread_t opens, tries;
	bool seen = true;

	pthread_create(&opens, NULL, open_in_thread, NULL);
	pthread_create(&tries, NULL, try_in_thread, &seen);
	pthread_join(opens, NULL);
	pthread_join(tries, NULL);
	check_true(!seen, "a thread has no ports of its sibling's");
	check_true(!open_now(), "nor the one that made both");
}

static void closes(void) { set_ports(PORT, 1, 0); _exit(open_now() ? 1 : 0); }
static void opens_and_dies(void) { set_ports(0, 65536, 1); inb(PORT); }
static void opens_all_by_iopl(void) { syscall(SYS_iopl, 3); inb(PORT); }
static void tries(void) { _exit(open_now() ? 1 : 0); }

static void test_children(void)
{
	for (int i = 0; i < 20; i++) {
		check_equal(in_child(opens_and_dies), 0, "a child opens all ports, and ends");
		check_equal(in_child(tries), 0, "the next has none of them");
		check_equal(in_child(opens_all_by_iopl), 0, "the same by iopl");
		check_equal(in_child(tries), 0, "the next has none");
	}
	check_true(!open_now(), "nor has the parent");
	check_equal(set_ports(PORT, 1, 1), 0, "the parent opens one");
	check_true(open_now(), "and has it");
	check_equal(in_child(closes), 0, "a child closes it for itself");
	check_true(open_now(), "and not for the parent");
	check_equal(set_ports(PORT, 1, 0), 0, "the parent closes it");
	check_true(!open_now(), "at once");
	check_equal(in_child(tries), 0, "and for children");
}

/* A fault while a port is open, and a signal, do not close or open any. */
static void fault(void) { *(volatile int *)0 = 1; }

static void test_faults(void)
{
	set_ports(PORT, 1, 1);
	for (int i = 0; i < TURNS; i++) {
		if (CAUGHT(fault()) != SIGSEGV || !open_now())
			break;
	}
	check_true(open_now(), "faults leave a port open");
	set_ports(PORT, 1, 0);
	check_equal(CAUGHT(fault()), SIGSEGV, "and");
	check_true(!open_now(), "closed");
}

/* Linux keeps ioperm's ports at exec, for programs without rights; we do not. */
static const char *self;

static void opens_and_execs(void)
{
	static char option[] = "-tries";
	char *argv[] = { (char *)(uintptr_t)self, option, NULL }, *envp[] = { NULL };

	set_ports(PORT, 1, 1);
	inb(PORT);
	execve(self, argv, envp);
	_exit(99);
}

static void opens_all_and_execs(void)
{
	syscall(SYS_iopl, 3);
	opens_and_execs();
}

static void test_exec(void)
{
	check_equal(in_child(opens_and_execs), EXITED(0), "the next program has no port of ioperm's");
	check_equal(in_child(opens_all_and_execs), EXITED(0), "nor of iopl's");
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1 && strcmp(argv[1], "-tries") == 0) {
		catch_signals();
		tries();
	}
	bugs_begin(argc, argv);
	test_threads();
	test_children();
	test_faults();
	test_exec();
	return check_end();
}
