/*
 * The end, as every layer may ask for it.  The report needs the unwinder, the other
 * CPUs and the power switch, which lie far above: they are behind one pointer.
 * Read next: kernel/debug/panic.c.
 */
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"

void (*panic_report)(const char *message, const struct panic_caller *from);

/* from: as panic_report() has it. */
static __noreturn void end(const struct panic_caller *from, const char *fmt, va_list args)
{
	char message[400];

	format_va(message, sizeof(message), fmt, args);
	if (panic_report)
		panic_report(message, from);
	log("%s\n", message);
	for (;;)
		halt();
}

void panic(const char *fmt, ...)
{
	struct panic_caller from = {
		.ip = (u64)__builtin_return_address(0),
		.bp = (u64)__builtin_frame_address(0),
		.sp = read_rsp(),
	};
	va_list args;

	interrupts_off();
	va_start(args, fmt);
	end(&from, fmt, args);
	va_end(args); /* for the checker; end() does not return */
}

void panic_at(const struct panic_caller *from, const char *fmt, ...)
{
	va_list args;

	interrupts_off();
	va_start(args, fmt);
	end(from, fmt, args);
	va_end(args); /* for the checker */
}

void refuse(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(NULL, fmt, args);
	va_end(args); /* for the checker */
}
