/*
 * Integer types, the two kinds of address, and the few macros that everything
 * uses.  Lowest layer: includes nothing of ours, and compiles on a host as it
 * does in the kernel.
 *
 * A physical address is a phys_addr_t and a virtual one a virt_addr_t or a
 * pointer; kernel/base/phys.h converts and asserts the ranges.
 */
#ifndef KERNEL_BASE_TYPES_H
#define KERNEL_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef u64 phys_addr_t;
typedef u64 virt_addr_t;

#define static_assert _Static_assert

#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#undef __always_inline /* a C library has one, in the host tests */
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#define __noreturn __attribute__((noreturn))
#define __unused __attribute__((unused))
#define __used __attribute__((used))
#define __section(name) __attribute__((section(name)))
#define __printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

/* For the paths whose instructions are counted. */
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Power-of-two rounding; `align` must be a power of two. */
/* clang-format off */
#define ALIGN_DOWN(x, align) ((x) & ~((u64)(align) - 1))
#define ALIGN_UP(x, align) (((x) + (u64)(align) - 1) & ~((u64)(align) - 1))
#define IS_ALIGNED(x, align) (((x) & ((u64)(align) - 1)) == 0)

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
/* clang-format on */

#define BIT(n) (1ULL << (n))

#endif
