/*
 * Wrappers of the instructions that speak to devices: ports, and registers in memory.
 */
#ifndef KERNEL_BASE_IO_H
#define KERNEL_BASE_IO_H

#include "kernel/base/types.h"

/* clang-format off */
static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }

static inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* A register of a device in memory. */
static inline u32 mmio_read32(const volatile u32 *at) { return *at; }
static inline void mmio_write32(volatile u32 *at, u32 v) { *at = v; }

static inline void insb(u16 port, void *to, size_t n)
{
	__asm__ volatile("rep insb" : "+D"(to), "+c"(n) : "d"(port) : "memory");
}
/* clang-format on */

#endif
