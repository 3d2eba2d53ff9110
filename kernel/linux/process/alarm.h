/*
 * alarm and setitimer: SIGALRM when time has passed.
 */
#ifndef KERNEL_LINUX_PROCESS_ALARM_H
#define KERNEL_LINUX_PROCESS_ALARM_H

/* Starts the kernel thread that sends them.  Once, before the first process. */
void alarm_init(void);

/* A process is freed.  process_lock is held. */
struct process;
void alarm_forget(struct process *p);

/*
 * RLIMIT_CPU: SIGXCPU to the current process in each second above the soft limit,
 * SIGKILL at the hard one.  Context: the timer's interrupt.
 */
void alarm_check_cpu(void);

#endif
