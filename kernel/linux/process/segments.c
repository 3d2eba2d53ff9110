/*
 * Segments of programs: the LDT, the bases of FS and GS, and i386's TLS descriptors.
 * A descriptor is refused here, by Linux's checks in Linux's order, or never.
 * Read next: arch/state/ldt.c, arch/state/tls.c, arch/state/user_desc.c.
 */
#include "arch/state/ldt.h"
#include "arch/state/segment.h"
#include "arch/state/user_desc.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/process/segments.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

/* ---- The LDT ------------------------------------------------------------------- */

/* modify_ldt's first argument */
#define LDT_READ 0
#define LDT_WRITE_OLD 1
#define LDT_READ_DEFAULT 2
#define LDT_WRITE 0x11

#define DEFAULT_LDT_SIZE 128
#define READ_CHUNK 64 /* descriptors */

/* As many bytes as asked for, zeroes behind the table's end; 0 without one. */
static int read_ldt(virt_addr_t to, u64 size)
{
	u64 chunk[READ_CHUNK], done = 0;

	size = MIN(size, (u64)LDT_PLACE_SIZE);
	do {
		u64 part = MIN(size - done, sizeof(chunk));

		if (!ldt_read(current_thread()->mm, (unsigned)(done / 8), READ_CHUNK, chunk))
			return 0;
		if (copy_to_user(to + done, chunk, part))
			return -EFAULT;
		done += part;
	} while (done < size);
	return (int)size;
}

static int read_default_ldt(virt_addr_t to, u64 size)
{
	static const u8 zeroes[DEFAULT_LDT_SIZE];

	size = MIN(size, sizeof(zeroes));
	return copy_to_user(to, zeroes, size) ? -EFAULT : (int)size;
}

static int write_ldt(virt_addr_t from, u64 size, bool old_mode)
{
	struct user_desc d;
	u64 desc;

	if (size != sizeof(d))
		return -EINVAL;
	if (copy_from_user(&d, from, sizeof(d)))
		return -EFAULT;
	if (d.entry_number >= LDT_ENTRIES)
		return -EINVAL;
	if (user_desc_pack_ldt(&d, old_mode, &desc))
		return -EINVAL;
	return (int)OOM_RETRY(OOM_CAN_FAIL, ldt_write(current_thread()->mm, d.entry_number, desc));
}

/* Linux's result is an int, not sign-extended: an error is a large number. */
long sys_modify_ldt(struct pt_regs *regs)
{
	virt_addr_t at = regs->si;
	int result = -ENOSYS;

	switch ((int)regs->di) {
	case LDT_READ: result = read_ldt(at, regs->dx); break;
	case LDT_WRITE_OLD: result = write_ldt(at, regs->dx, true); break;
	case LDT_READ_DEFAULT: result = read_default_ldt(at, regs->dx); break;
	case LDT_WRITE: result = write_ldt(at, regs->dx, false); break;
	default: break;
	}
	return (u32)result;
}

/* ---- FS and GS bases --------------------------------------------------------- */

/* The selector becomes null: it would say another base. */
static long set_base(u32 msr, void (*load)(u16 selector), u64 base)
{
	u64 flags;

	if (base >= USER_END)
		return -EPERM;
	flags = interrupts_save();
	load(0);
	wrmsr(msr, base);
	interrupts_restore(flags);
	return 0;
}

static long get_base(u32 msr, virt_addr_t to)
{
	return put_user_u64(to, rdmsr(msr));
}

/*
 * The user's GS base is in the other MSR while the kernel runs.  i386's call is refused:
 * 64-bit code alone has such bases.
 */
long sys_arch_prctl(struct pt_regs *regs)
{
	if (abi_is_ia32())
		return -EINVAL;
	switch ((int)regs->di) {
	case ARCH_SET_FS: return set_base(MSR_FS_BASE, segment_load_fs, regs->si);
	case ARCH_SET_GS: return set_base(MSR_KERNEL_GS_BASE, segment_load_gs, regs->si);
	case ARCH_GET_FS: return get_base(MSR_FS_BASE, regs->si);
	case ARCH_GET_GS: return get_base(MSR_KERNEL_GS_BASE, regs->si);
	default: return -EINVAL;
	}
}

/* ---- TLS descriptors ------------------------------------------------------------- */

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
