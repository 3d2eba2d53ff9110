/*
 * signals: checks signals against what Linux does: what a handler is told of
 * each exception, masks and queues, alternate stacks, restarted calls, FPU
 * state, frames that a program has changed before it returns by them, and
 * children that stop.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `signals -q` prints failed steps only.
 * The parts are in tests/user/signal/signals/.
 */
#include "../lib/check.h"
#include "signals/signals.h"

#include <string.h>

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_exceptions();
	test_masks();
	test_stacks();
	test_calls_interrupted();
	test_fpu_state();
	test_returns();
	test_jobs();
	return check_end();
}
