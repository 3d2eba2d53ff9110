/*
 * CVE-2018-1000199 (Linux, May 2018).
 *
 * A tracer's write of a debug register went into the kernel's record of the
 * breakpoint first and was checked then; refused, it stayed there, disabled.
 * Turned on by the next write of DR7, which looked at nothing but its own bits,
 * it was a breakpoint at an address that had been refused: the kernel's.
 *
 * In Postern: set_control() and set_address() in arch/state/debugreg.c check all four
 * fields before they store anything, and an address again with each DR7; what the
 * processor gets is `active`, put together from what has been checked.
 *
 * Right: what is refused changes nothing; what was armed before still traps, once
 * and there; DR7's other bits (GD, which would make our own MOVs trap) never
 * reach the processor.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <unistd.h>

#define WRITE_8(n) (1ul << (2 * (n)) | 9ul << (16 + 4 * (n)))
#define IO_1(n) (1ul << (2 * (n)) | 2ul << (16 + 4 * (n)))
#define EXECUTE_8(n) (1ul << (2 * (n)) | 8ul << (16 + 4 * (n)))
#define GD 0x2000ul

static volatile long watched[4] __attribute__((aligned(32)));

static void child(void)
{
	for (int i = 0; i < 4; i++)
		watched[i] = i;
	_exit(watched[3] == 3 ? 9 : 8);
}

static unsigned long at(unsigned i)
{
	return (unsigned long)&watched[i];
}

/* The address is refused, in any order with DR7; then what was set is so still. */
static void check_address(unsigned long bad)
{
	pid_t pid = trace_start(child);
	int traps;

	check_equal(trace(POKEUSER, pid, DEBUGREG(0), at(1)), 0, "DR0 is set");
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), WRITE_8(0)), 0, "and armed");
	check_equal(trace(POKEUSER, pid, DEBUGREG(0), bad), -EINVAL, "%#lx is refused", bad);
	check_equal((int64_t)trace_peek_user(pid, DEBUGREG(0)), (int64_t)at(1), "DR0 is what it was");
	check_equal((int64_t)trace_peek_user(pid, DEBUGREG(7)), WRITE_8(0), "and DR7");
	check_equal(trace(POKEUSER, pid, DEBUGREG(1), bad), -EINVAL, "%#lx in DR1", bad);
	trace(POKEUSER, pid, DEBUGREG(7), WRITE_8(0) | WRITE_8(1));
	check_true(trace_peek_user(pid, DEBUGREG(1)) != bad, "does not get there by DR7");
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), WRITE_8(0)), 0, "DR0 alone");
	check_equal(trace_to_end(pid, &traps), EXITED(9), "the child lives");
	check_equal(traps, 1, "and is stopped once, by DR0");
}

/* A DR7 of which one field is bad: none of it counts. */
static void check_control(const char *name, unsigned long bad)
{
	pid_t pid = trace_start(child);
	int traps;

	trace(POKEUSER, pid, DEBUGREG(0), at(1));
	trace(POKEUSER, pid, DEBUGREG(1), at(2));
	trace(POKEUSER, pid, DEBUGREG(3), at(3));
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), WRITE_8(1)), 0, "DR1 is armed");
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), bad), -EINVAL, "%s", name);
	check_equal((int64_t)trace_peek_user(pid, DEBUGREG(7)), WRITE_8(1), "DR7 is what it was");
	check_equal(trace_to_end(pid, &traps), EXITED(9), "the child lives");
	check_equal(traps, 1, "and is stopped once, by DR1");
}

static void check_misaligned(void)
{
	pid_t pid = trace_start(child);
	int traps;

	check_equal(trace(POKEUSER, pid, DEBUGREG(0), at(0) + 1), 0, "an odd address");
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), WRITE_8(0)), -EINVAL, "of 8 bytes");
	check_equal(trace_to_end(pid, &traps), EXITED(9), "the child lives");
	check_equal(traps, 0, "and nothing is armed");
}

/* GD and the reserved bits are remembered, and that is all. */
static void check_general_detect(void)
{
	pid_t pid = trace_start(child);
	int traps;

	trace(POKEUSER, pid, DEBUGREG(0), at(1));
	check_equal(trace(POKEUSER, pid, DEBUGREG(7), WRITE_8(0) | GD | 0xd400), 0, "DR7 with GD");
	check_equal(trace_to_end(pid, &traps), EXITED(9), "the child lives");
	check_equal(traps, 1, "and is stopped once");
}

/* None of it in whoever runs next: the tracer itself, say. */
static void check_own(void)
{
	int signal = CAUGHT(watched[1] = 7);

	check_equal(signal, 0, "the tracer is not stopped by what it set for others");
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	for (unsigned i = 0; i < kernel_address_count; i++) {
		check_address(kernel_addresses[i]);
		check_own();
	}
	check_control("DR0 good, DR1 an IO breakpoint", WRITE_8(0) | IO_1(1));
	check_control("DR0 good, DR3 to execute 8 bytes", WRITE_8(0) | EXECUTE_8(3));
	check_misaligned();
	check_general_detect();
	check_own();
	return check_end();
}
