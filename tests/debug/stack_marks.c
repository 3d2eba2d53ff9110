/*
 * The debug build's high-water marks of the entry and IST stacks.
 *
 * A stack is painted where the ordinary kernel erases it: when it is mapped, and when
 * its CPU switches to another address space (cea_scrub()).  Just before that the
 * lowest word that is no longer paint is noted, so that the marks outlive the
 * painting.  Zeros count as used: entry text erases words of its own with them.
 */
#include "arch/cpu_entry_area.h"
#include "arch/stack_marks.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/log.h"

#define STACKS (1 + NR_IST) /* the entry stack, then the ISTs */

static u32 most[STACKS], where[STACKS]; /* bytes, and on which CPU */
static u32 ignored[NR_CPUS];

/* The part of a stack that may be used, and its size in words. */
static const u64 *stack_of(unsigned cpu, unsigned n, unsigned *words)
{
	u64 size = n ? IST_USED : ENTRY_STACK_SIZE;

	*words = (unsigned)(size / sizeof(u64));
	return n ? (const u64 *)(&cea(cpu)->ist[n - 1].stack + 1) - *words :
		   (const u64 *)&cea(cpu)->entry_stack;
}

static u32 bytes_used(unsigned cpu, unsigned n)
{
	unsigned words, free = 0;
	const u64 *stack = stack_of(cpu, n, &words);

	while (free < words && stack[free] == STACK_PAINT_WORD)
		free++;
	return (u32)((words - free) * sizeof(u64));
}

void stack_marks_note(unsigned cpu)
{
	for (unsigned n = 0; n < STACKS; n++) {
		u32 used = ignored[cpu] & BIT(n) ? 0 : bytes_used(cpu, n);

		if (used > most[n]) {
			most[n] = used;
			where[n] = cpu;
		}
	}
	ignored[cpu] = 0;
}

void stack_marks_ignore(unsigned cpu, u32 stacks)
{
	ignored[cpu] |= stacks;
}

void stack_marks_print(void)
{
	static const char *const name[STACKS] = { "entry", "IST #DF", "IST NMI", "IST #DB",
						  "IST #MC" };

	for_each_cpu(cpu, &cpus_online)
		stack_marks_note(cpu);
	for (unsigned n = 0; n < STACKS; n++)
		log("stack: %s: %u of %u bytes used, on cpu %u\n", name[n], most[n],
		    n ? IST_USED : ENTRY_STACK_SIZE, where[n]);
}
