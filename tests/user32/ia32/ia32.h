/* ia32.h: the parts of the ia32 program, in the order in which they run. */
#ifndef TESTS_USER32_IA32_H
#define TESTS_USER32_IA32_H

#include "../lib/lib.h"

/* entries.c: INT 0x80, __kernel_vsyscall, SYSENTER, SYSCALL do the same. */
void test_entries(void);

/* calls.c: calls whose structures are i386's own. */
void test_calls(void);

/* pointers.c: every call that takes a pointer, with bad ones. */
void test_pointers(void);

/* memory.c: mmap, munmap, mprotect, brk in 4 GiB. */
void test_memory(void);

/* times.c: clocks and sleeps, with times of 32 and of 64 bits. */
void test_times(void);

/* signals.c: the calls on signals, old and new, with i386's structures. */
void test_signal_calls(void);

/* processes.c: children, threads' memory, robust lists, limits, files. */
void test_processes(void);

#endif
