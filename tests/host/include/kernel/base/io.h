/*
 * kernel/base/io.h for the host tests: the ports and registers that the clock's files
 * use, on the machine of tests/host/clock_machine.h.
 */
#ifndef KERNEL_BASE_IO_H
#define KERNEL_BASE_IO_H

#include "kernel/base/types.h"

u8 inb(u16 port);
u32 inl(u16 port);
void outb(u16 port, u8 v);
u32 mmio_read32(const volatile u32 *at);
void mmio_write32(volatile u32 *at, u32 v);

#endif
