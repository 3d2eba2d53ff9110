/*
 * Bytes from COM1.  The port is polled in every timer interrupt, and every 5 ms while a task
 * waits, so that Ctrl-T and Ctrl-C are heard even if nobody reads.  What is typed goes to the
 * line discipline (kernel/fs/terminal.c), once there is one; until then it waits here.
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
#define EOT 4
#define DLE 16
#define CTRL_T 20 /* the BSDs' key for status */

bool tty_is_pipe;
static int (*tty_typed)(u8 c);
static void (*tty_signal)(int signal);

/* How far the reader of a pipe is. */
static struct {
	bool begun, escaped, ended;
	bool has_next; /* a byte of the file that was looked at, and not yet read */
	u8 next;
	struct claim claim; /* one reader at a time */
} pipe = { .claim = CLAIM(LOCK_TTY_LINE) };

/*
 * Come and not yet taken.  The CPU that polls puts bytes in; it takes them out, too, for the
 * discipline, or a pipe's reader does.
 */
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

/* Gives the discipline what there is, with the claim; the signals that it means. */
static u64 pass_on(void)
{
	u64 signals = 0;

	for (int c; tty_typed && !tty_is_pipe && (c = take()) >= 0;)
		signals |= BIT(tty_typed((u8)c));
	return signals;
}

static void send(u64 signals)
{
	for (int signal = 1; signals >> signal; signal++)
		if (signals >> signal & 1)
			tty_signal(signal);
}

void tty_to(int (*typed_byte)(u8 c), void (*signal)(int signal))
{
	u64 flags = interrupts_save(), signals = 0;

	while (!claim_try(&typed.polling))
		cpu_relax();
	tty_signal = signal;
	tty_typed = typed_byte;
	signals = pass_on();
	claim_drop(&typed.polling);
	interrupts_restore(flags);
	send(signals);
}

void tty_poll(void)
{
	bool report = false, heard = false;
	u64 flags, signals = 0;
	int c;

	if (!log_has_byte())
		return;
	flags = interrupts_save();
	if (claim_try(&typed.polling)) {
		while (!(tty_is_pipe && is_full()) && (c = log_read_byte()) >= 0) {
			typed.came_ns = clock_ns();
			report |= !tty_is_pipe && c == CTRL_T;
			heard |= !tty_is_pipe && c == CTRL_C && tty_typed;
			if (tty_is_pipe || c != CTRL_T)
				put((u8)c);
		}
		signals = pass_on();
		claim_drop(&typed.polling);
	}
	interrupts_restore(flags);
	if (report)
		watchdog_report_all();
	if (heard)
		log_to_host("^C\n"); /* scripts/console.py waits for it */
	send(signals);
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

/* Another byte from the other side.  True: *to is one of the file's. */
static bool decode(u8 c, u8 *to)
{
	bool escaped = pipe.escaped;

	pipe.escaped = pipe.begun && !escaped && c == DLE;
	pipe.ended = escaped && c == EOT;
	if (!pipe.begun || pipe.escaped || pipe.ended) {
		pipe.begun |= c == STX;
		return false;
	}
	*to = c;
	return true;
}

/* Waits for one byte, and takes more as far as they have come.  The claim is the caller's. */
static long take_file(u8 *to, size_t n, bool (*interrupted)(void))
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

long tty_read_pipe(u8 *to, size_t n, bool (*interrupted)(void))
{
	long got;

	while (!claim_try(&pipe.claim))
		if (!wait_a_little(interrupted))
			return -ERESTARTSYS;
	got = take_file(to, n, interrupted);
	claim_drop(&pipe.claim);
	return got;
}

bool tty_pipe_is_ready(void)
{
	bool ready;
	int c;

	if (!claim_try(&pipe.claim))
		return false;
	tty_poll();
	while (!pipe.ended && !pipe.has_next && (c = take()) >= 0)
		pipe.has_next = decode((u8)c, &pipe.next);
	ready = pipe.ended || pipe.has_next;
	claim_drop(&pipe.claim);
	return ready;
}
