/*
 * Test of mm/tlb.c: what is left in a TLB that forgets nothing unless it must.
 */
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "mm/tlb.h"
#include "tests/host/host.h"
#include "tests/host/tlb_cpu.h"

#define VA 0x400000ULL
#define KERNEL_VA 0xffffffff80000000ULL
#define MANY 33 /* pages that are not dropped one by one */

static u64 user_pcid(void)
{
	return tlb_pcid ? PCID_USER : 0;
}

static u64 kernel_pcid(void)
{
	return tlb_pcid ? PCID_KERNEL : 0;
}

/* Three pages under both PGDs, and a global one of the kernel's, on each CPU. */
static void begin(bool pcids)
{
	tlb_pcid = pcids;
	tlb_cpu_reset(pcids);
	for (unsigned cpu = TLB_CPUS; cpu-- > 0;) {
		tlb_cpu_select(cpu);
		for (unsigned i = 0; i < 3; i++) {
			tlb_cpu_fill(kernel_pcid(), VA + i * PAGE_SIZE, false);
			if (pcids)
				tlb_cpu_fill(PCID_USER, VA + i * PAGE_SIZE, false);
		}
		tlb_cpu_fill(kernel_pcid(), KERNEL_VA, true);
	}
}

static void end(void)
{
	CHECK_EQ(tlb_cpu_faults(), 0);
	CHECK(read_cr4() & CR4_PGE);
}

/* Under either PGD: bit i for page i, bit 3 for the global one. */
static unsigned left(u64 pcid)
{
	unsigned found = tlb_cpu_has(pcid, KERNEL_VA) << 3;

	for (unsigned i = 0; i < 3; i++)
		found |= (unsigned)tlb_cpu_has(pcid, VA + i * PAGE_SIZE) << i;
	return found;
}

static void expect_left(unsigned expected)
{
	CHECK_EQ(left(kernel_pcid()), expected);
	CHECK_EQ(left(user_pcid()), expected);
}

static void check_page(void)
{
	for (unsigned pcids = 0; pcids < 2; pcids++) {
		begin(pcids);
		tlb_flush_local(VA + PAGE_SIZE, VA + 2 * PAGE_SIZE);
		expect_left(0xd);
		tlb_flush_local(VA + 2 * PAGE_SIZE + 5, VA + 2 * PAGE_SIZE + 6);
		expect_left(0x9);
		end();
	}
}

static void check_global_page(void)
{
	for (unsigned pcids = 0; pcids < 2; pcids++) {
		begin(pcids);
		tlb_flush_local(KERNEL_VA, KERNEL_VA + 1);
		expect_left(0x7);
		end();
	}
}

static void check_everything(void)
{
	for (unsigned pcids = 0; pcids < 2; pcids++) {
		begin(pcids);
		tlb_flush_local(VA, VA + MANY * PAGE_SIZE);
		expect_left(0);
		begin(pcids);
		tlb_flush_all_local();
		expect_left(0);
		end();
	}
}

static void check_load(void)
{
	for (unsigned pcids = 0; pcids < 2; pcids++) {
		begin(pcids);
		tlb_load_pgd(0x123000);
		CHECK_EQ(read_cr3(), 0x123000 | kernel_pcid());
		expect_left(0x8);
		end();
	}
}

/* CPUs 0 and 2 of three. */
static void check_range(void)
{
	struct cpumask set = { 0 };

	begin(true);
	cpumask_set(&set, 0);
	cpumask_set(&set, 2);
	tlb_flush_range(&set, VA, VA + PAGE_SIZE);
	for (unsigned cpu = 0; cpu < TLB_CPUS; cpu++) {
		tlb_cpu_select(cpu);
		expect_left(cpu == 1 ? 0xf : 0xe);
	}
	end();
}

const struct host_case host_cases[] = {
	{ "a page is dropped under both PCIDs, and no other", check_page },
	{ "a global page is dropped, too", check_global_page },
	{ "many pages drop everything, global entries included", check_everything },
	{ "another pair's PGD drops all of both PCIDs but global entries", check_load },
	{ "a range is dropped on each CPU of the set, and on no other", check_range },
	{ NULL, NULL },
};
