/*
 * Running the small user programs of programs.asm on a CPU of choice.
 */
#include "kernel/linux/process/exit.h"
#include "tests/suites/cpus.h"
#include "tests/suites/programs.h"

static_assert(PROGRAM_DATA_BASE == 0x600000, "programs.asm has this address");
static_assert(PROGRAM_DATA_SIZE >= 13 * PAGE_SIZE, "program_registers' pages");

int programs_run(struct thread *t, unsigned cpu)
{
	t->affinity = cpus_only(cpu);
	t->process->quiet = true;
	process_start(t, process_next_pid());
	return process_wait_for(t);
}
