#include "kernel/files/file_tree.h"
#include "mm/frames/frame.h"
#include "tests/host/files.h"
#include "tests/host/host.h"

static struct dentry *first_in(const struct dentry *dir)
{
	return list_entry(list_first(&dir->entries), struct dentry, in_parent);
}

void files_unmake(void)
{
	for (struct dentry *d = first_in(&file_root); d; d = first_in(&file_root)) {
		while (first_in(d))
			d = first_in(d);
		file_unlink(d);
		dentry_drop(d);
	}
	CHECK_EQ(file_root.holds, 1);
	CHECK_EQ(file_root.inode ? file_root.inode->links : 2, 2);
	CHECK(frame_stats().total - frame_stats().free <= 8);
}

int files_find(const char *path, bool follow, bool (*may_search)(const struct inode *dir),
	       struct dentry **file)
{
	int err = file_find(&file_root, path, follow, may_search, file);

	if (!err)
		dentry_drop(*file);
	return err;
}
