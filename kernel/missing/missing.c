/*
 * System calls that programs ask for and that are not here.  A program that ends for want
 * of one seldom says which, so the kernel does, in its own log, once for each number and
 * name of a program:
 *
 *	a.out: system call 41 (socket) is not here
 *
 * What C libraries ask for in every program, and do without, is on a list of its own, and
 * is refused in silence.  The names are those of Linux's headers: scripts/call_names.py
 * makes a table of them for the build.
 * Called by kernel/linux/calls/table.c.
 */
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "kernel/linux/tree.h"
#include "kernel/missing/missing.h"

/* One word for each number from 0 on, with its zero; an empty one: Linux has no such call. */
extern const char call_names_64[], call_names_64_end[];
extern const char call_names_32[], call_names_32_end[];

/* By 64-bit code, and by i386's. */
static const struct {
	u32 number, number32;
} silent[] = {
	/* glibc from 2.35 on asks for it in each thread, and asks getcpu() without it. */
	{ 334, 386 }, /* rseq */
	/* glibc from 2.34 on makes threads with it, and with clone if it is not there. */
	{ 435, 435 }, /* clone3 */
};

static bool is_silent(u32 number, bool ia32)
{
	for (unsigned i = 0; i < ARRAY_SIZE(silent); i++)
		if (number == (ia32 ? silent[i].number32 : silent[i].number))
			return true;
	return false;
}

/* NULL: Linux has none of that number. */
static const char *name_of(u32 number, bool ia32)
{
	const char *name = ia32 ? call_names_32 : call_names_64;
	const char *end = ia32 ? call_names_32_end : call_names_64_end;

	for (; number && name < end; number--)
		name += strlen(name) + 1;
	return name < end && *name ? name : NULL;
}

bool missing_is_told(u32 number)
{
	return name_of(number, false) && !is_silent(number, false);
}

/* What has been told: under process_lock.  No program can fill the console with it. */
#define TOLD_MAX 64

static struct told {
	char program[sizeof(((struct task *)0)->name)];
	u32 number;
	bool ia32;
} told[TOLD_MAX];
static unsigned told_count;

/* Is it the first time, and is there still room to say so? */
static bool is_new(const char *program, u32 number, bool ia32)
{
	SPIN_GUARD(&process_lock);

	for (unsigned i = 0; i < told_count; i++)
		if (told[i].number == number && told[i].ia32 == ia32 &&
		    strcmp(told[i].program, program) == 0)
			return false;
	if (told_count == TOLD_MAX)
		return false;
	told[told_count].number = number;
	told[told_count].ia32 = ia32;
	strscpy(told[told_count].program, program, sizeof(told[0].program));
	told_count++;
	return true;
}

void missing_tell(u32 number, bool ia32)
{
	const struct thread *t = current_thread();
	const char *name;

	if (t->process->quiet || is_silent(number, ia32) || !is_new(t->name, number, ia32))
		return;
	name = name_of(number, ia32);
	log("%s: system call %u%s%s%s is not here\n", t->name, number, name ? " (" : "",
	    name ? name : "", name ? ia32 ? " of i386)" : ")" : "");
}
