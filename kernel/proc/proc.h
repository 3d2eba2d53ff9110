/*
 * /proc and /sys.
 */
#ifndef KERNEL_PROC_PROC_H
#define KERNEL_PROC_PROC_H

struct inode;
struct text;

/*
 * Puts them into the tree, which has the two directories.  `config` makes the text of
 * /sys/kernel/postern/config (kernel/proc/text.h), which is not this layer's.  Once, before
 * there are programs.
 */
void proc_init(int (*config)(struct text *t, const struct inode *inode));

#endif
