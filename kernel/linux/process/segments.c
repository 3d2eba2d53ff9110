/*
 * i386's set_thread_area and get_thread_area: the way of a struct user_desc between a
 * program and its TLS descriptors.
 * Read next: arch/state/tls.c, arch/state/user_desc.c.
 */
#include "arch/state/user_desc.h"
#include "kernel/base/errno.h"
#include "kernel/linux/process/segments.h"
#include "kernel/linux/syscalls.h"
#include "mm/space/uaccess.h"

#define ANY_ENTRY (~0u)

static long set_thread_area(struct thread *t, virt_addr_t at, bool may_choose)
{
	struct user_desc d;
	int entry;

	if (copy_from_user(&d, at, sizeof(d)))
		return -EFAULT;
	if (!tls_is_allowed(&d))
		return -EINVAL;
	if (d.entry_number == ANY_ENTRY && may_choose) {
		entry = tls_free_entry(&t->user.tls);
		if (entry < 0)
			return entry;
		d.entry_number = (u32)entry;
		if (put_user_u32(at, d.entry_number))
			return -EFAULT;
	}
	return tls_set(&t->user, &d, t == current_thread());
}

long ia32_sys_set_thread_area(struct pt_regs *regs)
{
	return set_thread_area(current_thread(), regs->di, true);
}

long segments_set_child_tls(struct thread *child, virt_addr_t at)
{
	return set_thread_area(child, at, false);
}

long ia32_sys_get_thread_area(struct pt_regs *regs)
{
	virt_addr_t at = regs->di;
	struct user_desc d;
	u32 entry;

	if (copy_from_user(&entry, at, sizeof(entry)))
		return -EFAULT;
	if (tls_get(&current_thread()->user.tls, entry, &d))
		return -EINVAL;
	return copy_to_user(at, &d, sizeof(d)) ? -EFAULT : 0;
}
