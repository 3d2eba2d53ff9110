/*
 * The counters' way out of a kernel built for coverage: each file's, as gcc's own
 * .gcda stream, through QEMU's debug console (isa-debugcon, port 0xe9).
 * Linked by `make coverage` only, where the linker leads calls of power_off() and
 * power_restart() here.  Source: gcc's manual, "Profiling and Test Coverage in
 * Freestanding Environments".  Read next: tests/coverage/run.py, which reads it.
 *
 * For each file: its name with a zero behind it; pieces, each behind its length as
 * 32 bits; a length of 0.
 */
#include "arch/machine/power.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"

#define PORT_DEBUG_CONSOLE 0xe9
#define SCRATCH_BYTES 0x10000

struct gcov_info; /* gcc's own */
extern const struct gcov_info *const coverage_start[], *const coverage_end[];

/* libgcov's; it wants no more of a C library than the three below. */
void __gcov_info_to_gcda(const struct gcov_info *info,
			 void (*filename)(const char *, void *),
			 void (*dump)(const void *, unsigned, void *),
			 void *(*allocate)(unsigned, void *), void *arg);
__noreturn void abort(void);
void *mmap(void *addr, size_t size, int prot, int flags, int fd, long offset);
void __gcov_merge_add(s64 *counters, unsigned count);

__noreturn void __real_power_off(bool good);
__noreturn void __wrap_power_off(bool good);
__noreturn void __real_power_restart(void);
__noreturn void __wrap_power_restart(void);

void abort(void)
{
	panic("coverage: libgcov gave up");
}

void *mmap(void *addr, size_t size, int prot, int flags, int fd, long offset)
{
	panic("coverage: libgcov wants %#lx bytes at %p (%d, %d, %d, %#lx)", size, addr, prot,
	      flags, fd, (u64)offset);
}

/* Named in every file's table of counters, called by what reads .gcda files. */
void __gcov_merge_add(s64 *counters, unsigned count)
{
	panic("coverage: found %u counters at %p to merge, expected none", count,
	      (void *)counters);
}

static void put(const void *data, unsigned bytes)
{
	for (const u8 *p = data; bytes; bytes--)
		outb(PORT_DEBUG_CONSOLE, *p++);
}

static void put_name(const char *name, void *arg)
{
	(void)arg;
	put(name, (unsigned)strlen(name) + 1);
}

static void put_piece(const void *data, unsigned bytes, void *arg)
{
	(void)arg;
	put(&bytes, sizeof(bytes));
	put(data, bytes);
}

static void *allocate(unsigned bytes, void *arg)
{
	static u8 scratch[SCRATCH_BYTES];
	static unsigned used;

	(void)arg;
	ASSERT_OP(bytes, <=, SCRATCH_BYTES - used);
	used += bytes;
	return scratch + used - bytes;
}

/* Once, by whoever ends the machine first. */
static void dump(void)
{
	static const u32 end;
	static bool done;

	interrupts_off();
	if (__atomic_exchange_n(&done, true, __ATOMIC_ACQ_REL))
		return;
	for (const struct gcov_info *const *i = coverage_start; i < coverage_end; i++) {
		__gcov_info_to_gcda(*i, put_name, put_piece, allocate, NULL);
		put(&end, sizeof(end));
	}
}

void __wrap_power_off(bool good)
{
	dump();
	__real_power_off(good);
}

void __wrap_power_restart(void)
{
	dump();
	__real_power_restart();
}
