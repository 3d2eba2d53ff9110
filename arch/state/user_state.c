/*
 * What fork and exec do with a task's user state: a copy for the child, and for a new
 * program a state that tells nothing of the old one.
 */
#include "arch/cpu.h"
#include "arch/state/user_state.h"
#include "kernel/base/layout.h"
#include "kernel/base/string.h"

int user_state_copy(struct user_state *child, struct user_state *self)
{
	u64 flags = interrupts_save();

	user_state_save(self);
	interrupts_restore(flags);
	memcpy(child->fpu, self->fpu, cpu_features.fpu_size);
	child->fs_base = self->fs_base;
	child->gs_base = self->gs_base;
	child->ds = self->ds;
	child->es = self->es;
	child->fs = self->fs;
	child->gs = self->gs;
	child->tls = self->tls;
	return io_bitmap_copy(&child->io, &self->io);
}

void user_state_load_rare_slowly(struct percpu *cpu, const struct user_state *u)
{
	tls_load(cpu, &u->tls);
	if (cpu->io || io_bitmap_wanted(&u->io))
		io_bitmap_load(&u->io);
	if (cpu->debug_armed || u->debug.active)
		debugreg_load(&u->debug);
}

void user_state_load_segments(const struct user_state *u, const struct user_state *now)
{
	bool nulls = now->fpu && !(now->selectors | u->selectors);

	if (!nulls) {
		segment_load_ds(u->ds);
		segment_load_es(u->es);
		segment_load_fs(u->fs);
		segment_load_gs(u->gs);
	}
	if (!nulls || u->fs_base != now->fs_base)
		wrmsr(MSR_FS_BASE, u->fs_base);
	if (!nulls || u->gs_base != now->gs_base)
		wrmsr(MSR_KERNEL_GS_BASE, u->gs_base);
}

void user_state_reset(struct user_state *self)
{
	u64 flags = interrupts_save();

	segment_load_ds(0);
	segment_load_es(0);
	segment_load_fs(0);
	segment_load_gs(0);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	self->tls = (struct task_tls){ { 0 } };
	tls_load(this_cpu(), &self->tls);
	self->debug = (struct task_debugregs){ .used = 0 };
	if (this_cpu()->debug_armed)
		debugreg_load(&self->debug);
	interrupts_restore(flags);
	io_bitmap_drop(&self->io);
}
