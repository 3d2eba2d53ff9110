/*
 * Signal numbers, as Linux has them.
 */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11

/* "SIGSEGV" and so on; "signal ?" for one not listed here. */
const char *signal_name(int signal);

#endif
