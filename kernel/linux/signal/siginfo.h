/*
 * Siginfos of programs, in the layouts of 64-bit programs and of i386.
 */
#ifndef KERNEL_LINUX_SIGNAL_SIGINFO_H
#define KERNEL_LINUX_SIGNAL_SIGINFO_H

#include "kernel/linux/abi_signal.h"

/* To a program, all 128 bytes: 0 or -EFAULT.  Context: as copy_to_user(). */
int siginfo_to_user(virt_addr_t to, const struct siginfo *from);
int siginfo_to_user32(virt_addr_t to, const struct siginfo *from);

/* The first to a range that is known to be good, while user memory is open. */
int siginfo_put(virt_addr_t to, const struct siginfo *from);

/*
 * That of the current call into *to, for that signal: 0, -EFAULT, or -E2BIG: it has more
 * than a struct siginfo keeps.
 */
int siginfo_from_user(struct siginfo *to, virt_addr_t from, int signal);

#endif
