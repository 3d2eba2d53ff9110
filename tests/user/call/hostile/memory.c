/*
 * memory.c: addresses that the kernel is not asked to follow, but to map, to
 * unmap, to wait at or to remember.
 */
#include "../../lib/check.h"
#include "hostile.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define READ_WRITE	(PROT_READ | PROT_WRITE)
#define ANONYMOUS	(MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED		(ANONYMOUS | MAP_FIXED)
#define ALL		(~0ul)
#define IMAGE		0xffffffff80000000ul
#define DIRECT_MAP	0xffff888000000000ul
#define LAST_PAGE	0xfffffffffffff000ul
#define FUTEX_WAIT	0
#define FUTEX_WAKE	1
#define FUTEX_REQUEUE	3
#define PRIVATE		128
#define HEAD_BYTES	24
#define MADV_POPULATE_WRITE_ 23
#define P1		0x5031503150315031ul	/* the first page, which is there */
#define P2		0x5032503250325032ul	/* the second, which is not */
#define P4		0x5034503450345034ul	/* the fourth, which is read-only */

static const struct integer_row rows[] = {
	{ POINTER(mmap), { 0, 0, PROT_READ, ANONYMOUS, ALL, 0 }, -EINVAL, 0 },
	{ POINTER(mmap), { 0, ALL, PROT_READ, ANONYMOUS, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { 0, 1ul << 63, PROT_READ, ANONYMOUS, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { 0, 1ul << 47, PROT_READ, ANONYMOUS, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { 0, PAGE, PROT_READ, MAP_ANONYMOUS, ALL, 0 }, -EINVAL, 0 },
	{ POINTER(mmap), { 0, PAGE, PROT_READ, MAP_ANONYMOUS | 3, ALL, 0 }, -EINVAL, 0 },
	{ POINTER(mmap), { 0, PAGE, PROT_READ, MAP_ANONYMOUS | 15, ALL, 0 }, -EINVAL, 0 },
	{ POINTER(mmap), { 0, PAGE, PROT_READ, ANONYMOUS, ALL, 1 }, -EINVAL, 0 },
	{ POINTER(mmap), { 0, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, ALL, 0 }, -EINVAL, 0 },
	{ POINTER(mmap), { 0, PAGE, PROT_READ, MAP_PRIVATE, 99, 0 }, -EBADF, 0 },
	{ POINTER(mmap), { 0, PAGE, PROT_READ, MAP_PRIVATE, ALL, 0 }, -EBADF, 0 },
	{ POINTER(mmap), { 0, 0, PROT_READ, 0, 99, 0 }, -EBADF, 0 },
	{ POINTER(mmap), { 0, PAGE, PROT_READ, MAP_PRIVATE, 99, 1 }, -EINVAL, 0 },
	{ POINTER(mmap), { 0x10001, PAGE, PROT_READ, FIXED, ALL, 0 }, -EINVAL, 0 },
	{ POINTER(mmap), { USER_END, PAGE, PROT_READ, FIXED, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { USER_END - PAGE, 2 * PAGE, PROT_READ, FIXED, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { DIRECT_MAP, PAGE, PROT_READ, FIXED, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { IMAGE, PAGE, PROT_READ, FIXED, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { LAST_PAGE, PAGE, PROT_READ, FIXED, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { LAST_PAGE - 1, PAGE, PROT_READ, FIXED, ALL, 0 }, -ENOMEM, 0 },
	{ POINTER(mmap), { P1, PAGE, PROT_READ, ANONYMOUS | 0x100000, ALL, 0 }, -EEXIST, 0 },
	{ POINTER(munmap), { P1, 0 }, -EINVAL, 0 },
	{ POINTER(munmap), { P1 + 1, PAGE }, -EINVAL, 0 },
	{ POINTER(munmap), { P1, ALL }, -EINVAL, 0 },
	{ POINTER(munmap), { P1, LAST_PAGE }, -EINVAL, 0 },
	{ POINTER(munmap), { P1, USER_END }, -EINVAL, 0 },
	{ POINTER(munmap), { USER_END, PAGE }, -EINVAL, 0 },
	{ POINTER(munmap), { DIRECT_MAP, PAGE }, -EINVAL, 0 },
	{ POINTER(munmap), { IMAGE, PAGE }, -EINVAL, 0 },
	{ POINTER(munmap), { LAST_PAGE, PAGE }, -EINVAL, 0 },
	{ POINTER(munmap), { P2, PAGE }, 0, 0 },
	{ POINTER(mprotect), { P1 + 1, PAGE, PROT_READ }, -EINVAL, 0 },
	{ POINTER(mprotect), { P1 + 1, 0, PROT_READ }, -EINVAL, 0 },
	{ POINTER(mprotect), { P1, 0, PROT_READ }, 0, 0 },
	{ POINTER(mprotect), { IMAGE, 0, PROT_READ }, 0, 0 },
	{ POINTER(mprotect), { P2, PAGE, PROT_READ }, -ENOMEM, 0 },
	{ POINTER(mprotect), { P1, ALL, READ_WRITE }, -ENOMEM, 0 },
	{ POINTER(mprotect), { P1, LAST_PAGE, READ_WRITE }, -ENOMEM, 0 },
	{ POINTER(mprotect), { USER_END, PAGE, READ_WRITE }, -ENOMEM, 0 },
	{ POINTER(mprotect), { DIRECT_MAP, PAGE, READ_WRITE }, -ENOMEM, 0 },
	{ POINTER(mprotect), { IMAGE, PAGE, READ_WRITE }, -ENOMEM, 0 },
	{ POINTER(mprotect), { LAST_PAGE, PAGE, READ_WRITE }, -ENOMEM, 0 },
	{ POINTER(mprotect), { P1, PAGE, 0x13 }, -EINVAL, 0 },
	{ POINTER(mprotect), { P1, PAGE, ALL }, -EINVAL, 0 },
	{ POINTER(mprotect), { P1, PAGE, READ_WRITE | 0x01000000 }, -EINVAL, 0 },
	{ POINTER(mprotect), { P1, PAGE, READ_WRITE | 0x03000000 }, -EINVAL, 0 },
	{ POINTER(mprotect), { P1, PAGE, READ_WRITE | 8 }, 0, 0 },
	{ POINTER(madvise), { P1 + 1, PAGE, MADV_DONTNEED }, -EINVAL, 0 },
	{ POINTER(madvise), { P1, PAGE, 99 }, -EINVAL, 0 },
	{ POINTER(madvise), { P1, PAGE, ALL }, -EINVAL, 0 },
	{ POINTER(madvise), { P1, 0, 99 }, -EINVAL, 0 },
	{ POINTER(madvise), { IMAGE, 0, MADV_DONTNEED }, 0, 0 },
	{ POINTER(madvise), { P2, PAGE, MADV_DONTNEED }, -ENOMEM, 0 },
	{ POINTER(madvise), { P1, ALL, MADV_DONTNEED }, -EINVAL, 0 },
	{ POINTER(madvise), { P1, LAST_PAGE, MADV_DONTNEED }, -EINVAL, 0 },
	{ POINTER(madvise), { DIRECT_MAP, PAGE, MADV_DONTNEED }, -ENOMEM, 0 },
	{ POINTER(madvise), { IMAGE, PAGE, MADV_NORMAL }, -ENOMEM, 0 },
	{ POINTER(madvise), { USER_END, PAGE, MADV_POPULATE_WRITE_ }, -ENOMEM, 0 },
	{ POINTER(madvise), { P4, PAGE, MADV_POPULATE_WRITE_ }, -EINVAL, 0 },
	{ POINTER(mremap), { P1 + 1, PAGE, PAGE, 0 }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, 0, 0 }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, ALL, 1 }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, 1ul << 47, 1 }, -ENOMEM, -EINVAL },
	{ POINTER(mremap), { P1, 0, PAGE, 1 }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, 2 * PAGE, 3 * PAGE, 1 }, -EFAULT, 0 },
	{ POINTER(mremap), { P1, PAGE, PAGE, 8 }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, PAGE, 2, P2 }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, PAGE, 3, P2 + 1 }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, PAGE, 3, P1 }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, PAGE, 3, USER_END }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, PAGE, 3, DIRECT_MAP }, -EINVAL, 0 },
	{ POINTER(mremap), { P1, PAGE, PAGE, 3, LAST_PAGE }, -EINVAL, 0 },
	{ POINTER(mremap), { P2, PAGE, PAGE, 1 }, -EFAULT, 0 },
	{ POINTER(mremap), { USER_END, PAGE, PAGE, 1 }, -EFAULT, 0 },
	{ POINTER(mremap), { DIRECT_MAP, PAGE, 2 * PAGE, 1 }, -EFAULT, 0 },
	{ POINTER(mremap), { LAST_PAGE, PAGE, 2 * PAGE, 1 }, -EFAULT, 0 },
	{ POINTER(msync), { P1 + 1, PAGE, MS_SYNC }, -EINVAL, 0 },
	{ POINTER(msync), { P1, PAGE, 8 }, -EINVAL, 0 },
	{ POINTER(msync), { P1, PAGE, MS_SYNC | MS_ASYNC }, -EINVAL, 0 },
	{ POINTER(msync), { P1, 0, MS_SYNC }, 0, 0 },
	{ POINTER(msync), { P2, PAGE, MS_SYNC }, -ENOMEM, 0 },
	{ POINTER(msync), { LAST_PAGE, PAGE, MS_SYNC }, 0, -ENOMEM },
	{ POINTER(msync), { IMAGE, PAGE, MS_SYNC }, -ENOMEM, 0 },
	{ POINTER(mlock), { P2, 1 }, -ENOMEM, 0 },
	{ POINTER(mlock), { P1, LAST_PAGE }, -EINVAL, -ENOMEM },
	{ POINTER(mlock), { DIRECT_MAP, 1 }, -ENOMEM, 0 },
	{ POINTER(mlock), { IMAGE, PAGE }, -ENOMEM, 0 },
	{ POINTER(mlock), { LAST_PAGE, PAGE }, -EINVAL, 0 },
	{ POINTER(munlock), { P2, 1 }, -ENOMEM, 0 },
	{ POINTER(munlock), { P1, LAST_PAGE }, -EINVAL, 0 },
	{ POINTER(munlock), { DIRECT_MAP, 1 }, -ENOMEM, 0 },
	{ POINTER(munlock), { LAST_PAGE, PAGE }, -EINVAL, 0 },
	{ POINTER(mlock2), { P2, 1, 0 }, -ENOMEM, 0 },
	{ POINTER(mlock2), { P1, PAGE, 2 }, -EINVAL, 0 },
	{ POINTER(mlock2), { P1, LAST_PAGE, 1 }, -EINVAL, -ENOMEM },
	{ POINTER(mlock2), { DIRECT_MAP, 1, 1 }, -ENOMEM, 0 },
	{ POINTER(mlock2), { LAST_PAGE, PAGE, 0 }, -EINVAL, 0 },
	{ CALL(mlockall), { 0 }, -EINVAL, 0 },
	{ CALL(mlockall), { 4 }, -EINVAL, 0 },
	{ CALL(mlockall), { ALL }, -EINVAL, 0 },
	{ CALL(futex), { P1 + 2, FUTEX_WAIT, 0 }, -EINVAL, 0 },
	{ CALL(futex), { P1 + 2, FUTEX_WAKE | PRIVATE, 1 }, -EINVAL, 0 },
	{ CALL(futex), { P2, FUTEX_WAIT, 0 }, -EFAULT, 0 },
	{ CALL(futex), { P2, FUTEX_WAIT | PRIVATE, 0 }, -EFAULT, 0 },
	{ CALL(futex), { P2, FUTEX_WAKE, 1 }, -EFAULT, 0 },
	{ CALL(futex), { P2, FUTEX_WAKE | PRIVATE, 1 }, 0, 0 },
	{ CALL(futex), { P4, FUTEX_WAIT, 0 }, -EFAULT, 0 },
	{ CALL(futex), { P4, FUTEX_WAIT | PRIVATE, 0 }, -EAGAIN, 0 },
	{ CALL(futex), { P4, FUTEX_WAKE, 1 }, -EFAULT, 0 },
	{ CALL(futex), { P1, FUTEX_REQUEUE, 1, 1, P2 }, -EFAULT, 0 },
	{ CALL(futex), { P1, FUTEX_REQUEUE, 1, 1, IMAGE }, -EFAULT, 0 },
	{ CALL(futex), { P1, FUTEX_REQUEUE | PRIVATE, 1, 1, DIRECT_MAP }, -EFAULT, 0 },
	{ CALL(futex), { P1, FUTEX_REQUEUE | PRIVATE, 1, 1, P1 + 1 }, -EINVAL, 0 },
};

static uint64_t place(uint64_t a)
{
	switch (a) {
	case P1: return (uint64_t)arena;
	case P1 + 1: return (uint64_t)arena + 1;
	case P1 + 2: return (uint64_t)arena + 2;
	case P2: return (uint64_t)arena + PAGE;
	case P2 + 1: return (uint64_t)arena + PAGE + 1;
	case P4: return (uint64_t)arena + 3 * PAGE;
	default: return a;
	}
}

/* Those that take any address, or answer the same to each. */
static void test_each(const struct hostile_address *h)
{
	uint64_t a = h->address;
	int64_t refused = a % 4 ? -EINVAL : -EFAULT;
	int64_t end = sys(SYS_brk, 0);

	check_equal(sys(SYS_set_tid_address, a), sys(SYS_gettid), "set_tid_address takes %s", h->what);
	check_equal(sys(SYS_set_robust_list, a, HEAD_BYTES), 0, "set_robust_list takes %s", h->what);
	check_equal(sys(SYS_brk, a), end, "brk does not go to %s", h->what);
	check_equal(sys(SYS_futex, a, FUTEX_WAIT, 0), refused, "futex does not wait at %s", h->what);
	check_equal(sys(SYS_futex, a, FUTEX_WAIT | PRIVATE, 0), refused, "nor with a private one");
	check_equal(sys(SYS_futex, a, FUTEX_WAKE, 1), refused, "futex does not wake at %s", h->what);
	if (a > USER_END) {	/* to newer Linux, the page behind the end is an address like others */
		check_equal(sys(SYS_futex, a, FUTEX_WAKE | PRIVATE, 1), refused, "nor with a private one");
		check_equal(sys(SYS_arch_prctl, 0x1002, a), -EPERM, "the FS base is not set to %s", h->what);
		check_equal(sys(SYS_arch_prctl, 0x1001, a), -EPERM, "nor the GS base");
	}
	check_unharmed(h->what);
}

/* Remembered, not followed now; what comes of it at the end is in ends.c. */
static const struct integer_row remembered[] = {
	{ POINTER(set_tid_address), { 0 }, NONNEGATIVE, 0 },
	{ POINTER(set_robust_list), { 0, HEAD_BYTES }, 0, 0 },
	{ POINTER(brk), { 0 }, NONNEGATIVE, 0 },
};

void test_memory(void)
{
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct integer_row row = rows[i];

		for (unsigned k = 0; k < 6; k++)
			row.args[k] = place(row.args[k]);
		try_integers(&row, 1);
	}
	for (unsigned i = 0; i < hostile_count; i++)
		test_each(&hostile_addresses[i]);
	for (unsigned i = 0; i < COUNT(remembered); i++)
		check_true(make_call(remembered[i].number, remembered[i].args) >= 0, "%s of NULL", remembered[i].name);
}
