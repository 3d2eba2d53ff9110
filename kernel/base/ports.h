/*
 * I/O ports that both C and boot/start32.asm use, which speaks before there is
 * any C.  Plain `#define NAME expression` only: NASM reads it as ports.inc.
 */
#ifndef KERNEL_BASE_PORTS_H
#define KERNEL_BASE_PORTS_H

/* The console (16550 UART) and its registers */
#define COM1 0x3f8
#define UART_IER 1
#define UART_FCR 2
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define IER_DATA_READY 0x01
#define MCR_DTR_RTS 0x03
#define MCR_INTERRUPTS 0x08 /* OUT2: the line to the interrupt controller */
#define COM1_IRQ 4
#define LCR_8N1 0x03
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20

/* QEMU's isa-debug-exit: the exit status is 2 * value + 1 */
#define PORT_DEBUG_EXIT 0xf4
#define DEBUG_EXIT_GOOD 16
#define DEBUG_EXIT_BAD 17

/*
 * QEMU's isa-debugcon, where scripts/run puts it: what the kernel says, and nobody else,
 * goes to the host.  It reads as HOST_LISTENS.
 */
#define PORT_HOST 0xe8
#define HOST_LISTENS 0x50

/* Bochs ends when "Shutdown" is written here */
#define PORT_BOCHS 0x8900

/* Reads as its own number in Bochs, if its port_e9_hack is on */
#define PORT_BOCHS_E9 0xe9

#endif
