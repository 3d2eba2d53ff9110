/*
 * Boot arguments: the words of the kernel's command line, as values.
 *
 * struct boot_args is filled once by CPU 0 during boot, from GRUB's or QEMU's
 * line and then from the text that QEMU's fw_cfg adds, and only read after
 * that.  Adding an argument means: a field here, its default in
 * args_default(), and a line in the table of args.c.
 */
#ifndef KERNEL_START_ARGS_H
#define KERNEL_START_ARGS_H

#include "arch/gdt.h"
#include "arch/state/mitigations.h"
#include "arch/syscall_msrs.h"
#include "kernel/base/layout.h"
#include "kernel/base/types.h"

#define ARGS_MAX_ARGV 32

enum pti_mode { PTI_AUTO, PTI_ON, PTI_OFF, PTI_DEFERRED };
enum roots_mode { ROOTS_PROCESS, ROOTS_CPU };

struct boot_args {
	enum pti_mode pti;
	enum roots_mode roots;
	enum syscall_entry syscall;
	enum ltr_way ltr;
	enum mitigations_mode mitigations;
	unsigned gdt_pages; /* 1, 4 or 16 */
	bool nopcid;
	bool norandmaps;
	bool quiet;
	bool profile;
	bool console_is_pipe;     /* console=pipe; else console=tty */
	bool guest_one_at_a_time; /* guest=one; else guest=all */
	unsigned maxcpus;         /* 1 to NR_CPUS */
	bool selftest;
	char selftest_globs[256]; /* for glob_match_list(); "*" if bare */
	bool init_given;          /* init= was given, perhaps with the default's name */
	char init[256];           /* a path that begins with `/` */

	/* The words after a lone `--`; argv[argc] is NULL.  They point into
	 * argv_text, so this structure must not be copied. */
	unsigned argc;
	const char *argv[ARGS_MAX_ARGV + 1];
	char argv_text[1024];
	size_t argv_used;   /* bytes of argv_text */
	bool argv_too_long; /* there were more: no program is run */
};

/*
 * Sets what holds without any argument: pti=on; roots=process; syscall=auto; ltr=remap;
 * gdt_pages=1; mitigations=auto; maxcpus=NR_CPUS; guest=all; init=/init; nothing else.
 */
void args_default(struct boot_args *args);

/*
 * Reads one line of arguments on top of what is there; may be called again for
 * a further line, of which each is read by itself (so an argument of the
 * second line counts even if the first had a ` -- `).  Words are separated by
 * white space; double quotes, which are dropped, keep it together, around a
 * value or around the whole word, as in Linux.  A first word that begins with
 * `/` and has no `=` is the kernel's own path and ignored.
 *
 * A word that is unknown, malformed or too long is reported, as one line "args:
 * found X, expected Y; ..." through `report` (NULL drops it), and changes
 * nothing.
 */
void args_parse(struct boot_args *args, const char *line, void (*report)(const char *line));

/*
 * When all lines are read: what is left open becomes what this CPU needs, and what cannot
 * go together is reported likewise, the default of `syscall` or `roots` being used.  Behind
 * it neither pti nor syscall is AUTO; roots is CPU with a shadow only; syscall is DIRECT
 * only without one, since no user PGD shows the kernel image, and ENTRY with PTI_ON only.
 * `meltdown`: the CPU needs a shadow.
 */
void args_settle(struct boot_args *args, bool meltdown, void (*report)(const char *line));

#endif
