/*
 * The limits of a process.  Each is enforced where what it limits is asked for:
 * NPROC in kernel/sys_clone.c and kernel/exec.c, SIGPENDING in
 * kernel/signal_queue.c.  The rest of Linux's sixteen is kept and handed on.
 * Called by kernel/process.c, system calls.
 */
#include "kernel/base/layout.h"
#include "kernel/limits.h"
#include "mm/frame.h"
#include "mm/mm.h"
#include "mm/vmap.h"

/* Linux's: an eighth of memory may be kernel stacks, of 16 KiB with it. */
#define TASK_SHARE (8 * 16384 / PAGE_SIZE)
#define MIN_TASKS 20
#define MEMLOCK_DEFAULT (8ULL << 20)
#define MSGQUEUE_DEFAULT 819200

u64 limits_max_tasks(void)
{
	return MIN(MAX(frame_stats().total / TASK_SHARE, MIN_TASKS), VMAP_MAX_STACKS / 2);
}

void limits_init(struct limit limits[NR_LIMITS])
{
	u64 half = limits_max_tasks() / 2;

	for (unsigned i = 0; i < NR_LIMITS; i++)
		limits[i] = (struct limit){ UNLIMITED, UNLIMITED };
	limits[LIMIT_STACK].soft = MM_STACK_SIZE;
	limits[LIMIT_CORE].soft = 0;
	limits[LIMIT_NPROC] = (struct limit){ half, half };
	limits[LIMIT_NOFILE] = (struct limit){ 1024, 4096 };
	limits[LIMIT_MEMLOCK] = (struct limit){ MEMLOCK_DEFAULT, MEMLOCK_DEFAULT };
	limits[LIMIT_SIGPENDING] = (struct limit){ half, half };
	limits[LIMIT_MSGQUEUE] = (struct limit){ MSGQUEUE_DEFAULT, MSGQUEUE_DEFAULT };
	limits[LIMIT_NICE] = limits[LIMIT_RTPRIO] = (struct limit){ 0, 0 };
}
