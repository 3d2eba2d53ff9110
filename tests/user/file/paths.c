/*
 * paths: where paths lead in an initramfs with links.
 *
 * The archive is tests/initrds.py's `paths`, in which /init is a link to bin/paths, bin
 * one to usr/bin, and the rest as the steps below have it.  Without that archive (there is
 * no /init that is a link) there is nothing to be seen, which is said.
 * Right outcome: every step `ok`, exit status 0.
 */
#define _GNU_SOURCE 1
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD "-child"
#define CHILD_STATUS 7
#define USER 1000

/* ---- stat ------------------------------------------------------------------------- */

/* 0 or the errno of a call that returned `result`. */
static int error(long result)
{
	return result < 0 ? errno : 0;
}

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -errno : st.st_size;
}

static int64_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -errno : (int64_t)st.st_ino;
}

static void test_stat(void)
{
	struct stat st;

	check_equal(lstat("/init", &st), 0, "lstat of a link");
	check_true(S_ISLNK(st.st_mode) && st.st_size == 9, "tells of the link itself");
	check_equal(stat("/init", &st), 0, "stat of it");
	check_true(S_ISREG(st.st_mode) && st.st_mode & 0111, "tells of where it leads");
	check_equal(inode_of("/usr/bin/paths"), (int64_t)st.st_ino, "which is the same file");
	check_equal(inode_of("bin/../../bin/./paths"), (int64_t)st.st_ino, "by any path");
	check_equal(lstat("/bin/", &st), 0, "lstat of a link with a slash behind it");
	check_true(S_ISDIR(st.st_mode), "tells of where it leads");
	check_equal(error(stat("/init/", &st)), ENOTDIR, "that must be a directory");
	check_equal(error(stat("/init/x", &st)), ENOTDIR, "as what stands in a path must");
	check_equal(error(stat("/loop", &st)), ELOOP, "a link without end");
	check_equal(error(stat("/loop/x", &st)), ELOOP, "and in a path");
	check_equal(lstat("/loop", &st), 0, "the link itself");
	check_equal(error(stat("/dangling", &st)), ENOENT, "a link to nothing");
	check_equal(stat("/device", &st), 0, "a device is a file");
	check_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 0x101), "with its number");
	check_equal(stat("/", &st), 0, "the root");
	check_equal(st.st_mode & 07777, 0711, "is as its entry says");
}

static void test_files(void)
{
	struct stat st;

	check_equal(size_of("/twice"), 6, "the last of a name counts");
	check_equal(size_of("/first"), 5, "a file of the first archive is there");
	check_equal(size_of("/usr/bin/hard1"), 4, "a hard link whose bytes come later");
	check_equal(size_of("/hard2"), 4, "the one that has them");
	check_equal(inode_of("/hard2"), inode_of("/bin/hard1"), "are one file");
	check_equal(stat("/hard2", &st), 0, "which has");
	check_equal((int64_t)st.st_nlink, 2, "two names");
	check_equal(size_of("/sum"), 3, "a file with a good sum");
	check_equal(size_of("/no/way"), -ENOENT, "a file whose directory has no entry");
}

static void test_links(void)
{
	char to[64];

	memset(to, 0, sizeof(to));
	check_equal(readlink("/init", to, sizeof(to)), 9, "readlink");
	check_true(strcmp(to, "bin/paths") == 0, "gives the target: %s", to);
	memset(to, 0, sizeof(to));
	check_equal(readlink("/init", to, 4), 4, "as much of it as there is room for");
	check_true(strcmp(to, "bin/") == 0, "and no more: %s", to);
	check_equal(error(readlink("/usr", to, sizeof(to))), EINVAL, "a directory is no link");
	check_equal(error(readlink("/none", to, sizeof(to))), ENOENT, "nothing is none");
	memset(to, 0, sizeof(to));
	check_equal(readlink("/proc/self/exe", to, sizeof(to)), 14, "the program's own");
	check_true(strcmp(to, "/usr/bin/paths") == 0, "is a path without links: %s", to);
}

static void test_open(void)
{
	check_equal(error(open("/init", O_RDONLY)), 0, "a program can be opened");
	check_equal(error(open("/init", O_RDONLY | O_NOFOLLOW)), ELOOP, "a link not to be followed");
	check_equal(error(open("/loop", O_RDONLY)), ELOOP, "one without end");
	check_equal(error(open("/init", O_RDONLY | O_DIRECTORY)), ENOTDIR, "no directory");
	check_equal(error(open("/none", O_RDONLY)), ENOENT, "nothing");
}

/* ---- exec ---------------------------------------------------------------------------- */

/* The exit status of what is at the path, or minus the errno. */
static int64_t run(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)"name", (char *)(uintptr_t)CHILD, NULL };
	char *envp[] = { NULL };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(100 + errno);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return status;
	return WEXITSTATUS(status) >= 100 ? 100 - WEXITSTATUS(status) : WEXITSTATUS(status);
}

static void test_exec(void)
{
	check_equal(run("/init"), CHILD_STATUS, "exec through links");
	check_equal(run("usr/../bin/paths"), CHILD_STATUS, "in the middle, too");
	check_equal(run("/proc/self/exe"), CHILD_STATUS, "the program's own link");
	check_equal(run("/loop"), -ELOOP, "a link without end");
	check_equal(run("/dangling"), -ENOENT, "a link to nothing");
	check_equal(run("/usr"), -EACCES, "a directory");
	check_equal(run("/first"), -EACCES, "a file that is not for executing");
	check_equal(run("/init/x"), -ENOTDIR, "a path through a file");
}

/* ---- Other users ----------------------------------------------------------------------- */

static void as_user(void)
{
	struct stat st;

	check_equal(setgid(USER) || setuid(USER), 0, "as another user");
	check_equal(stat("/closed", &st), 0, "a closed directory can be seen");
	check_equal(error(stat("/closed/paths", &st)), EACCES, "and nothing in it");
	check_equal(error(stat("/into", &st)), EACCES, "by no link");
	check_equal(error(open("/closed/none", O_RDONLY)), EACCES, "not even that it is not there");
	check_equal(run("/closed/paths"), -EACCES, "nor run");
	check_equal(run("/init"), CHILD_STATUS, "what is open can be");
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc > 1 && strcmp(argv[1], CHILD) == 0)
		return CHILD_STATUS;
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	if (lstat("/init", &st) || !S_ISLNK(st.st_mode)) {
		check_skip("this is not the archive for it", "paths in an archive with links");
		return check_end();
	}
	test_stat();
	test_files();
	test_links();
	test_open();
	test_exec();
	check_equal(run("/closed/paths"), CHILD_STATUS, "root may search closed directories");
	as_user();
	return check_end();
}
