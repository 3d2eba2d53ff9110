/* abi.h: the parts of the abi program, in the order in which main runs them. */
#ifndef TESTS_USER_ABI_H
#define TESTS_USER_ABI_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE 4096ul

/* Codes of arch_prctl, from asm/prctl.h, which musl-gcc does not have. */
#define ARCH_SET_GS	0x1001
#define ARCH_SET_FS	0x1002
#define ARCH_GET_FS	0x1003
#define ARCH_GET_GS	0x1004

/* start.c: what a program finds when it starts. */
void test_start(int argc, char **argv);

/* calls.c: numbers, files, identity, random bytes, reboot. */
void test_calls(void);

/* pointers.c: every call that takes a pointer, with every kind of bad one. */
void test_pointers(void);

/* memory.c: mmap, munmap, mprotect, brk. */
void test_memory(void);

/* time.c: clock_gettime and nanosleep. */
void test_time(void);

/* limits.c: limits, usage, prctl. */
void test_limits_and_usage(void);

/* sched.c: policies, affinity. */
void test_sched(void);

/* robust.c: the locks of a thread that dies. */
void test_robust_list(void);

/* files.c: fcntl, lseek, close. */
void test_files(void);

/* registers.c: what a system call and an interrupt leave of the registers. */
void test_registers(void);

/*
 * The exit status of a child that does this, as another user than root if so
 * wanted; 99: it could not become one.
 */
int in_child(int (*body)(void), bool as_user);

/* Fresh zeroed pages, or the program ends: the tests cannot go on without. */
unsigned char *map_pages(unsigned pages);

/*
 * Is the page there? Asked through the kernel, for a program without signal
 * handlers would not survive the answer. can_read needs zeros, or 8 bytes at
 * address + 8 that are no valid number of nanoseconds; can_write changes the
 * first 16 bytes.
 */
bool can_read(const void *address);
bool can_write(void *address);

#endif
