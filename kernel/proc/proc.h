/*
 * /proc and /sys.
 */
#ifndef KERNEL_PROC_PROC_H
#define KERNEL_PROC_PROC_H

struct inode;
struct text;

/* Makes a file's text (kernel/proc/text.h): 0, or an errno. */
typedef int row_show(struct text *t, const struct inode *inode);

/*
 * Puts them into the tree, which has the two directories.  `config` and `selftest` make the
 * texts of two files of /sys/kernel/postern, which are not this layer's.  Once, before there
 * are programs.
 */
void proc_init(row_show *config, row_show *selftest);

#endif
