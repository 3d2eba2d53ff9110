/* COM1, and the two ways to end that the bare machine's emulators have. */
#include <stdarg.h>

#include "guest.h"

enum { COM1 = 0x3f8, LINE_STATUS = 0x3fd, CAN_TAKE_A_BYTE = 0x20, ALL_SENT = 0x40 };
enum { DEBUG_EXIT = 0xf4, BOCHS_SHUTDOWN = 0x8900 }; /* QEMU's; a word, letter by letter */

static void outb(uint16_t port, char value) {
	__asm__ volatile("outb %0, %1" : : "a"(value), "d"(port));
}

static void await(uint8_t line_status) {
	uint8_t status;

	do
		__asm__ volatile("inb %1, %0" : "=a"(status) : "d"((uint16_t)LINE_STATUS));
	while (!(status & line_status));
}

static void put(char c) {
	await(CAN_TAKE_A_BYTE);
	outb(COM1, c);
}

void say(const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
		} else if (*++format == 's') {
			for (const char *s = va_arg(arguments, const char *); *s; s++)
				put(*s);
		} else {
			uint32_t value = va_arg(arguments, uint32_t);
			for (int digit = *format - '1'; digit >= 0; digit--)
				put("0123456789abcdef"[value >> 4 * digit & 15]);
		}
	}
	va_end(arguments);
	put('\n');
}

void end(uint8_t status) {
	outb(DEBUG_EXIT, (char)status); /* which waits for the last byte itself */
	await(ALL_SENT);
	for (const char *s = "Shutdown"; *s; s++)
		outb(BOCHS_SHUTDOWN, *s);
	for (;;)
		__asm__ volatile("cli; hlt");
}
