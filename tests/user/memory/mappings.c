/*
 * mappings: mremap, madvise, mlock, and the flags of mmap beyond the plain ones.
 * What can be read or written is asked through the kernel, as in abi/memory.c, and
 * of a thread on another CPU, which may have it in its TLB.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `mappings -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../../../user/raw_syscall.h"
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096ul
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define MAYMOVE 1
#define FIXED 2
#define LAST_PAGE 0x7fffffffe000ul

static bool can_read(const void *address)
{
	return sys(SYS_nanosleep, address, 0) != -EFAULT;
}

static bool can_write(void *address)
{
	return sys(SYS_clock_gettime, CLOCK_MONOTONIC, address) != -EFAULT;
}

static unsigned char *map(unsigned pages, int flags)
{
	return (unsigned char *)sys(SYS_mmap, 0, pages * PAGE, READ_WRITE, flags, -1, 0);
}

/* Page i is full of 0xa0 + i. */
static unsigned char *map_numbered(unsigned pages, int flags)
{
	unsigned char *area = map(pages, flags);

	for (unsigned i = 0; i < pages; i++)
		memset(area + i * PAGE, (int)(0xa0 + i), PAGE);
	return area;
}

static bool full_of(const unsigned char *page, unsigned value)
{
	for (unsigned i = 0; i < PAGE; i++)
		if (page[i] != value)
			return false;
	return true;
}

static int64_t remap(void *at, uint64_t old, uint64_t new, int flags, uint64_t to)
{
	return sys(SYS_mremap, at, old * PAGE, new * PAGE, flags, to);
}

static void test_remap_size(void)
{
	unsigned char *area = map_numbered(6, ANONYMOUS), *moved;
	int64_t at;

	check_equal(remap(area, 6, 4, 0, 0), (int64_t)area, "mremap shrinks in place");
	check_true(full_of(area + 3 * PAGE, 0xa3) && !can_read(area + 4 * PAGE), "what was behind is gone");
	check_equal(remap(area, 4, 6, 0, 0), (int64_t)area, "it grows in place");
	check_true(full_of(area + 3 * PAGE, 0xa3) && full_of(area + 4 * PAGE, 0), "by pages of zeros");
	check_equal(remap(area, 6, 6, 0, 0), (int64_t)area, "the same size is no change");
	sys(SYS_mmap, area + 4 * PAGE, 2 * PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0);
	check_equal(remap(area, 4, 5, 0, 0), -ENOMEM, "where something lies behind, it gives ENOMEM");
	at = remap(area, 4, 5, MAYMOVE, 0);
	moved = (unsigned char *)at;
	check_true(at > 0 && moved != area, "unless it may move");
	check_true(at > 0 && full_of(moved, 0xa0) && full_of(moved + 3 * PAGE, 0xa3) && full_of(moved + 4 * PAGE, 0),
		   "with all pages, and zeros behind");
	check_true(!can_read(area) && !can_read(area + 3 * PAGE) && can_read(area + 4 * PAGE), "nothing is left where it was");
	sys(SYS_munmap, moved, 5 * PAGE);
	sys(SYS_munmap, area, 6 * PAGE);
}

static void test_remap_fixed(void)
{
	unsigned char *area = map_numbered(4, ANONYMOUS), *target = map_numbered(4, ANONYMOUS);

	check_equal(remap(area, 1, 1, MAYMOVE | FIXED, (uint64_t)target + PAGE), (int64_t)target + (int64_t)PAGE,
		    "mremap moves a page over another");
	check_true(full_of(target, 0xa0) && full_of(target + PAGE, 0xa0) && full_of(target + 2 * PAGE, 0xa2),
		   "which is replaced, and no other");
	check_true(!can_read(area) && full_of(area + PAGE, 0xa1), "and gone where it was");
	check_equal(remap(area + PAGE, 1, 1, MAYMOVE | FIXED, LAST_PAGE), (int64_t)LAST_PAGE,
		    "a page moves to the end of the user half");
	check_true(full_of((unsigned char *)LAST_PAGE, 0xa1), "and is there");
	check_equal(remap((void *)LAST_PAGE, 1, 1, MAYMOVE | FIXED, LAST_PAGE + PAGE), -EINVAL, "beyond gives EINVAL");
	check_equal(remap((void *)LAST_PAGE, 1, 1, MAYMOVE | FIXED, 0xffffffff80000000), -EINVAL, "the kernel's gives EINVAL");
	check_equal(remap((void *)LAST_PAGE, 1, 1, MAYMOVE | FIXED, (uint64_t)area + PAGE), (int64_t)area + (int64_t)PAGE,
		    "and it moves back");
	check_equal(remap(area + PAGE, 3, 1, MAYMOVE | FIXED, (uint64_t)target), (int64_t)target, "it shrinks on the way");
	check_true(full_of(target, 0xa1) && !can_read(area + 2 * PAGE) && !can_read(area + 3 * PAGE), "the rest is gone");
	sys(SYS_munmap, target, 4 * PAGE);
}

static void test_remap_refusals(void)
{
	unsigned char *area = map(4, ANONYMOUS);

	check_equal(remap(area, 1, 1, 8, 0), -EINVAL, "an unknown flag gives EINVAL");
	check_equal(remap(area, 1, 1, FIXED, (uint64_t)area), -EINVAL, "fixed and not movable gives EINVAL");
	check_equal(remap(area + 1, 1, 1, 0, 0), -EINVAL, "an odd address gives EINVAL");
	check_equal(remap(area, 1, 0, 0, 0), -EINVAL, "a new size of 0 gives EINVAL");
	check_equal(remap(area, 2, 2, MAYMOVE | FIXED, (uint64_t)area + PAGE), -EINVAL, "an overlap gives EINVAL");
	check_equal(remap(area, 0, 1, MAYMOVE, 0), -EINVAL, "an old size of 0 gives EINVAL");
	check_equal(remap(area, 5, 6, MAYMOVE, 0), -EFAULT, "more than there is gives EFAULT");
	check_true(sys(SYS_mremap, area, PAGE, 1ul << 47, MAYMOVE, 0) < 0, "2^47 bytes are too many"); /* ENOMEM, later EINVAL */
	sys(SYS_munmap, area, 4 * PAGE);
	check_equal(remap(area, 1, 1, MAYMOVE, 0), -EFAULT, "an unmapped address gives EFAULT");
	check_equal(remap((void *)0xffffffff80000000, 1, 1, MAYMOVE, 0), -EFAULT, "the kernel's gives EFAULT");
}

/* Memory that is shared can be mapped twice: old size 0. */
static void test_remap_shared(void)
{
	unsigned char *area = map_numbered(2, MAP_SHARED | MAP_ANONYMOUS);
	unsigned char *twin = (unsigned char *)remap(area + PAGE, 0, 1, MAYMOVE, 0);

	check_true((int64_t)twin > 0 && full_of(twin, 0xa1), "an old size of 0 maps shared memory a second time");
	area[PAGE] = 7;
	check_equal(twin[0], 7, "a write to the one is seen in the other");
	sys(SYS_munmap, area, 2 * PAGE);
	check_equal(twin[0], 7, "which stays when the first is gone");
	sys(SYS_munmap, twin, PAGE);
}

static void test_advice(void)
{
	unsigned char *area = map_numbered(4, ANONYMOUS);

	check_equal(sys(SYS_madvise, area + PAGE, PAGE, MADV_DONTNEED), 0, "MADV_DONTNEED returns 0");
	check_true(full_of(area, 0xa0) && full_of(area + PAGE, 0) && full_of(area + 2 * PAGE, 0xa2), "the page is zero, no other");
	check_true(can_write(area + PAGE), "and can be written");
	check_equal(sys(SYS_madvise, area, 4 * PAGE, MADV_WILLNEED), 0, "a hint returns 0");
	check_true(full_of(area + 3 * PAGE, 0xa3), "and changes nothing");
	check_equal(sys(SYS_madvise, area + 1, PAGE, MADV_DONTNEED), -EINVAL, "an odd address gives EINVAL");
	check_equal(sys(SYS_madvise, area, PAGE, 999), -EINVAL, "unknown advice gives EINVAL");
	check_equal(sys(SYS_madvise, area, -1, MADV_DONTNEED), -EINVAL, "-1 bytes give EINVAL");
	check_equal(sys(SYS_madvise, area, 0, MADV_DONTNEED), 0, "no bytes return 0");
	sys(SYS_munmap, area + PAGE, PAGE);
	check_equal(sys(SYS_madvise, area, 3 * PAGE, MADV_DONTNEED), -ENOMEM, "a hole gives ENOMEM");
	check_true(full_of(area, 0) && full_of(area + 2 * PAGE, 0), "the pages around it are dropped all the same");
	check_equal(sys(SYS_mlock, area, PAGE), 0, "mlock returns 0");
	check_equal(sys(SYS_mlock, area, 2 * PAGE), -ENOMEM, "of a hole ENOMEM");
	check_equal(sys(SYS_munlock, area, PAGE), 0, "munlock returns 0");
	sys(SYS_munmap, area, 4 * PAGE);
}

static void test_flags(void)
{
	unsigned char *area = map_numbered(2, ANONYMOUS | MAP_32BIT);

	check_true((uint64_t)area <= 0x80000000 - 2 * PAGE && full_of(area + PAGE, 0xa1), "MAP_32BIT gives memory below 2 GiB");
	check_equal(sys(SYS_mmap, area, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST,
		    "MAP_FIXED_NOREPLACE over it gives EEXIST");
	check_true(full_of(area, 0xa0), "and leaves it alone");
	sys(SYS_munmap, area, 2 * PAGE);
	area = map(2, ANONYMOUS | MAP_NORESERVE | MAP_STACK | MAP_POPULATE);
	check_true(full_of(area, 0) && can_write(area + PAGE), "MAP_NORESERVE, MAP_STACK and MAP_POPULATE are taken");
	sys(SYS_munmap, area, 2 * PAGE);
	check_equal(sys(SYS_mmap, 0, PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), -EINVAL,
		    "shared memory that grows down gives EINVAL");
}

/* ---- What a thread on another CPU sees ---------------------------------------------- */

#define ROUNDS 10
#define RACES 50
#define REFUSED (-1) /* as an answer */
#define READ (-1)    /* in the place of what to write */
#define STOP NULL    /* in the place of where */

/* asked == answered: the thread waits, in user mode. */
static struct {
	unsigned asked, answered;
	volatile unsigned char *volatile at;
	volatile int write, result;
	bool alone; /* there is one CPU only */
} other;
static sigjmp_buf refused_at;

static void refused(int number)
{
	(void)number;
	siglongjmp(refused_at, 1);
}

static void run_on(uint64_t cpu)
{
	uint64_t mask = 1ul << cpu;

	sys(SYS_sched_setaffinity, 0, sizeof(mask), &mask);
}

/*
 * No system call between two accesses: an entry could drop what the TLB has, as
 * only the kernel's word to this CPU should.
 */
static void *touch_for_others(void *cpu)
{
	run_on((uint64_t)cpu);
	for (;;) {
		if (sigsetjmp(refused_at, 0)) {
			other.result = REFUSED;
		} else {
			while (__atomic_load_n(&other.asked, __ATOMIC_ACQUIRE) == other.answered)
				if (other.alone)
					sched_yield();
			if (other.at == STOP)
				return NULL;
			if (other.write != READ)
				*other.at = (unsigned char)other.write;
			other.result = *other.at;
		}
		__atomic_store_n(&other.answered, other.asked, __ATOMIC_RELEASE);
	}
}

static void ask_other(unsigned char *at, int write)
{
	other.at = at;
	other.write = write;
	__atomic_store_n(&other.asked, other.asked + 1, __ATOMIC_RELEASE);
}

static int answer_of_other(void)
{
	while (__atomic_load_n(&other.answered, __ATOMIC_ACQUIRE) != other.asked)
		sched_yield();
	return other.result;
}

static int other_touches(unsigned char *at, int write)
{
	ask_other(at, write);
	return answer_of_other();
}

/* A page that the other has just written; then it is changed, and touched again. */
static unsigned char *touched_page(void)
{
	unsigned char *p = map(1, ANONYMOUS);

	other_touches(p, 0xb0);
	return p;
}

static bool sees_munmap(void)
{
	unsigned char *p = touched_page();

	sys(SYS_munmap, p, PAGE);
	return other_touches(p, READ) == REFUSED;
}

static bool sees_mprotect(int protection, int write)
{
	unsigned char *p = touched_page();
	int seen;

	sys(SYS_mprotect, p, PAGE, protection);
	seen = other_touches(p, write);
	sys(SYS_munmap, p, PAGE);
	return seen == REFUSED;
}

static bool sees_move(void)
{
	unsigned char *p = touched_page(), *to = map(1, ANONYMOUS);
	int old, new;

	remap(p, 1, 1, MAYMOVE | FIXED, (uint64_t)to);
	old = other_touches(p, READ);
	new = other_touches(to, READ);
	sys(SYS_munmap, to, PAGE);
	return old == REFUSED && new == 0xb0;
}

static bool sees_replacement(void)
{
	unsigned char *p = touched_page(), *by = map_numbered(1, ANONYMOUS);
	int seen;

	remap(by, 1, 1, MAYMOVE | FIXED, (uint64_t)p);
	seen = other_touches(p, READ);
	sys(SYS_munmap, p, PAGE);
	return seen == 0xa0;
}

static bool sees_advice(void)
{
	unsigned char *p = touched_page();
	int seen;

	sys(SYS_madvise, p, PAGE, MADV_DONTNEED);
	seen = other_touches(p, READ);
	sys(SYS_munmap, p, PAGE);
	return seen == 0;
}

/* Both write to a page that nobody has touched: it has one frame, with both. */
static bool share_fresh_page(void)
{
	unsigned char *p = map(1, ANONYMOUS);
	bool good;

	ask_other(p + 64, 0xb1);
	*(volatile unsigned char *)p = 0xb0;
	answer_of_other();
	good = *(volatile unsigned char *)p == 0xb0 && p[64] == 0xb1;
	sys(SYS_munmap, p, PAGE);
	return good;
}

/* How often it was wrong: an interrupt in the other may hide a flush that is missing. */
static void test_flushes(void)
{
	int munmaps = 0, rights = 0, writes = 0, moves = 0, replaced = 0, advice = 0, races = 0;

	for (int i = 0; i < ROUNDS; i++) {
		munmaps += !sees_munmap();
		rights += !sees_mprotect(PROT_NONE, READ);
		writes += !sees_mprotect(PROT_READ, 0xb2);
		moves += !sees_move();
		replaced += !sees_replacement();
		advice += !sees_advice();
	}
	for (int i = 0; i < RACES; i++)
		races += !share_fresh_page();
	check_equal(munmaps, 0, "pages that another CPU reads behind munmap");
	check_equal(rights, 0, "pages that it reads behind mprotect to nothing");
	check_equal(writes, 0, "pages that it writes behind mprotect to read");
	check_equal(moves, 0, "pages that it finds at the place they were moved from");
	check_equal(replaced, 0, "pages that it finds where mremap put another");
	check_equal(advice, 0, "pages that it reads behind MADV_DONTNEED");
	check_equal(races, 0, "writes that are lost when two CPUs touch a page first");
}

static void test_other_cpu(void)
{
	struct sigaction action = { .sa_handler = refused, .sa_flags = SA_NODEFER };
	uint64_t mask[16] = { 0 }, last;
	pthread_t thread;

	sys(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	other.alone = !(mask[0] & (mask[0] - 1));
	last = 63 - (uint64_t)__builtin_clzl(mask[0] | 1);
	sigaction(SIGSEGV, &action, NULL);
	run_on((uint64_t)__builtin_ctzl(mask[0] | 1ul << last));
	if (pthread_create(&thread, NULL, touch_for_others, (void *)last)) {
		check_true(false, "a thread is made");
		return;
	}
	test_flushes();
	ask_other(STOP, READ);
	pthread_join(thread, NULL);
	signal(SIGSEGV, SIG_DFL);
	sys(SYS_sched_setaffinity, 0, sizeof(mask), mask);
}

/* ---- Protection keys, where the CPU has them and the kernel keeps them ------------ */

static bool has_protection_keys(void)
{
	uint32_t a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c & 1 << 4; /* OSPKE */
}

static void write_pkru(uint32_t value)
{
	__asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

/* In a child: no data of its own, its stack included, may be written any more. */
static void test_protection_keys(void)
{
	int64_t pid, status = 0, in_copy;
	unsigned char *p = map(1, ANONYMOUS);

	if (!has_protection_keys())
		return;
	p[0] = 1;
	pid = sys(SYS_fork);
	if (pid == 0) {
		write_pkru(2); /* key 0: write-disable */
		in_copy = sys(SYS_clock_gettime, CLOCK_MONOTONIC, p);
		write_pkru(0);
		sys(SYS_exit_group, in_copy == -EFAULT ? 5 : 6);
	}
	sys(SYS_wait4, pid, &status, 0, 0);
	check_equal(status, 5 << 8, "the kernel's copies heed protection keys, too");
	pid = sys(SYS_fork);
	if (pid == 0) {
		write_pkru(2);
		*(volatile unsigned char *)p = 2;
		sys(SYS_exit_group, 6);
	}
	sys(SYS_wait4, pid, &status, 0, 0);
	check_equal(status & 0x7f, 11, "a store against them ends in SIGSEGV");
	check_equal(p[0], 1, "and they are the child's own");
}

/* Each first touch is a read, by the program or by the kernel: of zeroes, and of a file. */
static void test_write_alone(void)
{
	unsigned char *p = (unsigned char *)sys(SYS_mmap, 0, 2 * PAGE, PROT_WRITE, ANONYMOUS, -1, 0);
	int fd = (int)sys(SYS_open, "/tmp/mappings", O_RDWR | O_CREAT, 0600), pipes[2];

	check_equal(p[0], 0, "a page that may be written alone is read");
	check_true(can_read(p + PAGE), "the next one by the kernel");
	p[0] = 1;
	check_equal(p[0], 1, "it is written");
	sys(SYS_unlink, "/tmp/mappings");
	sys(SYS_write, fd, "file", 4);
	sys(SYS_ftruncate, fd, 2 * PAGE);
	p = (unsigned char *)sys(SYS_mmap, 0, 2 * PAGE, PROT_WRITE, MAP_PRIVATE, fd, 0);
	sys(SYS_pipe, pipes);
	check_equal(sys(SYS_write, pipes[1], p + PAGE, 8), 8, "a file's page, by the kernel");
	check_equal(p[1], 'i', "and by the program");
	p[1] = 'I';
	check_equal(p[1], 'I', "it is written");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_remap_size();
	test_remap_fixed();
	test_remap_refusals();
	test_remap_shared();
	test_advice();
	test_flags();
	test_other_cpu();
	test_protection_keys();
	test_write_alone();
	return check_end();
}
