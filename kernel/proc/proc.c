/*
 * /proc and /sys: the tables of their directories.
 * Read next: kernel/proc/row.c, how a table is a directory.
 */
#include "kernel/proc/postern.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/process.h"
#include "kernel/proc/system.h"
#include "kernel/proc/tables.h"

static const struct row proc_rows[] = {
	{ .name = "cpuinfo", .mode = FILE_REGULAR | 0444, .show = cpuinfo_show },
	{ .name = "filesystems", .mode = FILE_REGULAR | 0444, .show = filesystems_show },
	{ .name = "loadavg", .mode = FILE_REGULAR | 0444, .show = loadavg_show },
	{ .name = "meminfo", .mode = FILE_REGULAR | 0444, .show = meminfo_show },
	{ .name = "mounts", .mode = FILE_REGULAR | 0444, .show = mounts_show },
	{ .name = "self", .mode = FILE_SYMLINK | 0777, .follow = self_follow, .read_link = self_read_link },
	{ .name = "stat", .mode = FILE_REGULAR | 0444, .show = stat_all_show },
	{ .name = "sys", .mode = FILE_DIRECTORY | 0555, .rows = sys_rows },
	{ .name = "uptime", .mode = FILE_REGULAR | 0444, .show = uptime_show },
	{ .name = "version", .mode = FILE_REGULAR | 0444, .show = version_show },
	{ .name = NULL },
};

static const struct row table_rows[] = {
	{ .name = "current_kernel", .mode = FILE_REGULAR | 0400, .show = current_kernel_show },
	{ .name = "current_user", .mode = FILE_REGULAR | 0400, .show = current_user_show },
	{ .name = NULL },
};

static const struct row debug_rows[] = {
	{ .name = "page_tables", .mode = FILE_DIRECTORY | 0755, .rows = table_rows },
	{ .name = NULL },
};

static const struct row kernel_rows[] = {
	{ .name = "debug", .mode = FILE_DIRECTORY | 0700, .rows = debug_rows },
	{ .name = "postern", .mode = FILE_DIRECTORY | 0755, .rows = postern_rows },
	{ .name = NULL },
};

static const struct row sysfs_rows[] = {
	{ .name = "kernel", .mode = FILE_DIRECTORY | 0755, .rows = kernel_rows },
	{ .name = NULL },
};

static const struct row proc_row = {
	.rows = proc_rows,
	.lookup = process_lookup,
	.next = process_list,
};
static const struct row sysfs_row = { .rows = sysfs_rows };

void proc_init(const struct boot_args *args, const struct smp_setup *setup)
{
	postern_init(args, setup);
	row_mount("/proc", &proc_row);
	row_mount("/sys", &sysfs_row);
}
