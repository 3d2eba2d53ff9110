/*
 * far.h: into 32- and 16-bit code, and back.
 */
#ifndef TESTS_USER_FAR_H
#define TESTS_USER_FAR_H

#include <stdint.h>

struct far {
	uint32_t offset;
	uint16_t selector;
} __attribute__((packed));

/*
 * With DS flat, SS:ESP as given and ESI = arg, to code that changes no register
 * a callee must keep, and comes back by FAR_RETURN (32-bit code, in a flat
 * segment or not) or FAR_RETURN16.  ES, DS are null and SS is flat again then.
 * By far jump: QEMU 7.2 takes the stack accesses of a far return for the
 * kernel's if there is SMAP.
 */
void far_go(const struct far *to, uint32_t ss, uint32_t esp, uint32_t arg);

#define FAR_RETURN "	ljmp	$0x33, $far_back\n"
#define FAR_RETURN16 "	ljmpl	$0x33, $far_back\n"

/* An address in the program, which is linked low. */
static inline uint32_t far_low(const volatile void *p)
{
	return (uint32_t)(uintptr_t)p;
}

#endif
