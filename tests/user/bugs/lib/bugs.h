/*
 * bugs.h: what the regression programs share: catching what the processor and
 * the kernel make of a hostile step, children that may die of it, and a tracer's
 * side of ptrace.
 *
 * Each program is one file of tests/user/bugs, and opens with the story of its
 * bug.  Right outcome: a line `ok N - ...` for each step, `1..N` at the end,
 * exit status 0; `-q` prints failed steps only.
 */
#ifndef TESTS_USER_BUGS_H
#define TESTS_USER_BUGS_H

#define _GNU_SOURCE 1	/* greg_t's names */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>
#include <ucontext.h>

#include "../../lib/check.h"

/* check_begin() by the program's arguments, and catch_signals(). */
void bugs_begin(int argc, char **argv);

/* ---- Signals ------------------------------------------------------------------ */

struct caught {
	int signal;
	uint64_t ip, sp, flags, cs, ss, err, addr;
};
extern volatile struct caught caught;
extern sigjmp_buf caught_at;
extern volatile bool catching;

/* The signals of exceptions end a CAUGHT(); they run on a stack of their own. */
void catch_signals(void);

/* What SIGUSR1's handler does, to the registers that will be returned to. */
extern void (*volatile on_usr1)(ucontext_t *uc);

/*
 * Runs code; the signal that it raised, 0: none.  Changed locals are volatile.
 * Outside of it such a signal ends the process: a child must never go on where
 * its parent once was, and make children of its own.
 */
#define CAUGHT(code)                                                           \
	(catching = true, sigsetjmp(caught_at, 1) == 0 ?                       \
	 ((void)(code), catching = false, 0) : caught.signal)

/* tkill(this thread, SIGUSR1), by SYSCALL. */
void raise_usr1(void);

/* SS and CS as a signal frame has them. */
void frame_set_selectors(ucontext_t *uc, uint16_t cs, uint16_t ss);

/* ---- Children, and ptrace --------------------------------------------------------- */

/* fork(); without a child there is no test.  No CAUGHT() goes on in the child. */
pid_t make_child(void);

/* fn in a child, which then exits with 0; its wait status. */
int in_child(void (*fn)(void));

/* A child that is traced and has stopped before fn; fn's end is exit(0). */
pid_t trace_start(void (*fn)(void));
int wait_for(pid_t pid);

#define STOPPED(signal) ((signal) << 8 | 0x7f)
#define EXITED(code) ((code) << 8)

enum { TRACEME, PEEKDATA = 2, PEEKUSER, POKEDATA = 5, POKEUSER, CONT, KILL, SINGLESTEP,
       GETREGS = 12, SETREGS };

/* 0 or a negative errno. */
long trace(long request, pid_t pid, unsigned long addr, unsigned long data);
uint64_t trace_peek_user(pid_t pid, unsigned long offset);

/* Goes on without its SIGTRAPs, with all other signals, to its end. */
int trace_to_end(pid_t pid, int *traps);
void trace_kill(pid_t pid);

#define USER_WORD(field) offsetof(struct user_regs_struct, field)
#define DEBUGREG(n) (offsetof(struct user, u_debugreg) + (n) * sizeof(unsigned long))

/* ---- Others --------------------------------------------------------------------- */

#define ARCH_SET_GS 0x1001
#define ARCH_GET_GS 0x1004

/* May programs write their FS and GS bases (HWCAP2_FSGSBASE)? */
bool has_fsgsbase(void);
static inline void write_gs(uint64_t value) { __asm__ volatile("wrgsbase %0" : : "r"(value)); }
static inline uint64_t read_gs(void)
{
	uint64_t value;

	__asm__ volatile("rdgsbase %0" : "=r"(value));
	return value;
}

uint64_t gs_base(void);

/* modify_ldt(0x11): the result is an int. */
#define SEG_32BIT 0x01
#define SEG_CODE 0x04
#define SEG_IN_PAGES 0x10
#define SEG_NOT_PRESENT 0x20
#define LDT_SELECTOR(n) ((n) << 3 | 7)
int ldt_write(unsigned entry, uint32_t base, uint32_t limit, uint32_t flags);
int ldt_clear(unsigned entry);

/* i386's call `nr`, all 64 bits of the result and of the arguments. */
int64_t int80(uint64_t nr, uint64_t b, uint64_t c, uint64_t d);

/* Addresses that a kernel might take for its own, on Postern and on Linux. */
extern const uint64_t kernel_addresses[];
extern const unsigned kernel_address_count;

#endif
