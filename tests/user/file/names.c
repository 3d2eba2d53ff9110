/*
 * names: files get names, lose them, and change them; what they say of themselves is
 * changed; working directories.  No file is opened.
 *
 * All happens in a directory of its own in /tmp, which is gone in the end.  Right outcome, on
 * Linux and on Postern alike: a line `ok N - ...` for each step, `1..N` at the end, exit
 * status 0.  `names -q` prints failed steps only.  Steps that need root are left out without.
 */
#define _GNU_SOURCE 1
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#define USER 1000
#define NO_REPLACE 1
#define EXCHANGE 2
#define BASIC_STATS 0x7ff
#define MANY 2000
#define DEEP 1500

static char place[64];

/* 0 or the errno of a call that returned `result`. */
static int error(long result)
{
	return result < 0 ? errno : 0;
}

static int make_file(const char *path)
{
	return error(mknod(path, S_IFREG | 0644, 0));
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	if (lstat(path, &st))
		st.st_nlink = 0;
	return st;
}

static bool is_there(const char *path)
{
	return stat_of(path).st_nlink > 0;
}

static int links(const char *path)
{
	return (int)stat_of(path).st_nlink;
}

static int mode(const char *path)
{
	return (int)(stat_of(path).st_mode & 07777);
}

static int rename2(const char *from, const char *to, unsigned flags)
{
	return error(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

/* ---- Making and taking away ---------------------------------------------------------- */

static void test_make(void)
{
	check_equal(error(mkdir("d", 0755)), 0, "a directory is made");
	check_equal(links("d"), 2, "with two links");
	check_equal(error(mkdir("d", 0755)), EEXIST, "once");
	check_equal(error(mkdir("d/.", 0755)), EEXIST, "nor as its own \".\"");
	check_equal(error(mkdir("none/d", 0755)), ENOENT, "nor in one that is not there");
	check_equal(error(mkdir("d/sub/", 0755)), 0, "a slash may end its name");
	check_equal(links("d"), 3, "its parent has one link more");
	check_equal(make_file("f"), 0, "a file is made");
	check_equal(make_file("f"), EEXIST, "once");
	check_equal(make_file("g/"), ENOENT, "without a slash");
	check_equal(error(mkdir("f/d", 0755)), ENOTDIR, "there is none in a file");
	check_equal(error(mknod("p", S_IFIFO | 0600, 0)), 0, "a FIFO");
	check_true(S_ISFIFO(stat_of("p").st_mode), "is one");
	check_equal(error(mknod("x", S_IFDIR | 0600, 0)), EPERM, "mknod makes no directory");
	check_equal(error(mknod("x", S_IFLNK | 0600, 0)), EINVAL, "and no link");
	check_equal(error(symlink("f", "l")), 0, "a symbolic link");
	check_equal(stat_of("l").st_size, 1, "is as long as its target");
	check_equal(error(symlink("f", "l")), EEXIST, "it is made once");
	check_equal(error(symlink("", "e")), ENOENT, "an empty one is none");
}

static void test_take_away(void)
{
	check_equal(error(unlink("d")), EISDIR, "unlink takes no directory");
	check_equal(error(rmdir("f")), ENOTDIR, "rmdir takes no file");
	check_equal(error(rmdir("d")), ENOTEMPTY, "nor a directory that is not empty");
	check_equal(error(rmdir("d/sub/..")), ENOTEMPTY, "by none of its names");
	check_equal(error(rmdir("d/sub/.")), EINVAL, "not even an empty one as \".\"");
	check_equal(error(rmdir("/")), EBUSY, "nor the root");
	check_equal(error(unlink("d/..")), EISDIR, "unlink takes no \"..\"");
	check_equal(error(unlink("f/")), ENOTDIR, "and no file behind whose name is a slash");
	check_equal(error(unlink("none")), ENOENT, "nor what is not there");
	check_equal(error(rmdir("d/sub")), 0, "an empty directory goes");
	check_equal(links("d"), 2, "with its link");
	check_equal(error(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR)), 0, "unlinkat takes directories");
	check_equal(error(unlinkat(AT_FDCWD, "l", 0)), 0, "a link goes");
	check_true(is_there("f"), "its target does not");
	check_equal(error(unlinkat(AT_FDCWD, "f", 1)), EINVAL, "unknown flags are refused");
	check_equal(error(unlink("p")), 0, "a FIFO goes");
	check_equal(error(unlink("f")), 0, "a file goes");
	check_true(!is_there("f"), "and is gone");
}

static void test_links(void)
{
	struct stat a, b;

	make_file("a");
	check_equal(error(link("a", "b")), 0, "a file gets a second name");
	a = stat_of("a");
	b = stat_of("b");
	check_true(a.st_ino == b.st_ino && a.st_nlink == 2, "of the same inode");
	check_equal(error(link("a", "b")), EEXIST, "a name is one file's");
	mkdir("d", 0755);
	check_equal(error(link("d", "e")), EPERM, "a directory has one name");
	check_equal(error(link("none", "e")), ENOENT, "what is not there has none");
	symlink("a", "l");
	check_equal(error(link("l", "m")), 0, "a symbolic link may have two");
	check_true(S_ISLNK(stat_of("m").st_mode), "itself");
	check_equal(error(linkat(AT_FDCWD, "l", AT_FDCWD, "n", AT_SYMLINK_FOLLOW)), 0,
		    "or its target, if so wanted");
	check_equal(links("a"), 3, "has another");
	unlink("a");
	check_equal(links("b"), 2, "a name goes, the file stays");
	check_equal(error(link("/proc/self/exe", "x")), EXDEV, "what is in no directory gets no name");
	check_equal(error(access("x/y", F_OK)), ENOENT, "and leads nowhere");
	unlink("b");
	unlink("n");
	unlink("l");
	unlink("m");
	rmdir("d");
}

/* ---- Renaming -------------------------------------------------------------------------- */

static void test_rename(void)
{
	struct stat st;

	make_file("a");
	st = stat_of("a");
	check_equal(error(rename("a", "b")), 0, "a file is renamed");
	check_true(!is_there("a") && stat_of("b").st_ino == st.st_ino, "and is the same");
	make_file("c");
	check_equal(error(rename("b", "c")), 0, "a name that is taken is taken over");
	check_true(!is_there("b") && stat_of("c").st_ino == st.st_ino, "by the file");
	check_equal(error(rename("c", "c")), 0, "a name may stay");
	link("c", "h");
	check_equal(error(rename("c", "h")), 0, "to another name of the same file");
	check_true(is_there("c") && is_there("h"), "nothing happens");
	unlink("h");
	mkdir("d", 0755);
	mkdir("e", 0755);
	check_equal(error(rename("c", "d")), EISDIR, "a file does not replace a directory");
	check_equal(error(rename("d", "c")), ENOTDIR, "nor the other way");
	check_equal(error(rename("c", "c/")), ENOTDIR, "a file has no slash behind");
	check_equal(error(rename("d", "d/x")), EINVAL, "a directory does not come into itself");
	mkdir("d/x", 0755);
	mkdir("d/x/y", 0755);
	check_equal(error(rename("d", "d/x/y/z")), EINVAL, "nor deeper");
	check_equal(error(rename("d/x/y", "d")), ENOTEMPTY, "nor replaces what it is in");
	check_equal(error(rename("e", "d")), ENOTEMPTY, "a directory replaces an empty one alone");
	check_equal(error(rename("d/x", "e")), 0, "with all that is in it");
	check_true(is_there("e/y") && links("d") == 2 && links("e") == 3, "and links are counted");
	check_equal(error(rename("e/y", "y")), 0, "out of a directory");
	check_equal(error(rename("y/.", "z")), EBUSY, "\".\" cannot be renamed");
	check_equal(error(rename("c", "..")), EBUSY, "nor \"..\" be replaced");
	check_equal(error(rename("none", "z")), ENOENT, "nor what is not there be renamed");
	check_equal(rename2("c", "y", NO_REPLACE), EEXIST, "who wants replaces nothing");
	check_equal(rename2("c", "z", NO_REPLACE), 0, "and renames");
	check_equal(rename2("z", "y", EXCHANGE), 0, "two change places");
	check_true(S_ISDIR(stat_of("z").st_mode) && S_ISREG(stat_of("y").st_mode), "file and directory");
	check_equal(rename2("z", "none", EXCHANGE), ENOENT, "two must be there");
	check_equal(rename2("z", "y", EXCHANGE | NO_REPLACE), EINVAL, "not both flags");
	rmdir("z");
	unlink("y");
	rmdir("d");
	rmdir("e");
}

/* ---- What files say of themselves --------------------------------------------------------- */

static void test_modes(void)
{
	mode_t old = umask(027);

	mkdir("d", 0777);
	mknod("f", S_IFREG | 0666, 0);
	check_equal(mode("d"), 0750, "the umask takes bits of a directory's mode");
	check_equal(mode("f"), 0640, "and of a file's");
	check_equal(umask(old), 027, "it is told when it changes");
	check_equal(error(chmod("f", 04755)), 0, "a mode is changed");
	check_equal(mode("f"), 04755, "all of it");
	check_equal(error(fchmodat(AT_FDCWD, "f", 0600, 0)), 0, "by fchmodat, too");
	symlink("f", "l");
	check_equal(error(chmod("l", 0644)), 0, "through a link");
	check_equal(mode("f"), 0644, "to its target");
	check_equal(error(chmod("none", 0)), ENOENT, "not what is not there");
	check_equal(error(access("f", R_OK | W_OK)), 0, "the owner may read and write");
	check_equal(error(access("f", X_OK)), EACCES, "and not execute");
	check_equal(error(access("none", F_OK)), ENOENT, "access knows what is not there");
	check_equal(error(access("f", 8)), EINVAL, "and three rights");
	unlink("l");
	unlink("f");
	rmdir("d");
}

static void test_times(void)
{
	const struct timespec ts[2] = { { 1000, 5 }, { 2000, 999999999 } };
	const struct timespec some[2] = { { 0, UTIME_OMIT }, { 7, 0 } };
	const struct timespec wrong[2] = { { 0, 1000000000 }, { 7, 0 } };
	const struct utimbuf old = { 11, 12 };
	struct stat st;

	make_file("f");
	check_true(stat_of("f").st_mtime > 1000000000, "a file knows when it was made");
	check_equal(error(utimensat(AT_FDCWD, "f", ts, 0)), 0, "times are set");
	st = stat_of("f");
	check_true(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 5 && st.st_mtim.tv_sec == 2000 &&
		   st.st_mtim.tv_nsec == 999999999, "to the nanosecond");
	check_equal(error(utimensat(AT_FDCWD, "f", some, 0)), 0, "one alone");
	st = stat_of("f");
	check_true(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 7, "is");
	check_equal(error(utimensat(AT_FDCWD, "f", wrong, 0)), EINVAL, "a second has 1e9 of them");
	check_equal(error(utime("f", &old)), 0, "utime sets seconds");
	st = stat_of("f");
	check_true(st.st_atim.tv_sec == 11 && st.st_mtim.tv_sec == 12, "both");
	check_equal(error(utimensat(AT_FDCWD, "f", NULL, 0)), 0, "to what is now");
	check_true(stat_of("f").st_mtime > 1000000000, "it is");
	utime(".", &old);
	unlink("f");
	check_true(stat_of(".").st_mtime > 1000000000, "a directory changes with its names");
}

static void test_statx(void)
{
	struct {
		uint32_t mask, blksize;
		uint64_t attributes;
		uint32_t nlink, uid, gid;
		uint16_t mode, pad;
		uint64_t ino, size, rest[32];
	} stx;

	make_file("f");
	chmod("f", 0604);
	memset(&stx, 0xff, sizeof(stx));
	check_equal(error(syscall(SYS_statx, AT_FDCWD, "f", 0, BASIC_STATS, &stx)), 0, "statx");
	check_true((stx.mask & BASIC_STATS) == BASIC_STATS && stx.nlink == 1 &&
		   stx.mode == (S_IFREG | 0604) && stx.size == 0 && stx.ino == stat_of("f").st_ino,
		   "tells what stat does");
	check_equal(error(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000, &stx)), EINVAL, "and refuses a bit");
	unlink("f");
}

/* ---- Working directories ------------------------------------------------------------------- */

static void test_cwd(void)
{
	char path[256], expected[128], target[8];

	mkdir("d", 0755);
	make_file("f");
	check_equal(error(chdir("none")), ENOENT, "chdir to what is not there");
	check_equal(error(chdir("f")), ENOTDIR, "or is a file");
	check_equal(error(chdir("d")), 0, "to a directory");
	snprintf(expected, sizeof(expected), "%s/d", place);
	check_true(getcwd(path, sizeof(path)) && strcmp(path, expected) == 0, "which getcwd tells");
	check_equal(error(syscall(SYS_getcwd, path, 3)), ERANGE, "if there is room");
	check_equal(syscall(SYS_getcwd, path, sizeof(path)), (int)strlen(expected) + 1, "with its NUL");
	make_file("in");
	check_true(is_there("../d/in"), "paths begin there");
	check_equal(error(rename("../d", "../e")), 0, "it may be renamed");
	snprintf(expected, sizeof(expected), "%s/e", place);
	check_true(getcwd(path, sizeof(path)) && strcmp(path, expected) == 0, "which getcwd tells");
	unlink("in");
	check_equal(error(rmdir("../e")), 0, "and taken away");
	check_equal(error(syscall(SYS_getcwd, path, sizeof(path))), ENOENT, "then it has no path");
	check_equal(make_file("x"), ENOENT, "and gets no files");
	check_equal(error(mkdir("x", 0755)), ENOENT, "nor directories");
	check_equal(stat_of(".").st_nlink, 0, "it has no links");
	check_equal(error(chdir("..")), 0, "but the way out is there");
	check_true(getcwd(path, sizeof(path)) && strcmp(path, place) == 0, "as it was");
	symlink("f", "l");
	check_equal(readlink("l", target, sizeof(target)), 1, "a link is read");
	check_true(target[0] == 'f', "from here");
	check_equal(error(readlink("f", target, sizeof(target))), EINVAL, "a file is not");
	unlink("l");
	unlink("f");
}

/* ---- Many ------------------------------------------------------------------------------------ */

static void test_many(void)
{
	char name[64];
	int good = 0;

	mkdir("m", 0755);
	make_file("m/first");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "m/%s-%d", i % 3 ? "name" : "a-name-that-is-rather-long-for-one", i);
		good += link("m/first", name) == 0;
	}
	check_equal(good, MANY, "many names in a directory");
	check_equal(links("m/first"), MANY + 1, "are counted");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "m/%s-%d", i % 3 ? "name" : "a-name-that-is-rather-long-for-one", i);
		good -= unlink(name) == 0;
	}
	check_equal(good, 0, "and found again");
	unlink("m/first");
	check_equal(error(rmdir("m")), 0, "nothing is left");
}

/* A directory in a directory, and so on; the way back is as long. */
static void test_deep(void)
{
	char path[256];
	int depth = 0;

	while (depth < DEEP && mkdir("deep", 0755) == 0 && chdir("deep") == 0)
		depth++;
	check_equal(depth, DEEP, "directories in directories");
	check_equal(error(syscall(SYS_getcwd, path, sizeof(path))), ENAMETOOLONG, "too deep for a path");
	for (; depth > 0; depth--)
		if (chdir("..") || rmdir("deep"))
			break;
	check_equal(depth, 0, "and back");
}

/* All of them are gone but for whoever is in the deepest. */
static void test_deep_and_gone(void)
{
	int depth = 0;

	while (depth < 40 && mkdir("deep", 0755) == 0 && chdir("deep") == 0)
		depth++;
	for (int i = 0; i < 40; i++) {
		char name[2 * 120 + 8] = "";

		for (int k = 0; k <= i; k++)
			strcat(name, "../");
		strcat(name, "deep");
		depth -= rmdir(name) == 0;
	}
	check_equal(depth, 0, "directories go while somebody is in the deepest");
	check_equal(error(stat(".", &(struct stat){ 0 })), 0, "who still is");
	check_equal(error(chdir(place)), 0, "and leaves");
}

/* ---- Others ------------------------------------------------------------------------------------ */

static void as_user(void)
{
	check_equal(error(mkdir("mine/x", 0755)), 0, "a user makes files in his directory");
	check_true(stat_of("mine/x").st_uid == USER && stat_of("mine/x").st_gid == USER, "which are his");
	check_equal(error(mkdir("x", 0755)), EACCES, "not in root's");
	check_equal(error(rmdir("roots")), EACCES, "takes none away there");
	check_equal(error(rename("mine/x", "x")), EACCES, "brings none");
	check_equal(error(rename("roots", "mine/y")), EACCES, "fetches none");
	check_equal(error(rename("sticky/roots", "sticky/y")), EPERM, "in a sticky directory others' stay");
	check_equal(error(rmdir("sticky/roots")), EPERM, "where they are");
	check_equal(error(mkdir("sticky/own", 0755)), 0, "his own he makes");
	check_equal(error(rmdir("sticky/own")), 0, "and takes away");
	check_equal(error(chmod("roots", 0777)), EPERM, "root's mode is root's");
	check_equal(error(chown("mine/x", 0, (gid_t)-1)), EPERM, "what is his stays his");
	check_equal(error(utime("roots", NULL)), EACCES, "and root's times are root's");
	check_equal(error(chdir("closed")), EACCES, "what is closed is closed");
	check_equal(error(mknod("mine/n", S_IFCHR | 0666, makedev(1, 3))), EPERM, "devices are root's");
	check_equal(error(access("closed/x", F_OK)), EACCES, "so is what is in it");
	check_equal(error(chmod("mine/x", 02755)), 0, "a mode of his own is his");
	check_equal(error(rmdir("mine/x")), 0, "and is his to take away");
}

/* Root's rights are effective, a user's are real. */
static void as_both(void)
{
	check_equal(error(access("closed/in", F_OK)), EACCES, "access searches as who really asks");
	check_equal(error(syscall(SYS_faccessat2, AT_FDCWD, "closed/in", F_OK, AT_EACCESS)), 0,
		    "unless AT_EACCESS is given");
	check_equal(error(access("mine", W_OK)), 0, "what is his is his");
	check_equal(error(access("roots", W_OK)), EACCES, "and what is not, not");
}

/* Whose steps are one of ours. */
static int steps_of(void (*steps)(void), uid_t effective)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		if (setgid(USER) || setresuid(USER, effective, effective))
			_exit(1);
		check_begin(true);
		steps();
		fflush(stdout);
		_exit(check_status());
	}
	wait(&status);
	return status;
}

static void test_rights(void)
{

	if (geteuid() != 0) {
		check_skip("this is not root", "what users may do");
		return;
	}
	mkdir("mine", 0755);
	check_equal(error(chown("mine", USER, USER)), 0, "root gives files away");
	mkdir("roots", 0755);
	mkdir("closed", 0700);
	mkdir("closed/in", 0755);
	mkdir("sticky", 0755);
	chmod("sticky", 01777);
	mkdir("sticky/roots", 0755);
	mkdir("group", 0755);
	chown("group", 0, USER);
	chmod("group", 02755);
	mkdir("group/x", 0755);
	check_true(stat_of("group/x").st_gid == USER && (mode("group/x") & 02000),
		   "a directory hands its group on, if it says so");
	check_equal(steps_of(as_user, USER), 0, "a user's steps are good");
	check_equal(steps_of(as_both, 0), 0, "and of who is root by effect");
	rmdir("group/x");
	rmdir("group");
	rmdir("sticky/roots");
	rmdir("sticky");
	rmdir("closed/in");
	rmdir("closed");
	rmdir("roots");
	rmdir("mine");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	umask(022);
	snprintf(place, sizeof(place), "/tmp/names-%d", (int)getpid());
	check_equal(error(mkdir(place, 0755)), 0, "there is a place for files");
	check_equal(error(chdir(place)), 0, "to be in");
	test_make();
	test_take_away();
	test_links();
	test_rename();
	test_modes();
	test_times();
	test_statx();
	test_cwd();
	test_many();
	test_deep();
	test_deep_and_gone();
	test_rights();
	chdir("/");
	check_equal(error(rmdir(place)), 0, "all is gone");
	return check_end();
}
