/*
 * Processes: programs of the initramfs, and pieces of code that tests bring.
 */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include "kernel/base/complaint.h"
#include "kernel/task.h"

/* The initramfs: `size` readable bytes that stay.  Boot, once. */
void process_set_initramfs(const void *archive, size_t size);

/*
 * Loads the program `path` and makes a task of it, not yet runnable; argv and
 * envp end in NULL.  NULL, with one line in *why: no such file, not a program
 * that we can run, no memory.
 */
struct task *process_load(const char *path, const char *const argv[],
			  const char *const envp[], struct complaint *why);

/* Is there such a file? */
bool process_exists(const char *path);

#define PROCESS_CODE_BASE 0x400000
#define PROCESS_DATA_BASE 0x600000
#define PROCESS_DATA_SIZE 0x10000

/*
 * A process of bare machine code at PROCESS_CODE_BASE (R X), with zeroed data
 * (RW) at PROCESS_DATA_BASE and a stack; rdi = arg at the start.  NULL: no
 * memory.
 */
struct task *process_from_code(const char *name, const void *code, size_t size,
			       u64 arg);

/* Gives it a pid (1 for init, else the next) and makes it runnable. */
void process_start(struct task *t, int pid);
int process_next_pid(void);

#endif
