/*
 * The limits of a process: what they are at first, and what they mean.  Each is enforced
 * where a program asks for what it limits (below kernel/linux/):
 *
 *   NPROC                     process/clone.c, program/exec.c
 *   SIGPENDING                signal/queue.c
 *   CPU                       process/alarm.c
 *   AS, DATA, STACK, MEMLOCK  mm/space/mm_limits.c, which asks here
 *   STACK, at an execve       program/load.c
 *
 * The rest of Linux's sixteen is kept and handed on.
 */
#include "kernel/base/layout.h"
#include "kernel/base/seams.h"
#include "kernel/files/start_stack.h"
#include "kernel/linux/limits.h"
#include "kernel/linux/tree.h"
#include "mm/frames/frame.h"
#include "mm/space/mm.h"
#include "mm/space/vmap.h"

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

/* Valgrind sets a soft RLIMIT_DATA of 0, which Linux overlooks. */
u64 seam_memory_limit(enum memory_limit which)
{
	static const enum limit_number number[] = {
		[MEMORY_AS] = LIMIT_AS,
		[MEMORY_DATA] = LIMIT_DATA,
		[MEMORY_STACK] = LIMIT_STACK,
		[MEMORY_LOCK] = LIMIT_MEMLOCK,
	};
	const struct process *p = calling_process();
	const struct limit *l;

	if (!p || (which == MEMORY_LOCK && process_is_privileged()))
		return UNLIMITED;
	l = &p->limits[number[which]];
	return which == MEMORY_DATA && !l->soft ? l->hard : l->soft;
}

u64 limits_exec_stack(void)
{
	const struct process *p = calling_process();

	if (!p)
		return MM_STACK_SIZE;
	/* A program with another user's rights gets no room that its caller chose. */
	return process_ids_are_mixed() ? MIN(p->limits[LIMIT_STACK].soft, MM_STACK_SIZE) :
					 p->limits[LIMIT_STACK].soft;
}

u64 limits_exec_strings(void)
{
	return MAX(MIN(limits_exec_stack() / 4, MM_STACK_SIZE / 4 * 3), START_STRING_MAX);
}
