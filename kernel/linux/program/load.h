/*
 * Programs made into processes: files of the initramfs, and pieces of code that tests bring.
 */
#ifndef KERNEL_LINUX_PROGRAM_LOAD_H
#define KERNEL_LINUX_PROGRAM_LOAD_H

#include "kernel/base/complaint.h"
#include "kernel/files/file_tree.h"
#include "kernel/files/start_stack.h"
#include "kernel/linux/process/make.h"

/* A program in an address space of its own, ready to run. */
struct built_program {
	struct mm *mm;
	virt_addr_t ip, sp;
	struct dentry *exe; /* with a hold, the caller's */
	bool ia32;          /* a 32-bit program */
	bool readable;      /* the process that execs the file may read it */
};

/*
 * Builds the address space of the program that `path` names.  0, or with one line in *why:
 * program_find()'s errors, -EACCES (not for executing), -ENOEXEC, -ENOMEM, -ENOFRAME,
 * -E2BIG; of the current process's strings -EFAULT; -EINTR.
 */
int program_build(const char *path, const struct start_strings *strings, struct built_program *out,
		  struct complaint *why);

/*
 * The segment registers with which a 64-bit or 32-bit program starts, in *t and
 * its registers; and its process is of that kind.
 */
void program_set_abi(struct thread *t, bool ia32);

/* The last part of a path; the path itself if it has only one. */
const char *program_name(const char *path);

/*
 * Loads the program `path` and makes a task of it, not yet runnable; argv and
 * envp end in NULL.  NULL, with one line in *why: no such file, not a program
 * that we can run, no memory.  Context: boot, or a kernel task.
 */
struct thread *program_load(const char *path, const char *const argv[], const char *const envp[],
			    struct complaint *why);

/*
 * The file that the path names, with a hold, as far as the current process may search
 * directories: 0, or file_find()'s errors.
 */
int program_find(const char *path, struct dentry **file);

#define PROGRAM_CODE_BASE 0x400000
#define PROGRAM_DATA_BASE 0x600000
#define PROGRAM_DATA_SIZE 0x10000

/*
 * A process of bare machine code at PROGRAM_CODE_BASE (R X), with zeroed data
 * (RW) at PROGRAM_DATA_BASE and a stack; rdi = arg at the start.  NULL: no
 * memory.
 */
struct thread *program_from_code(const char *name, const void *code, size_t size, u64 arg);

#endif
