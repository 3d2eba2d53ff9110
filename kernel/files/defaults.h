/*
 * Files that every system has, if its initramfs brings others or none.
 */
#ifndef KERNEL_FILES_DEFAULTS_H
#define KERNEL_FILES_DEFAULTS_H

/*
 * Makes what is not there of /tmp, /dev with its nodes, /etc with passwd, group and hosts.
 * Without memory for all of it there is less.  Boot, behind initramfs_init().
 */
void defaults_make(void);

#endif
