/*
 * vdso: the 64-bit vDSO, found as a C library finds it: AT_SYSINFO_EHDR, its dynamic symbols
 * with their version.  Its answers are the kernel's, it makes no call for them, and what one
 * program does to its page no other sees.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `vdso -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../lib/check.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define SECOND 1000000000L
#define MANY_CPUS 4

static int (*vdso_clock_gettime)(clockid_t, struct timespec *);
static int (*vdso_gettimeofday)(struct timeval *, void *);
static time_t (*vdso_time)(time_t *);
static int (*vdso_getcpu)(unsigned *, unsigned *, void *);

static const char *image;
static size_t size; /* whole pages: Linux has two, and divides them for nobody */

/* ---- As a C library does ------------------------------------------------------------ */

static const Elf64_Phdr *header_of(unsigned type)
{
	const Elf64_Ehdr *e = (const void *)image;
	const Elf64_Phdr *p = (const void *)(image + e->e_phoff);

	for (int i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == type)
			return &p[i];
	return NULL;
}

static const void *dynamic(Elf64_Sxword tag)
{
	const Elf64_Phdr *p = header_of(PT_DYNAMIC);
	const Elf64_Dyn *d;

	for (d = p ? (const void *)(image + p->p_offset) : NULL; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return image + d->d_un.d_ptr;
	return NULL;
}

/* The name of a symbol's version. */
static const char *version_of(unsigned symbol)
{
	const Elf64_Half *versions = dynamic(DT_VERSYM);
	const Elf64_Verdef *def = dynamic(DT_VERDEF);
	const char *names = dynamic(DT_STRTAB);

	if (!versions || !def)
		return "";
	while (def->vd_ndx != (versions[symbol] & 0x7fff)) {
		if (!def->vd_next)
			return "";
		def = (const void *)((const char *)def + def->vd_next);
	}
	return names + ((const Elf64_Verdaux *)((const char *)def + def->vd_aux))->vda_name;
}

static void *find(const char *name)
{
	const Elf64_Word *hash = dynamic(DT_HASH);
	const Elf64_Sym *symbols = dynamic(DT_SYMTAB);
	const char *names = dynamic(DT_STRTAB);

	for (unsigned i = 0; hash && symbols && names && i < hash[1]; i++)
		if (strcmp(names + symbols[i].st_name, name) == 0 && symbols[i].st_shndx &&
		    strcmp(version_of(i), "LINUX_2.6") == 0)
			return (void *)(image + symbols[i].st_value);
	return NULL;
}

static void test_image(void)
{
	static const char *const short_names[] = { "clock_gettime", "gettimeofday", "time",
						   "getcpu" };
	char name[32] = "__vdso_";
	const Elf64_Phdr *load;
	unsigned found = 0;

	image = (const char *)getauxval(AT_SYSINFO_EHDR);
	check_true(image && (uintptr_t)image % PAGE == 0 && memcmp(image, ELFMAG, SELFMAG) == 0,
		   "AT_SYSINFO_EHDR is an ELF image at a page");
	load = header_of(PT_LOAD);
	check_true(load && load->p_flags == (PF_R | PF_X) && load->p_offset == 0,
		   "one part of it is loaded, to read and execute");
	size = load ? (load->p_memsz + PAGE - 1) / PAGE * PAGE : 0;
	for (unsigned i = 0; i < 4; i++) {
		strcpy(name + 7, short_names[i]);
		found += find(name) && find(name) == find(short_names[i]);
	}
	check_equal(found, 4, "four functions, of version LINUX_2.6, have two names each");
	vdso_clock_gettime = find("__vdso_clock_gettime");
	vdso_gettimeofday = find("__vdso_gettimeofday");
	vdso_time = find("__vdso_time");
	vdso_getcpu = find("__vdso_getcpu");
}

/* ---- Its answers -------------------------------------------------------------------------- */

static int64_t ns_of(const struct timespec *t)
{
	return t->tv_sec * SECOND + t->tv_nsec;
}

static int64_t by_call(clockid_t id)
{
	struct timespec t = { 0, -1 };

	return syscall(SYS_clock_gettime, id, &t) ? -1 : ns_of(&t);
}

static int64_t by_vdso(clockid_t id)
{
	struct timespec t = { 0, -1 };

	return vdso_clock_gettime(id, &t) || t.tv_nsec < 0 || t.tv_nsec >= SECOND ? -1 : ns_of(&t);
}

/* A coarse clock may be a tick behind. */
#define TICK 10000000

static void test_clocks(void)
{
	static const struct {
		clockid_t id;
		const char *name;
		int64_t coarse;
	} clocks[] = {
		{ CLOCK_REALTIME, "CLOCK_REALTIME", 0 },
		{ CLOCK_MONOTONIC, "CLOCK_MONOTONIC", 0 },
		{ CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW", 0 },
		{ CLOCK_BOOTTIME, "CLOCK_BOOTTIME", 0 },
		{ CLOCK_REALTIME_COARSE, "CLOCK_REALTIME_COARSE", TICK },
		{ CLOCK_MONOTONIC_COARSE, "CLOCK_MONOTONIC_COARSE", TICK },
		{ CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID", 0 },
		{ CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID", 0 },
	};

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int64_t before = by_call(clocks[i].id), here = by_vdso(clocks[i].id);

		check_range(here, before - clocks[i].coarse, by_call(clocks[i].id) + clocks[i].coarse,
			    "%s lies between two answers of the kernel", clocks[i].name);
	}
	check_true(vdso_clock_gettime(12345, &(struct timespec){ 0 }) == -EINVAL,
		   "a clock that is none is the kernel's EINVAL");
}

static void test_time(void)
{
	struct timezone { int minutes, dst; } zone = { 77, 77 };
	int64_t before = by_call(CLOCK_REALTIME), between;
	struct timeval tv = { 0, -1 };
	time_t seconds = 0, told;

	check_equal(vdso_gettimeofday(&tv, &zone), 0, "gettimeofday");
	between = by_call(CLOCK_REALTIME);
	check_range(tv.tv_sec * 1000000 + tv.tv_usec, before / 1000, between / 1000,
		    "its microseconds lie between two answers of the kernel");
	check_true(zone.minutes == 0 && zone.dst == 0, "the zone is Greenwich's");
	check_equal(vdso_gettimeofday(NULL, NULL), 0, "gettimeofday into nothing");
	told = vdso_time(&seconds);
	check_range(told, before / SECOND - 1, by_call(CLOCK_REALTIME) / SECOND,
		    "time is the seconds");
	check_true(seconds == told && vdso_time(NULL) >= told, "and writes them, or into nothing");
}

static void test_order(void)
{
	int64_t last = 0, behind = 0;

	for (int i = 0; i < 1000; i++) {
		int64_t now = i % 2 ? by_call(CLOCK_MONOTONIC) : by_vdso(CLOCK_MONOTONIC);

		behind += now < last;
		last = now;
	}
	check_equal(behind, 0, "of 1000 answers, the kernel's and the vDSO's, none is before the last");
}

static void test_cpu(void)
{
	cpu_set_t all, one;
	unsigned tried = 0, right = 0;

	sched_getaffinity(0, sizeof(all), &all);
	for (unsigned n = 0; n < CPU_SETSIZE && tried < MANY_CPUS; n++) {
		unsigned cpu = ~0U, node = ~0U;

		if (!CPU_ISSET(n, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(n, &one);
		sched_setaffinity(0, sizeof(one), &one);
		vdso_getcpu(&cpu, &node, NULL);
		tried++;
		right += cpu == n && node != ~0U;
	}
	sched_setaffinity(0, sizeof(all), &all);
	check_true(tried > 0 && right == tried, "getcpu tells each CPU's number there");
	check_equal(vdso_getcpu(NULL, NULL, NULL), 0, "getcpu into nothing");
}

/* ---- Without a call ------------------------------------------------------------------------ */

/* What the child does between its two calls of getppid. */
static void use_all(void)
{
	struct timespec t;
	struct timeval tv;
	unsigned cpu;

	vdso_clock_gettime(CLOCK_REALTIME, &t);
	vdso_clock_gettime(CLOCK_MONOTONIC, &t);
	vdso_gettimeofday(&tv, NULL);
	vdso_time(NULL);
	vdso_getcpu(&cpu, NULL, NULL);
}

static long next_call(pid_t pid)
{
	struct user_regs_struct regs;
	int status;

	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_GETREGS, pid, 0, &regs))
		return -1;
	return (long)regs.orig_rax;
}

static void test_no_call(void)
{
	pid_t pid = fork();
	long calls[4];

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		syscall(SYS_getppid);
		use_all();
		syscall(SYS_getuid);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	do
		calls[0] = next_call(pid);
	while (calls[0] != SYS_getppid && calls[0] >= 0);
	for (int i = 1; i < 4; i++)
		calls[i] = next_call(pid); /* its end; the next, twice */
	check_true(calls[1] == SYS_getppid && calls[2] == SYS_getuid && calls[3] == SYS_getuid,
		   "a tracer sees no call between two, in which all four are asked");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- Its page -------------------------------------------------------------------------------- */

static int in_child(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(act());
	waitpid(pid, &status, 0);
	return status;
}

static int write_it(void)
{
	*(volatile char *)image = 0;
	return 0;
}

static int write_a_copy(void)
{
	if (mprotect((void *)image, size, PROT_READ | PROT_WRITE))
		return errno;
	*(volatile char *)image = 0;
	return *(volatile const char *)image;
}

static int do_without(void)
{
	return munmap((void *)image, size) ? errno : 0;
}

static void test_page(void)
{
	check_equal(in_child(write_it), SIGSEGV, "to write there is SIGSEGV");
	check_equal(in_child(write_a_copy), 0, "made writable, it is written");
	check_equal(image[0], ELFMAG0, "which the parent does not see");
	check_equal(in_child(do_without), 0, "a program can do without it");
	check_true(by_vdso(CLOCK_MONOTONIC) > 0, "and this one still has it");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_image();
	if (!vdso_clock_gettime || !vdso_gettimeofday || !vdso_time || !vdso_getcpu)
		return check_end();
	test_clocks();
	test_time();
	test_order();
	test_cpu();
	test_no_call();
	test_page();
	return check_end();
}
