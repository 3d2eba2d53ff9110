/*
 * Test of kernel/files/initramfs.c and kernel/files/file_tree.c: what comes of archives, and where
 * paths lead in it.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/files/cpio.h"
#include "kernel/files/file_tree.h"
#include "kernel/files/initramfs.h"
#include "mm/frames/frame.h"
#include "mm/space/shared.h"
#include "tests/host/arena.h"
#include "tests/host/files.h"
#include "tests/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIR = FILE_DIRECTORY | 0755, PLAIN = FILE_REGULAR | 0644, LINK = FILE_SYMLINK | 0777 };
enum { FRAMES = 512 };
#define NOW 1700000000000000000ULL

static struct host_buf b;
static u8 *archive; /* of exactly b.len bytes, as the files made of it need it */

static void put(const char *name, u32 mode, const char *data, u32 ino, u32 nlink)
{
	char header[128];
	size_t n = strlen(data);

	snprintf(header, sizeof(header),
		 "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
		 ino, mode, 0, 0, nlink, 0, n, 8, 1, 5, 0x101, strlen(name) + 1, 0);
	host_put(&b, header, 110);
	host_put(&b, name, strlen(name) + 1);
	host_pad(&b, 4);
	host_put(&b, data, n);
	host_pad(&b, 4);
}

#define put_file(name, data) put(name, PLAIN, data, 0, 1)

#define put_trailer() put("TRAILER!!!", 0, "", 0, 1)

static void make_bytes(const u8 *bytes, size_t len, u64 frames)
{
	static u64 bitmap[2 * FRAMES];

	if (arena.base)
		files_unmake();
	memset(bitmap, 0, sizeof(bitmap));
	arena_free();
	arena_make(FRAMES * PAGE_SIZE);
	frame_init(bitmap, FRAMES * PAGE_SIZE);
	frame_add_range(PAGE_SIZE, (1 + frames) * PAGE_SIZE);
	host_record_clear();
	initramfs_init(bytes, len, 12345, NOW, host_record);
}

/* With a trailer behind what has been put. */
static void make(void)
{
	u8 *old = archive;

	put_trailer();
	archive = host_exact_copy(b.bytes, b.len);
	make_bytes(archive, b.len, FRAMES - 1);
	free(old); /* names of the last one were in it */
	b.len = 0;
}

static struct dentry *node(const char *path)
{
	struct dentry *file;

	return files_find(path, true, NULL, &file) ? NULL : file;
}

static int find_error(const char *path)
{
	return files_find(path, true, NULL, &(struct dentry *){ NULL });
}

/* The contents of the file at the path, or why there are none. */
static const char *contents(const char *path)
{
	static char text[128];
	struct dentry *file = node(path);

	if (!file)
		return "nothing";
	if (!file_is(file->inode, FILE_REGULAR))
		return "no regular file";
	snprintf(text, sizeof(text), "%.*s", (int)inode_size(file->inode),
		 (const char *)shared_bytes(file->inode->content));
	return text;
}

#define LEFT_OUT(name, at, found) "initramfs: left out '" name "' at offset " at ": found " found "\n"

/* ---- Archives ------------------------------------------------------------------------ */

static void test_files(void)
{
	char path[64];

	put(".", FILE_DIRECTORY | 0700, "", 0, 2);
	put("./bin", DIR, "", 0, 2);
	put("/bin/sh", FILE_REGULAR | 0755, "shell", 0, 1);
	put("empty", PLAIN, "", 0, 1);
	make();
	CHECK_STR(host_recorded(), "");
	CHECK(initramfs_is_there());
	CHECK_STR(contents("/bin/sh"), "shell");
	CHECK_STR(contents("empty"), "");
	CHECK_EQ(node("bin/sh")->inode->mode, FILE_REGULAR | 0755);
	CHECK_EQ(node("/")->inode->mode, FILE_DIRECTORY | 0700);
	CHECK_EQ(node("/")->inode->links, 3);
	CHECK_EQ(node("/bin")->inode->links, 2);
	CHECK_EQ(file_path(node("bin//../bin/./sh"), path, sizeof(path)), 7);
	CHECK_STR(path, "/bin/sh");
	CHECK_EQ(file_path(node("bin/sh"), path, 7), -ENAMETOOLONG);
	CHECK_EQ(file_path(node("/"), path, 2), 1);
	CHECK_STR(path, "/");
	CHECK_EQ(file_path(node("/"), path, 1), -ENAMETOOLONG);
	CHECK_EQ(find_error("TRAILER!!!"), -ENOENT);
}

static void test_none(void)
{
	make_bytes(NULL, 0, 8);
	CHECK(!initramfs_is_there());
	CHECK_STR(host_recorded(), "");
	CHECK(find_error("init") == -ENOENT && node("/"));
}

/* The later one wins, in one archive and in the next. */
static void test_again(void)
{
	put("bin", DIR, "", 0, 2);
	put_file("init", "first");
	put_file("bin/a", "kept");
	put_file("./init", "second");
	put_trailer();
	host_put_zeros(&b, 512);
	put("bin", FILE_DIRECTORY | 0711, "", 0, 2);
	put("/init", FILE_REGULAR | 0700, "third one", 0, 1);
	put_file("bin/b", "new");
	make();
	CHECK_STR(host_recorded(), "");
	CHECK_STR(contents("init"), "third one");
	CHECK_EQ(node("init")->inode->mode, FILE_REGULAR | 0700);
	CHECK_STR(contents("bin/a"), "kept");
	CHECK_STR(contents("bin/b"), "new");
	CHECK_EQ(node("bin")->inode->mode, FILE_DIRECTORY | 0711);
	CHECK_EQ(node("/")->inode->links, 3);
	put_file("init", "long");
	put_file("init", "");
	make();
	CHECK_STR(contents("init"), "");
}

static void test_other_type(void)
{
	put("x", DIR, "", 0, 2);
	put_file("x", "a file over an empty directory");
	put_file("y", "a file");
	put("y", DIR, "", 0, 2);
	put_file("y/z", "in it");
	put("l", LINK, "y", 0, 1);
	put("l", DIR, "", 0, 2);
	put_file("l/z", "no link");
	put_file("d", "a device next");
	put("d", FILE_CHARACTER | 0600, "", 0, 1);
	put_file("s", "a link next");
	put("s", LINK, "x", 0, 1);
	put("s", LINK, "y/z", 0, 1);
	make();
	CHECK_STR(host_recorded(), "");
	CHECK_STR(contents("x"), "a file over an empty directory");
	CHECK_STR(contents("y/z"), "in it");
	CHECK_STR(contents("l/z"), "no link");
	CHECK_STR(contents("s"), "in it");
	CHECK_EQ(node("d")->inode->mode, FILE_CHARACTER | 0600);
	CHECK_EQ(inode_size(node("d")->inode), 0);
	CHECK_EQ(node("d")->inode->rdev_major, 5);
	CHECK_EQ(node("d")->inode->rdev_minor, 0x101);
	CHECK_EQ(node("/")->inode->links, 4);
	put("y", DIR, "", 0, 2);
	put_file("y/z", "stays");
	put_file("y", "over a full directory");
	make();
	CHECK_STR(host_recorded(), LEFT_OUT("y", "236", "a directory in use there, expected none "
					    "or an empty one"));
	CHECK_STR(contents("y/z"), "stays");
}

static void test_hard_links(void)
{
	static const char *const data[3][3] = {
		{ "data", "", "" }, { "", "data", "" }, { "", "", "data" },
	};
	const struct inode *inode;

	for (int i = 0; i < 3; i++) {
		put("a", PLAIN, data[i][0], 7, 3);
		put("b", PLAIN, data[i][1], 7, 3);
		put_file("other", "between");
		put("c", PLAIN, data[i][2], 7, 3);
		make();
		CHECK_STR(host_recorded(), "");
		CHECK_STR(contents("a"), "data");
		CHECK_STR(contents("b"), "data");
		CHECK_STR(contents("c"), "data");
		inode = node("a")->inode;
		CHECK(inode == node("b")->inode && inode == node("c")->inode);
		CHECK_EQ(inode->links, 3);
	}
}

/* The same numbers mean nothing with one link, of another type, or in another archive. */
static void test_no_hard_links(void)
{
	put("a", PLAIN, "1", 7, 1);
	put("b", PLAIN, "2", 7, 1);
	put("c", FILE_FIFO | 0600, "", 7, 2);
	put("d", PLAIN, "4", 7, 2);
	put_trailer();
	put("e", PLAIN, "", 7, 2);
	put("f", PLAIN, "6", 7, 2);
	make();
	CHECK_STR(contents("a"), "1");
	CHECK_STR(contents("b"), "2");
	CHECK(file_is(node("c")->inode, FILE_FIFO));
	CHECK_STR(contents("d"), "4");
	CHECK_STR(contents("e"), "6");
	CHECK_EQ(node("d")->inode->links, 1);
	CHECK_EQ(node("f")->inode->links, 2);
}

/* All names keep what one of them is given later; a name listed twice stays. */
static void test_hard_link_again(void)
{
	put("a", PLAIN, "old", 7, 2);
	put("b", PLAIN, "", 7, 2);
	put_file("a", "new");
	put("b", PLAIN, "", 7, 2);
	put("c", FILE_CHARACTER | 0600, "", 8, 2);
	put("d", FILE_CHARACTER | 0600, "", 8, 2);
	put_file("d", "no device");
	make();
	CHECK_STR(host_recorded(), "");
	CHECK_STR(contents("b"), "new");
	CHECK_EQ(node("a")->inode->links, 2);
	CHECK_EQ(node("c")->inode->links, 1);
	CHECK_STR(contents("d"), "no device");
}

static void test_left_out(void)
{
	put_file("bin/a", "no directory yet");
	put("bin", DIR, "", 0, 2);
	put_file("bin/a/b", "through nothing");
	put_file("f", "a file");
	put_file("f/x", "through a file");
	put("f2", FILE_FIFO, "bytes", 0, 1);
	put("strange", 0, "", 0, 1);
	put("l", LINK, "", 0, 1);
	put(".", PLAIN, "the root", 0, 1);
	put("new/", PLAIN, "no directory", 0, 1);
	put_file("last", "here");
	make();
	CHECK_STR(host_recorded(),
		  LEFT_OUT("bin/a", "0", "no directory for it, expected that in front of it")
		  LEFT_OUT("bin/a/b", "248", "no directory for it, expected that in front of it")
		  LEFT_OUT("f/x", "504", "a path through what is no directory, expected directories")
		  LEFT_OUT("f2", "636", "a name, type or size that no file has, expected those of one")
		  LEFT_OUT("strange", "760", "a name, type or size that no file has, expected those of one")
		  LEFT_OUT("l", "880", "a name, type or size that no file has, expected those of one")
		  LEFT_OUT(".", "992", "a directory in use there, expected none or an empty one")
		  LEFT_OUT("new/", "1112", "no directory for it, expected that in front of it"));
	CHECK_STR(contents("last"), "here");
	for (int i = 0; i < 12; i++)
		put_file("no/way", "");
	make();
	CHECK_HAS(host_recorded(), "initramfs: left out 2 more\n");
}

/* What stands in front of the damage stays. */
static void test_damage(void)
{
	put_file("init", "good");
	host_put(&b, "\x1f\x8b", 2);
	make();
	CHECK_STR(host_recorded(), "cpio: found data compressed by gzip at offset 120, expected "
		  "an archive that is not compressed\n");
	CHECK_STR(contents("init"), "good");
	put_file("init", "good");
	put_file("bad", "sum");
	memcpy(b.bytes + 120, "070702", 6);
	put_file("behind", "it");
	make();
	CHECK_STR(host_recorded(), "cpio: found the sum 0x155 of the contents of 'bad', expected "
		  "0\n");
	CHECK_STR(contents("init"), "good");
	CHECK_EQ(find_error("bad"), -ENOENT);
	CHECK_EQ(find_error("behind"), -ENOENT);
}

/* ---- Paths ------------------------------------------------------------------------------ */

static void test_links(void)
{
	put("usr", DIR, "", 0, 2);
	put("usr/bin", DIR, "", 0, 2);
	put("bin", LINK, "usr/bin", 0, 1);
	put_file("bin/x", "made through a link");
	put("init", LINK, "bin/x", 0, 1);
	put("usr/bin/up", LINK, "../../init", 0, 1);
	put("usr/bin/abs", LINK, "/usr//bin/./up", 0, 1);
	put("root", LINK, "/", 0, 1);
	put("slash", LINK, "usr/", 0, 1);
	put("dangling", LINK, "usr/none", 0, 1);
	make();
	CHECK_STR(host_recorded(), "");
	CHECK_STR(contents("/usr/bin/x"), "made through a link");
	CHECK_STR(contents("/init"), "made through a link");
	CHECK_STR(contents("/bin/abs"), "made through a link");
	CHECK_STR(contents("root/slash/bin/../../root/init"), "made through a link");
	CHECK(node("root") == node("/"));
	CHECK(node("slash") == node("usr"));
	CHECK_EQ(find_error("init/"), -ENOTDIR);
	CHECK_EQ(find_error("init/."), -ENOTDIR);
	CHECK_EQ(find_error("dangling"), -ENOENT);
	CHECK_EQ(find_error("bin/none/x"), -ENOENT);
	CHECK_EQ(find_error("bin/x/.."), -ENOTDIR);
}

static void test_not_followed(void)
{
	struct dentry *file;

	put("d", DIR, "", 0, 2);
	put("to-d", LINK, "d", 0, 1);
	make();
	CHECK_EQ(files_find("to-d", false, NULL, &file), 0);
	CHECK(file_is(file->inode, FILE_SYMLINK));
	CHECK_EQ(inode_size(file->inode), 1);
	CHECK_EQ(files_find("to-d/", false, NULL, &file), 0);
	CHECK(file_is(file->inode, FILE_DIRECTORY));
	CHECK_EQ(files_find("to-d/.", false, NULL, &file), 0);
	CHECK(file == node("d"));
}

static void test_loops(void)
{
	char name[16], target[16];

	put("self", LINK, "self", 0, 1);
	put("a", LINK, "b/x", 0, 1);
	put("b", LINK, "a/y", 0, 1);
	put_file("l0", "the end");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		put(name, LINK, target, 0, 1);
	}
	make();
	CHECK_STR(host_recorded(), "");
	CHECK_EQ(find_error("self"), -ELOOP);
	CHECK_EQ(find_error("a"), -ELOOP);
	CHECK_STR(contents("l40"), "the end");
	CHECK_EQ(find_error("l41"), -ELOOP);
}

static void test_long_names(void)
{
	static char name[260], path[8192];

	memset(name, 'n', 255);
	put(name, DIR, "", 0, 2);
	name[255] = 'n';
	put(name, DIR, "", 0, 2);
	make();
	CHECK_HAS(host_recorded(), "found a part of its path above 255 bytes");
	CHECK_EQ(find_error(name), -ENAMETOOLONG);
	name[255] = '\0';
	CHECK(node(name) != NULL);
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = "./"[i % 2];
	CHECK(node(path) == node("/"));
}

static bool not_hidden(const struct inode *dir)
{
	return dir->mode & 1;
}

static void test_search(void)
{
	struct dentry *file;

	put("open", DIR, "", 0, 2);
	put("open/x", PLAIN, "", 0, 1);
	put("hidden", FILE_DIRECTORY | 0700, "", 0, 2);
	put("hidden/x", PLAIN, "", 0, 1);
	put("link", LINK, "hidden/x", 0, 1);
	make();
	CHECK_EQ(files_find("open/x", true, not_hidden, &file), 0);
	CHECK_EQ(files_find("hidden/x", true, not_hidden, &file), -EACCES);
	CHECK_EQ(files_find("hidden/none", true, not_hidden, &file), -EACCES);
	CHECK_EQ(files_find("link", true, not_hidden, &file), -EACCES);
	CHECK_EQ(files_find("link", false, not_hidden, &file), 0);
}

/* ---- Memory, and damage of every kind ---------------------------------------------------- */

/* More names than the first table has places, each found, the others not. */
static void test_many(void)
{
	static u8 bytes[2000 * 128];
	size_t len = 0, wrong = 0;
	char name[16];

	for (int i = 0; i < 2000; i++) {
		b.len = 0;
		snprintf(name, sizeof(name), "file%d", i);
		put(name, PLAIN, i % 2 ? "odd" : "even", 0, 1);
		memcpy(bytes + len, b.bytes, b.len);
		len += b.len;
	}
	make_bytes(bytes, len, FRAMES - 1);
	CHECK_STR(host_recorded(), "cpio: found the end of the archive at offset 247960, "
		  "expected a file or the trailer\n");
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		wrong += strcmp(contents(name), i % 2 ? "odd" : "even") != 0;
		snprintf(name, sizeof(name), "fill%d", i);
		wrong += find_error(name) != -ENOENT;
	}
	CHECK_EQ(wrong, 0);
	make_bytes(bytes, len, 12);
	CHECK_HAS(host_recorded(), "found no memory for it, expected enough");
	CHECK(frame_stats().free >= 3);
	CHECK_STR(contents("file0"), "even");
	make_bytes(bytes, len, 0);
	make_bytes(bytes, len, 0);
	CHECK_EQ(find_error("file0"), -ENOENT);
	b.len = 0;
}

static void make_and_look(const u8 *input, size_t len)
{
	static const char *const paths[] = { "bin/x", "l/..", "bin/../l/l/", "a", "hard", "/" };
	struct dentry *file;
	char path[512];

	make_bytes(input, len, 32);
	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++)
		if (files_find(paths[i], true, NULL, &file) == 0)
			file_path(file, path, sizeof(path));
	make_bytes(NULL, 0, 32);
}

static void test_fuzz(void)
{
	put("bin", DIR, "", 1, 2);
	put("bin/x", PLAIN, "x", 2, 2);
	put("l", LINK, "bin/x", 3, 1);
	put("hard", PLAIN, "", 2, 2);
	put("l", DIR, "", 4, 2);
	put("l/l", LINK, "../bin", 5, 1);
	put_trailer();
	put("a", PLAIN, "x", 2, 1);
	put_trailer();
	host_truncate(b.bytes, b.len, make_and_look);
	host_fuzz(b.bytes, b.len, 5000, make_and_look);
	b.len = 0;
}

const struct host_case host_cases[] = {
	{ "files come to be where they say", test_files },
	{ "without an archive there is a root", test_none },
	{ "the last of a name wins", test_again },
	{ "what is of another type gives way, but for a directory in use", test_other_type },
	{ "the bytes of hard links come with any of them", test_hard_links },
	{ "what is no hard link is none", test_no_hard_links },
	{ "hard links stay links", test_hard_link_again },
	{ "what cannot be made is left out, with a line", test_left_out },
	{ "damage ends it, and what is in front stays", test_damage },
	{ "symbolic links are followed everywhere", test_links },
	{ "but for the last, if so wanted", test_not_followed },
	{ "forty links and no more", test_loops },
	{ "long names, and long paths", test_long_names },
	{ "each directory on the way is asked for", test_search },
	{ "many files, and too many for memory", test_many },
	{ "truncations and 5000 mutations are survived", test_fuzz },
	{ NULL, NULL }
};
