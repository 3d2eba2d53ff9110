/*
 * Files whose text the kernel makes, from its own side: the dump of page tables against the
 * walker, the ledger's text against the audit, numbers of processes that come again, texts
 * that do not fit, and memory that is not there.  What a program sees: tests/user/file/proc.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/fs/file.h"
#include "kernel/fs/open.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/proc/text.h"
#include "kernel/proc/tables.h"
#include "mm/audit.h"
#include "mm/audit/roots.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define NUMBER "4000000" /* of a process, far from the others */
#define CURRENT_USER "/sys/kernel/debug/page_tables/current_user"
#define ENOUGH 200 /* allocations, for any of these files */

static u8 bytes[256 << 10];

static struct file *open_file(const char *path)
{
	struct file *f = NULL;
	struct dentry *d;

	sleep_lock(&file_tree_lock);
	if (file_find(&file_root, path, true, NULL, &d) == 0) {
		(void)inode_open(d->inode, d, O_RDONLY, &f);
		dentry_drop(d);
	}
	sleep_unlock(&file_tree_lock);
	return f;
}

/* From the beginning: how many bytes, or an errno; a NUL is behind them. */
static long read_again(struct file *f)
{
	struct io io = { .kernel = bytes, .left = sizeof(bytes) - 1, .here = sizeof(bytes) - 1 };
	u64 pos = 0;
	long n = f ? file_read(f, &io, &pos) : -ENOENT;

	bytes[MAX(n, 0)] = '\0';
	return n;
}

static long read_file(const char *path)
{
	struct file *f = open_file(path);
	long n = read_again(f);

	if (f)
		file_drop(f);
	return n;
}

static u64 hex(const u8 *at)
{
	u64 n = 0;

	for (at += 2; *at >= '0' && *at != ' ' && *at != '-'; at++)
		n = n * 16 + (*at <= '9' ? *at - '0' : *at - 'a' + 10);
	return n;
}

/* ---- The dump --------------------------------------------------------------------------------- */

/* The line's text, up to the next newline; NULL: no more. */
static const u8 *next_line(const u8 *at)
{
	at = (const u8 *)strchr((const char *)at, '\n');
	return at && at[1] ? at + 1 : NULL;
}

static bool has(const u8 *line, const char *word)
{
	size_t n = strlen(word);

	for (; *line && *line != '\n'; line++)
		if (memcmp(line, word, n) == 0)
			return true;
	return false;
}

/* Every page of the line as the walker finds it? */
static bool agrees(const pte_t *view, const u8 *line, u64 *pages)
{
	u64 start = hex(line), end = hex((const u8 *)strchr((const char *)line, '-') + 1);
	bool present = has(line, "RW ") || has(line, "ro ");
	struct pt_leaf leaf;

	if (has(line, "(second)"))
		return true;
	if (!present)
		return pt_walk(view, start, &leaf) != 0 && pt_walk(view, end - PAGE_SIZE, &leaf) != 0;
	for (u64 va = start; va != end; va += PT_SIZE(leaf.level), ++*pages)
		if (pt_walk(view, va, &leaf) ||
		    !(leaf.rights & PTE_W) != !has(line, "RW ") ||
		    !(leaf.rights & PTE_NX) != !has(line, "NX ") ||
		    !(leaf.entry & PTE_G) != !has(line, "GLB ") ||
		    !(leaf.rights & PTE_U) != !has(line, "USR "))
			return false;
	return true;
}

static int count_leaf(const struct pt_leaf *leaf, void *count)
{
	*(u64 *)count += !(leaf->entry & PTE_ALIAS);
	return 0;
}

static void dump(struct selftest *t, const char *path, const pte_t *view)
{
	u64 pages = 0, expected = 0, wrong = 0;

	if (!EXPECT(t, read_file(path) > 1000, "the dump is read"))
		return;
	for (const u8 *line = bytes; line; line = next_line(line))
		wrong += line[0] == '0' && !agrees(view, line, &pages);
	EXPECT_EQ(t, wrong, 0, "lines that are not as the walker finds it");
	pt_for_each_leaf(view, 0, PT_ENTRIES - 1, count_leaf, &expected);
	EXPECT_EQ(t, pages, expected, "pages that the lines have");
}

static void dumps(struct selftest *t)
{
	pte_t *kernel = audit_root(this_cpu()->cpu);

	if (pti_roots_per_cpu) {
		selftest_skip(t, "this task may move to another root");
		return;
	}
	dump(t, "/sys/kernel/debug/page_tables/current_kernel", kernel);
	dump(t, CURRENT_USER, pti_enabled ? pti_user_pgd(kernel) : kernel);
}

/* ---- The ledger, the audit ------------------------------------------------------------------------ */

static void ledger_and_audit(struct selftest *t)
{
	static struct audit_report r;
	u64 lines = 0;

	audit_pair(audit_root(this_cpu()->cpu), 0, &r);
	if (EXPECT(t, read_file("/sys/kernel/postern/ledger") > 0, "the ledger is read"))
		for (const u8 *line = bytes; line; line = next_line(line))
			lines += line[0] == '0';
	EXPECT_EQ(t, lines, r.pages, "lines of the ledger, and pages that the audit has seen");
	EXPECT(t, read_file("/sys/kernel/postern/audit") > 0, "the audit is read");
	EXPECT_EQ(t, memcmp(bytes, "audit: clean;", 13), 0, "it is clean");
}

/* ---- A process that is gone --------------------------------------------------------------------------- */

static struct thread *start(struct selftest *t)
{
	struct thread *task = PROCESS_FROM(program_exit, 0);

	if (EXPECT(t, task, "memory for a process"))
		process_start(task, 4000000);
	return task;
}

static void number_again(struct selftest *t)
{
	struct thread *task = start(t);
	struct file *f = open_file("/proc/" NUMBER "/comm");

	if (!task || !EXPECT(t, f, "it has a file"))
		return;
	EXPECT(t, read_again(f) > 0, "which is read");
	process_wait_for(task);
	EXPECT_EQ(t, read_again(f), -ESRCH, "read when it is gone");
	EXPECT_EQ(t, read_file("/proc/" NUMBER "/comm"), -ENOENT, "and opened");
	task = start(t);
	if (task) {
		EXPECT_EQ(t, read_again(f), -ESRCH, "read when another has the number");
		EXPECT(t, read_file("/proc/" NUMBER "/comm") > 0, "whose file is another");
		process_wait_for(task);
	}
	file_drop(f);
}

/* ---- Bounds ---------------------------------------------------------------------------------------------- */

static void end_of_text(struct selftest *t)
{
	u64 before = selftest_free_frames();
	struct text *text = text_alloc();
	const char *end = "(cut here: more than fits)\n";

	if (!EXPECT(t, text, "memory for a text"))
		return;
	memset(bytes, 'x', PAGE_SIZE);
	for (unsigned i = 0; i < TEXT_PAGES - 1; i++)
		text_put(text, bytes, PAGE_SIZE);
	text_put(text, bytes, PAGE_SIZE - 1);
	EXPECT_EQ(t, text->size, TEXT_PAGES * PAGE_SIZE - 1, "all but a byte");
	text_put(text, "y", 1);
	EXPECT_EQ(t, text->page[TEXT_PAGES - 1][PAGE_SIZE - 1], 'y', "the last byte");
	text_print(text, "more than there is room for");
	EXPECT_EQ(t, text->size, TEXT_PAGES * PAGE_SIZE, "what is too much");
	EXPECT_EQ(t, memcmp(text->page[TEXT_PAGES - 1] + PAGE_SIZE - strlen(end), end, strlen(end)),
		  0, "is told at the end");
	text_drop(text);
	EXPECT_EQ(t, selftest_free_frames(), before, "frames that are free again");
}

static void out_of_memory(struct selftest *t)
{
	static const char *const path[] = { CURRENT_USER, "/sys/kernel/postern/ledger",
					    "/proc/stat" };

	for (unsigned i = 0; i < ARRAY_SIZE(path); i++) {
		u64 before = selftest_free_frames();
		unsigned n = 0;
		long got;

		do {
			struct file *f;

			frame_fail_after((long)n);
			f = open_file(path[i]);
			got = f ? read_again(f) : -ENOMEM;
			frame_fail_after(-1);
			if (f)
				file_drop(f);
			EXPECT(t, got > 0 || got == -ENOMEM, "bytes, or -ENOMEM");
		} while (got < 0 && ++n < ENOUGH);
		EXPECT(t, n > 0 && n < ENOUGH, "with enough memory it is read");
		EXPECT_EQ(t, selftest_free_frames(), before, "frames that are free again");
	}
}

/* It opens files by the thousand, of processes that come and go. */
static void nothing_lost(struct selftest *t)
{
	static const char *const argv[] = { "/bin/proc", "-q", NULL }, *const envp[] = { "A=b", NULL };
	u64 before = selftest_free_frames();
	struct complaint why;
	struct thread *task;

	if (!program_exists(argv[0])) {
		selftest_skip(t, "no %s in the initramfs, or no initramfs", argv[0]);
		return;
	}
	task = program_load(argv[0], argv, envp, &why);
	if (!EXPECT(t, task, "the program is loaded"))
		return;
	task->process->quiet = true;
	task_pin(task_of(task), cpu_for_program());
	process_start(task, process_next_pid());
	EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
	EXPECT_EQ(t, selftest_free_frames(), before, "frames that are free again");
}

static const struct selftest_case cases[] = {
	{ "a dump of page tables is what the walker finds", dumps },
	{ "the ledger has a line a page, and the audit is clean", ledger_and_audit },
	{ "a file is about its process, not about the next with its number", number_again },
	{ "a text that is too long says so at its end", end_of_text },
	{ "without memory there is no text, and nothing is lost", out_of_memory },
	{ "nor by a program that opens many", nothing_lost },
};
SELFTEST_SUITE(proc, cases);
