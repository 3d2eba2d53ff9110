/*
 * The honesty line against the machine: what the boot found of the emulator is
 * found again, and what it says by name shows where kernel code can see it.
 */
#include "arch/machine/emulator.h"
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "kernel/base/string.h"
#include "kernel/start/ring3_probe.h"
#include "kernel/start/selftest.h"
#include "mm/space/vmap.h"
#include "tests/suites/faults.h"

#define PROBED (EMULATOR_TAKES_PCIDE | EMULATOR_DROPS_GLOBAL | EMULATOR_DROPS_PCID | \
		EMULATOR_NO_RF | EMULATOR_STALE_RIP)

static void probed_again(struct selftest *t)
{
	virt_addr_t top = vmap_alloc_stack(PAGE_SIZE);
	u32 faults;

	if (!EXPECT(t, top != 0, "a page"))
		return;
	interrupts_off();
	faults = emulator_probe(top - PAGE_SIZE);
	interrupts_on();
	vmap_free_stack(top, PAGE_SIZE);
	EXPECT_EQ(t, emulator.faults & PROBED, faults, "what the boot found");
}

static void probed_in_ring_3(struct selftest *t)
{
	EXPECT_EQ(t, emulator.faults & EMULATOR_FAR_RETURN, ring3_probe(), "what the boot found");
	EXPECT(t, !(emulator.faults & EMULATOR_FAR_RETURN) || emulator.name != EMULATOR_BOCHS,
	       "Bochs asks for ring 3's rights");
}

/* A fault's frame must have RF set: else a debug register's breakpoint on the
 * instruction would come again behind the fault's handler. */
static void resume_flag(struct selftest *t)
{
	struct fault f;

	fault_read(0, &f);
	EXPECT_EQ(t, f.vector, VEC_PF, "reading address 0 faults");
	EXPECT(t, (f.flags & RFLAGS_RF) || (emulator.faults & EMULATOR_NO_RF),
	       "RF is set in the frame");
	selftest_note("RF is %s in the frame of #PF", f.flags & RFLAGS_RF ? "set" : "clear");
}

static void signature(struct selftest *t)
{
	struct cpuid_regs r = cpuid(0x40000000, 0);
	bool tcg = (cpuid(1, 0).ecx & BIT(31)) && memcmp(&r.ebx, "TCGTCGTCGTCG", 4) == 0;

	EXPECT_EQ(t, emulator.name == EMULATOR_TCG, tcg, "CPUID has QEMU's signature");
}

static void titles(struct selftest *t)
{
	for (u32 rest = emulator.faults; rest; rest &= rest - 1)
		EXPECT(t, strcmp(emulator_fault_title(rest & -rest), "?") != 0,
		       "each fault has a name");
}

static const struct selftest_case emulator_cases[] = {
	{ "what the boot probed is so again", probed_again },
	{ "what it probed in ring 3 is so again", probed_in_ring_3 },
	{ "RF in the frame of a fault, as the line says", resume_flag },
	{ "the name, as CPUID says", signature },
	{ "each fault can be printed", titles },
};
SELFTEST_SUITE(emulator, emulator_cases);
