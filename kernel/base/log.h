/*
 * The console: COM1, one call's text at a time from whichever CPU.  log() and panic()
 * (kernel/base/panic.h) are all that prints; user programs' output goes through
 * log_write().  Needs this_cpu().
 */
#ifndef KERNEL_BASE_LOG_H
#define KERNEL_BASE_LOG_H

#include "kernel/base/panic.h"
#include "kernel/base/types.h"

/* Sets up COM1: 115200 baud, 8 bits, no interrupts.  Once, before all output. */
void log_init(void);

/* Formats and writes as it is; a newline becomes CR LF.  Any context. */
void log(const char *fmt, ...) __printf_like(1, 2);

/* Writes n bytes as they are but for newlines.  Any context. */
void log_write(const char *s, size_t n);

/* A byte from COM1, or -1 if none is waiting. */
int log_read_byte(void);

/*
 * From here on output takes no lock: for the panic path, whose CPU may have
 * been stopped while it held it.
 */
void log_break_lock(void);

#endif
