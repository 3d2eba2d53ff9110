/*
 * The console on COM1; what is sent is polled.  Owns the port and the lock that keeps lines of
 * different CPUs apart.  Early boot calls log_init(); everybody else log().
 *
 * A UART takes a byte in 87 us, a line in ten milliseconds.  So a text goes into a
 * ring first, whole; whoever has text in the ring sends from it, a few bytes at a
 * time, whosever they are, until its own are out.  Between these pieces interrupts
 * are on, if the caller has them on, and another CPU gets the lock: all that wait
 * move each other forward, in the order of the texts.
 */
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/io.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/ports.h"
#include "kernel/base/string.h"

/* A port without a UART reads as all ones; one that never empties is given up. */
#define UART_SPIN_LIMIT 5000
/* Bytes to send at once, with interrupts off: some 8000 instructions, if slow. */
#define PIECE 16
#define RING_SIZE 4096

/* Whose turn it is: that CPU's vault, or NULL. */
static struct percpu *log_owner;
static struct lock_check log_check = LOCK_CHECK(LOCK_LOG);
static bool log_lock_broken;

bool log_quiet;
static bool host_listens;

/* Under the lock; the numbers count bytes, and wrap. */
static struct {
	char text[RING_SIZE];
	u32 in, sent;
} ring;

void log_init(void)
{
	outb(COM1 + UART_IER, 0);
	outb(COM1 + UART_LCR, 0x80); /* divisor latch */
	outb(COM1 + 0, 1);           /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + UART_LCR, LCR_8N1);
	outb(COM1 + UART_FCR, 0xc1); /* FIFO on, 14 bytes at a time; what is in it goes */
	outb(COM1 + UART_MCR, MCR_DTR_RTS);
	host_listens = inb(PORT_HOST) == HOST_LISTENS;
}

/* False: the UART did not take it in time, and perhaps never. */
static bool put_byte(char c)
{
	int i;

	for (i = 0; i < UART_SPIN_LIMIT; i++) {
		if (inb(COM1 + UART_LSR) & LSR_THR_EMPTY)
			break;
		cpu_relax();
	}
	outb(COM1, (u8)c);
	return i < UART_SPIN_LIMIT;
}

/* True: the turn is ours now.  False: it was ours already when an NMI or #MC came. */
static bool take_turn(void)
{
	struct percpu *self = this_cpu(), *nobody = NULL;

	while (!__atomic_compare_exchange_n(&log_owner, &nobody, self, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		if (nobody == self || log_lock_broken)
			return false;
		nobody = NULL;
		cpu_relax();
	}
	lock_check_want(&log_check);
	lock_check_got(&log_check);
	return true;
}

static void give_turn(void)
{
	lock_check_drop(&log_check);
	__atomic_store_n(&log_owner, NULL, __ATOMIC_RELEASE);
}

/* Up to n bytes of the ring.  We have the lock. */
static void send(u32 n)
{
	while (n-- && ring.sent != ring.in)
		if (!put_byte(ring.text[ring.sent++ % RING_SIZE]))
			return;
}

/* False: there is no room yet, should all be newlines.  We have the lock. */
static bool add(const char *s, size_t n, bool raw)
{
	if (2 * n > RING_SIZE - (ring.in - ring.sent))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n' && !raw)
			ring.text[ring.in++ % RING_SIZE] = '\r';
		ring.text[ring.in++ % RING_SIZE] = s[i];
	}
	return true;
}

/* In an IST event on the CPU that has the lock, or when there is none any more. */
static void write_past(const char *s, size_t n)
{
	if (log_lock_broken)
		send(RING_SIZE);
	for (size_t i = 0; i < n; i++)
		if (s[i] != '\n' || put_byte('\r'))
			put_byte(s[i]);
}

/* At most half a ring's worth. */
static void write_text(const char *s, size_t n, bool raw)
{
	bool added = false, sent = false;
	u32 end = 0;

	while (!sent) {
		u64 flags = interrupts_save();
		bool taken = take_turn();

		if (!taken && !added)
			write_past(s, n);
		if (taken && !added) {
			added = add(s, n, raw);
			end = ring.in;
		}
		if (taken)
			send(PIECE);
		sent = !taken || (added && (s32)(ring.sent - end) >= 0);
		if (taken)
			give_turn();
		interrupts_restore(flags);
	}
}

static void tell_host(const char *s, size_t n)
{
	u64 flags = interrupts_save();
	bool taken = take_turn();

	while (host_listens && n--)
		outb(PORT_HOST, (u8)*s++);
	if (taken)
		give_turn();
	interrupts_restore(flags);
}

static void write_parts(const char *s, size_t n, bool raw)
{
	while (n) {
		size_t part = MIN(n, RING_SIZE / 2);

		write_text(s, part, raw);
		s += part;
		n -= part;
	}
}

void console_write(const char *s, size_t n)
{
	write_parts(s, n, false);
}

void console_write_raw(const char *s, size_t n)
{
	write_parts(s, n, true);
}

void log_write(const char *s, size_t n)
{
	tell_host(s, n);
	if (!log_quiet)
		console_write(s, n);
}

void log_to_host(const char *s)
{
	tell_host(s, strlen(s));
}

void log(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	format_va(line, sizeof(line), fmt, args);
	va_end(args);
	log_write(line, strlen(line));
}

void log_interrupt_on_byte(void)
{
	outb(COM1 + UART_MCR, MCR_DTR_RTS | MCR_INTERRUPTS);
	outb(COM1 + UART_IER, IER_DATA_READY);
}

bool log_has_byte(void)
{
	u8 status = inb(COM1 + UART_LSR);

	return status != 0xff && (status & LSR_DATA_READY);
}

int log_read_byte(void)
{
	return log_has_byte() ? inb(COM1) : -1;
}

void log_break_lock(void)
{
	log_lock_broken = true;
	log_quiet = false;
}
