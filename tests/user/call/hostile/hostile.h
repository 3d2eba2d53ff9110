/*
 * hostile.h: what the parts of the hostile program share.
 *
 * POINTER(x), PLAIN(x) and CALL(x) name a system call in a table. Every call of
 * kernel/linux/syscall_list.h is POINTER, if any of its arguments is an address, or
 * PLAIN; tests/test_tools.py looks for both words, so that none is forgotten.
 */
#ifndef TESTS_USER_HOSTILE_H
#define TESTS_USER_HOSTILE_H

#include "../../../../user/raw_syscall.h"

#include <stdbool.h>
#include <stdint.h>

#define PAGE		4096ul
#define USER_END	0x7ffffffff000ul

/* Newer than some C libraries. */
#undef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#undef SYS_fchmodat2
#define SYS_fchmodat2 452

#define POINTER(name)	#name, SYS_##name
#define PLAIN(name)	#name, SYS_##name
#define CALL(name)	#name, SYS_##name

/* i386's, by INT 0x80, under its number in kernel/linux/syscall_list.h and its own name. */
#define IA32(nr, name)	#name " by INT 0x80", (nr) | IA32_CALL
#define IA32_CALL	0x80000000l

/* Words in a table's arguments that the driver replaces. */
#define P		0x5050505050505050ul	/* the address in question */
#define CHILD		0x4348494c44434849ul	/* a child that ends at once */
#define TRACEE		0x5452414345455452ul	/* a stopped child */
#define SELF		0x53454c4653454c46ul	/* getpid() */

#define NONNEGATIVE	0x4e4f4e4e4547l		/* of results: 0 or more */

/* What is known of one pointer of one call. Times and results are Linux's. */
struct pointer_row {
	const char *name;
	long number;
	uint64_t args[6];	/* with P where the address goes, unless `word` has it */
	unsigned size;		/* bytes that are read, or written */
	const void *image;	/* read: these; NULL: written */
	unsigned unit;		/* written by stores of so many bytes; 1: one by one; 0: unknown */
	int64_t good;		/* result if all is well */
	int64_t bad;		/* with an address that is none; 0: -EFAULT */
	unsigned flags;
	uint64_t *word;		/* the address goes here, behind an argument */
	void (*before)(void);
	void (*after)(void);
	unsigned hole, hole_end;	/* of what is written, these are not */
};

#define NULL_GOOD	0x1	/* NULL does as a good address */
#define NULL_EINVAL	0x2
#define NULL_SKIP	0x4	/* with NULL it would wait, or not return */
#define BAD_GOOD	0x8	/* any address does */
#define NO_GOOD		0x10	/* with a good one it would not return */
#define PARTIAL		0x20	/* what could be moved counts: the result is its length */
#define EITHER		0x40	/* that, or -EFAULT, as the file likes */
#define KERNEL_ONLY	0x80	/* addresses of the user half would wait for input */
#define MAY_ENOTTY	0x100	/* not a terminal, on Linux */
#define RIGHTS_GOOD	0x400	/* read-only and PROT_NONE pages do (a tracer's) */
#define SCATTERED	0x200	/* Linux goes on after a word that it cannot write */
#define RANDOM		0x800	/* a byte of the result, as of a time, may happen to be what was there */

/* A call that must be refused, or do nothing. */
struct integer_row {
	const char *name;
	long number;
	uint64_t args[6];
	int64_t result;
	int64_t or;		/* what Linux answers by another configuration or version; 0: nothing else */
};

/* driver.c: pages, and a row with all addresses. */
extern uint8_t *arena;	/* used, hole, used, read-only, PROT_NONE */
extern const struct hostile_address {
	uint64_t address;
	const char *what;
} hostile_addresses[];
extern const unsigned hostile_count;

void driver_begin(void);
void try_rows(const struct pointer_row *rows, unsigned count);
void try_integers(const struct integer_row *rows, unsigned count);
/* The call, with the words above replaced. */
int64_t make_call(long number, const uint64_t *args);
/* A good call works, and none of our pages has changed. */
void check_unharmed(const char *after);

/* The parts, each with a table. */
void test_file_pointers(void);		/* files.c */
void test_path_pointers(void);		/* paths.c */
void test_signal_pointers(void);	/* signals.c */
void test_time_pointers(void);		/* times.c */
void test_process_pointers(void);	/* processes.c: also ptrace, clone, execve */
void test_integers(void);		/* integers.c */
void test_memory(void);			/* memory.c: addresses that are not followed */
void test_plain(void);			/* plain.c: calls without arguments */
void test_ia32(void);			/* ia32.c: layouts of i386 */
void test_ends(void);			/* ends.c: calls that end in a signal */

/* processes.c */
int64_t stopped_child(void);		/* our tracee */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TO(object) ((uint64_t)&(object))

#endif
