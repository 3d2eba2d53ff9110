/*
 * The longest stretches of kernel code with interrupts off, and of a system call
 * or trap between two points at which others may run: kernel/base/stretch.h.
 *
 * Each stretch is known by the return addresses of the calls that began and ended
 * it; the longest of each such pair is kept.  Stretches of several CPUs share one
 * list, and under -icount the TSC goes on while other CPUs run: exact are the
 * figures of one CPU.  The measuring itself adds some 40 instructions to each.
 */
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/debug/panic.h"
#include "kernel/debug/symbols.h"
#include "kernel/task/task.h"

#define PLACES 256
#define SHOWN 10

/* As back-traces have it, good until the end of the block; scripts/bench.py has the line. */
#define NAME(at) symbol_format((char[SYMBOL_TEXT_SIZE]){ "" }, (u64)(at), true)

enum { IRQS_OFF, NO_POINT, KINDS };

static const char *const kind_name[KINDS] = { "interrupts off", "no scheduling point" };

struct place {
	const void *from, *to;
	u64 ticks;
	char task[16];
	char test[64]; /* suite and case, if one is running */
};

static struct place places[KINDS][PLACES];
static struct {
	u64 start; /* 0: none is under way */
	const void *from;
} under_way[KINDS][NR_CPUS];
static u32 locked;
static bool begun;

static bool is_measured(void)
{
	return begun && !this_cpu()->in_paranoid && this_cpu()->current;
}

static void start(int kind, const void *from)
{
	unsigned cpu = this_cpu()->cpu;

	under_way[kind][cpu].from = from;
	under_way[kind][cpu].start = rdtsc();
}

static void keep(struct place *list, const void *from, const void *to, u64 ticks)
{
	struct place *p = list, *least = list;

	for (; p < list + PLACES && p->ticks && (p->from != from || p->to != to); p++)
		if (p->ticks < least->ticks)
			least = p;
	if (p == list + PLACES)
		p = least;
	if (ticks <= p->ticks)
		return;
	*p = (struct place){ .from = from, .to = to, .ticks = ticks };
	strscpy(p->task, current_task()->name, sizeof(p->task));
	if (panic_running_test)
		strscpy(p->test, panic_running_test, sizeof(p->test));
}

/* Interrupts are off: nothing below may turn them on, or measure itself. */
static void stop(int kind, const void *to)
{
	unsigned cpu = this_cpu()->cpu;
	u64 begin = under_way[kind][cpu].start;
	u64 ticks = rdtsc() - begin;

	if (!begin)
		return;
	under_way[kind][cpu].start = 0;
	if (ticks < 2000)
		return;
	while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	keep(places[kind], under_way[kind][cpu].from, to, ticks);
	__atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}

void stretch_begin(void)
{
	begun = true;
}

void stretch_irqs_off(void)
{
	if (is_measured() && (read_flags() & RFLAGS_IF))
		start(IRQS_OFF, __builtin_return_address(0));
}

void stretch_irqs_on(void)
{
	if (is_measured())
		stop(IRQS_OFF, __builtin_return_address(0));
}

void stretch_trap(void)
{
	if (is_measured())
		start(IRQS_OFF, __builtin_return_address(0));
}

void stretch_enter(void)
{
	if (!is_measured())
		return;
	start(IRQS_OFF, __builtin_return_address(0));
	start(NO_POINT, __builtin_return_address(0));
}

void stretch_leave(void)
{
	if (!is_measured())
		return;
	stop(IRQS_OFF, __builtin_return_address(0));
	stop(NO_POINT, __builtin_return_address(0));
}

/* Kernel threads, which are tests, and idle tasks are their own masters. */
void stretch_point(void)
{
	bool on = read_flags() & RFLAGS_IF;

	if (!is_measured())
		return;
	__asm__ volatile("cli" : : : "memory");
	stop(NO_POINT, __builtin_return_address(0));
	if (task_is_thread(current_task()))
		start(NO_POINT, __builtin_return_address(0));
	if (on)
		__asm__ volatile("sti" : : : "memory");
}

void stretch_ignore(void)
{
	for (int kind = 0; begun && kind < KINDS; kind++)
		under_way[kind][this_cpu()->cpu].start = 0;
}

static struct place *longest(int kind)
{
	struct place *best = places[kind];

	for (struct place *p = best; p < places[kind] + PLACES; p++)
		if (p->ticks > best->ticks)
			best = p;
	return best;
}

void stretch_report(void)
{
	begun = false;
	for (int kind = 0; kind < KINDS; kind++) {
		for (int i = 0; i < SHOWN; i++) {
			struct place *p = longest(kind);

			if (!p->ticks)
				break;
			log("stretch: %s: %lu, from %#lx%s to %#lx%s, %s%s%s\n", kind_name[kind],
			    p->ticks, (u64)p->from, NAME(p->from), (u64)p->to, NAME(p->to), p->task,
			    *p->test ? ", " : "", p->test);
			p->ticks = 0;
		}
	}
}
