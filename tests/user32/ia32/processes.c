/*
 * Children with segments of their own for thread-local memory, what a dying
 * thread does to its robust locks, limits of 32 bits, and the stat family.
 */
#include "ia32.h"

enum {
	SYS_waitpid = 7, SYS_setrlimit = 75, SYS_getrusage = 77, SYS_wait4 = 114, SYS_clone = 120,
	SYS_sched_yield = 158,
	SYS_getrlimit = 191, SYS_stat64 = 195, SYS_lstat64, SYS_fstat64,
	SYS_sched_setaffinity = 241, SYS_sched_getaffinity, SYS_set_thread_area, SYS_get_thread_area,
	SYS_waitid = 284, SYS_fstatat64 = 300, SYS_set_robust_list = 311, SYS_get_robust_list,
};

#define BAD 8u
#define SIGCHLD 17u
#define CLONE_PARENT_SETTID 0x00100000u
#define CLONE_CHILD_SETTID 0x01000000u
#define CLONE_SETTLS 0x00080000u
#define MAP_SHARED_ANONYMOUS 0x21
#define AT_FDCWD (-100)

/* Waits for it; its exit status, or -1. */
static int32_t end_of(int32_t pid)
{
	uint32_t status = ~0u;

	sys(SYS_waitpid, pid, &status, 0);
	return status & 0xff ? -1 : (int32_t)(status >> 8);
}

/* ---- clone ------------------------------------------------------------------------- */

struct user_desc {
	uint32_t entry, base, limit, flags;
};
#define DATA_SEGMENT 0x51u /* 32 bits, limit in pages, usable */

static uint32_t thread_word, others_word = 77;

static uint32_t word_by_gs(uint32_t entry)
{
	uint32_t word, selector = entry << 3 | 3;

	__asm__ volatile("mov %1, %%gs; mov %%gs:0, %0" : "=r"(word) : "r"(selector));
	return word;
}

static void test_clone(void)
{
	struct user_desc own = { ~0u, (uint32_t)&thread_word, 0xfffff, DATA_SEGMENT }, seen, childs;
	uint32_t flags = SIGCHLD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_SETTLS;
	uint32_t parent_tid = 0;
	volatile uint32_t child_tid = 0;
	int32_t pid;

	thread_word = 55;
	check_result(sys(SYS_set_thread_area, &own), 0, "set_thread_area finds an entry");
	check_true(own.entry >= 12 && own.entry <= 14, "which is 12, 13 or 14");
	check_equal(word_by_gs(own.entry), 55, "its segment leads to the memory");
	childs = own;
	childs.base = (uint32_t)&others_word;
	pid = sys(SYS_clone, flags, 0, &parent_tid, &childs, &child_tid);
	if (pid == 0)
		sys(SYS_exit_group, word_by_gs(own.entry) != 77 ? 1 : child_tid != (uint32_t)sys(SYS_gettid) ? 2 : 0);
	check_equal(parent_tid, (uint32_t)pid, "clone tells the parent the tid");
	check_result(end_of(pid), 0, "the child has a segment of its own, and is told its tid");
	check_equal(child_tid, 0, "the parent's memory is not the child's");
	check_equal(word_by_gs(own.entry), 55, "nor its segment");
	seen.entry = own.entry;
	check_result(sys(SYS_get_thread_area, &seen), 0, "get_thread_area");
	check_true(seen.base == own.base && seen.limit == own.limit && seen.flags == own.flags, "tells what was set");
	childs.entry = ~0u;
	check_result(sys(SYS_clone, flags, 0, &parent_tid, &childs, &child_tid), -EINVAL,
		     "clone looks for no free entry: EINVAL");
	check_result(sys(SYS_clone, flags, 0, &parent_tid, BAD, &child_tid), -EFAULT,
		     "a descriptor at address 8 gives EFAULT");
}

/* ---- Robust lists ------------------------------------------------------------------- */

#define WAITERS 0x80000000u
#define OWNER_DIED 0x40000000u
#define FUTEX_WAIT 0

struct lock {
	uint32_t next, word;
};

static struct {
	uint32_t head[3]; /* next, distance to the word, pending */
	struct lock waited_for, others, pending;
} *robust;

static void die_with_locks(void)
{
	uint32_t tid = (uint32_t)sys(SYS_gettid), nap[2] = { 0, 10000000 };

	robust->head[0] = (uint32_t)&robust->waited_for;
	robust->head[1] = sizeof(uint32_t);
	robust->head[2] = (uint32_t)&robust->pending;
	robust->waited_for = (struct lock){ (uint32_t)&robust->others, tid | WAITERS };
	robust->others = (struct lock){ (uint32_t)robust->head, 1 };
	robust->pending = (struct lock){ 0, tid };
	if (sys(SYS_set_robust_list, robust->head, 12))
		sys(SYS_exit_group, 1);
	sys(SYS_nanosleep, nap, 0);
	sys(SYS_exit_group, 0);
}

static void test_robust(void)
{
	uint32_t word, head, length;
	int32_t pid;

	robust = (void *)sys(SYS_mmap2, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED_ANONYMOUS, -1, 0);
	pid = sys(SYS_clone, SIGCHLD);
	if (pid == 0)
		die_with_locks();
	while (!((word = *(volatile uint32_t *)&robust->waited_for.word) & (WAITERS | OWNER_DIED)))
		sys(SYS_sched_yield);
	while (!(word & OWNER_DIED)) {
		sys(SYS_futex, &robust->waited_for.word, FUTEX_WAIT, word, 0);
		word = *(volatile uint32_t *)&robust->waited_for.word;
	}
	check_equal(word, WAITERS | OWNER_DIED, "who waits for a dead thread's lock is woken, and sees why");
	check_result(end_of(pid), 0, "it had a robust list");
	check_equal(robust->others.word, 1, "another's lock is left alone");
	check_equal(robust->pending.word, OWNER_DIED, "the lock that it was about to take is marked, too");
	check_result(sys(SYS_set_robust_list, robust->head, 24), -EINVAL, "a list of 64 bits gives EINVAL");
	check_result(sys(SYS_get_robust_list, 0, &head, &length), 0, "get_robust_list");
	check_true(head == 0 && length == 12, "there is none, of 12 bytes");
	check_result(sys(SYS_get_robust_list, 0x7ffffff0, &head, &length), -ESRCH, "of nobody gives ESRCH");
	check_result(sys(SYS_get_robust_list, 0, BAD, &length), -EFAULT, "to address 8 EFAULT");
}

/* ---- Waiting, limits, affinity --------------------------------------------------------- */

static void test_waits(void)
{
	uint32_t usage[18], status = 99, info[32];
	int32_t pid = sys(SYS_clone, SIGCHLD);

	if (pid == 0)
		sys(SYS_exit_group, 3);
	check_result(sys(SYS_waitid, 1, pid, info, 4 | 0x01000000, usage), 0, "waitid, without taking it away");
	check_true(info[0] == SIGCHLD && info[3] == (uint32_t)pid && info[5] == 3, "tells of the child");
	check_result(sys(SYS_wait4, pid, &status, 0, usage), pid, "wait4");
	check_true(status == 3 << 8 && usage[1] < 1000000, "tells its status and time");
	check_result(sys(SYS_waitpid, pid, &status, 0), -ECHILD, "then it is gone");
	check_result(sys(SYS_waitid, 0, 0, 0, 0, 0), -EINVAL, "waitid for nothing gives EINVAL");
}

static void test_limits(void)
{
	uint32_t limit[2] = { 5, 10 }, seen[2], usage[19];
	const uint32_t which = 12; /* RLIMIT_MSGQUEUE */

	check_result(sys(SYS_setrlimit, which, limit), 0, "setrlimit");
	check_result(sys(SYS_getrlimit, which, seen), 0, "getrlimit");
	check_true(seen[0] == 5 && seen[1] == 10, "gives what was set");
	check_result(sys(SYS_getrlimit, 5, seen), 0, "no limit");
	check_equal(seen[1], ~0u, "is all ones");
	check_result(sys(SYS_setrlimit, 5, seen), 0, "which says so, too");
	limit[0] = 11;
	check_result(sys(SYS_setrlimit, which, limit), -EINVAL, "soft above hard gives EINVAL");
	check_result(sys(SYS_setrlimit, 16, seen), -EINVAL, "setrlimit of limit 16 EINVAL");
	check_result(sys(SYS_setrlimit, 16, BAD), -EFAULT, "from address 8 EFAULT");
	check_result(sys(SYS_getrlimit, 16, BAD), -EINVAL, "getrlimit of limit 16 EINVAL");
	check_result(sys(SYS_getrlimit, which, BAD), -EFAULT, "to address 8 EFAULT");
	usage[18] = 0x12345678;
	check_result(sys(SYS_getrusage, 0, usage), 0, "getrusage");
	check_true(usage[1] < 1000000 && usage[18] == 0x12345678, "tells times, in 72 bytes");
	check_result(sys(SYS_getrusage, 5, usage), -EINVAL, "of 5 gives EINVAL");
}

static void test_affinity(void)
{
	static uint32_t mask[256], again[256];
	int32_t n = sys(SYS_sched_getaffinity, 0, sizeof(mask), mask);

	check_true(n > 0 && n % 4 == 0, "sched_getaffinity returns its bytes");
	check_result(sys(SYS_sched_setaffinity, 0, n, mask), 0, "sched_setaffinity takes them");
	sys(SYS_sched_getaffinity, 0, sizeof(again), again);
	check_equal(again[0], mask[0], "and they stay");
	check_result(sys(SYS_sched_getaffinity, 0, 1022, mask), -EINVAL, "half a word gives EINVAL");
}

/* ---- stat ------------------------------------------------------------------------------ */

struct stat64 {
	uint64_t dev;
	uint32_t pad, ino_low, mode, nlink, uid, gid;
	uint64_t rdev;
	uint32_t pad2;
	uint64_t size;
	uint32_t blksize;
	uint64_t blocks;
	uint32_t times[6];
	uint64_t ino;
	uint32_t behind;
} __attribute__((packed));

static void test_stat(void)
{
	static const char self[] = "/proc/self/exe";
	struct stat64 s = { .behind = 0x12345678 }, at;

	check_result(sys(SYS_stat64, self, &s), 0, "stat64 of the program");
	check_equal(s.mode & 0170111, 0100111, "finds a file that can be executed");
	check_true(s.size > 1000 && s.ino_low == (uint32_t)s.ino, "of some bytes");
	check_equal(s.behind, 0x12345678, "in 96 bytes");
	check_result(sys(SYS_fstatat64, AT_FDCWD, self, &at, 0), 0, "fstatat64");
	check_true(at.ino == s.ino && at.size == s.size, "finds the same");
	check_result(sys(SYS_lstat64, self, &at), 0, "lstat64");
	check_equal(at.mode & 0170000, 0120000, "finds the link");
	check_result(sys(SYS_fstat64, 1, &at), 0, "fstat64 of standard output");
	check_result(sys(SYS_fstat64, 99, &at), -EBADF, "of descriptor 99 gives EBADF");
	check_result(sys(SYS_stat64, "/no/such", &at), -ENOENT, "stat64 of nothing ENOENT");
	check_result(sys(SYS_stat64, self, BAD), -EFAULT, "to address 8 EFAULT");
	check_result(sys(SYS_fstatat64, AT_FDCWD, self, &at, 1), -EINVAL, "an unknown flag EINVAL");
}

void test_processes(void)
{
	check_subject("processes: ");
	test_clone();
	test_robust();
	test_waits();
	test_limits();
	test_affinity();
	test_stat();
	check_subject("");
}
