/*
 * abi: checks the system calls that Postern has against what Linux does.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. A failed step says what it got and
 * what it expected. `abi -q` prints failed steps only.
 *
 * stdout must be a terminal, a pipe or a file, not /dev/null, which takes any
 * pointer. stdin is never waited for.
 * The parts are in tests/user/call/abi/.
 */
#include "../lib/check.h"
#include "abi/abi.h"

#include <string.h>

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_start(argc, argv);
	test_calls();
	test_pointers();
	test_memory();
	test_time();
	test_limits_and_usage();
	test_sched();
	test_robust_list();
	test_files();
	test_registers();
	return check_end();
}
