/*
 * Linux's errno values: the kernel's functions return them negated, and so do
 * system calls.  Source: Linux, include/uapi/asm-generic/errno*.h (the ABI).
 */
#ifndef KERNEL_BASE_ERRNO_H
#define KERNEL_BASE_ERRNO_H

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EXDEV 18
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define EMFILE 24
#define ENOTTY 25
#define ETXTBSY 26
#define EFBIG 27
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EMLINK 31
#define EPIPE 32
#define ERANGE 34
#define EDEADLK 35
#define ENAMETOOLONG 36
#define ENOLCK 37
#define ENOSYS 38
#define ENOTEMPTY 39
#define ELOOP 40
#define EOVERFLOW 75
#define EOPNOTSUPP 95
#define EAFNOSUPPORT 97
#define ETIMEDOUT 110

/*
 * Never seen by a program: signal delivery turns them into a restart or EINTR.  So who returns
 * one has been told so by signal_interrupted(), or calls signal_wake() of its own thread: a
 * sender's word may still be on its way to this CPU, or have been for another thread.
 */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

/*
 * Never seen by a program: no frame is free, and as -ENOMEM otherwise.  Whoever
 * made the call waits for one and calls again: kernel/linux/process/oom.h.
 */
#define ENOFRAME 600

#endif
