/*
 * System calls on the machine: its name and memory, random numbers, reboot; and
 * personality.
 */
#include "arch/machine/clock.h"
#include "arch/machine/power.h"
#include "arch/machine/random.h"
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

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

const struct utsname linux_names = {
	/* What programs compare: Linux's ABI, and the version whose system calls we follow. */
	"Linux", "postern", "6.1.0-postern", "Postern 1", "x86_64", "(none)",
};

long sys_uname(struct pt_regs *regs)
{
	return copy_to_user(regs->di, &linux_names, sizeof(linux_names)) ? -EFAULT : 0;
}

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

static bool is_reboot_magic2(u32 v)
{
	return v == LINUX_REBOOT_MAGIC2 || v == LINUX_REBOOT_MAGIC2A || v == LINUX_REBOOT_MAGIC2B ||
	       v == LINUX_REBOOT_MAGIC2C;
}

long sys_reboot(struct pt_regs *regs)
{
	if (!process_is_privileged())
		return -EPERM;
	if ((u32)regs->di != LINUX_REBOOT_MAGIC1 || !is_reboot_magic2((u32)regs->si))
		return -EINVAL;
	switch ((u32)regs->dx) {
	case LINUX_REBOOT_CMD_RESTART:
		log("%s[%d]: restart\n", current_thread()->name, current_thread()->pid);
		power_restart();
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF:
		log("%s[%d]: power off\n", current_thread()->name, current_thread()->pid);
		power_off(true);
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF: return 0;
	default: return -EINVAL;
	}
}

/* ---- sysinfo --------------------------------------------------------------------- */

long sys_sysinfo(struct pt_regs *regs)
{
	struct {
		s64 uptime;
		u64 loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
		u16 procs, pad[3];
		u64 total_high, free_high;
		u32 mem_unit, pad2;
	} info = { 0 };
	struct frame_stats frames = frame_stats();

	static_assert(sizeof(info) == 112, "Linux's struct sysinfo");
	info.uptime = (s64)(clock_ns() / NSEC_PER_SEC);
	info.total_ram = frames.total * PAGE_SIZE;
	/* What programs can get. */
	frames.free += mm_kept_frames();
	info.free_ram = (frames.free - MIN(frames.free, frames.reserve)) * PAGE_SIZE;
	info.mem_unit = 1;
	SPIN_SCOPE(&process_lock)
		info.procs = (u16)user_tasks();
	return copy_to_user(regs->di, &info, sizeof(info)) ? -EFAULT : 0;
}
