/*
 * The console on COM1, polled.  Owns the port and the lock that keeps lines of
 * different CPUs apart.  Early boot calls log_init(); everybody else log().
 */
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/ports.h"
#include "kernel/base/string.h"

/* A port without a UART reads as all ones; one that never empties is given up. */
#define UART_SPIN_LIMIT 100000

/* Whose turn it is: that CPU's vault, or NULL. */
static struct percpu *log_owner;
static bool log_lock_broken;

void log_init(void)
{
	outb(COM1 + UART_IER, 0);
	outb(COM1 + UART_LCR, 0x80); /* divisor latch */
	outb(COM1 + 0, 1);           /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + UART_LCR, LCR_8N1);
	outb(COM1 + UART_FCR, 0x01); /* FIFO on, nothing discarded */
	outb(COM1 + UART_MCR, 0x03);
}

static void put_byte(char c)
{
	for (int i = 0; i < UART_SPIN_LIMIT; i++) {
		if (inb(COM1 + UART_LSR) & LSR_THR_EMPTY)
			break;
		cpu_relax();
	}
	outb(COM1, (u8)c);
}

/* True: ours now.  False: it was ours before an NMI or #MC came in between. */
static bool take_turn(void)
{
	struct percpu *self = this_cpu(), *nobody = NULL;

	while (!__atomic_compare_exchange_n(&log_owner, &nobody, self, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (nobody == self || log_lock_broken)
			return false;
		nobody = NULL;
		cpu_relax();
	}
	return true;
}

/* A lock of its own, which an IST event on the CPU that holds it walks past. */
void log_write(const char *s, size_t n)
{
	u64 flags = interrupts_save();
	bool taken = take_turn();

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			put_byte('\r');
		put_byte(s[i]);
	}
	if (taken)
		__atomic_store_n(&log_owner, NULL, __ATOMIC_RELEASE);
	interrupts_restore(flags);
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

int log_read_byte(void)
{
	u8 status = inb(COM1 + UART_LSR);

	if (status == 0xff || !(status & LSR_DATA_READY))
		return -1;
	return inb(COM1);
}

void log_break_lock(void)
{
	log_lock_broken = true;
}
