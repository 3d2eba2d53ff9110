/*
 * The console on COM1, polled.  Owns the port and the lock that keeps lines of
 * different CPUs apart.  Early boot calls log_init(); everybody else log().
 */
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"

#define COM1 0x3f8
#define UART_IER 1
#define UART_FCR 2
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20
/* A port without a UART reads as all ones; one that never empties is given up. */
#define UART_SPIN_LIMIT 100000

static u32 log_lock;
static bool log_lock_broken;

void log_init(void)
{
	outb(COM1 + UART_IER, 0);
	outb(COM1 + UART_LCR, 0x80); /* divisor latch */
	outb(COM1 + 0, 1);           /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + UART_LCR, 0x03); /* 8 bits, no parity, one stop bit */
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

/* A lock of its own: spin_lock() needs GS, and early boot has none. */
void log_write(const char *s, size_t n)
{
	u64 flags = interrupts_save();

	while (!log_lock_broken &&
	       __atomic_exchange_n(&log_lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			put_byte('\r');
		put_byte(s[i]);
	}
	__atomic_store_n(&log_lock, 0, __ATOMIC_RELEASE);
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
