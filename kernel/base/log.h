/*
 * The console: COM1, one call's text at a time from whichever CPU.  log(), log_write()
 * and panic() (kernel/base/panic.h) are the kernel's; what user programs write, and the
 * echo of what is typed, goes through console_write().  Needs this_cpu().
 */
#ifndef KERNEL_BASE_LOG_H
#define KERNEL_BASE_LOG_H

#include "kernel/base/panic.h"
#include "kernel/base/types.h"

/*
 * True: the kernel leaves the console to the programs (the argument `quiet`), until a
 * panic.  Set once, by the boot CPU, before there are others.
 */
extern bool log_quiet;

/*
 * Sets up COM1: 115200 baud, 8 bits, no interrupts; and looks whether a host listens
 * (PORT_HOST).  Once, before all output.
 */
void log_init(void);

/* Formats and writes as it is; a newline becomes CR LF.  Any context. */
void log(const char *fmt, ...) __printf_like(1, 2);

/* Writes n bytes as they are but for newlines, and tells them to the host.  Any context. */
void log_write(const char *s, size_t n);

/* The same for bytes that are not the kernel's: never quiet, and not told.  Any context. */
void console_write(const char *s, size_t n);

/* The same, newlines as they are, too. */
void console_write_raw(const char *s, size_t n);

/* Tells a text to the host alone.  Any context. */
void log_to_host(const char *s);

/* From now on a byte that comes is an interrupt, COM1_IRQ.  Boot CPU, once. */
void log_interrupt_on_byte(void);

/* A byte from COM1, or -1 if none is waiting. */
int log_read_byte(void);

/* Would it return one?  The same context. */
bool log_has_byte(void);

/*
 * From here on output takes no lock, and is not quiet: for the panic path, whose CPU may
 * have been stopped while it held it.
 */
void log_break_lock(void);

#endif
