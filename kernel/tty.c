/*
 * A line discipline in small: what somebody types on COM1 becomes lines.  The
 * port is polled, every 5 ms, while a task waits.  Called by sys_read().
 */
#include "arch/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/sched.h"
#include "kernel/tty.h"

#define POLL_NS (5 * NSEC_PER_MSEC)
#define CTRL_D 4
#define BACKSPACE 8
#define DEL 127

/* The line being typed, or, when complete, being read. */
static struct {
	u8 text[256];
	size_t length, taken;
	bool complete;
	bool busy; /* one reader at a time */
} line;

static u8 wait_for_byte(void)
{
	for (;;) {
		int c = log_read_byte();

		if (c >= 0)
			return (u8)c;
		sched_sleep_until(clock_ns() + POLL_NS);
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

long tty_read(u8 *to, size_t n)
{
	size_t part;

	while (__atomic_exchange_n(&line.busy, true, __ATOMIC_ACQUIRE))
		sched_sleep_until(clock_ns() + POLL_NS);
	while (!line.complete)
		type(wait_for_byte());
	part = MIN(n, line.length - line.taken);
	memcpy(to, line.text + line.taken, part);
	line.taken += part;
	if (line.taken == line.length)
		line.length = line.taken = line.complete = 0;
	__atomic_store_n(&line.busy, false, __ATOMIC_RELEASE);
	return (long)part;
}
