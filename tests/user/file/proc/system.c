/*
 * proc: the files that are about no process, and what Postern says of itself in /sys.
 */
#define _GNU_SOURCE 1
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- The system ------------------------------------------------------------------------------------------ */

void test_system(void)
{
	struct utsname names;
	char expected[300];
	struct dirent *e;
	DIR *d = opendir("/proc");
	unsigned found = 0;

	uname(&names);
	read_all("/proc/version");
	snprintf(expected, sizeof(expected), "%s version %s ", names.sysname, names.release);
	check_equal(strncmp(text, expected, strlen(expected)), 0, "version");
	read_all("/proc/sys/kernel/osrelease");
	check_true(strncmp(text, names.release, strlen(names.release)) == 0, "osrelease");
	read_all("/proc/meminfo");
	check_range(number_of("MemTotal:"), 1024, 1LL << 40, "MemTotal");
	check_range(number_of("MemFree:"), 1, number_of("MemTotal:"), "MemFree");
	read_all("/proc/stat");
	check_range(number_of("cpu "), 0, 1LL << 50, "cpu of stat");
	check_range(number_of("ctxt "), 1, 1LL << 50, "ctxt of stat");
	read_all("/proc/cpuinfo");
	check_equal(strncmp(text, "processor\t: 0\n", 14), 0, "cpuinfo");
	check_true(read_all("/proc/uptime") > 0 && atof(text) > 0, "uptime");
	check_true(read_all("/proc/mounts") > 0 && strstr(text, " / "), "mounts have a root");
	check_true(read_all("/proc/loadavg") > 0 && strchr(text, '/'), "loadavg");
	read_all("/proc/sys/kernel/pid_max");
	check_range(atoi(text), getpid() + 1, 1 << 30, "pid_max");
	while (d && (e = readdir(d)))
		found |= (atoi(e->d_name) == getpid() ? 1 : 0) |
			 (strcmp(e->d_name, "self") == 0 && e->d_type == DT_LNK ? 2 : 0) |
			 (strcmp(e->d_name, "sys") == 0 && e->d_type == DT_DIR ? 4 : 0);
	check_equal(found, 7, "/proc has self, sys and this process");
	closedir(d);
}

/* ---- What Postern says of itself ----------------------------------------------------------------------------- */

#define TABLES "/sys/kernel/debug/page_tables/"
#define SLOT_507 0xfffffd8000000000UL
#define SLOT_509 0xfffffe8000000000UL

/* A line of a dump. */
struct range {
	unsigned long start, end;
	bool present, user, write, execute;
};

static bool parse_range(const char *line, struct range *r)
{
	if (sscanf(line, "0x%lx-0x%lx", &r->start, &r->end) != 2)
		return false;
	r->user = strstr(line, "USR ") != NULL;
	r->write = strstr(line, "RW ") != NULL;
	r->execute = strstr(line, " x ") != NULL;
	r->present = r->write || strstr(line, "ro ");
	return true;
}

/* Is the page in an area, and has no right that this has not? */
static bool page_is_in_maps(const struct range *r, unsigned long page)
{
	for (const char *at = again; at && *at; at = strchr(at, '\n')) {
		unsigned long start, end;
		char rights[5];

		at += *at == '\n';
		if (sscanf(at, "%lx-%lx %4s", &start, &end, rights) == 3 && page >= start &&
		    page < end)
			return (!r->write || rights[1] == 'w') &&
			       (!r->execute || rights[2] == 'x');
	}
	return false;
}

/* A line may stand for neighbours that are alike. */
static bool is_in_maps(const struct range *r)
{
	for (unsigned long page = r->start; page < r->end; page += 4096)
		if (!page_is_in_maps(r, page))
			return false;
	return true;
}

/* The lines must cover all, one behind another. */
static void test_dump(const char *path, bool is_user)
{
	unsigned long behind = 0, user = 0, bad = 0, holes = 0, kernel = 0, outside = 0;
	struct range r = { 0 };

	read_into(again, "/proc/self/maps", 65536);
	check_range(read_all(path), 1000, sizeof(text), "%s has its lines", path);
	for (char *at = strtok(text, "\n"); at; at = strtok(NULL, "\n")) {
		if (!parse_range(at, &r))
			continue;
		holes += r.start != behind;
		behind = r.end;
		if (r.present && r.start < 1UL << 47) {
			user++;
			bad += !r.user || (is_user ? !is_in_maps(&r) : r.execute);
		} else if (r.present) {
			kernel++;
			bad += r.user || (r.write && r.execute && !strstr(at, "(second)"));
			outside += r.start < SLOT_507 || r.start >= SLOT_509;
		}
	}
	check_equal((long)holes, 0, "one line follows the other");
	check_equal((long)behind, 0, "to the end");
	check_range((long)user, 3, 1000, "with pages of the program");
	check_range((long)kernel, 3, 1000, "and of the kernel");
	check_equal(outside != 0, !is_user, "outside of slots 507 and 508, too: %d", !is_user);
	check_equal((long)bad, 0, is_user ? "as maps has them" : "which cannot be executed here");
}

static long pages_in(const char *line)
{
	long lines = 0;

	read_all("/sys/kernel/postern/ledger");
	for (const char *at = text; (at = strchr(at, '\n')) && at[1]; at++)
		lines++;
	return strcmp(line, "lines") == 0 ? lines : (long)number_of(line);
}

static int look_at_kernel(void)
{
	static const char *const path[] = { TABLES "current_user", "/sys/kernel/postern/ledger",
					    "/sys/kernel/postern/audit",
					    "/sys/kernel/postern/areas",
					    "/sys/kernel/postern/windows" };
	int bad = 0;

	if (setresuid(OTHER_USER, OTHER_USER, OTHER_USER))
		return 128;
	for (unsigned i = 0; i < 5; i++)
		bad |= read_all(path[i]) == -EACCES ? 0 : 1 << i;
	return bad;
}

void test_kernel(void)
{
	struct utsname names;
	pid_t pid;

	uname(&names);
	if (strcmp(names.nodename, "postern") != 0 || geteuid() != 0) {
		check_skip("not root, or not Postern", "what the kernel knows of itself");
		return;
	}
	read_all("/sys/kernel/postern/config");
	if (strncmp(text, "pti=off\n", 8) != 0) {
		test_dump(TABLES "current_user", true);
		test_dump(TABLES "current_kernel", false);
	}
	check_equal(pages_in("lines"), pages_in("total: "), "a line a page of the ledger");
	check_true(read_all("/sys/kernel/postern/audit") > 0 && !strncmp(text, "audit: clean", 12),
		   "the audit: %.100s", text);
	check_true(read_all("/sys/kernel/postern/windows") > 0 && strstr(text, " sysret\n"), "windows");
	check_true(read_all("/sys/kernel/postern/areas") > 0 && strstr(text, " entry stack\n"), "areas");
	check_true(read_all("/sys/kernel/postern/counters") > 0 && strstr(text, " #PF\n"), "counters");
	pid = fork();
	if (pid == 0)
		_exit(look_at_kernel());
	check_equal(status_of(pid), 0, "what tells addresses is root's");
}
