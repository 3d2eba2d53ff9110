/*
 * cost: what each way into the kernel and back costs. (A measurement, not a test.)
 *
 *	cost [CROWD N]... PATH [TURNS] [PATH [TURNS]]...
 *	cost frames
 *
 * A crowd is there while the paths after it are measured: N processes that yield, or
 * sleep; N mappings, or threads that sleep, of this process.  `frames` says how much memory
 * a process and a thread are.
 * Under QEMU's -icount shift=0 the TSC counts guest instructions, and two RDTSC
 * around a loop of TURNS turns say what a turn takes, the loop's own three or
 * four instructions included. Two runs that differ in TURNS alone differ in
 * nothing else, so their difference also serves to count CR3 writes.
 * For whoever looks from outside, each counted run stands between two calls of mark().
 * Right outcome: a line `cost: PATH: N.N TSC ticks each` for each, exit status 0.
 */
#define _GNU_SOURCE
#include "../../../user/raw_clone.h"
#include "../../../user/raw_syscall.h"
#include "cost/cost.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define WARM_UP 100	/* turns at most, before those that count */
#define UNKNOWN 1000	/* a number that no call has */
#define LEAVE "leave"	/* the argument with which it does nothing */
#define TIMER_GAP 60	/* a turn of spin() that took longer was interrupted */

static uint64_t do_call(uint32_t number, uint32_t turns, uint64_t first, void *second)
{
	uint64_t start = rdtsc();

	__asm__ volatile("1:\tmov %1, %%eax\n\t"
			 "syscall\n\t"
			 "dec %0\n\t"
			 "jnz 1b"
			 : "+&b"(turns) : "r"(number), "D"(first), "S"(second)
			 : "rax", "rcx", "r11", "cc", "memory");
	return rdtsc() - start;
}

/* Calls without arguments. */
#define DO_CALL(path, number)                                                          \
	static uint64_t do_##path(uint32_t turns) { return do_call(number, turns, 0, NULL); }
DO_CALL(syscall, SYS_getppid)
DO_CALL(getpid, SYS_getpid)
DO_CALL(unknown, UNKNOWN)

static uint64_t do_clock(uint32_t turns)
{
	struct timespec now;

	return do_call(SYS_clock_gettime, turns, CLOCK_MONOTONIC, &now);
}

static uint64_t do_getcpu(uint32_t turns)
{
	unsigned cpu;

	return do_call(SYS_getcpu, turns, (uintptr_t)&cpu, NULL);
}

/* It has to look into the table of files. */
static uint64_t do_close(uint32_t turns)
{
	return do_call(SYS_close, turns, -1UL, NULL);
}

/* i386's getppid */
static uint64_t do_int80(uint32_t turns)
{
	uint64_t start = rdtsc();

	__asm__ volatile("1:\tmov $64, %%eax\n\t"
			 "int $0x80\n\t"
			 "dec %0\n\t"
			 "jnz 1b"
			 : "+&S"(turns) : : "rax", "cc", "memory");
	return rdtsc() - start;
}

/* The first write to a page that has only been mapped. */
static uint64_t do_fault(uint32_t turns)
{
	size_t size = (size_t)turns * PAGE;
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t start = rdtsc();

	if (page == MAP_FAILED)
		return 0;
	madvise(page, size, MADV_NOHUGEPAGE); /* for Linux */
	start = rdtsc();
	for (uint32_t i = 0; i < turns; i++)
		*(volatile char *)(page + (size_t)i * PAGE) = 1;
	start = rdtsc() - start;
	munmap(page, size);
	return start;
}

/* Timer interrupts as a loop sees them: turns that took longer than others. */
static uint64_t do_timer(uint32_t turns)
{
	uint64_t last = rdtsc(), usual = ~0ULL, total = 0;

	for (uint32_t seen = 0; seen < turns;) {
		uint64_t now = rdtsc();

		if (now - last < usual)
			usual = now - last;
		if (now - last > TIMER_GAP) {
			total += now - last - usual;
			seen++;
		}
		last = now;
	}
	return total;
}

static void nothing(int signal)
{
	(void)signal;
}

static void skip_ud2(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

static uint64_t do_signal(uint32_t turns)
{
	int pid = getpid();
	uint64_t start;

	signal(SIGUSR1, nothing);
	start = rdtsc();
	while (turns--)
		sys(SYS_kill, pid, SIGUSR1);
	return rdtsc() - start;
}

static uint64_t do_ud2(uint32_t turns)
{
	struct sigaction action = { .sa_sigaction = skip_ud2, .sa_flags = SA_SIGINFO };
	uint64_t start;

	sigaction(SIGILL, &action, NULL);
	start = rdtsc();
	while (turns--)
		__asm__ volatile("ud2" : : : "memory");
	return rdtsc() - start;
}

static uint64_t do_int3(uint32_t turns)
{
	uint64_t start;

	signal(SIGTRAP, nothing);
	start = rdtsc();
	while (turns--)
		__asm__ volatile("int3" : : : "memory");
	return rdtsc() - start;
}

/* Two processes that yield to each other: two switches a turn. */
static uint64_t do_switch(uint32_t turns)
{
	pid_t child = fork();
	uint64_t start;

	if (child < 0)
		return 0;
	while (child == 0)
		sys(SYS_sched_yield);
	sys(SYS_sched_yield);
	start = rdtsc();
	while (turns--)
		sys(SYS_sched_yield);
	start = rdtsc() - start;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return start;
}

/* A child that ends at once: fork, two switches, exit, wait. */
static uint64_t do_fork(uint32_t turns)
{
	uint64_t start = rdtsc();

	while (turns--) {
		pid_t child = fork();

		if (child == 0)
			sys(SYS_exit_group, 0);
		waitpid(child, NULL, 0);
	}
	return rdtsc() - start;
}

/* As do_fork(), with an execve between: of this program, which ends as soon as it is in main(). */
static uint64_t do_exec(uint32_t turns)
{
	static char self[] = "/bin/cost", leave[] = LEAVE;
	char *argv[] = { self, leave, NULL };
	uint64_t start = rdtsc();

	while (turns--) {
		pid_t child = fork();

		if (child == 0) {
			execv(self, argv);
			sys(SYS_exit_group, 1);
		}
		waitpid(child, NULL, 0);
	}
	return rdtsc() - start;
}

static uint64_t do_mmap(uint32_t turns)
{
	uint64_t start = rdtsc();

	while (turns--)
		munmap(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0), PAGE);
	return rdtsc() - start;
}

static const struct path {
	const char *name;
	uint64_t (*run)(uint32_t turns);
	uint32_t turns;
} paths[] = {
	{ "syscall", do_syscall, 10000 },
	{ "getpid", do_getpid, 10000 },
	{ "clock", do_clock, 10000 },
	{ "getcpu", do_getcpu, 10000 },
	{ "unknown", do_unknown, 10000 },
	{ "close", do_close, 10000 },
	{ "int80", do_int80, 10000 },
	{ "fault", do_fault, 1000 },
	{ "timer", do_timer, 10 },
	{ "signal", do_signal, 1000 },
	{ "ud2", do_ud2, 1000 },
	{ "int3", do_int3, 1000 },
	{ "switch", do_switch, 1000 },
	{ "fork", do_fork, 100 },
	{ "pipe", do_pipe, 1000 },
	{ "ping", do_ping, 1000 },
	{ "open", do_open, 1000 },
	{ "stat", do_stat, 1000 },
	{ "path", do_path, 1000 },
	{ "exec", do_exec, 100 },
	{ "mmap", do_mmap, 1000 },
};

/* ---- Crowds: they end with this process ------------------------------------------------ */

#define LONG_SLEEP 100000	/* seconds */
#define THREAD_STACK 1024

static bool sleep_long(void)
{
	const struct timespec span = { .tv_sec = LONG_SLEEP };

	sys(SYS_nanosleep, (long)&span, 0);
	return true;
}

static bool make_processes(uint32_t n, bool runnable)
{
	while (n--) {
		pid_t child = fork();

		if (child < 0)
			return false;
		if (child > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (runnable || sleep_long())
			sys(SYS_sched_yield);
	}
	return true;
}

static bool make_runnable(uint32_t n)
{
	return make_processes(n, true);
}

static bool make_sleepers(uint32_t n)
{
	return make_processes(n, false);
}

/* Neighbours with the same rights would be one. */
static bool make_mappings(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			return false;
	return true;
}

static int sleep_in_thread(void *arg)
{
	while (sleep_long())
		;
	return arg != NULL;
}

static bool make_threads(uint32_t n)
{
	char *stacks = mmap(NULL, (size_t)n * THREAD_STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (uint32_t i = 1; i <= n; i++)
		if (stacks == MAP_FAILED ||
		    raw_clone(sleep_in_thread, stacks + (size_t)i * THREAD_STACK,
			      CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, NULL, NULL) < 0)
			return false;
	return true;
}

static const struct crowd {
	const char *name;
	bool (*make)(uint32_t n);
} crowds[] = {
	{ "runnable", make_runnable },
	{ "sleepers", make_sleepers },
	{ "mappings", make_mappings },
	{ "threads", make_threads },
};

/* ---- Memory --------------------------------------------------------------------------- */

#define MANY 50

static uint64_t free_memory(void)
{
	struct sysinfo info;

	for (int i = 0; i < 10; i++)	/* all that have been made sleep by then */
		usleep(1000);
	sysinfo(&info);
	return info.freeram;
}

static void print_memory(const char *what, bool (*make)(uint32_t n))
{
	uint64_t before, bytes;

	make(1);	/* tables that are there from then on */
	before = free_memory();
	make(MANY);
	bytes = (before - free_memory()) / MANY;
	printf("cost: %s: %llu.%llu frames, %llu bytes each\n", what,
	       (unsigned long long)(bytes / PAGE), (unsigned long long)(bytes % PAGE * 10 / PAGE),
	       (unsigned long long)bytes);
}

/* ---- All ------------------------------------------------------------------------------ */

__attribute__((noinline)) void mark(void);

void mark(void)
{
	__asm__ volatile("");
}

static void measure(const struct path *path, uint32_t turns)
{
	uint64_t ticks;

	path->run(turns < WARM_UP ? turns : WARM_UP);	/* caches, and pages not yet touched */
	mark();
	ticks = path->run(turns);
	mark();
	printf("cost: %s: %llu.%llu TSC ticks each\n", path->name,
	       (unsigned long long)(ticks / turns),
	       (unsigned long long)(ticks % turns * 10 / turns));
}

static const struct path *find(const char *name)
{
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(name, paths[i].name) == 0)
			return &paths[i];
	return NULL;
}

static const struct crowd *find_crowd(const char *name)
{
	for (unsigned i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++)
		if (strcmp(name, crowds[i].name) == 0)
			return &crowds[i];
	return NULL;
}

int main(int argc, char **argv)
{
	int good = argc > 1;

	if (argc == 2 && strcmp(argv[1], LEAVE) == 0)
		return 0;
	if (argc == 2 && strcmp(argv[1], "frames") == 0) {
		print_memory("a process", make_sleepers);
		print_memory("a thread", make_threads);
		return 0;
	}
	for (int i = 1; i < argc && good; i++) {
		const struct crowd *crowd = i + 1 < argc ? find_crowd(argv[i]) : NULL;
		const struct path *path = find(argv[i]);
		uint32_t turns = path ? path->turns : 0;

		if (crowd) {
			good = crowd->make((uint32_t)strtoul(argv[++i], NULL, 0));
			continue;
		}
		if (i + 1 < argc && !find(argv[i + 1]))
			turns = (uint32_t)strtoul(argv[++i], NULL, 0);
		if ((good = path && turns > 0))
			measure(path, turns);
	}
	if (good)
		return 0;
	printf("cost: expected crowds with their N (runnable sleepers mappings threads) and paths, "
	       "each with its turns or without: syscall getpid clock unknown close int80 "
	       "fault timer signal ud2 int3 switch fork exec mmap pipe ping "
	       "open stat path\n");
	return 2;
}
