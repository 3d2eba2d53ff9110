/*
 * own_table: the calls that a kernel may answer from what the program can be shown
 * (pti=deferred), in a row, with their results in memory that another thread takes away
 * all the time, signals from it, and a thread on other CPUs that maps and unmaps.  What a
 * thread chooses is in own_table/: masks of signals, an alternate stack.
 *
 * Right outcome: every answer is the right one, whichever way the call took; exit status 0.
 * On Linux too.
 *
 *	own_table [ROUNDS]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "own_table/own_table.h"

#define PAGE 4096
#define ARCH_GET_FS 0x1003
#define UNKNOWN 1000
#define YIELDS 16 /* of them a mapping */
#define MOST_ROUNDS_OF_MASKS 100
#define KERNEL_ADDRESS 0xffff888000000000

static volatile bool over;
static volatile unsigned signals;
static pid_t target;
static unsigned char *area;
static unsigned failed;

void expect(bool good, const char *what, long found)
{
	if (good)
		return;
	if (failed++ < 10)
		printf("own_table: %s: found %ld, errno %d\n", what, found, errno);
}

static void count(int signal)
{
	(void)signal;
	signals++;
}

/* On the same CPU: never asleep. */
static void *disturb(void *unused)
{
	for (unsigned i = 0; !over; i++) {
		madvise(area, PAGE, MADV_DONTNEED);
		if (i % 4 == 0)
			syscall(SYS_tgkill, getpid(), target, SIGUSR1);
		sched_yield();
	}
	return unused;
}

/* On the same CPU, too, and never waits for anything. */
static void *be_there(void *unused)
{
	while (!over)
		sched_yield();
	return unused;
}

/*
 * Where it may: flushes come from there.  It yields, as beside the others it would keep the
 * CPU for a whole tick after each instruction at which a suite lets it have it; and more
 * often than it maps, as whom a flush interrupts is waited for.
 */
static void *map_elsewhere(void *unused)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	for (unsigned i = 0; !over; i++) {
		void *page = MAP_FAILED;

		if (i % YIELDS == 0)
			page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0);
		if (page != MAP_FAILED) {
			*(volatile char *)page = 1;
			munmap(page, PAGE);
		}
		sched_yield();
	}
	return unused;
}

static void who(pid_t pid, pid_t parent)
{
	expect(syscall(SYS_getpid) == pid, "getpid", syscall(SYS_getpid));
	expect(syscall(SYS_gettid) == pid, "gettid", syscall(SYS_gettid));
	expect(syscall(SYS_getppid) == parent, "getppid", syscall(SYS_getppid));
	expect(syscall(SYS_getpgrp) == syscall(SYS_getpgid, pid), "getpgrp", syscall(SYS_getpgrp));
	expect(syscall(SYS_getpgid, 0) == syscall(SYS_getpgid, pid), "getpgid", 0);
	expect(syscall(SYS_getsid, 0) == syscall(SYS_getsid, pid), "getsid", 0);
	expect(syscall(SYS_getuid) == 0 && syscall(SYS_geteuid) == 0, "getuid", 0);
	expect(syscall(SYS_getgid) == 0 && syscall(SYS_getegid) == 0, "getgid", 0);
	expect(syscall(UNKNOWN) == -1 && errno == ENOSYS, "an unknown number", errno);
}

/* Zeroes: the page was taken away behind the call, or between its two words. */
static void when(void)
{
	static long long last;
	struct timespec *ts = (struct timespec *)area;
	struct timeval *tv = (struct timeval *)(area + 64);
	long long now;
	time_t t;

	for (clockid_t id = CLOCK_REALTIME; id <= CLOCK_BOOTTIME; id++)
		expect(syscall(SYS_clock_gettime, id, ts) == 0, "clock_gettime", id);
	expect(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, ts) == 0, "clock_gettime", 0);
	now = ts->tv_sec * 1000000000LL + ts->tv_nsec;
	expect(now >= last || ts->tv_sec == 0 || ts->tv_nsec == 0, "time that goes forwards",
	       (long)(now - last));
	if (now > last && ts->tv_sec && ts->tv_nsec)
		last = now;
	expect(syscall(SYS_gettimeofday, tv, NULL) == 0, "gettimeofday", 0);
	expect(tv->tv_usec >= 0 && tv->tv_usec < 1000000, "microseconds", tv->tv_usec);
	t = syscall(SYS_time, NULL);
	expect(t - tv->tv_sec < 3 || tv->tv_sec == 0, "time", t - tv->tv_sec);
	expect(syscall(SYS_time, area + 128) >= t, "time, stored", 0);
	expect(syscall(SYS_clock_gettime, 99, ts) == -1 && errno == EINVAL, "no such clock", errno);
	expect(syscall(SYS_clock_gettime, 0, 8) == -1 && errno == EFAULT, "no such address", errno);
	expect(syscall(SYS_clock_gettime, 0, KERNEL_ADDRESS) == -1 && errno == EFAULT,
	       "a kernel address", errno);
	expect(syscall(SYS_gettimeofday, KERNEL_ADDRESS, NULL) == -1 && errno == EFAULT,
	       "gettimeofday to a kernel address", errno);
}

/* On each CPU in turn the number is that CPU's, and so is the mask. */
static void on_each_cpu(void)
{
	static cpu_set_t all, one, found;
	unsigned cpu;

	expect(sched_getaffinity(0, sizeof(all), &all) == 0, "CPUs", 0);
	for (unsigned n = 0; n < 256; n++) {
		if (!CPU_ISSET(n, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(n, &one);
		expect(sched_setaffinity(0, sizeof(one), &one) == 0, "sched_setaffinity", n);
		expect(syscall(SYS_getcpu, &cpu, NULL, NULL) == 0 && cpu == n, "the CPU's number",
		       cpu);
		CPU_ZERO(&found);
		expect(sched_getaffinity(0, sizeof(found), &found) == 0 && CPU_EQUAL(&one, &found),
		       "the CPU's mask", n);
	}
	expect(sched_setaffinity(0, sizeof(all), &all) == 0, "all CPUs again", 0);
}

static void where(void)
{
	unsigned *cpu = (unsigned *)(area + 256), *node = cpu + 1;
	unsigned long fs, *mask = (unsigned long *)(area + 512);
	long n;

	expect(syscall(SYS_getcpu, cpu, node, NULL) == 0, "getcpu", 0);
	expect(*cpu < 256 && *node == 0, "a CPU's number", *cpu);
	expect(syscall(SYS_getcpu, KERNEL_ADDRESS, NULL, NULL) == -1 && errno == EFAULT,
	       "getcpu to a kernel address", errno);
	n = syscall(SYS_sched_getaffinity, 0, 128, mask);
	expect(n >= 8 && n <= 128 && n % 8 == 0, "sched_getaffinity", n);
	expect(syscall(SYS_sched_getaffinity, 0, 3, mask) == -1 && errno == EINVAL,
	       "sched_getaffinity, short", errno);
	expect(syscall(SYS_arch_prctl, ARCH_GET_FS, area + 1024) == 0, "arch_prctl", 0);
	__asm__("mov %%fs:0, %0" : "=r"(fs));
	expect(*(unsigned long *)(area + 1024) == fs || *(unsigned long *)(area + 1024) == 0,
	       "FS base", (long)*(unsigned long *)(area + 1024));
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	pid_t parent = getppid();
	pthread_t thread[3];

	target = getpid();
	area = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	signal(SIGUSR1, count);
	block_signals_of_masks();
	if (area == MAP_FAILED || pthread_create(&thread[0], NULL, be_there, NULL)) {
		printf("own_table: no memory\n");
		return 2;
	}
	signals_and_masks(rounds < MOST_ROUNDS_OF_MASKS ? rounds : MOST_ROUNDS_OF_MASKS);
	if (pthread_create(&thread[1], NULL, disturb, NULL) ||
	    pthread_create(&thread[2], NULL, map_elsewhere, NULL)) {
		printf("own_table: no memory\n");
		return 2;
	}
	for (unsigned i = 0; i < rounds; i++) {
		who(target, parent);
		when();
		where();
		choices(area);
		sched_yield();
	}
	on_each_cpu();
	over = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	expect(signals > 0, "signals that came", signals);
	if (!failed)
		printf("own_table: %u rounds, every answer right\n", rounds);
	return failed > 0;
}
