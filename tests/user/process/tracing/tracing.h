/*
 * tracing.h: a tracer's calls, and the parts of the program `tracing`.
 */
#ifndef TESTS_USER_TRACING_H
#define TESTS_USER_TRACING_H

#include "../../lib/check.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOPPED(status) ((status) << 8 | 0x7f)
#define CALL_STOP STOPPED(SIGTRAP | 0x80)
#define EVENT(event) STOPPED(SIGTRAP | (event) << 8)
#define SEIZE 0x4206
#define INTERRUPT 0x4207
#define LISTEN 0x4208
#define GETSIGMASK 0x420a
#define SETSIGMASK 0x420b
#define GET_SYSCALL_INFO 0x420e
#define SYSEMU 31
#define SYSEMU_SINGLESTEP 32
#define EVENT_STOP 128

struct call_info {
	unsigned char op, pad[3];
	unsigned arch;
	unsigned long ip, sp;
	union {
		struct {
			unsigned long nr, args[6];
		};
		struct {
			long rval;
			unsigned char is_error;
		};
	};
};

/* As ptrace(2), but for errors: -errno.  The second: with a number for `data`. */
long trace(long request, pid_t pid, unsigned long addr, void *data);
long trace_n(long request, pid_t pid, unsigned long value);

/* Its status, or -1. */
int wait_for(pid_t pid);

/* A child that is traced, stopped before it does what it is for. */
pid_t begin(void (*what)(void), unsigned long options);

/* The status of its next stop, by that request. */
int go_on(long request, pid_t pid);

/* The same at the beginning of call `nr`. */
int to_call(pid_t pid, long request, long nr);

/* What the stop says of its call. */
struct call_info info_of(pid_t pid);

void end(pid_t pid);

/* The parts. */
void events_of_forks(void);
void events_of_clones(void);
void events_of_exec(void);
void seized(void);
void stops_of_their_own(void);
void killed_with_tracer(void);
void tracer_goes(void);
void listens(void);
void registers(void);
void calls_by_int80(void);
void calls_of_32_bits(void);

#endif
