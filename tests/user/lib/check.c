/*
 * check.c: prints the steps and counts them; check.h says how to use it.
 *
 * stdout is line buffered, so that what a step itself writes with a raw system
 * call lands between the lines, in order.
 */
#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool only_failures;
static int steps;
static int failures;

void check_begin(bool quiet)
{
	static char buffer[512];

	only_failures = quiet;
	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
}

/* Errnos by name, small numbers in decimal, the rest (addresses) in hex. */
static const char *value_text(int64_t value, char text[static 32])
{
	static const struct {
		int number;
		const char *name;
	} errnos[] = {
		{ EPERM, "EPERM" },   { EINTR, "EINTR" },   { EBADF, "EBADF" },
		{ EAGAIN, "EAGAIN" }, { ENOMEM, "ENOMEM" }, { EFAULT, "EFAULT" },
		{ EEXIST, "EEXIST" }, { EINVAL, "EINVAL" }, { ENOTTY, "ENOTTY" },
		{ ENOSYS, "ENOSYS" }, { EACCES, "EACCES" }, { ENODEV, "ENODEV" },
	};

	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
		if (value == -errnos[i].number)
			return errnos[i].name;
	}
	if (value > -4096 && value < 4096)
		snprintf(text, 32, "%lld", (long long)value);
	else
		snprintf(text, 32, "0x%llx", (unsigned long long)value);
	return text;
}

__attribute__((format(printf, 2, 0)))
static void report(bool good, const char *sentence, va_list arguments, const char *why)
{
	steps++;
	failures += !good;
	if (good && only_failures)
		return;
	printf("%s %d - ", good ? "ok" : "not ok", steps);
	vprintf(sentence, arguments);
	printf("%s\n", good ? "" : why);
}

void check_equal(int64_t got, int64_t expected, const char *sentence, ...)
{
	char a[32], b[32], why[128];
	va_list arguments;

	snprintf(why, sizeof(why), ": got %s, expected %s", value_text(got, a),
		 value_text(expected, b));
	va_start(arguments, sentence);
	report(got == expected, sentence, arguments, why);
	va_end(arguments);
}

void check_range(int64_t got, int64_t low, int64_t high, const char *sentence, ...)
{
	char a[32], b[32], c[32], why[128];
	va_list arguments;

	snprintf(why, sizeof(why), ": got %s, expected %s to %s", value_text(got, a),
		 value_text(low, b), value_text(high, c));
	va_start(arguments, sentence);
	report(got >= low && got <= high, sentence, arguments, why);
	va_end(arguments);
}

void check_true(bool good, const char *sentence, ...)
{
	va_list arguments;

	va_start(arguments, sentence);
	report(good, sentence, arguments, ": got false, expected true");
	va_end(arguments);
}

void check_skip(const char *reason, const char *sentence)
{
	steps++;
	if (!only_failures)
		printf("ok %d - %s # SKIP %s\n", steps, sentence, reason);
}

int check_status(void)
{
	return failures > 0;
}

int check_end(void)
{
	printf("1..%d\n", steps);
	if (failures > 0)
		printf("# %d of %d steps failed\n", failures, steps);
	fflush(stdout);
	return check_status();
}
