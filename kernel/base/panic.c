/*
 * The end, as every layer may ask for it.  The report needs the unwinder, the other
 * CPUs and the power switch, which lie far above: they are behind one pointer.
 * Read next: kernel/debug/panic.c.
 */
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"

void (*panic_report)(const char *message, const struct panic_caller *from);

static __noreturn void halt_for_good(const char *message)
{
	log("%s\n", message);
	for (;;)
		halt();
}

void panic(const char *fmt, ...)
{
	struct panic_caller from = {
		.ip = (u64)__builtin_return_address(0),
		.bp = (u64)__builtin_frame_address(0), .sp = read_rsp(),
	};
	char message[400];
	va_list args;

	interrupts_off();
	va_start(args, fmt);
	format_va(message, sizeof(message), fmt, args);
	va_end(args);
	if (panic_report)
		panic_report(message, &from);
	halt_for_good(message);
}

void panic_at(const struct panic_caller *from, const char *fmt, ...)
{
	char message[400];
	va_list args;

	interrupts_off();
	va_start(args, fmt);
	format_va(message, sizeof(message), fmt, args);
	va_end(args);
	if (panic_report)
		panic_report(message, from);
	halt_for_good(message);
}

void refuse(const char *fmt, ...)
{
	char line[400];
	va_list args;

	va_start(args, fmt);
	format_va(line, sizeof(line), fmt, args);
	va_end(args);
	if (panic_report)
		panic_report(line, NULL);
	halt_for_good(line);
}
