/*
 * Mitigations.
 *
 * The problem.  Page-table isolation hides the kernel's memory from the instructions
 * of a program.  Some processors leak by other ways: buffers still hold what the
 * kernel has just read or written (MDS, TAA, MMIO stale data, RFDS); branches are
 * predicted from what another program has trained (Spectre 2), returns from what it
 * has left on the return stack.
 *
 *   VERW          before user mode, at every way out   entry/regs.inc, CLEAR_BUFFERS
 *   IBPB          at a switch to a program of others    mitigations_switch()
 *   return stack  at a switch of tasks                  arch/state/return_stack.asm
 *
 * auto: where the processor needs it, by its vendor and IA32_ARCH_CAPABILITIES, as
 * Linux decides (models that do not need it are not listed here: Linux's list knows
 * more).  IBPB is then for programs that may not trace each other: of other users,
 * or not dumpable.  on: wherever the instruction exists, between all processes.
 *
 * On entry the return stack is not filled: SMEP, and the NX bits of the user half in
 * the kernel PGD, leave nothing to run at a user's address.  Not done: IBRS, STIBP,
 * SSBD, retpolines, L1D flushes; nothing on a sibling thread is kept apart.
 * Sources: Intel, "Microarchitectural Data Sampling", "Retpoline", "IBPB"; Linux,
 * Documentation/admin-guide/hw-vuln.
 */
#include "arch/cpu.h"
#include "arch/state/mitigations.h"
#include "entry/entry.h"
#include "kernel/base/deferred.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/image.h"

/* IA32_ARCH_CAPABILITIES */
#define MDS_NO BIT(5)
#define TAA_NO BIT(8)
#define SBDR_SSDP_NO BIT(13)
#define FBSDP_NO BIT(14)
#define PSDP_NO BIT(15)
#define FB_CLEAR BIT(17)
#define RFDS_NO BIT(27)
#define RFDS_CLEAR BIT(28)
#define MMIO_NO (SBDR_SSDP_NO | FBSDP_NO | PSDP_NO)

#define PRED_CMD_IBPB 1

struct mitigations mitigations;

/* Do its buffers hold what another context may read?  Others than Intel's do not. */
static bool buffers_leak(const struct mitigation_facts *f)
{
	u64 caps = f->arch_capabilities;

	if (!f->intel)
		return false;
	return !(caps & MDS_NO) || (f->rtm && !(caps & TAA_NO)) ||
	       ((caps & FB_CLEAR) && (caps & MMIO_NO) != MMIO_NO) ||
	       ((caps & RFDS_CLEAR) && !(caps & RFDS_NO));
}

struct mitigations mitigations_decide(enum mitigations_mode mode,
				      const struct mitigation_facts *facts)
{
	struct mitigations m = { 0 };

	if (mode == MITIGATIONS_OFF)
		return m;
	m.verw = mode == MITIGATIONS_ON || buffers_leak(facts);
	m.ibpb = facts->ibpb;
	m.each_process = mode == MITIGATIONS_ON;
	m.return_stack = true; /* no processor says that it predicts no returns */
	return m;
}

/* ---- VERW or not ---------------------------------------------------------------- */

/* The writable address of an instruction of entry code. */
static u8 *code_at(u64 address)
{
	u64 trampoline = CEA_BASE + CEA_TRAMPOLINE;

	if (address >= trampoline && address - trampoline < PAGE_SIZE)
		return phys_to_virt((u64)trampoline_lma + (address - trampoline));
	if (address >= CEA_DEFERRED_TEXT && address < CEA_DEFERRED_RODATA)
		return phys_to_virt((u64)deferred_text_lma + (address - CEA_DEFERRED_TEXT));
	if (address >= CEA_ENTRY_TEXT && address < CEA_BASE)
		return phys_to_virt((u64)entry_text_lma + (address - CEA_ENTRY_TEXT));
	return phys_to_virt(image_to_phys((const void *)address));
}

/*
 * VERW is [GS prefix] 0F 00 /5, NOP with the same operand [GS prefix] 0F 1F /0.  The
 * operand's bytes stay as they are.
 */
static void make_nop(u8 *code)
{
	if (*code == 0x65)
		code++;
	if (code[0] != 0x0f || code[1] != 0x00 || (code[2] & 0x38) != 0x28)
		panic("mitigations: found %#x %#x %#x in verw_sites, expected VERW", code[0],
		      code[1], code[2]);
	code[1] = 0x1f;
	code[2] &= (u8)~0x38;
}

void mitigations_init(enum mitigations_mode mode)
{
	const struct mitigation_facts facts = {
		.intel = strcmp(cpu_features.vendor, "GenuineIntel") == 0,
		.ibpb = cpu_features.ibpb,
		.rtm = cpu_features.rtm,
		.arch_capabilities =
			cpu_features.arch_capabilities ? rdmsr(MSR_ARCH_CAPABILITIES) : 0,
	};

	mitigations = mitigations_decide(mode, &facts);
	for (const u64 *site = verw_sites_start; !mitigations.verw && site < verw_sites_end; site++)
		make_nop(code_at(*site));
}

/* ---- At a switch ------------------------------------------------------------------ */

void mitigations_switch(u64 owner)
{
	struct percpu *cpu = this_cpu();

	if (mitigations.return_stack)
		return_stack_fill();
	if (!owner || owner == cpu->branches_of)
		return;
	cpu->branches_of = owner;
	if (mitigations.ibpb) {
		cpu->branch_barriers++;
		wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
	}
}
