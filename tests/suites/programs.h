/*
 * Programs that suites start: small ones for program_from_code() (tests/suites/programs.asm),
 * and those that an initramfs may have.
 */
#ifndef TESTS_SUITES_PROGRAMS_H
#define TESTS_SUITES_PROGRAMS_H

#include "kernel/linux/program/load.h"

/* Is there such a program? */
static inline bool program_exists(const char *path)
{
	struct dentry *file;
	bool is_program;

	if (program_find(path, &file))
		return false;
	is_program = file_is(file->inode, FILE_REGULAR);
	dentry_drop(file);
	return is_program;
}

/*
 * 12 times: getpid, then a page of the data area touched for the first time,
 * with every register compared after each.  exit(0), or exit(1) if one was not
 * as before.
 */
extern const u8 program_registers[], program_registers_end[];

/* exit(7), no stack needed; the same behind a push. */
extern const u8 program_exit[], program_exit_end[];
extern const u8 program_push[], program_push_end[];

/*
 * Ports: the argument is a port, and how often to yield in bits 16 and up.
 * Reads it behind each yield, or once at the end, or as a word, at once; exit(0).
 */
extern const u8 program_in[], program_in_end[];
extern const u8 program_yield_in[], program_yield_in_end[];
extern const u8 program_in_word[], program_in_word_end[];

/*
 * For watchpoints at PROGRAM_WATCHED, which they write with a store (the next
 * instruction is program_store_first), let uname fill, or load SS from with
 * SYSCALL or INT3 right behind; exit(0).
 */
#define PROGRAM_WATCHED (PROGRAM_DATA_BASE + 0x100)
extern const u8 program_store[], program_store_first[], program_store_end[];
extern const u8 program_uname[], program_uname_end[];
extern const u8 program_mov_ss[], program_mov_ss_end[];
extern const u8 program_mov_ss_int3[], program_mov_ss_int3_end[];

/* CLI; exit(0). */
extern const u8 program_cli[], program_cli_end[];

/* Loads the argument into DS, then ES; exit(0). */
extern const u8 program_load_ds[], program_load_ds_end[];

/* The same, after as many yields as bits 16 and up say, at least one, each time. */
extern const u8 program_load_often[], program_load_often_end[];

/* RSP = the argument, one getpid, then exit(7) without a stack. */
extern const u8 program_syscall_with_rsp[], program_syscall_with_rsp_end[];

/*
 * sigtimedwait for SIGUSR1, for ever; what came back then goes to the data
 * area, as struct slept; exit(7).
 */
extern const u8 program_sleep[], program_sleep_end[];

struct slept {
	u64 ax, cx, r11;
	u64 word; /* the futex, 0 */
};

#define PROCESS_FROM(program, arg)                                        \
	program_from_code(#program, program, (size_t)(program##_end - program), arg)

/* Starts it on one CPU only, waits, and returns its wait status. */
int programs_run(struct thread *t, unsigned cpu);

#endif
