/*
 * Saving and loading the registers that a program has and the kernel does not use:
 * they stay in the CPU until it runs another task.
 */
#include "arch/state/fpu.h"
#include "arch/state/segment.h"
#include "arch/state/user_state.h"
#include "kernel/base/insn.h"

void user_state_save(struct user_state *u)
{
	fpu_save(u->fpu);
	u->fs_base = rdmsr(MSR_FS_BASE);
	u->gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	u->ds = read_ds();
	u->es = read_es();
	u->fs = read_fs();
	u->gs = read_gs();
}

/*
 * Selectors first: loading one sets the base.  The bases are restored whatever
 * the selectors: a program may have set them by WRFSBASE, WRGSBASE or
 * arch_prctl with any selector, GS's to any canonical value.
 */
void user_state_load(const struct user_state *u)
{
	fpu_restore(u->fpu);
	segment_load_ds(u->ds);
	segment_load_es(u->es);
	segment_load_fs(u->fs);
	segment_load_gs(u->gs);
	wrmsr(MSR_FS_BASE, u->fs_base);
	wrmsr(MSR_KERNEL_GS_BASE, u->gs_base);
}
