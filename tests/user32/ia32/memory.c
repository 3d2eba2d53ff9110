/*
 * mmap in both forms, munmap, mprotect and brk, in 4 GiB less two pages.
 */
#include "ia32.h"

#define TASK_SIZE 0xffffe000u
#define MAP_FIXED_NOREPLACE 0x100000

struct mmap_arguments {
	uint32_t addr, len, prot, flags, fd, offset;
};

static uint32_t map(uint32_t addr, uint32_t len, uint32_t flags)
{
	return (uint32_t)sys(SYS_mmap2, addr, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE_ANONYMOUS | flags, -1, 0);
}

static void test_old_mmap(void)
{
	struct mmap_arguments a = {
		0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, 0xffffffff, 0,
	};
	uint32_t at = (uint32_t)sys(SYS_mmap, &a);

	check_true(at % PAGE == 0 && at >= 0x10000 && at < TASK_SIZE, "mmap gives a page");
	*(volatile uint32_t *)(at + PAGE) = 1;
	check_equal((uint32_t)sys(SYS_munmap, at, 2 * PAGE), 0, "munmap");
	a.offset = 1;
	check_equal((uint32_t)sys(SYS_mmap, &a), (uint32_t)-EINVAL,
		    "mmap with an offset that is no page gives EINVAL");
	a.offset = 0;
	a.flags = 0x2;
	a.fd = 99;
	check_equal((uint32_t)sys(SYS_mmap, &a), (uint32_t)-EBADF, "mmap of fd 99 gives EBADF");
}

static void test_end(void)
{
	check_equal(map(TASK_SIZE, PAGE, MAP_FIXED), (uint32_t)-ENOMEM,
		    "mmap2 behind the user half gives ENOMEM");
	check_equal(map(TASK_SIZE - PAGE, 2 * PAGE, MAP_FIXED), (uint32_t)-ENOMEM,
		    "mmap2 across its end gives ENOMEM");
	check_equal(map(0xfffff000, 2 * PAGE, MAP_FIXED), (uint32_t)-ENOMEM,
		    "mmap2 across the end of 4 GiB gives ENOMEM");
	check_equal(map(0, 0xfffff000, 0), (uint32_t)-ENOMEM,
		    "mmap2 of 4 GiB less a page gives ENOMEM");
	check_equal(map(0, 0, 0), (uint32_t)-EINVAL, "mmap2 of nothing gives EINVAL");
	check_equal((uint32_t)sys(SYS_munmap, TASK_SIZE, PAGE), (uint32_t)-EINVAL,
		    "munmap behind the user half gives EINVAL");
	check_equal((uint32_t)sys(SYS_munmap, 0xfffff000, 2 * PAGE), (uint32_t)-EINVAL,
		    "munmap across the end of 4 GiB gives EINVAL");
	check_equal((uint32_t)sys(SYS_mprotect, TASK_SIZE, PAGE, PROT_READ),
		    (uint32_t)-ENOMEM, "mprotect behind the user half gives ENOMEM");
}

static void test_hint(void)
{
	uint32_t at = map(0x30000000, PAGE, 0);

	check_equal(at, 0x30000000, "mmap2 takes a free place that it is told");
	check_equal(map(at, PAGE, MAP_FIXED_NOREPLACE), (uint32_t)-EEXIST,
		    "mmap2 that may not replace gives EEXIST");
	check_true(map(at, PAGE, 0) != at, "mmap2 takes another if that is taken");
	check_equal((uint32_t)sys(SYS_munmap, at, PAGE), 0, "munmap");
}

static void test_brk(void)
{
	uint32_t at = (uint32_t)sys(SYS_brk, 0);

	check_true(at > (uint32_t)test_brk && at < TASK_SIZE, "the break is behind the program");
	check_equal((uint32_t)sys(SYS_brk, at + 3 * PAGE), at + 3 * PAGE, "brk grows");
	*(volatile uint32_t *)(at + 2 * PAGE) = 1;
	check_equal((uint32_t)sys(SYS_brk, 0xffffffff), at + 3 * PAGE,
		    "brk does not reach the end of 4 GiB");
	check_equal((uint32_t)sys(SYS_brk, at), at, "brk shrinks");
}

void test_memory(void)
{
	test_old_mmap();
	test_end();
	test_hint();
	test_brk();
}
