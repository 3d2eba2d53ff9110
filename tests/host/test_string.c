/*
 * Test of kernel/base/string.c, against loops too simple to be wrong.
 *
 * The standard functions here are the kernel's own (tests/host/Makefile.inc
 * renames them).  Their inline assembly is invisible to the sanitizer, so the
 * bytes around each destination are compared as well.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "tests/host/host.h"

#define AREA 96

static u8 area[AREA], before[AREA];

static void fill_area(void)
{
	unsigned i;

	for (i = 0; i < AREA; i++)
		area[i] = before[i] = (u8)host_random();
}

/* Is area[i] what memmove(area + dst, area + src, n) makes of before[]? */
static void check_moved(unsigned dst, unsigned src, unsigned n)
{
	unsigned i;
	u8 want;

	for (i = 0; i < AREA; i++) {
		want = i >= dst && i < dst + n ? before[src + i - dst]
					       : before[i];
		if (area[i] == want)
			continue;
		CHECK_EQ(area[i], want);
		CHECK_EQ(dst * 10000 + src * 100 + n, i); /* says where */
	}
}

static void test_memcpy(void)
{
	unsigned dst, n;

	for (n = 0; n <= 40; n++) {
		for (dst = 0; dst < 8; dst++) {
			fill_area();
			CHECK(memcpy(area + dst, area + 50, n) == area + dst);
			check_moved(dst, 50, n);
		}
	}
}

static void test_memmove(void)
{
	unsigned dst, src, n;

	for (n = 0; n <= 32; n++) {
		for (dst = 0; dst < 40; dst++) {
			for (src = 0; src < 40; src++) {
				fill_area();
				CHECK(memmove(area + dst, area + src, n) ==
				      area + dst);
				check_moved(dst, src, n);
			}
		}
	}
}

static void test_memset(void)
{
	unsigned dst, n, i;

	for (n = 0; n <= 40; n++) {
		for (dst = 0; dst < 8; dst++) {
			fill_area();
			CHECK(memset(area + dst, 0x1a5, n) == area + dst);
			for (i = 0; i < AREA; i++)
				CHECK_EQ(area[i], i >= dst && i < dst + n
						  ? 0xa5 : before[i]);
		}
	}
}

static void test_memcmp(void)
{
	CHECK_EQ(memcmp("abc", "abd", 2), 0);
	CHECK(memcmp("abc", "abd", 3) < 0);
	CHECK(memcmp("abd", "abc", 3) > 0);
	CHECK(memcmp("\x80", "\x7f", 1) > 0);
	CHECK_EQ(memcmp("a", "b", 0), 0);
	CHECK(memcmp("a\0b", "a\0c", 3) < 0);
}

static void test_lengths(void)
{
	CHECK_EQ(strlen(""), 0);
	CHECK_EQ(strlen("abc"), 3);
	CHECK_EQ(strnlen("abc", 10), 3);
	CHECK_EQ(strnlen("abc", 2), 2);
	CHECK_EQ(strnlen("abc", 0), 0);
}

static void test_compare(void)
{
	CHECK_EQ(strcmp("", ""), 0);
	CHECK_EQ(strcmp("abc", "abc"), 0);
	CHECK(strcmp("abc", "abcd") < 0);
	CHECK(strcmp("abcd", "abc") > 0);
	CHECK(strcmp("\xff", "a") > 0);
	CHECK_EQ(strncmp("abcx", "abcy", 3), 0);
	CHECK(strncmp("abcx", "abcy", 4) < 0);
	CHECK_EQ(strncmp("ab", "ab", 9), 0);
	CHECK_EQ(strncmp("a\0x", "a\0y", 3), 0);
}

static void test_strchr(void)
{
	const char *s = "a=b=c";

	CHECK(strchr(s, '=') == s + 1);
	CHECK(strchr(s, 'a') == s);
	CHECK(strchr(s, '\0') == s + 5);
	CHECK(strchr(s, 'x') == NULL);
}

static void test_strscpy(void)
{
	char to[8] = "zzzzzzz";

	CHECK_EQ(strscpy(to, "abc", sizeof(to)), 3);
	CHECK_STR(to, "abc");
	CHECK_EQ(to[4], 'z');
	CHECK_EQ(strscpy(to, "1234567", sizeof(to)), 7);
	CHECK_STR(to, "1234567");
	CHECK_EQ(strscpy(to, "12345678", sizeof(to)), -E2BIG);
	CHECK_STR(to, "1234567");
	CHECK_EQ(strscpy(to, "abc", 2), -E2BIG);
	CHECK_STR(to, "a");
	CHECK_EQ(to[2], '3');
	CHECK_EQ(strscpy(to, "abc", 0), -E2BIG);
	CHECK_STR(to, "a");
	CHECK_EQ(strscpy(to, "", 1), 0);
	CHECK_STR(to, "");
}

/* The definition of a glob, which takes exponential time. */
static bool slow_glob(const char *p, const char *s)
{
	if (*p == '*')
		return slow_glob(p + 1, s) || (*s && slow_glob(p, s + 1));
	if (*s == '\0' || *p == '\0')
		return *s == *p;
	return (*p == '?' || *p == *s) && slow_glob(p + 1, s + 1);
}

static void test_glob(void)
{
	CHECK(glob_match("", ""));
	CHECK(glob_match("*", ""));
	CHECK(glob_match("*", "pagetable"));
	CHECK(glob_match("pti*", "pti_map"));
	CHECK(glob_match("*map", "pti_map"));
	CHECK(glob_match("p?i", "pti"));
	CHECK(glob_match("*a*b*", "xxaxxbxx"));
	CHECK(!glob_match("", "a"));
	CHECK(!glob_match("?", ""));
	CHECK(!glob_match("pti", "pti_map"));
	CHECK(!glob_match("pti_map", "pti"));
	CHECK(!glob_match("*a*b", "xbxa"));
}

static void test_glob_random(void)
{
	char p[9], s[11];
	unsigned i, n;

	for (n = 0; n < 50000; n++) {
		for (i = 0; i < sizeof(p) - 1; i++)
			p[i] = "ab*?\0"[host_random() % 5];
		for (i = 0; i < sizeof(s) - 1; i++)
			s[i] = "aaabbb\0"[host_random() % 7];
		p[i = sizeof(p) - 1] = s[sizeof(s) - 1] = '\0';
		if (glob_match(p, s) == slow_glob(p, s))
			continue;
		CHECK_STR(p, s); /* shows both */
	}
}

static void test_glob_list(void)
{
	CHECK(glob_match_list("pti", "pti"));
	CHECK(glob_match_list("gdt,pti*", "pti_map"));
	CHECK(glob_match_list("pti*,gdt", "pti_map"));
	CHECK(glob_match_list("a,,b", ""));
	CHECK(!glob_match_list("gdt,ltr", "pti"));
	CHECK(!glob_match_list("gdt,", "g"));
	CHECK(!glob_match_list("gdt", "gdt,"));
	CHECK(!glob_match_list("a*,b", "ba"));
}

const struct host_case host_cases[] = {
	{ "memcpy copies exactly the range", test_memcpy },
	{ "memmove copies overlapping ranges both ways", test_memmove },
	{ "memset fills exactly the range", test_memset },
	{ "memcmp compares bytes as unsigned", test_memcmp },
	{ "strlen and strnlen count", test_lengths },
	{ "strcmp and strncmp compare as unsigned", test_compare },
	{ "strchr finds the first one, and the end", test_strchr },
	{ "strscpy terminates and tells when it cut", test_strscpy },
	{ "glob_match knows * and ?", test_glob },
	{ "glob_match agrees with the definition", test_glob_random },
	{ "glob_match_list tries each pattern", test_glob_list },
	{ NULL, NULL }
};
