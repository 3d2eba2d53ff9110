/*
 * Memory and string functions; string.h says what each one promises.
 *
 * Bulk work goes by `rep movsq` and `rep stosq`: under the emulator's
 * instruction counter every iteration of a REP counts as one instruction, so
 * eight bytes a time is eight times cheaper than one.  The direction flag is
 * clear, as the ABI promises to C; nothing here ever sets it, because an NMI
 * in between would run its handler with the flag set.
 *
 * Called from everywhere, and by the compiler's own expansions: so no function
 * here may contain a loop that the compiler would turn into a call of itself.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"

/* A 64-bit word at any address, which may alias objects of any type. */
typedef u64 __attribute__((may_alias, aligned(1))) any_word;

void *memcpy(void *dst, const void *src, size_t n)
{
	void *to = dst;
	size_t words = n / 8;
	size_t bytes = n % 8;

	asm volatile("rep movsq" : "+D"(to), "+S"(src), "+c"(words) : : "memory");
	asm volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(bytes) : : "memory");
	return dst;
}

/* Copies from the last byte to the first. */
static void copy_backwards(u8 *to, const u8 *from, size_t n)
{
	while (n % 8 != 0) {
		n--;
		to[n] = from[n];
		/* Keeps gcc from seeing a memmove in the loop. */
		asm volatile("" : : : "memory");
	}
	while (n != 0) {
		n -= 8;
		*(any_word *)(to + n) = *(const any_word *)(from + n);
		asm volatile("" : : : "memory");
	}
}

void *memmove(void *dst, const void *src, size_t n)
{
	/* Only a destination inside the source loses bytes going upwards. */
	if ((uintptr_t)dst - (uintptr_t)src >= n)
		return memcpy(dst, src, n);
	copy_backwards(dst, src, n);
	return dst;
}

void *memset(void *dst, int byte, size_t n)
{
	void *to = dst;
	u64 pattern = (u8)byte * 0x0101010101010101ULL;
	size_t words = n / 8;
	size_t bytes = n % 8;

	asm volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
	asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(pattern) : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a;
	const u8 *y = b;

	for (; n != 0; n--, x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0')
		n++;
	return n;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n != 0; n--, a++, b++) {
		if (*a != *b || *a == '\0')
			return (u8)*a - (u8)*b;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (*s == '\0')
			return NULL;
	}
}

long strscpy(char *dst, const char *src, size_t size)
{
	size_t n;

	if (size == 0)
		return -E2BIG;
	n = strnlen(src, size);
	if (n == size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(dst, src, n + 1);
	return (long)n;
}

/* glob_match for a pattern that ends at `end` instead of at a NUL. */
static bool match(const char *pattern, const char *end, const char *string)
{
	const char *star = NULL;   /* just after the last `*` met */
	const char *resume = NULL; /* where its run of bytes ends so far */

	while (*string != '\0') {
		if (pattern != end && *pattern == '*') {
			star = ++pattern;
			resume = string;
		} else if (pattern != end && (*pattern == '?' || *pattern == *string)) {
			pattern++;
			string++;
		} else if (star != NULL) {
			/* Let the last `*` take one byte more; earlier ones
			 * need no second look, for they matched already. */
			pattern = star;
			string = ++resume;
		} else {
			return false;
		}
	}
	while (pattern != end && *pattern == '*')
		pattern++;
	return pattern == end;
}

bool glob_match(const char *pattern, const char *string)
{
	return match(pattern, pattern + strlen(pattern), string);
}

bool glob_match_list(const char *patterns, const char *string)
{
	const char *end;

	for (;; patterns = end + 1) {
		end = strchr(patterns, ',');
		if (end == NULL)
			return glob_match(patterns, string);
		if (match(patterns, end, string))
			return true;
	}
}
