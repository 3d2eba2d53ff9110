/*
 * alarm and setitimer: SIGALRM when time has passed.
 */
#ifndef KERNEL_ALARM_H
#define KERNEL_ALARM_H

/* Starts the kernel thread that sends them.  Once, before the first process. */
void alarm_init(void);

/* A process is freed.  process_lock is held. */
struct process;
void alarm_forget(struct process *p);

#endif
