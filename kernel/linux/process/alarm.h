/*
 * alarm and setitimer: a signal when time has passed.
 */
#ifndef KERNEL_LINUX_PROCESS_ALARM_H
#define KERNEL_LINUX_PROCESS_ALARM_H

/* Starts the kernel thread that sends them.  Once, before the first process. */
void alarm_init(void);

/* A process is freed.  process_lock is held. */
struct process;
struct pt_regs;
void alarm_forget(struct process *p);

/*
 * RLIMIT_CPU: SIGXCPU to the current process in each second above the soft limit,
 * SIGKILL at the hard one; and its timers of CPU time: SIGVTALRM, SIGPROF.  Context: the
 * timer's interrupt, which found *regs.
 */
void alarm_check_cpu(const struct pt_regs *regs);

#endif
