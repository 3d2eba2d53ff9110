/*
 * /proc/PID: numbers of a process, copied under process_lock and printed without it.
 * Source: Linux, Documentation/filesystems/proc.rst.
 */
#include "kernel/base/errno.h"
#include "kernel/base/format.h"
#include "kernel/base/string.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/tree.h"
#include "kernel/proc/links.h"
#include "kernel/proc/maps.h"
#include "kernel/proc/process.h"
#include "kernel/task/sched.h"

/* A copy of what is said of it. */
struct about {
	char name[sizeof(((struct task *)0)->name)];
	const char *state;
	int pid, parent, pgid, sid, tracer, exit_signal, status;
	unsigned threads, cpu;
	bool may_trace, no_new_privs;
	u32 umask;
	struct ids ids;
	u64 pending, shared_pending, blocked, ignored, caught; /* signals */
	u64 run_ns, children_run_ns, started;
	virt_addr_t brk_start, args, env, env_end;
	s64 resident, bytes; /* pages, bytes; 0: it has ended */
	u64 locked;          /* bytes */
};

/* ---- Copying ------------------------------------------------------------------------------ */

static const char *state_of(const struct process *p, const struct thread *t)
{
	if (p->ended)
		return "Z (zombie)";
	if (t->stop_signal)
		return t->tracer ? "t (tracing stop)" : "T (stopped)";
	return t->state == TASK_SLEEPING ? "S (sleeping)" : "R (running)";
}

static void copy_actions(struct about *a, const struct process *p)
{
	for (int s = 1; s <= NR_SIGNALS; s++) {
		u64 handler = p->signals.action[s - 1].handler;

		a->ignored |= handler == SIG_IGN ? SIGNAL_BIT(s) : 0;
		a->caught |= handler != SIG_IGN && handler != SIG_DFL ? SIGNAL_BIT(s) : 0;
	}
}

static void copy(struct about *a, const struct process *p)
{
	const struct thread *t = p->leader;

	*a = (struct about){
		.state = state_of(p, t),
		.pid = p->pid,
		.parent = p->parent_pid,
		.pgid = p->pgid,
		.sid = p->sid,
		.tracer = t->tracer ? t->tracer->pid : 0,
		.exit_signal = p->exit_signal,
		.status = p->ended ? p->status : 0,
		.threads = MAX(p->alive, 1U),
		.cpu = t->cpu,
		.may_trace = !calling_process() || creds_may_trace(p),
		.no_new_privs = p->no_new_privs,
		.umask = p->umask,
		.ids = p->ids,
		.pending = t->signals.pending.set,
		.shared_pending = p->signals.pending.set,
		.blocked = t->leaving ? 0 : t->choices->blocked,
		.run_ns = sched_group_run_ns(&p->run_ns),
		.children_run_ns = p->children_run_ns,
		.started = p->started,
	};
	strscpy(a->name, t->name, sizeof(a->name));
	copy_actions(a, p);
}

/* 0, -ENOENT, -EINTR. */
static int about(const struct inode *inode, struct about *a)
{
	struct mm *mm = NULL;

	SPIN_SCOPE(&process_lock) {
		struct process *p = row_process(inode);

		if (!p)
			return -ENOENT;
		copy(a, p);
		mm = p->mm;
		if (mm)
			mm_get(mm);
	}
	if (!mm)
		return 0;
	a->bytes = space_bytes(mm, &a->locked);
	a->resident = (s64)mm->resident;
	if (a->may_trace) {
		a->brk_start = mm->brk_start;
		a->args = mm->told.args;
		a->env = mm->told.env;
		a->env_end = mm->told.env_end;
	}
	mm_put(mm);
	return a->bytes < 0 ? -EINTR : 0;
}

/* ---- Printing ------------------------------------------------------------------------------- */

static int stat_show(struct text *t, const struct inode *inode)
{
	struct about a;
	int err = about(inode, &a);

	if (err)
		return err;
	/* Fields 1 to 52 of proc(5): what is not counted here is 0, or as it is for all. */
	text_print(t, "%d (%s) %c %d %d %d 1281 %d 0 0 0 0 0 %lu 0 %lu 0 20 0 %u 0 %lu ", a.pid,
		   a.name, a.state[0], a.parent, a.pgid, a.sid, a.pgid, a.run_ns / TICK_NS,
		   a.children_run_ns / TICK_NS, a.threads, a.started / TICK_NS);
	text_print(t, "%ld %ld %lu 0 0 0 0 0 %lu %lu %lu %lu 0 0 0 %d %u 0 0 0 0 0 ", a.bytes,
		   a.resident, ~0UL, a.pending & 0x7fffffff, a.blocked & 0x7fffffff,
		   a.ignored & 0x7fffffff, a.caught & 0x7fffffff, a.exit_signal, a.cpu);
	text_print(t, "0 0 %lu %lu %lu %lu %lu %d\n", a.brk_start, a.args, a.env, a.env, a.env_end,
		   a.may_trace ? a.status : 0);
	return 0;
}

int mounts_show(struct text *t, const struct inode *inode __unused)
{
	text_print(t, "tmpfs / tmpfs rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n"
		      "debugfs /sys/kernel/debug debugfs rw 0 0\n");
	return 0;
}

static void print_ids(struct text *t, const char *what, const u32 *id)
{
	text_print(t, "%s:\t%u\t%u\t%u\t%u\n", what, id[REAL_ID], id[EFFECTIVE_ID], id[SAVED_ID],
		   id[EFFECTIVE_ID]);
}

static int status_show(struct text *t, const struct inode *inode)
{
	struct about a;
	int err = about(inode, &a);

	if (err)
		return err;
	text_print(t, "Name:\t%s\nUmask:\t0%u%u%u\nState:\t%s\n", a.name, a.umask >> 6 & 7,
		   a.umask >> 3 & 7, a.umask & 7, a.state);
	text_print(t, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", a.pid, a.pid,
		   a.parent, a.tracer);
	print_ids(t, "Uid", a.ids.user);
	print_ids(t, "Gid", a.ids.group);
	text_print(t, "Groups:\t");
	for (u32 i = 0; i < a.ids.others; i++)
		text_print(t, "%u ", a.ids.other[i]);
	text_print(t, "\n");
	if (a.bytes)
		text_print(t, "VmSize:\t%8ld kB\nVmLck:\t%8lu kB\nVmRSS:\t%8ld kB\n", a.bytes >> 10,
			   a.locked >> 10, a.resident << (PAGE_SHIFT - 10));
	text_print(t, "Threads:\t%u\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n",
		   a.threads, a.pending, a.shared_pending, a.blocked);
	text_print(t, "SigIgn:\t%016lx\nSigCgt:\t%016lx\nNoNewPrivs:\t%u\n", a.ignored, a.caught,
		   a.no_new_privs);
	return 0;
}

static int comm_show(struct text *t, const struct inode *inode)
{
	struct about a;
	int err = about(inode, &a);

	if (!err)
		text_print(t, "%s\n", a.name);
	return err;
}

/* ---- Directories ------------------------------------------------------------------------------- */

static struct dentry *exe_of(const struct process *p)
{
	return p->ended ? NULL : p->exe;
}

static struct dentry *cwd_of(const struct process *p)
{
	return p->ended ? NULL : p->cwd;
}

static const struct row process_rows[] = {
	{ .name = "auxv", .mode = FILE_REGULAR | 0400, .show = auxv_show, .traced = true },
	{ .name = "cmdline", .mode = FILE_REGULAR | 0444, .show = cmdline_show },
	{ .name = "comm", .mode = FILE_REGULAR | 0444, .show = comm_show },
	{ .name = "cwd", .mode = FILE_SYMLINK | 0777, .goal = cwd_of },
	{ .name = "environ", .mode = FILE_REGULAR | 0400, .show = environ_show, .traced = true },
	{ .name = "exe", .mode = FILE_SYMLINK | 0777, .goal = exe_of },
	{ .name = "fd", .mode = FILE_DIRECTORY | 0500, .lookup = files_lookup, .next = files_list },
	{ .name = "maps", .mode = FILE_REGULAR | 0444, .show = maps_show, .traced = true },
	{ .name = "mounts", .mode = FILE_REGULAR | 0444, .show = mounts_show },
	{ .name = "stat", .mode = FILE_REGULAR | 0444, .show = stat_show },
	{ .name = "status", .mode = FILE_REGULAR | 0444, .show = status_show },
	{ .name = NULL },
};
static const struct row process_row = { .mode = FILE_DIRECTORY | 0555, .rows = process_rows };

int process_lookup(const struct inode *dir __unused, const char *name, u32 length,
		   struct inode **inode)
{
	s64 pid = row_number(name, length);
	struct inode about = { .pid = (u32)pid };
	bool is_there = false;

	SPIN_SCOPE(&process_lock) {
		const struct process *p = pid > 0 ? process_find((int)pid) : NULL;

		is_there = p;
		about.born = p ? p->started : 0;
	}
	return is_there ? row_inode(&process_row, &about, ROW_INO_PROCESS + (u64)pid, inode) :
			  -ENOENT;
}

int process_list(const struct inode *dir __unused, u64 *place, struct made_name *name)
{
	const struct process *p;
	SPIN_GUARD(&process_lock);

	p = process_next(place);
	if (!p)
		return -ENOENT;
	format(name->text, sizeof(name->text), "%d", p->pid);
	name->number = ROW_INO_PROCESS + (u64)p->pid;
	name->mode = process_row.mode;
	return 0;
}

/* ---- /proc/self ---------------------------------------------------------------------------------- */

long self_read_link(const struct inode *link __unused, char *to, size_t size)
{
	return calling_process() ? format(to, size, "%d", current_process()->pid) : -ENOENT;
}

int self_follow(struct dentry *link, struct dentry **to)
{
	struct inode *inode;
	char name[16];
	long n = self_read_link(link->inode, name, sizeof(name));
	int err = n < 0 ? (int)n : process_lookup(link->parent->inode, name, (u32)n, &inode);

	if (err)
		return err;
	*to = dentry_make(link->parent, name, (u32)n, inode);
	return *to ? 0 : -ENOMEM;
}
