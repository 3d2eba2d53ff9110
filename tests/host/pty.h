/*
 * A terminal of the host's: a pty, both of whose ends are the test's.
 */
#ifndef TESTS_HOST_PTY_H
#define TESTS_HOST_PTY_H

#include "kernel/base/types.h"

/* False: there are none here. */
bool pty_open(void);

/* settings: struct termios as the kernel has it. */
void pty_set(const void *settings);
void pty_flush(void);
void pty_type(const char *keys, size_t n);

/* What it shows until `last` and at least n bytes have come, or nothing more does. */
size_t pty_echo(char *to, size_t size, char last, size_t n);

/* Bytes that could be read; and waits until there are n. */
unsigned pty_count(void);
void pty_wait_for(unsigned n);

/* -1: nothing is there. */
long pty_read(void *to, size_t n);

#endif
