/*
 * /proc's files about the system, and the tables of all directories that are about no process.
 * Source: Linux, Documentation/filesystems/proc.rst.
 * Read next: kernel/proc/row.c, how a table is a directory.
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
#include "kernel/proc/postern.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/links.h"
#include "kernel/proc/maps.h"
#include "kernel/proc/process.h"
#include "kernel/proc/tables.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/space/shared.h"
#include "mm/space/task_stacks.h"

/* ---- Time ------------------------------------------------------------------------------------- */

static u64 idle_ns(unsigned cpu)
{
	return sched_run_ns(VAULT_OF(cpu)->idle);
}

static int uptime_show(struct text *t, const struct inode *inode __unused)
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

static void print_cpu(struct text *t, const char *name, u64 busy, u64 idle)
{
	text_print(t, "%s %lu 0 0 %lu 0 0 0 0 0 0\n", name, busy / TICK_NS, idle / TICK_NS);
}

/* All that is not idle.  It must not go back, though clocks are read one after the other. */
static u64 busy_ns(unsigned cpu)
{
	static u64 last[NR_CPUS];
	u64 idle = idle_ns(cpu), now = clock_ns();

	return last[cpu] = MAX(last[cpu], now - MIN(idle, now));
}

static int stat_all_show(struct text *t, const struct inode *inode __unused)
{
	u64 busy = 0, idle = 0, switches = 0, interrupts = 0;
	struct census c;
	int err = count_tasks(&c);

	if (err)
		return err;
	for_each_cpu(cpu, &cpus_online) {
		busy += busy_ns(cpu);
		idle += idle_ns(cpu);
		switches += VAULT_OF(cpu)->context_switches;
	}
	print_cpu(t, "cpu ", busy, idle);
	for_each_cpu(cpu, &cpus_online) {
		text_print(t, "cpu%u", cpu);
		print_cpu(t, "", busy_ns(cpu), idle_ns(cpu));
	}
	for (unsigned v = NR_EXCEPTIONS; v < ARRAY_SIZE(trap_count); v++)
		interrupts += trap_count[v];
	text_print(t, "intr %lu\nctxt %lu\nbtime %lu\n", interrupts, switches,
		   (u64)((clock_realtime_ns() - clock_ns()) / NSEC_PER_SEC));
	text_print(t, "processes %u\nprocs_running %u\nprocs_blocked 0\n", c.tasks, c.running);
	return 0;
}

/* Averages are not kept: what could run this moment stands for all three. */
static int loadavg_show(struct text *t, const struct inode *inode __unused)
{
	struct census c;
	int err = count_tasks(&c);

	if (!err)
		text_print(t, "%u.00 %u.00 %u.00 %u/%u %d\n", c.running, c.running, c.running,
			   c.running, c.tasks, calling_process() ? current_process()->pid : 0);
	return err;
}

/* ---- The machine ---------------------------------------------------------------------------------- */

static int meminfo_show(struct text *t, const struct inode *inode __unused)
{
	struct frame_stats s = frame_stats();
	u64 kept = mm_kept_frames() + task_stacks_kept_frames();
	u64 free = s.free + kept - MIN(s.free, s.reserve);
	const struct {
		const char *name;
		u64 frames;
	} line[] = {
		{ "MemTotal:", s.total }, { "MemFree:", free }, { "MemAvailable:", free },
		{ "Buffers:", 0 },        { "Cached:", 0 },     { "SwapCached:", 0 },
		{ "SwapTotal:", 0 },      { "SwapFree:", 0 },   { "Shmem:", 0 },
		{ "SReclaimable:", 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(line); i++)
		text_print(t, "%-16s%8lu kB\n", line[i].name, line[i].frames << (PAGE_SHIFT - 10));
	return 0;
}

static int cpuinfo_show(struct text *t, const struct inode *inode __unused)
{
	const struct cpu_features *f = &cpu_features;
	u32 sign = cpuid(1, 0).eax;
	u64 khz = clock_rates.tsc_hz / 1000;

	for_each_cpu(cpu, &cpus_online) {
		text_print(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\n", cpu,
			   f->vendor, sign >> 8 & 0xf);
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

static int version_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "%s version %s %s\n", linux_names.sysname, linux_names.release,
		   linux_names.version);
	return 0;
}

/* ---- Tables --------------------------------------------------------------------------------------- */

#define DIRECTORY(its_name, bits, its_rows)                                         \
	{                                                                           \
		.name = its_name, .mode = FILE_DIRECTORY | (bits), .rows = its_rows \
	}
#define FILE(its_name, bits, its_show)                                            \
	{                                                                         \
		.name = its_name, .mode = FILE_REGULAR | (bits), .show = its_show \
	}
#define TEXT(its_name, its_text)                                                \
	{                                                                       \
		.name = its_name, .mode = FILE_REGULAR | 0444, .text = its_text \
	}
#define NUMBER(n) NUMBER_TEXT(n)
#define NUMBER_TEXT(n) #n

static const struct row sys_kernel_rows[] = {
	TEXT("hostname", linux_names.nodename),
	TEXT("osrelease", linux_names.release),
	TEXT("ostype", linux_names.sysname),
	TEXT("pid_max", NUMBER(PID_MAX)),
	TEXT("tainted", "0"),
	{ .name = NULL },
};

/* Whatever is asked for is given: Linux calls that an overcommit of 1. */
static const struct row sys_vm_rows[] = {
	TEXT("max_map_count", NUMBER(MM_MAX_VMAS)),
	TEXT("overcommit_memory", "1"),
	{ .name = NULL },
};

static const struct row sys_rows[] = {
	DIRECTORY("kernel", 0555, sys_kernel_rows),
	DIRECTORY("vm", 0555, sys_vm_rows),
	{ .name = NULL },
};

static const struct row proc_rows[] = {
	FILE("cpuinfo", 0444, cpuinfo_show),
	TEXT("filesystems", "nodev\ttmpfs\nnodev\tproc\nnodev\tsysfs\nnodev\tdebugfs"),
	FILE("loadavg", 0444, loadavg_show),
	FILE("meminfo", 0444, meminfo_show),
	FILE("mounts", 0444, mounts_show),
	{ .name = "self",
	  .mode = FILE_SYMLINK | 0777,
	  .follow = self_follow,
	  .read_link = self_read_link },
	FILE("stat", 0444, stat_all_show),
	DIRECTORY("sys", 0555, sys_rows),
	FILE("uptime", 0444, uptime_show),
	FILE("version", 0444, version_show),
	{ .name = NULL },
};

static const struct row proc_row = {
	.rows = proc_rows,
	.lookup = process_lookup,
	.next = process_list,
};

static const struct row table_rows[] = {
	FILE("current_kernel", 0400, current_kernel_show),
	FILE("current_user", 0400, current_user_show),
	{ .name = NULL },
};

static const struct row debug_rows[] = {
	DIRECTORY("page_tables", 0755, table_rows),
	{ .name = NULL },
};

static row_show *make_config, *make_selftest;

static int config_show(struct text *t, const struct inode *inode)
{
	return make_config(t, inode);
}

static int selftest_show(struct text *t, const struct inode *inode)
{
	return make_selftest(t, inode);
}

/* Of the first four, each tells addresses; an audit stops all CPUs for as long as it takes. */
static const struct row postern_rows[] = {
	FILE("areas", 0400, areas_show),       FILE("audit", 0400, audit_show),
	FILE("ledger", 0400, ledger_show),     FILE("windows", 0400, windows_show),
	FILE("config", 0444, config_show),     FILE("counters", 0444, counters_show),
	FILE("selftest", 0400, selftest_show), { .name = NULL },
};

static const struct row kernel_rows[] = {
	DIRECTORY("debug", 0700, debug_rows),
	DIRECTORY("postern", 0755, postern_rows),
	{ .name = NULL },
};

static const struct row sysfs_rows[] = {
	DIRECTORY("kernel", 0755, kernel_rows),
	{ .name = NULL },
};
static const struct row sysfs_row = { .rows = sysfs_rows };

void proc_init(row_show *config, row_show *selftest)
{
	make_config = config;
	make_selftest = selftest;
	row_mount("/proc", &proc_row);
	row_mount("/sys", &sysfs_row);
}
