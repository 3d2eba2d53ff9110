/*
 * Does a far return in ring 3 read its stack with the kernel's rights?  A process
 * of two instructions points RSP at the IDT's alias, which every page table maps
 * for ring 0, and returns: #PF is right, #GP says that the processor has read a
 * gate and taken it for a selector.  user/meltdown/far_return.c reads memory so.
 */
#include "arch/machine/emulator.h"
#include "kernel/base/layout.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "kernel/base/x86.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/program/load.h"
#include "kernel/start/ring3_probe.h"
#include "kernel/task/task.h"

struct far_return_code {
	u8 mov_rsp[2];
	u64 address;
	u8 lretq[2];
} __packed;

u32 ring3_probe(void)
{
	static const struct far_return_code code = { { 0x48, 0xbc }, CEA_IDT, { 0x48, 0xcb } };
	u64 before = trap_count[VEC_GP];
	struct thread *t = program_from_code("probe", &code, sizeof(code), 0);

	if (!t)
		return 0;
	t->process->quiet = true;
	process_start(t, process_next_pid());
	process_wait_for(t);
	return trap_count[VEC_GP] != before ? EMULATOR_FAR_RETURN : 0;
}
