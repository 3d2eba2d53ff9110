/*
 * hostile: hands every system call every kind of bad address, number and flag,
 * and looks that the answer is Linux's, that just the part that Linux would
 * write was written, and that all works as before afterwards.
 *
 * Right outcome, on Linux and on Postern alike: exit status 0, and with -q
 * nothing but the plan; else a line for each step. The parts and their tables
 * are in tests/user/call/hostile/.
 */
#include "../lib/check.h"
#include "hostile/hostile.h"

#include <string.h>

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	driver_begin();
	test_file_pointers();
	test_path_pointers();
	test_signal_pointers();
	test_time_pointers();
	test_process_pointers();
	test_integers();
	test_memory();
	test_plain();
	test_ia32();
	test_ends();
	return check_end();
}
