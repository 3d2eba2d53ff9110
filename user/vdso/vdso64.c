/*
 * The vDSO of 64-bit programs: what the C library calls instead of the kernel to read the
 * clock, and to ask on which CPU it runs.  It runs in ring 3, with nothing but what the
 * program could do itself: RDTSC, LSL, and the numbers at the end of its own page.
 *
 * It is one page, an ELF image of its own (vdso64.lds) within the kernel's, which
 * arch/vdso/vdso64.c shows to each program.  No instruction here is the kernel's, and no
 * entry path knows of it.
 * Names and version are Linux's: man 7 vdso.
 */
#include "arch/vdso/vdso64.h"
#include "kernel/base/x86.h"

#include <asm/unistd.h>
#include <linux/time.h>

#define NSEC_PER_SEC 1000000000UL
#define NSEC_PER_USEC 1000

#define SHOWN(name) __attribute__((visibility("default"))) name
#define WEAK(type, name, of, ...) \
	__attribute__((visibility("default"), weak, alias(#of))) type name(__VA_ARGS__)

int __vdso_clock_gettime(int id, struct timespec *to);
int __vdso_gettimeofday(struct timeval *to, struct timezone *zone);
long __vdso_time(long *to);
int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

/* As clock_ns(), arch/machine/clock.c.  LFENCE: not before what the program did before. */
static unsigned long monotonic_ns(void)
{
	unsigned int low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (unsigned long)((unsigned __int128)(((unsigned long)high << 32 | low) -
						   vdso_clock.tsc_start) *
				       vdso_clock.ns_per_tsc >>
			       32);
}

/* The kernel knows the others. */
static int ask_kernel(int id, struct timespec *to)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(__NR_clock_gettime), "D"(id), "S"(to)
			 : "rcx", "r11", "memory");
	return (int)result;
}

int SHOWN(__vdso_clock_gettime)(int id, struct timespec *to)
{
	unsigned long ns;

	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE: ns = vdso_clock.realtime_start + monotonic_ns(); break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: ns = monotonic_ns(); break;
	default: return ask_kernel(id, to);
	}
	to->tv_sec = (long)(ns / NSEC_PER_SEC);
	to->tv_nsec = (long)(ns % NSEC_PER_SEC);
	return 0;
}

int SHOWN(__vdso_gettimeofday)(struct timeval *to, struct timezone *zone)
{
	unsigned long ns = vdso_clock.realtime_start + monotonic_ns();

	if (to) {
		to->tv_sec = (long)(ns / NSEC_PER_SEC);
		to->tv_usec = (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
	}
	if (zone)
		*zone = (struct timezone){ 0, 0 };
	return 0;
}

long SHOWN(__vdso_time)(long *to)
{
	long seconds = (long)((vdso_clock.realtime_start + monotonic_ns()) / NSEC_PER_SEC);

	if (to)
		*to = seconds;
	return seconds;
}

/* Each CPU's GDT has its number as the limit of a descriptor that nobody loads. */
int SHOWN(__vdso_getcpu)(unsigned *cpu, unsigned *node, void *unused __attribute__((unused)))
{
	unsigned limit;

	__asm__ volatile("lsl %1, %0" : "=r"(limit) : "r"(SEL_CPU) : "cc");
	if (cpu)
		*cpu = limit;
	if (node)
		*node = 0;
	return 0;
}

WEAK(int, clock_gettime, __vdso_clock_gettime, int, struct timespec *);
WEAK(int, gettimeofday, __vdso_gettimeofday, struct timeval *, struct timezone *);
WEAK(long, time, __vdso_time, long *);
WEAK(int, getcpu, __vdso_getcpu, unsigned *, unsigned *, void *);
