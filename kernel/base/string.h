/*
 * Memory and string functions: the few of the C library that the kernel uses,
 * under their standard names (the compiler calls memcpy, memset, memmove and
 * memcmp on its own), and two of ours, strscpy and glob_match.
 *
 * Pure functions, any context, any CPU.  The kernel links string.c; a host
 * program gets the standard names from its libc, whose versions the address
 * sanitizer watches, and only the rest from string.c (tests/host/Makefile.inc).
 */
#ifndef KERNEL_BASE_STRING_H
#define KERNEL_BASE_STRING_H

#include "kernel/base/types.h"

/* As in the C standard and POSIX; all sizes in bytes. */
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);

/*
 * Copies src into dst, which has room for `size` bytes, and always terminates
 * dst unless size is 0.  Returns the length copied, without the NUL, or -E2BIG
 * if src was cut (size 0 counts as cut).  Never reads src beyond its NUL, nor
 * beyond byte `size`.  The ranges must not overlap.
 */
long strscpy(char *dst, const char *src, size_t size);

/*
 * Does the whole string match the pattern, in which `*` stands for any run of
 * bytes (also none) and `?` for any one byte?  There is no escape character.
 * The time is bounded by the product of the two lengths.
 */
bool glob_match(const char *pattern, const char *string);

/*
 * glob_match against a comma-separated list of patterns: true if any of them
 * matches.  An empty pattern in the list matches only the empty string.
 */
bool glob_match_list(const char *patterns, const char *string);

#endif
