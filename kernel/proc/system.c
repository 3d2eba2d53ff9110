/*
 * /proc's files about the system: what programs that show it want to find there.
 * Source: Linux, Documentation/filesystems/proc.rst.
 */
#include "arch/cpu.h"
#include "arch/machine/clock.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/percpu.h"
#include "kernel/base/seams.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/user.h"
#include "kernel/proc/process.h"
#include "kernel/proc/system.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/space/shared.h"
#include "mm/space/task_stacks.h"

/* ---- Time ------------------------------------------------------------------------------------- */

static u64 idle_ns(unsigned cpu)
{
	return sched_run_ns(VAULT_OF(cpu)->idle);
}

int uptime_show(struct text *t, const struct inode *inode __unused)
{
	u64 now = clock_ns() / TICK_NS, idle = 0;

	for_each_cpu(cpu, &cpus_online)
		idle += idle_ns(cpu) / TICK_NS;
	text_print(t, "%lu.%02lu %lu.%02lu\n", now / 100, now % 100, idle / 100, idle % 100);
	return 0;
}

/* Tasks that could run now, in all, and processes; -EINTR. */
struct census {
	unsigned running, tasks;
};

static int count_tasks(struct census *c)
{
	u64 place = 0;

	*c = (struct census){ 0 };
	for (;;) {
		const struct process *p;

		if (seam_long_work_point())
			return -EINTR;
		SPIN_SCOPE(&process_lock) {
			p = process_next(&place);
			if (!p)
				return 0;
			c->tasks += p->alive;
			c->running += p->leader->state == TASK_RUNNING ||
				      p->leader->state == TASK_RUNNABLE;
		}
	}
}

static void print_cpu(struct text *t, const char *name, u64 total, u64 idle)
{
	text_print(t, "%s %lu 0 0 %lu 0 0 0 0 0 0\n", name,
		   (total - MIN(idle, total)) / TICK_NS, idle / TICK_NS);
}

int stat_all_show(struct text *t, const struct inode *inode __unused)
{
	u64 now = clock_ns(), idle = 0, switches = 0, interrupts = 0;
	struct census c;
	int err = count_tasks(&c);

	if (err)
		return err;
	for_each_cpu(cpu, &cpus_online) {
		idle += idle_ns(cpu);
		switches += VAULT_OF(cpu)->context_switches;
	}
	print_cpu(t, "cpu ", now * cpumask_count(&cpus_online), idle);
	for_each_cpu(cpu, &cpus_online) {
		text_print(t, "cpu%u", cpu);
		print_cpu(t, "", now, idle_ns(cpu));
	}
	for (unsigned v = NR_EXCEPTIONS; v < ARRAY_SIZE(trap_count); v++)
		interrupts += trap_count[v];
	text_print(t, "intr %lu\nctxt %lu\nbtime %lu\n", interrupts, switches,
		   (u64)((clock_realtime_ns() - now) / NSEC_PER_SEC));
	text_print(t, "processes %u\nprocs_running %u\nprocs_blocked 0\n", c.tasks, c.running);
	return 0;
}

/* Averages are not kept: what could run this moment stands for all three. */
int loadavg_show(struct text *t, const struct inode *inode __unused)
{
	struct census c;
	int err = count_tasks(&c);

	if (!err)
		text_print(t, "%u.00 %u.00 %u.00 %u/%u %d\n", c.running, c.running, c.running,
			   c.running, c.tasks, calling_process() ? current_process()->pid : 0);
	return err;
}

/* ---- The machine ---------------------------------------------------------------------------------- */

int meminfo_show(struct text *t, const struct inode *inode __unused)
{
	struct frame_stats s = frame_stats();
	u64 kept = mm_kept_frames() + task_stacks_kept_frames();
	u64 free = s.free + kept - MIN(s.free, s.reserve);
	const struct {
		const char *name;
		u64 frames;
	} line[] = {
		{ "MemTotal:", s.total }, { "MemFree:", free },  { "MemAvailable:", free },
		{ "Buffers:", 0 },        { "Cached:", 0 },      { "SwapCached:", 0 },
		{ "SwapTotal:", 0 },      { "SwapFree:", 0 },    { "Shmem:", 0 },
		{ "SReclaimable:", 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(line); i++)
		text_print(t, "%-16s%8lu kB\n", line[i].name,
			   line[i].frames << (PAGE_SHIFT - 10));
	return 0;
}

int cpuinfo_show(struct text *t, const struct inode *inode __unused)
{
	const struct cpu_features *f = &cpu_features;
	u32 sign = cpuid(1, 0).eax;
	u64 khz = clock_rates.tsc_hz / 1000;

	for_each_cpu(cpu, &cpus_online) {
		text_print(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\n", cpu, f->vendor,
			   sign >> 8 & 0xf);
		text_print(t, "model\t\t: %u\nstepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n",
			   (sign >> 4 & 0xf) | (sign >> 12 & 0xf0), sign & 0xf, khz / 1000,
			   khz % 1000);
		text_print(t, "flags\t\t: fpu tsc msr apic sse sse2 lm nx%s%s%s%s%s%s%s%s%s\n",
			   f->pge ? " pge" : "", f->pcid ? " pcid" : "",
			   f->invpcid ? " invpcid" : "", f->smep ? " smep" : "",
			   f->smap ? " smap" : "", f->umip ? " umip" : "",
			   f->fsgsbase ? " fsgsbase" : "", f->xsave ? " xsave" : "",
			   f->pku ? " pku" : "");
		text_print(t, "bugs\t\t:%s\n\n", f->meltdown ? " cpu_meltdown" : "");
	}
	return 0;
}

/* ---- The system --------------------------------------------------------------------------------------- */

int version_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "%s version %s %s\n", linux_names.sysname, linux_names.release,
		   linux_names.version);
	return 0;
}

int filesystems_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "nodev\ttmpfs\nnodev\tproc\nnodev\tsysfs\n");
	return 0;
}

int mounts_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "rootfs / tmpfs rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n");
	return 0;
}

/* ---- /proc/sys: what is so, to read --------------------------------------------------------------------- */

static int ostype_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "%s\n", linux_names.sysname);
	return 0;
}

static int osrelease_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "%s\n", linux_names.release);
	return 0;
}

static int hostname_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "%s\n", linux_names.nodename);
	return 0;
}

static int pid_max_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "%u\n", PID_MAX);
	return 0;
}

static int max_map_count_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "%u\n", MM_MAX_VMAS);
	return 0;
}

/* Whatever is asked for is given: Linux calls that 1. */
static int overcommit_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "1\n");
	return 0;
}

static const struct row kernel_rows[] = {
	{ .name = "hostname", .mode = FILE_REGULAR | 0444, .show = hostname_show },
	{ .name = "osrelease", .mode = FILE_REGULAR | 0444, .show = osrelease_show },
	{ .name = "ostype", .mode = FILE_REGULAR | 0444, .show = ostype_show },
	{ .name = "pid_max", .mode = FILE_REGULAR | 0444, .show = pid_max_show },
	{ .name = NULL },
};

static const struct row vm_rows[] = {
	{ .name = "max_map_count", .mode = FILE_REGULAR | 0444, .show = max_map_count_show },
	{ .name = "overcommit_memory", .mode = FILE_REGULAR | 0444, .show = overcommit_show },
	{ .name = NULL },
};

const struct row sys_rows[] = {
	{ .name = "kernel", .mode = FILE_DIRECTORY | 0555, .rows = kernel_rows },
	{ .name = "vm", .mode = FILE_DIRECTORY | 0555, .rows = vm_rows },
	{ .name = NULL },
};
