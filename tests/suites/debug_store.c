/*
 * The debug store: where the CPUs have it, its pages and what they say.  Few
 * emulators do: so the same is done for one CPU by hand, and undone.
 */
#include "arch/cpu.h"
#include "arch/cpu_entry_area.h"
#include "arch/machine/debug_store.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "mm/audit.h"
#include "mm/frames/frame.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "tests/suites/cpus.h"

static void expect_area(struct selftest *t, unsigned cpu)
{
	const struct ds_area *ds = (const void *)cea(cpu)->debug_store;
	u64 first = (u64)ds + PAGE_SIZE, end = (u64)(cea(cpu) + 1);
	u64 middle = first + DS_BTS_PAGES * PAGE_SIZE;

	EXPECT_EQ(t, ds->bts_base, first, "BTS begins behind the management area");
	EXPECT_EQ(t, ds->bts_index, ds->bts_base, "BTS is empty");
	EXPECT_EQ(t, (ds->bts_end - ds->bts_base) % DS_BTS_RECORD, 0, "whole BTS records");
	EXPECT(t, ds->bts_end <= middle && ds->bts_end + DS_BTS_RECORD > middle, "as many as fit");
	EXPECT(t, ds->bts_threshold > ds->bts_end, "no BTS interrupt");
	EXPECT_EQ(t, ds->pebs_base, middle, "PEBS begins behind BTS");
	EXPECT_EQ(t, ds->pebs_index, ds->pebs_base, "PEBS is empty");
	EXPECT_EQ(t, (ds->pebs_end - ds->pebs_base) % DS_PEBS_RECORD, 0, "whole PEBS records");
	EXPECT(t, ds->pebs_end <= end && ds->pebs_end + DS_PEBS_RECORD > end, "as many as fit");
	EXPECT(t, ds->pebs_threshold > ds->pebs_end, "no PEBS interrupt");
}

static unsigned pages_shown(struct selftest *t)
{
	static struct audit_report r;
	unsigned shown = 0;

	if (!EXPECT_EQ(t, audit_pair(pti_init_pgd, 0, &r), 0, "findings"))
		selftest_note("first: %s", r.text);
	for (unsigned i = 0; i < ledger_size; i++)
		if (ledger[i].place == LEDGER_AREA && ledger[i].at == CEA_DEBUG_STORE)
			shown = r.pages_of[i];
	return shown;
}

static void present(struct selftest *t)
{
	if (!cpu_features.ds) {
		selftest_skip(t, "found no 64-bit debug store in CPUID 1: EDX %#x bit 21, ECX %#x "
			      "bit 2", cpuid(1, 0).edx, cpuid(1, 0).ecx);
		return;
	}
	for_each_cpu(cpu, &cpus_online)
		expect_area(t, cpu);
	EXPECT_EQ(t, pages_shown(t), cpumask_count(&cpus_online) * CEA_DEBUG_STORE_PAGES,
		  "pages shown");
}

static void by_hand(struct selftest *t)
{
	u64 free = selftest_free_frames();

	if (cpu_features.ds) {
		selftest_skip(t, "the CPUs have it: see the case before");
		return;
	}
	EXPECT_EQ(t, pages_shown(t), 0, "pages shown without a debug store");
	frame_fail_after(0);
	EXPECT_EQ(t, debug_store_map_cpu(0), -ENOMEM, "no memory");
	frame_fail_after(-1);
	if (!EXPECT_EQ(t, debug_store_map_cpu(0), 0, "it is mapped"))
		return;
	expect_area(t, 0);
	memset(cea(0)->debug_store[1].bytes, 0, (CEA_DEBUG_STORE_PAGES - 1) * PAGE_SIZE);
	EXPECT_EQ(t, pages_shown(t), CEA_DEBUG_STORE_PAGES, "pages shown");
	ledger_debug_store = true;
	if (cpumask_count(&cpus_online) > 1) {
		static struct audit_report r;

		audit_pair(pti_init_pgd, 0, &r);
		EXPECT_EQ(t, r.findings, (r.cpus - 1) * CEA_DEBUG_STORE_PAGES,
			  "findings: where CPUs have it, each must have all of it");
	}
	ledger_debug_store = false;
	debug_store_unmap_cpu(0);
	EXPECT_EQ(t, pages_shown(t), 0, "pages shown afterwards");
	EXPECT_EQ(t, selftest_free_frames(), free, "free frames");
}

static const struct selftest_case cases[] = {
	{ "where CPUs have a debug store, it is mapped, and its area says where", present },
	{ "mapped by hand, it is as the ledger wants it", by_hand },
};
SELFTEST_SUITE(debug_store, cases);
