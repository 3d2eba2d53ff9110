/*
 * When memory runs out.
 *
 * Memory is overcommitted, as Linux does it: mmap, brk and mprotect promise what
 * is there only when it is touched.  When no frame is free, the largest process
 * is killed, and the task that wanted the frame waits for its end and tries again.
 */
#ifndef KERNEL_LINUX_PROCESS_OOM_H
#define KERNEL_LINUX_PROCESS_OOM_H

#include "kernel/base/errno.h"
#include "kernel/linux/process/make.h"

/* What the caller can do if its own process is the largest. */
enum oom_caller {
	OOM_TOUCHES,  /* nothing: it is killed */
	OOM_CAN_FAIL, /* its system call fails with -ENOMEM */
};

/*
 * The current task needs memory and got none, for the n-th time in this call
 * (from 0).  Waits until a process has ended, killing one if need be; at first
 * only if no frame is free.  True: try again.  False: the task is about to die
 * itself, or no process can be killed, or (OOM_CAN_FAIL) its own process is the
 * largest.  Context: task context, no lock held that a process may want at its
 * end.
 */
bool oom_make_room(enum oom_caller caller, unsigned n);

/*
 * Makes a call again as long as it gives -ENOFRAME and there is hope; then it is
 * -ENOMEM.
 */
#define OOM_RETRY(caller, call)                                           \
	({                                                                \
		long err_;                                                \
		unsigned n_ = 0;                                          \
                                                                          \
		do                                                        \
			err_ = (call);                                    \
		while (err_ == -ENOFRAME && oom_make_room(caller, n_++)); \
		err_ == -ENOFRAME ? -ENOMEM : err_;                       \
	})

/*
 * The address space that the current task's execve builds has grown to this; NULL: it
 * is ready, or given up.
 */
void oom_charge_exec(const struct mm *mm);

/* A process has given its memory back.  process_lock is held. */
void oom_process_ended(void);

/* Keeps frames back for what cannot wait.  Boot, once memory is known. */
void oom_init(void);

#endif
