/*
 * alarm and setitimer: SIGALRM when time has passed.
 */
#ifndef KERNEL_ALARM_H
#define KERNEL_ALARM_H

/* Starts the kernel thread that sends them.  Once, before the first process. */
void alarm_init(void);

#endif
