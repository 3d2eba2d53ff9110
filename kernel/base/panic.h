/*
 * The two ways to end the machine with a message: panic() for a bug of ours, refuse() for
 * a machine or an input that we cannot go on with.
 */
#ifndef KERNEL_BASE_PANIC_H
#define KERNEL_BASE_PANIC_H

#include "kernel/base/types.h"

/*
 * Our own bug.  Prints the message, where we are and the back-trace, stops the
 * other CPUs and ends the machine with status 35 (kernel/debug/panic.c).  Any context.
 */
__noreturn void panic(const char *fmt, ...) __printf_like(1, 2);

/*
 * Not our bug, but the boot cannot go on: prints the one line (found X, expected
 * Y; no newline) and ends the machine with status 35 (kernel/debug/panic.c).
 */
__noreturn void refuse(const char *fmt, ...) __printf_like(1, 2);

/*
 * What both come down to, which does not return; from: where panic() was called,
 * NULL: refuse() was.  NULL until panic_init().
 */
struct panic_caller {
	u64 ip, bp, sp;
};
extern void (*panic_report)(const char *message, const struct panic_caller *from);

/*
 * panic() as from another place: from->ip is where its function goes on, from->bp the
 * frame below that address.  Any context.
 */
__noreturn void panic_at(const struct panic_caller *from, const char *fmt, ...) __printf_like(2, 3);

/* Panics with both values if they differ as `op` says. */
#define ASSERT_OP(a, op, b)                                                                  \
	do {                                                                                 \
		u64 a_ = (u64)(a), b_ = (u64)(b);                                            \
		if (!(a_ op b_))                                                             \
			panic("%s:%d: expected %s, found %#lx and %#lx", __FILE__, __LINE__, \
			      #a " " #op " " #b, a_, b_);                                    \
	} while (0)

#define ASSERT(cond)                                                            \
	do {                                                                    \
		if (!(cond))                                                    \
			panic("%s:%d: expected %s", __FILE__, __LINE__, #cond); \
	} while (0)

#endif
