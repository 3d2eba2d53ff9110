/*
 * Test of kernel/base/format.c and complaint.c: fixed cases, and random ones
 * compared with the C library's snprintf.
 *
 * Format strings that the compiler would warn of are hidden from it in
 * variables.
 */
#include "kernel/base/complaint.h"
#include "kernel/base/errno.h"
#include "kernel/base/format.h"
#include "tests/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both formatters on the same arguments: text and result must agree. */
#define SAME(...) \
	do { \
		char ours_[200], libc_[200]; \
		int n_ = format(ours_, sizeof(ours_), __VA_ARGS__); \
		CHECK_EQ(n_, snprintf(libc_, sizeof(libc_), __VA_ARGS__)); \
		CHECK_STR(ours_, libc_); \
	} while (0)

#define GIVES(expected, ...) \
	do { \
		char ours_[200]; \
		int n_ = format(ours_, sizeof(ours_), __VA_ARGS__); \
		CHECK_STR(ours_, expected); \
		CHECK_EQ(n_, strlen(expected)); \
	} while (0)

static void test_plain(void)
{
	GIVES("", "%s", "");
	GIVES("hello", "hello");
	GIVES("100% of x", "%d%% of %c", 100, 'x');
	SAME("%s and %s", "one", "two");
	SAME("%d %i %u %x %X", -5, 7, 4000000000u, 0xbeef, 0xbeef);
	SAME("[%c%5c%-5c]", 'a', 'b', 'c');
}

static void test_extremes(void)
{
	SAME("%d %d", __INT_MAX__, -__INT_MAX__ - 1);
	SAME("%ld %ld", INT64_MAX, INT64_MIN);
	SAME("%lu %lx %#lX", UINT64_MAX, UINT64_MAX, UINT64_MAX);
	SAME("%lld %llu", (long long)INT64_MIN, (unsigned long long)UINT64_MAX);
	SAME("%zu %zx %jd %td", SIZE_MAX, SIZE_MAX, INT64_MIN, (ptrdiff_t)-1);
}

static void test_short_lengths(void)
{
	const char *f = "%hhd %hhu %hd %hu %hhx"; /* values do not fit */

	GIVES("-1 255 -1 65535 80", f, 0x1ff, 0x1ff, 0x1ffff, 0x1ffff, 0x180);
}

static void test_pointer(void)
{
	GIVES("0xffffffff80000000", "%p", (void *)0xffffffff80000000);
	GIVES("0x0", "%p", NULL);
	GIVES("[      0x1f]", "[%10p]", (void *)0x1f);
}

static void test_strings(void)
{
	static const char open[3] = { 'a', 'b', 'c' }; /* no NUL */
	const char *volatile null = NULL;

	GIVES("(null)", "%s", null);
	GIVES("[   ab]", "[%5.2s]", open);
	GIVES("[ab   ]", "[%-*.*s]", 5, 2, open);
	GIVES("abc", "%.3s", open);
	GIVES("[     ]", "[%5.0s]", "xyz");
	SAME("[%.*s]", -1, "all of it");
	SAME("[%*s]", -9, "left");
}

static void test_unknown(void)
{
	const char *f = "%q %5.2lo %d %";

	GIVES("%q %5.2lo 7 %", f, 7);
	f = "%-08";
	GIVES("%-08", f, 0);
	f = "%n"; /* must not write through the pointer */
	GIVES("%n", f, 0);
}

static void test_result(void)
{
	char buf[8] = "zzzzzzz";

	CHECK_EQ(format(buf, 4, "%s", "abcdef"), 6);
	CHECK_STR(buf, "abc");
	CHECK_EQ(buf[4], 'z');
	CHECK_EQ(format(buf, 1, "%d", 12345), 5);
	CHECK_STR(buf, "");
	CHECK_EQ(format(NULL, 0, "%d", 12345), 5);
	CHECK_EQ(format(buf, 8, "%s", "1234567"), 7);
	CHECK_STR(buf, "1234567");
}

static void test_huge_width(void)
{
	const char *volatile f = "%2147483647d%99999999999d";
	const char *volatile star = "%*d";
	char *buf = malloc(16);

	CHECK_EQ(format(buf, 16, f, 1, 2), __INT_MAX__);
	CHECK_STR(buf, "               ");
	CHECK_EQ(format(buf, 16, star, -__INT_MAX__ - 1, 1), __INT_MAX__);
	CHECK_STR(buf, "1              ");
	star = "%.*d";
	CHECK_EQ(format(buf, 16, star, __INT_MAX__, 1), __INT_MAX__);
	CHECK_STR(buf, "000000000000000");
	free(buf);
}

/* Every size of buffer, exactly allocated: nothing may be stored beyond. */
static void test_every_size(void)
{
	char whole[100];
	char *buf;
	int n = format(whole, sizeof(whole), "<%08x|%-6s|%+d>", 42, "abc", 7);
	int size;

	for (size = 1; size <= n + 2; size++) {
		buf = malloc((size_t)size);
		CHECK_EQ(format(buf, (size_t)size, "<%08x|%-6s|%+d>", 42,
				"abc", 7), n);
		CHECK_EQ(strlen(buf), MIN(n, size - 1));
		CHECK_EQ(strncmp(buf, whole, strlen(buf)), 0);
		free(buf);
	}
}

/* A random conversion, such as "%-+12.3ld"; returns its letter. */
static char random_spec(char *f)
{
	static const char letters[] = "diuxXcsp";
	char letter = letters[host_random() % 7]; /* p differs for NULL */
	unsigned flags = (unsigned)host_random();

	*f++ = '<';
	*f++ = '%';
	if (flags & 1)
		*f++ = '-';
	if ((flags & 2) && strchr("diuxX", letter))
		*f++ = '0';
	if ((flags & 4) && strchr("di", letter))
		*f++ = '+';
	if ((flags & 8) && strchr("di", letter))
		*f++ = ' ';
	if ((flags & 16) && strchr("xX", letter))
		*f++ = '#';
	if (flags & 32)
		f += sprintf(f, "%u", (unsigned)host_random() % 30 + 1);
	if ((flags & 64) && letter != 'c')
		f += sprintf(f, ".%u", (unsigned)host_random() % 25);
	if (strchr("diuxX", letter))
		f += sprintf(f, "%s", flags & 128 ? "l" :
			     flags & 256 ? "h" : flags & 512 ? "hh" : "l");
	sprintf(f, "%c>", letter);
	return letter;
}

static void test_random(void)
{
	char f[40];
	u64 value;
	unsigned n;
	char letter;

	for (n = 0; n < 50000; n++) {
		letter = random_spec(f);
		value = host_random() >> host_random() % 64;
		if (host_random() % 2)
			value = 0 - value;
		if (letter == 'c')
			SAME(f, (int)('!' + value % 90));
		else if (letter == 's')
			SAME(f, "a string to print");
		else if (strchr(f, 'l'))
			SAME(f, value);
		else
			SAME(f, (int)value);
	}
}

static void test_complain(void)
{
	struct complaint c;
	char long_text[300];

	CHECK_EQ(complain(&c, "found %d, expected %s", 3, "four"), -EINVAL);
	CHECK_STR(c.text, "found 3, expected four");
	CHECK_EQ(complain(&c, "a%sb", "\n\x1b[2J\x7f\t"), -EINVAL);
	CHECK_STR(c.text, "a??[2J??b");
	memset(long_text, 'x', sizeof(long_text));
	complain(&c, "%.*s", (int)sizeof(long_text), long_text);
	CHECK_EQ(strlen(c.text), sizeof(c.text) - 1);
}

const struct host_case host_cases[] = {
	{ "text, %%, %c and plain numbers", test_plain },
	{ "the smallest and largest numbers", test_extremes },
	{ "h and hh cut their arguments", test_short_lengths },
	{ "%p is 0x and the digits", test_pointer },
	{ "%s stops at the precision", test_strings },
	{ "an unknown conversion prints itself", test_unknown },
	{ "the result is the whole length", test_result },
	{ "a huge width costs only the buffer", test_huge_width },
	{ "nothing is stored beyond a buffer of any size", test_every_size },
	{ "random conversions agree with snprintf", test_random },
	{ "complain makes one clean line", test_complain },
	{ NULL, NULL }
};
