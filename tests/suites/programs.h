/*
 * Small user programs for process_from_code() (tests/suites/programs.asm).
 */
#ifndef TESTS_SUITES_PROGRAMS_H
#define TESTS_SUITES_PROGRAMS_H

#include "kernel/process.h"

/*
 * 12 times: getpid, then a page of the data area touched for the first time,
 * with every register compared after each.  exit(0), or exit(1) if one was not
 * as before.
 */
extern const u8 program_registers[], program_registers_end[];

/* exit(7), no stack needed; the same behind a push. */
extern const u8 program_exit[], program_exit_end[];
extern const u8 program_push[], program_push_end[];

/* Loads the argument into DS, then ES; exit(0). */
extern const u8 program_load_ds[], program_load_ds_end[];

/* RSP = the argument, one getpid, then exit(7) without a stack. */
extern const u8 program_syscall_with_rsp[], program_syscall_with_rsp_end[];

/*
 * nanosleep, for ever unless it is woken; what came back then goes to the data
 * area, as struct slept; exit(7).
 */
extern const u8 program_sleep[], program_sleep_end[];

struct slept {
	u64 ax, cx, r11;
};

#define PROCESS_FROM(program, arg)                                        \
	process_from_code(#program, program, (size_t)(program##_end - program), arg)

/* Starts it on one CPU only, waits, and returns its wait status. */
int programs_run(struct task *t, unsigned cpu);

#endif
