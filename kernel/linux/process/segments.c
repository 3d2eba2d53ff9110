/*
 * TLS descriptors of a thread, as i386's set_thread_area wants them, and what fork and
 * exec do with segments and ports.
 * Read next: arch/state/tls.h, arch/state/user_desc.c.
 */
#include "arch/state/segment.h"
#include "arch/state/user_desc.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/nospec.h"
#include "kernel/linux/process/segments.h"
#include "mm/space/uaccess.h"

/* ---- TLS ----------------------------------------------------------------------- */

#define TLS_SELECTOR(index) ((u16)((TLS_FIRST + (index)) << 3 | 3))

static bool is_none(const struct user_desc *d)
{
	return user_desc_is_empty(d) || user_desc_is_zero(d);
}

/* Present 32-bit data segments only: 16-bit stacks want an LDT (ESPFIX). */
static bool is_allowed(const struct user_desc *d)
{
	return is_none(d) ||
	       ((d->flags & USER_DESC_32BIT) && !(d->flags & USER_DESC_NOT_PRESENT) &&
		(d->flags & USER_DESC_CONTENTS) < USER_DESC_CODE);
}

static int free_entry(const struct task_tls *tls)
{
	for (int i = 0; i < TLS_ENTRIES; i++)
		if (!tls->desc[i])
			return TLS_FIRST + i;
	return -ESRCH;
}

/* Registers that hold its selector are to see the new descriptor. */
static void refresh(u16 selector)
{
	if (read_ds() == selector)
		segment_load_ds(selector);
	if (read_es() == selector)
		segment_load_es(selector);
	if (read_fs() == selector)
		segment_load_fs(selector);
	if (read_gs() == selector)
		segment_load_gs(selector);
}

static long set_thread_area(struct thread *t, virt_addr_t at, bool may_choose)
{
	struct user_desc d;
	u64 flags;
	int entry;

	if (copy_from_user(&d, at, sizeof(d)))
		return -EFAULT;
	if (!is_allowed(&d))
		return -EINVAL;
	entry = (int)d.entry_number;
	if (entry == -1 && may_choose) {
		entry = free_entry(&t->user.tls);
		if (entry < 0)
			return entry;
		if (put_user_u32(at, (u32)entry))
			return -EFAULT;
	}
	if (entry < TLS_FIRST || entry >= TLS_FIRST + TLS_ENTRIES)
		return -EINVAL;
	entry = (int)array_index_nospec((u64)(entry - TLS_FIRST), TLS_ENTRIES);
	t->user.tls.desc[entry] = is_none(&d) ? 0 : user_desc_pack(&d);
	if (t == current_thread()) {
		flags = interrupts_save();
		tls_load(&t->user.tls);
		refresh(TLS_SELECTOR(entry));
		interrupts_restore(flags);
	} else {
		t->user.fs_base = t->user.fs == TLS_SELECTOR(entry) ? d.base_addr : t->user.fs_base;
		t->user.gs_base = t->user.gs == TLS_SELECTOR(entry) ? d.base_addr : t->user.gs_base;
	}
	return 0;
}

long do_set_thread_area(virt_addr_t at)
{
	return set_thread_area(current_thread(), at, true);
}

long segments_set_child_tls(struct thread *child, virt_addr_t at)
{
	return set_thread_area(child, at, false);
}

long do_get_thread_area(virt_addr_t at)
{
	struct user_desc d;
	u32 entry;

	if (copy_from_user(&entry, at, sizeof(entry)))
		return -EFAULT;
	if (entry - TLS_FIRST >= TLS_ENTRIES)
		return -EINVAL;
	entry = (u32)array_index_nospec(entry - TLS_FIRST, TLS_ENTRIES);
	d = user_desc_unpack(current_thread()->user.tls.desc[entry]);
	d.entry_number = TLS_FIRST + entry;
	return copy_to_user(at, &d, sizeof(d)) ? -EFAULT : 0;
}

/* ---- fork and exec --------------------------------------------------------------- */

int segments_copy(struct thread *child)
{
	child->user.tls = current_thread()->user.tls;
	return io_bitmap_copy(&child->user.io, &current_thread()->user.io);
}

void segments_reset_at_exec(void)
{
	struct thread *t = current_thread();
	u64 flags = interrupts_save();

	segment_load_ds(0);
	segment_load_es(0);
	segment_load_fs(0);
	segment_load_gs(0);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	t->user.tls = (struct task_tls){ { 0 } };
	tls_load(&t->user.tls);
	t->user.debug = (struct task_debugregs){ .used = 0 };
	debugreg_switch(&t->user.debug);
	interrupts_restore(flags);
	io_bitmap_drop(&t->user.io);
}
