/*
 * System calls on the process's registers and on the machine.
 */
#include "arch/clock.h"
#include "arch/power.h"
#include "arch/random.h"
#include "arch/segment.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/randmaps.h"
#include "kernel/sched.h"
#include "kernel/syscalls.h"
#include "mm/uaccess.h"

/* ---- FS and GS bases --------------------------------------------------------- */

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

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

/* The user's GS base is in the other MSR while the kernel runs. */
long sys_arch_prctl(struct pt_regs *regs)
{
	switch ((int)regs->di) {
	case ARCH_SET_FS: return set_base(MSR_FS_BASE, segment_load_fs, regs->si);
	case ARCH_SET_GS:
		return set_base(MSR_KERNEL_GS_BASE, segment_load_gs, regs->si);
	case ARCH_GET_FS: return get_base(MSR_FS_BASE, regs->si);
	case ARCH_GET_GS: return get_base(MSR_KERNEL_GS_BASE, regs->si);
	default: return -EINVAL;
	}
}

/* ---- Personality ------------------------------------------------------------- */

#define ASK_PERSONALITY 0xffffffff

/* The old one.  Only where the next programs lie can be chosen. */
long sys_personality(struct pt_regs *regs)
{
	struct process *p = current_process();
	u32 old = p->personality, new = (u32)regs->di;

	if (new != ASK_PERSONALITY && (new & ~(u32)ADDR_NO_RANDOMIZE))
		return -EINVAL;
	if (new != ASK_PERSONALITY)
		p->personality = new;
	return old;
}

/* ---- The machine ----------------------------------------------------------------- */

long sys_uname(struct pt_regs *regs)
{
	static const struct utsname {
		char sysname[65], nodename[65], release[65], version[65],
			machine[65], domainname[65];
	} names = {
		/* What programs compare: Linux's ABI, and the version whose
		 * system calls we follow. */
		"Linux", "postern", "6.1.0-postern", "Postern 1", "x86_64", "(none)",
	};

	return copy_to_user(regs->di, &names, sizeof(names)) ? -EFAULT : 0;
}

#define GRND_NONBLOCK 1
#define GRND_RANDOM 2
#define GRND_INSECURE 4

#define RANDOM_CHUNK 256
#define SEED_RETRY_NS (100 * NSEC_PER_MSEC)

/* 0, -EAGAIN, or -ERESTARTSYS: a signal came first. */
static long wait_for_seed(bool nonblock)
{
	while (!random_is_seeded()) {
		if (nonblock)
			return -EAGAIN;
		if (signal_interrupted())
			return -ERESTARTSYS;
		if (!random_seed_by_jitter())
			sched_sleep_until(clock_ns() + SEED_RETRY_NS);
	}
	return 0;
}

long sys_getrandom(struct pt_regs *regs)
{
	u64 n = MIN(regs->si, 0x7ffff000ULL), done = 0;
	u32 flags = (u32)regs->dx;

	if (flags & ~(u32)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if (!(flags & GRND_INSECURE)) {
		long err = wait_for_seed(flags & GRND_NONBLOCK);

		if (err)
			return err;
	}
	if (!user_range_ok(regs->di, n))
		return -EFAULT;
	while (done < n) {
		u8 bytes[RANDOM_CHUNK];
		size_t part = MIN(n - done, sizeof(bytes));
		size_t left;

		random_bytes(bytes, part);
		left = copy_to_user(regs->di + done, bytes, part);
		memset(bytes, 0, part);
		done += part - left;
		if (left || (done < n && signal_interrupted()))
			break;
		sched_point();
	}
	return done == 0 && n > 0 ? -EFAULT : (long)done;
}

#define REBOOT_MAGIC1 0xfee1dead
#define REBOOT_CMD_RESTART 0x01234567
#define REBOOT_CMD_HALT 0xcdef0123
#define REBOOT_CMD_CAD_ON 0x89abcdef
#define REBOOT_CMD_CAD_OFF 0
#define REBOOT_CMD_POWER_OFF 0x4321fedc

static bool is_reboot_magic2(u32 v)
{
	return v == 672274793 || v == 85072278 || v == 369367448 || v == 537993216;
}

long sys_reboot(struct pt_regs *regs)
{
	if (!process_is_privileged())
		return -EPERM;
	if ((u32)regs->di != REBOOT_MAGIC1 || !is_reboot_magic2((u32)regs->si))
		return -EINVAL;
	switch ((u32)regs->dx) {
	case REBOOT_CMD_RESTART:
		log("%s[%d]: restart\n", current_task()->name, current_task()->pid);
		power_restart();
	case REBOOT_CMD_HALT:
	case REBOOT_CMD_POWER_OFF:
		log("%s[%d]: power off\n", current_task()->name, current_task()->pid);
		power_off(true);
	case REBOOT_CMD_CAD_ON:
	case REBOOT_CMD_CAD_OFF:
		return 0;
	default:
		return -EINVAL;
	}
}
