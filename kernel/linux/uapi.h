/*
 * Linux's numbers, from the headers that Linux exports for programs (package linux-libc-dev):
 * none of them is ours to choose, or to write down again.  Layouts are written in our files
 * where a program's memory is read or written by them, each with its size checked.
 */
#ifndef KERNEL_LINUX_UAPI_H
#define KERNEL_LINUX_UAPI_H

#include "kernel/base/types.h" /* before them: they respect its __always_inline */

#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <asm/termbits.h>
#include <linux/auxvec.h>
#include <linux/close_range.h>
#define __force /* a word of sparse's, in the next */
#include <linux/eventpoll.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/limits.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <linux/uio.h>
#include <linux/wait.h>

#endif
