/*
 * How a guest ends by itself: with a status, or with one line that says what it wanted that
 * cannot be.
 */
#include <stdarg.h>

#include "kernel/base/log.h"
#include "kernel/guest/guest.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/tree.h"

static void report_exits(const struct guest *g)
{
	if (current_process()->quiet)
		return;
	log("guest: %lu faults on its tables, %lu beside them, %lu first loads, %lu instructions of "
	    "ring 0, %lu exceptions of its own\n",
	    g->exits[GUEST_EXIT_TABLE], g->exits[GUEST_EXIT_NEIGHBOUR],
	    g->exits[GUEST_EXIT_FIRST_LOAD], g->exits[GUEST_EXIT_PRIVILEGED],
	    g->exits[GUEST_EXIT_OWN]);
}

void guest_exit(const struct guest *g, int status)
{
	report_exits(g);
	process_exit(WAIT_STATUS(status, 0));
}

void guest_kill(const struct guest *g, int signal, const char *fmt, ...)
{
	struct complaint why;
	va_list ap;

	va_start(ap, fmt);
	complain_va(&why, fmt, ap);
	va_end(ap);
	if (!current_process()->quiet)
		log("guest: at %#lx: %s\n", g->regs->ip, why.text);
	report_exits(g);
	process_exit(WAIT_STATUS(0, signal));
}
