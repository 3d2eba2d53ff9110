/*
 * A small line discipline: what is typed on COM1 becomes lines.  The port is polled in
 * every timer interrupt, and every 5 ms while a task waits, so that Ctrl-T and Ctrl-C are
 * heard even if nobody reads.  Other bytes wait for their reader; as in Linux, those for
 * which there is no room are lost.
 *
 * Or, with console=pipe, what comes is a file: STX, its bytes, and its end, which is DLE
 * EOT; a byte DLE is there twice.  (What is sent before the UART's FIFO is on may be lost,
 * so one byte stands before the STX.)  No key means anything, nothing is echoed, and what
 * there is no room for stays in the UART, whose other side waits.  scripts/console.py is
 * that other side.
 */
#include "arch/machine/clock.h"
#include "kernel/base/claim.h"
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/debug/watchdog.h"
#include "kernel/files/tty.h"
#include "kernel/task/sched.h"

/* Sooner, while a pipe's bytes are coming: the UART has room for a few. */
#define BUSY_POLL_NS (NSEC_PER_MSEC / 10)
#define BUSY_NS (20 * NSEC_PER_MSEC)
#define STX 2
#define CTRL_C 3
#define CTRL_D 4
#define BACKSPACE 8
#define DLE 16
#define CTRL_T 20 /* the BSDs' key for status */
#define DEL 127

/* The line being typed, or, when complete, being read. */
static struct {
	u8 text[256];
	size_t length, taken;
	bool complete;
	struct claim claim; /* one reader at a time */
} line = { .claim = CLAIM(LOCK_TTY_LINE) };

bool tty_is_pipe;
void (*tty_interrupt)(void);

/* How far the reader of a pipe is; the line's claim guards it. */
static struct {
	bool begun, escaped, ended;
	bool has_next; /* a byte of the file that was looked at, and not yet read */
	u8 next;
} pipe;

/* Typed and not yet read.  The CPU that polls puts bytes in, the reader takes them out. */
static struct {
	u8 bytes[4096];
	u32 in, out; /* counts; in - out are there */
	u64 came_ns; /* when the last did */
	struct claim polling;
} typed = { .polling = CLAIM(LOCK_TTY_POLL) };

static bool is_full(void)
{
	return typed.in - __atomic_load_n(&typed.out, __ATOMIC_ACQUIRE) == sizeof(typed.bytes);
}

static void put(u8 c)
{
	u32 in = typed.in;

	if (is_full())
		return;
	typed.bytes[in % sizeof(typed.bytes)] = c;
	__atomic_store_n(&typed.in, in + 1, __ATOMIC_RELEASE);
}

static int take(void)
{
	u32 out = typed.out;
	u8 c = typed.bytes[out % sizeof(typed.bytes)];

	if (__atomic_load_n(&typed.in, __ATOMIC_ACQUIRE) == out)
		return -1;
	__atomic_store_n(&typed.out, out + 1, __ATOMIC_RELEASE);
	return c;
}

void tty_poll(void)
{
	bool report = false, interrupt = false;
	u64 flags;
	int c;

	if (!log_has_byte())
		return;
	flags = interrupts_save();
	if (claim_try(&typed.polling)) {
		while (!(tty_is_pipe && is_full()) && (c = log_read_byte()) >= 0) {
			typed.came_ns = clock_ns();
			report |= !tty_is_pipe && c == CTRL_T;
			interrupt |= !tty_is_pipe && c == CTRL_C;
			if (tty_is_pipe || c != CTRL_T)
				put((u8)c);
		}
		claim_drop(&typed.polling);
	}
	interrupts_restore(flags);
	if (report)
		watchdog_report_all();
	if (interrupt && tty_interrupt) {
		log("^C\n"); /* scripts/console.py waits for it, too */
		tty_interrupt();
	}
}

/* Sleeps until something may have been typed; false: the reader must give up. */
static bool wait_a_little(bool (*interrupted)(void))
{
	u64 now = clock_ns();

	if (interrupted())
		return false;
	sched_sleep_until(
		now + (tty_is_pipe && now - typed.came_ns < BUSY_NS ? BUSY_POLL_NS : TTY_POLL_NS));
	return true;
}

/* A byte, or -ERESTARTSYS. */
static int wait_for_byte(bool (*interrupted)(void))
{
	for (;;) {
		int c;

		tty_poll();
		c = take();
		if (c >= 0)
			return c;
		if (!wait_a_little(interrupted))
			return -ERESTARTSYS;
	}
}

static void type(u8 c)
{
	if (c == '\r')
		c = '\n';
	if (c == BACKSPACE || c == DEL) {
		if (line.length) {
			line.length--;
			console_write("\b \b", 3);
		}
		return;
	}
	if (c == CTRL_C) {
		line.length = 0;
		return;
	}
	if (c == CTRL_D) {
		line.complete = true;
		return;
	}
	if (line.length >= sizeof(line.text) - 1 && c != '\n')
		return; /* full: only the newline still fits */
	line.text[line.length++] = c;
	console_write((const char *)&c, 1);
	line.complete = c == '\n';
}

/* Waits for a whole line; -ERESTARTSYS or the bytes of it that are taken. */
static long read_line(u8 *to, size_t n, bool (*interrupted)(void))
{
	size_t part;

	while (!line.complete) {
		int c = wait_for_byte(interrupted);

		if (c < 0)
			return c;
		type((u8)c);
	}
	part = MIN(n, line.length - line.taken);
	memcpy(to, line.text + line.taken, part);
	line.taken += part;
	if (line.taken == line.length)
		line.length = line.taken = line.complete = 0;
	return (long)part;
}

/* Another byte from the other side.  True: *to is one of the file's. */
static bool decode(u8 c, u8 *to)
{
	bool escaped = pipe.escaped;

	pipe.escaped = pipe.begun && !escaped && c == DLE;
	pipe.ended = escaped && c == CTRL_D;
	if (!pipe.begun || pipe.escaped || pipe.ended) {
		pipe.begun |= c == STX;
		return false;
	}
	*to = c;
	return true;
}

/* Waits for one byte, and takes more as far as they have come. */
static long read_pipe(u8 *to, size_t n, bool (*interrupted)(void))
{
	size_t done = 0;

	if (pipe.has_next && n) {
		to[done++] = pipe.next;
		pipe.has_next = false;
	}
	while (!pipe.ended && done < n) {
		int c = done ? take() : wait_for_byte(interrupted);

		if (c < 0)
			return done ? (long)done : c;
		done += decode((u8)c, to + done);
	}
	return (long)done;
}

long tty_read(u8 *to, size_t n, bool (*interrupted)(void))
{
	long got;

	while (!claim_try(&line.claim))
		if (!wait_a_little(interrupted))
			return -ERESTARTSYS;
	got = tty_is_pipe ? read_pipe(to, n, interrupted) : read_line(to, n, interrupted);
	claim_drop(&line.claim);
	return got;
}

/* Takes what has come as far as a line, or a pipe's next byte.  The claim is the caller's. */
static bool look_ahead(void)
{
	int c;

	tty_poll();
	if (tty_is_pipe) {
		while (!pipe.ended && !pipe.has_next && (c = take()) >= 0)
			pipe.has_next = decode((u8)c, &pipe.next);
		return pipe.ended || pipe.has_next;
	}
	while (!line.complete && (c = take()) >= 0)
		type((u8)c);
	return line.complete;
}

bool tty_is_ready(void)
{
	bool ready;

	if (!claim_try(&line.claim))
		return false;
	ready = look_ahead();
	claim_drop(&line.claim);
	return ready;
}
