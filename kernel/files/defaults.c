/*
 * Files that every system has.  An initramfs may bring its own: these stay.
 */
#include "arch/machine/clock.h"
#include "kernel/base/string.h"
#include "kernel/files/defaults.h"
#include "kernel/files/file_tree.h"
#include "mm/space/shared.h"

#define DIRECTORY(name, bits)                             \
	{                                                 \
		name, FILE_DIRECTORY | (bits), 0, 0, NULL \
	}
#define NODE(name, bits, major, minor)                            \
	{                                                         \
		name, FILE_CHARACTER | (bits), major, minor, NULL \
	}
#define LINK(name, to)                              \
	{                                           \
		name, FILE_SYMLINK | 0777, 0, 0, to \
	}
#define TEXT(name, text)                              \
	{                                             \
		name, FILE_REGULAR | 0644, 0, 0, text \
	}

static const struct {
	const char *path;
	u32 mode, major, minor;
	const char *text; /* a file's bytes, where a link leads */
} defaults[] = {
	DIRECTORY("/tmp", 01777),
	DIRECTORY("/dev", 0755),
	DIRECTORY("/etc", 0755),
	DIRECTORY("/proc", 0555), /* these two: kernel/proc/ */
	DIRECTORY("/sys", 0555),
	DIRECTORY("/dev/shm", 01777), /* for shm_open() */
	NODE("/dev/null", 0666, 1, 3),
	NODE("/dev/zero", 0666, 1, 5),
	NODE("/dev/full", 0666, 1, 7),
	NODE("/dev/random", 0666, 1, 8),
	NODE("/dev/urandom", 0666, 1, 9),
	NODE("/dev/tty", 0666, 5, 0),
	NODE("/dev/console", 0620, 5, 1),
	LINK("/dev/fd", "/proc/self/fd"),
	LINK("/dev/stdin", "/proc/self/fd/0"),
	LINK("/dev/stdout", "/proc/self/fd/1"),
	LINK("/dev/stderr", "/proc/self/fd/2"),
	TEXT("/etc/passwd",
	     "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
	TEXT("/etc/group", "root:x:0:\nnogroup:x:65534:\n"),
	TEXT("/etc/hosts", "127.0.0.1\tlocalhost\n"),
};

static void fill(struct inode *inode, const char *text)
{
	struct shared *content;

	if (file_is(inode, FILE_SYMLINK)) {
		inode->target = text;
		inode->size = strlen(text);
		return;
	}
	content = shared_of_file((const u8 *)text, strlen(text));
	if (!content)
		return;
	shared_put(inode->content);
	inode->content = content;
}

void defaults_make(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(defaults); i++) {
		struct inode *inode;
		struct file_place p;

		if (file_find_place(&file_root, defaults[i].path, false, NULL, &p))
			continue;
		dentry_drop(p.held); /* names stay for now */
		if (p.file)
			continue;
		inode = inode_make(defaults[i].mode, clock_realtime_ns());
		if (!inode)
			return;
		inode->rdev_major = defaults[i].major;
		inode->rdev_minor = defaults[i].minor;
		if (defaults[i].text)
			fill(inode, defaults[i].text);
		(void)file_add(p.dir, p.name, p.length, true, inode);
		inode_drop(inode);
	}
}
