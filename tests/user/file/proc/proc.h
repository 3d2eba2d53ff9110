/*
 * proc's parts: reading a whole file, and what it says in a line.
 */
#ifndef TESTS_USER_PROC_H
#define TESTS_USER_PROC_H

#include "../../lib/check.h"

#include <stddef.h>
#include <sys/types.h>

#define TEXT_SIZE (1 << 20)
#define OTHER_USER 12345

extern char text[TEXT_SIZE], again[TEXT_SIZE];

/* The errno of a call that has returned this; 0: it was none. */
int error(long result);

/* The whole file, in pieces of `piece` bytes, and a NUL; its size, or -errno. */
long read_into(char *to, const char *path, size_t piece);

/* The same into `text`. */
long read_all(const char *path);

/* The number behind a line's beginning in `text`; -1: there is no such line. */
long long number_of(const char *line);

/* The exit status of a child, or -1. */
int status_of(pid_t pid);

/* proc/reading.c */
void test_reading(void);

/* proc/system.c: what is about no process. */
void test_system(void);
void test_kernel(void);

#endif
