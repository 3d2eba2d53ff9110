/*
 * A small line discipline: what is typed on COM1 becomes lines.  The port is polled in
 * every timer interrupt, and every 5 ms while a task waits, so that Ctrl-T is heard even
 * if nobody reads.  Other bytes wait for their reader; as in Linux, those for which there
 * is no room are lost.
 */
#include "arch/machine/clock.h"
#include "kernel/base/claim.h"
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/debug/watchdog.h"
#include "kernel/files/tty.h"
#include "kernel/task/sched.h"

#define POLL_NS (5 * NSEC_PER_MSEC)
#define CTRL_D 4
#define BACKSPACE 8
#define CTRL_T 20 /* the BSDs' key for status */
#define DEL 127

/* The line being typed, or, when complete, being read. */
static struct {
	u8 text[256];
	size_t length, taken;
	bool complete;
	struct claim claim; /* one reader at a time */
} line = { .claim = CLAIM(LOCK_TTY_LINE) };

/* Typed and not yet read.  The CPU that polls puts bytes in, the reader takes them out. */
static struct {
	u8 bytes[4096];
	u32 in, out; /* counts; in - out are there */
	struct claim polling;
} typed = { .polling = CLAIM(LOCK_TTY_POLL) };

static void put(u8 c)
{
	u32 in = typed.in;

	if (in - __atomic_load_n(&typed.out, __ATOMIC_ACQUIRE) == sizeof(typed.bytes))
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
	u64 flags = interrupts_save();
	bool report = false;
	int c;

	if (claim_try(&typed.polling)) {
		while ((c = log_read_byte()) >= 0) {
			if (c == CTRL_T)
				report = true;
			else
				put((u8)c);
		}
		claim_drop(&typed.polling);
	}
	interrupts_restore(flags);
	if (report)
		watchdog_report_all();
}

/* Sleeps until something may have been typed; false: the reader must give up. */
static bool wait_a_little(bool (*interrupted)(void))
{
	if (interrupted())
		return false;
	sched_sleep_until(clock_ns() + POLL_NS);
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
			log_write("\b \b", 3);
		}
		return;
	}
	if (c == CTRL_D) {
		line.complete = true;
		return;
	}
	if (line.length >= sizeof(line.text) - 1 && c != '\n')
		return; /* full: only the newline still fits */
	line.text[line.length++] = c;
	log_write((const char *)&c, 1);
	line.complete = c == '\n';
}

long tty_read(u8 *to, size_t n, bool (*interrupted)(void))
{
	size_t part;

	while (!claim_try(&line.claim))
		if (!wait_a_little(interrupted))
			return -ERESTARTSYS;
	while (!line.complete) {
		int c = wait_for_byte(interrupted);

		if (c < 0) {
			claim_drop(&line.claim);
			return c;
		}
		type((u8)c);
	}
	part = MIN(n, line.length - line.taken);
	memcpy(to, line.text + line.taken, part);
	line.taken += part;
	if (line.taken == line.length)
		line.length = line.taken = line.complete = 0;
	claim_drop(&line.claim);
	return (long)part;
}
