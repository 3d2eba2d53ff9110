/*
 * A profiler by samples: a timer sends an NMI (arch/machine/nmi_timer.c), which arrives
 * at any instruction, those with interrupts off and the entry code's included, and the
 * row that the interrupted RIP belongs to counts one more.
 *
 * A row is a function of the table of names (kernel/debug/symbols.c); of entry code, that
 * label, the window (entry/entry.h) and the CPU whose trampoline alias it was.
 *
 * The CPUs are asked in turn: the timer is aimed at one, whose handler takes the sample and
 * aims it at the next.  `turn` is that CPU, so it guards the rows, too.  Any other NMI that
 * meets the CPU whose turn it is, a watchdog's, counts as a sample; it is as good as one.
 *
 * Without the argument nothing of this runs: `nmi_reader` is the watchdog's then, and the
 * way of an NMI is the same.
 */
#include "arch/machine/ioapic.h"
#include "arch/machine/nmi_timer.h"
#include "arch/machine/smp.h"
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/debug/names.h"
#include "kernel/debug/profile.h"
#include "kernel/debug/symbols.h"
#include "kernel/debug/watchdog.h"
#include "kernel/task/sched.h"

/* Ticks of NMI_TIMER_HZ between two samples of one CPU, if there are up to four: about
 * 4,754 samples a second of each. */
#define DIVISOR 251
#define MOST_PARTS 4

#define ROWS 512 /* for the functions that a program can make run */
#define ROWS_SHOWN 12

struct row {
	const char *symbol; /* NULL: a row that is free */
	const char *window; /* of entry code, or NULL */
	int cpu;            /* whose alias, or -1 */
	bool entry;
	u32 count; /* 0: printed, if it was taken */
};

static struct row rows[ROWS];
static u32 users, idles, lost; /* lost: there was no row */
static bool running;

/* Whose turn it is; NULL: a sample is being taken, or there are none any more. */
static struct percpu *turn;

/* ---- A sample --------------------------------------------------------------------- */

static bool is_entry_code(u64 ip)
{
	return ip >= CEA_ENTRY_TEXT && ip < CEA_SLOT_END;
}

/* The row of such samples; a new one, if it is the first; NULL: there is no room. */
static struct row *row_of(const struct row *key)
{
	unsigned first = (unsigned)((u64)key->symbol / 8 + (u64)(key->cpu + 1) * 37) % ROWS;

	for (unsigned i = 0; i < ROWS; i++) {
		struct row *r = &rows[(first + i) % ROWS];

		if (!r->symbol)
			*r = *key;
		if (r->symbol == key->symbol && r->window == key->window && r->cpu == key->cpu)
			return r;
	}
	return NULL;
}

static void count(const struct pt_regs *regs)
{
	u64 ip = regs->ip, offset;
	struct row key = {
		.symbol = symbol_find(ip, &offset),
		.window = place_window(ip),
		.cpu = symbol_cpu(ip),
	};
	struct row *r;

	if (user_mode(regs)) {
		users++;
		return;
	}
	if (ip == (u64)idle_halt || ip == (u64)idle_halt + 1) {
		idles++;
		return;
	}
	if (!key.symbol)
		key.symbol = "no text that has a name";
	key.entry = key.window || is_entry_code(ip);
	r = row_of(&key);
	if (r)
		r->count++;
	else
		lost++;
}

static struct percpu *next_of(unsigned cpu)
{
	do
		cpu = cpumask_after(&cpus_online, cpu);
	while (VAULT_OF(cpu)->apic_id > IOAPIC_MAX_TARGET);
	return VAULT_OF(cpu);
}

static unsigned divisor(void)
{
	return DIVISOR / MIN(cpumask_count(&cpus_online), (unsigned)MOST_PARTS);
}

/*
 * The divisor for the next sample: half to three halves of the mean, another each time, for
 * else a loop or a timer in step with the samples is met at the same function by all of them.
 * Source: Marsaglia, "Xorshift RNGs", 2003.
 */
static unsigned next_divisor(void)
{
	static u32 state = 1;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return divisor() / 2 + state % divisor();
}

static void profile_nmi(const struct pt_regs *regs)
{
	struct percpu *self = this_cpu(), *mine = self;

	if (__atomic_compare_exchange_n(&turn, &mine, NULL, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED)) {
		struct percpu *next = next_of(self->cpu);

		count(regs);
		nmi_timer_aim(next->apic_id);
		nmi_timer_interval(next_divisor());
		__atomic_store_n(&turn, next, __ATOMIC_RELEASE);
	}
	watchdog_nmi(regs);
}

/* ---- Begin and end ----------------------------------------------------------------- */

void profile_start(void)
{
	struct percpu *first = next_of(NR_CPUS - 1);

	turn = first;
	__atomic_store_n(&nmi_reader, profile_nmi, __ATOMIC_RELEASE);
	running = nmi_timer_start(divisor(), first->apic_id);
}

static struct row *most(bool entry)
{
	struct row *best = NULL;

	for (unsigned i = 0; i < ROWS; i++)
		if (rows[i].count && rows[i].entry == entry &&
		    (!best || rows[i].count > best->count))
			best = &rows[i];
	return best;
}

static void print_line(u32 n, u32 busy, const char *indent, const char *what)
{
	u32 tenths = busy ? (u32)((u64)n * 1000 / busy) : 0;

	log("%s%7u %3u.%u %%  %s", indent, n, tenths / 10, tenths % 10, what);
}

/* The kernel's C or the entry code: in all, then the rows with the most. */
static void print_rows(bool entry, const char *title, u32 busy)
{
	u32 total = 0, rest = 0, others = 0;
	struct row *r;

	for (unsigned i = 0; i < ROWS; i++)
		total += rows[i].entry == entry ? rows[i].count : 0;
	print_line(total, busy, "", title);
	log("\n");
	for (unsigned n = 0; (r = most(entry)); n++, r->count = 0) {
		if (n >= ROWS_SHOWN) {
			rest += r->count;
			others++;
			continue;
		}
		print_line(r->count, busy, "  ", r->symbol);
		if (r->window)
			log(", window %s", r->window);
		if (r->cpu >= 0)
			log(" [cpu %d]", r->cpu);
		log("\n");
	}
	if (others) {
		print_line(rest, busy, "  ", "in ");
		log("%u others\n", others);
	}
}

void profile_end(void)
{
	u32 kernel = lost, busy;

	if (!running)
		return;
	nmi_timer_stop();
	/* A sample that is under way gives the turn on, and then there are none. */
	while (!__atomic_exchange_n(&turn, NULL, __ATOMIC_ACQUIRE))
		cpu_relax();
	nmi_reader = watchdog_nmi;
	log_quiet = false;
	for (unsigned i = 0; i < ROWS; i++)
		kernel += rows[i].count;
	busy = users + kernel;
	log("profile: %u samples, one each %lu us on average, of %u CPUs in turn; %u had nothing to do\n",
	    busy + idles, (u64)divisor() * 1000000 / NMI_TIMER_HZ, cpumask_count(&cpus_online),
	    idles);
	print_line(users, busy, "", "user mode\n");
	if (lost)
		print_line(lost, busy, "", "not told apart: too many functions\n");
	print_rows(false, "the kernel", busy);
	print_rows(true, "entry code", busy);
}
