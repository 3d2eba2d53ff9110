/*
 * Trees of files in host tests.
 */
#ifndef TESTS_HOST_FILES_H
#define TESTS_HOST_FILES_H

#include "kernel/files/file_tree.h"

/*
 * Takes all files away, and checks that but for the table of names no frame is left.  Names and
 * contents must still be where they were.
 */
void files_unmake(void);

/* file_find() from the root, without the hold: a name of the tree stays. */
int files_find(const char *path, bool follow, bool (*may_search)(const struct inode *dir),
	       struct dentry **file);

#endif
