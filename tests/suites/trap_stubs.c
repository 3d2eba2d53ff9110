/*
 * The entry stubs of vectors that no program can raise and this machine never
 * does: reserved ones, and what only a processor's fault would bring.  INT n in
 * user mode reaches each through a gate that is opened to it for a moment.
 *
 * INT pushes no error code.  Where the stub takes one for granted, it finds RIP in
 * its place and the other words one place down: CS is then RFLAGS, whose bits 1
 * and 0, the latter by STC, still say user mode.  The process must not go on.
 */
#include "arch/idt.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "kernel/linux/process/exit.h"
#include "mm/pti.h"
#include "tests/suites/pinned.h"

static struct idt_gate *writable_idt(void)
{
	return phys_to_virt(pt_translate(pti_init_pgd, CEA_IDT));
}

/* The wait status of a process that makes INT n. */
static int interrupt_of(struct selftest *t, u8 vector)
{
	struct idt_gate *gate = &writable_idt()[vector];
	u8 code[] = { 0xf9, 0xcd, vector, 0x0f, 0x0b }; /* STC; INT n; UD2 */
	struct thread *task = program_from_code("int", code, sizeof(code), 0);
	u8 type = gate->type;
	int status;

	if (!EXPECT(t, task, "memory for a process"))
		return -1;
	task->process->quiet = true;
	gate->type = GATE_INTERRUPT_USER;
	process_start(task, process_next_pid());
	status = process_wait_for(task);
	gate->type = type;
	return status;
}

static void from_user_mode(struct selftest *t)
{
	static const u8 vectors[] = { VEC_BR, VEC_NM, 9, VEC_TS, 15, VEC_AC, VEC_XM, VEC_VE,
				      VEC_CP, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		int status = interrupt_of(t, vectors[i]);

		if (!EXPECT(t, status > 0 && status < 128, "the process ends by a signal"))
			selftest_note("vector %u: status %#x", vectors[i], (unsigned)status);
	}
}

static void spurious(struct selftest *t)
{
	u64 flags;

	__asm__ volatile("int %1; pushfq; pop %0" : "=r"(flags) : "i"(VEC_SPURIOUS) : "memory");
	EXPECT(t, flags & RFLAGS_IF, "interrupts are on behind it, as before");
}

static const struct selftest_case cases[] = {
	{ "each exception that never comes would end a process", from_user_mode },
	{ "a spurious interrupt does nothing", spurious },
};
SELFTEST_SUITE(trap_stubs, cases);
