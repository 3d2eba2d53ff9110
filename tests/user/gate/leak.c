/*
 * leak: reads all of the kernel half that can be read by a far return, and compares
 * it with the ledger: the audit (mm/audit.c) with an attacker's own means.
 *
 * Exactly the ledger's pages answer; they hold no hidden address; the stacks of
 * CPUs on which nothing runs are empty; and when a task with known words in its
 * registers has gone through the kernel, on this CPU or another, none of them is
 * left.  tests/suites/leak.c starts it, on CPU 0, with the ledger as arguments.
 *
 *	leak [-stacks | -all] [parts=BITS] cpus=N rounds=N ram=TOP paint=BYTE hidden=START,END... row=PLACE,KIND,AT,PAGES...
 *
 *	leak victims=N	runs such tasks on N CPUs, to be looked at from outside
 *
 * Exit status: what was found, as bits (leak/leak.h); 0: nothing.
 */
#include "leak/leak.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 1024);
	if (!ledger_parse(argv)) {
		say("found arguments that tests/suites/leak.c does not make");
		return FOUND_NOTHING_WORKS;
	}
	if (parts == PART_VICTIMS)
		run_victims();
	far_return_begin();
	if (!far_return_works()) {
		say("a far return reads its stack with ring 3's rights: nothing to be seen");
		return FOUND_NOTHING_WORKS;
	}
	return (parts & PART_PAGES ? check_pages() : 0) |
	       (parts & PART_CONTENTS ? check_contents() : 0) |
	       (parts & PART_POISON ? check_poison() : 0);
}
