/*
 * What gcc calls before each load and store of the kernel
 * (-fsanitize=kernel-address, outline mode), and what stands in front of the copies
 * that are made in assembly.  There is no shadow memory: the address says which
 * allocator knows, and that one is asked.
 *
 *   0xffffffff80000000  image          globals.c, if it is data
 *   0xffffc90000000000  vmap           objects.c: the cell's stack
 *   0xffff888000000000  direct map     frames.c
 *   below                              never: user memory is reached by mm/space/uaccess.c,
 *                                      whose instructions are assembly's
 * The entry areas, the vaults and slot 507 are mapped or not: the processor asks.
 */
#include "kernel/base/string.h"
#include "mm/space/uaccess.h"
#include "tests/sanitize/sanitize.h"

static bool is_live(u64 addr, u64 size, bool whole)
{
	if (size == 0)
		return true;
	if (addr >= KERNEL_BASE)
		return globals_are_live(addr, size);
	if (addr >= VMAP_END)
		return true;
	if (addr >= VMAP_BASE)
		return stacks_are_live(addr, size);
	return addr >= DIRECT_MAP_BASE && frames_are_live(addr, size, whole);
}

/* Most accesses, in few instructions; false: ask. */
static __always_inline bool is_plainly_live(u64 addr, u64 size)
{
	u64 off = addr % PAGE_SIZE, image = addr - KERNEL_BASE;

	if (addr >= KERNEL_BASE)
		return image < GLOBALS_COVERED - 16 && size <= 8 && !globals_shadow[image / 8] &&
		       !globals_shadow[(image + size - 1) / 8];
	if (addr >= VMAP_BASE) {
		u64 cell = (addr - VMAP_BASE) / VMAP_CELL_SIZE;

		return cell < VMAP_MAX_STACKS && off + size <= PAGE_SIZE &&
		       addr % VMAP_CELL_SIZE >= VMAP_CELL_SIZE - stack_cells[cell].size;
	}
	if (addr >= DIRECT_MAP_BASE) {
		const struct frame_record *r = frame_record_of(addr);

		return r && off + size <= r->used && !r->dead_pieces;
	}
	return false;
}

bool byte_is_live(u64 addr, bool whole)
{
	return is_live(addr, 1, whole);
}

static inline void look(const void *p, u64 size, bool write)
{
	if (unlikely(!is_plainly_live((u64)p, size) && !is_live((u64)p, size, false)))
		report_access((u64)p, size, write, false);
}

static inline void look_at_copy(const void *p, u64 size, bool write)
{
	if (unlikely(!is_live((u64)p, size, true)))
		report_access((u64)p, size, write, true);
}

#define OF_SIZE(n)                                          \
	void __asan_load##n##_noabort(const void *p);       \
	void __asan_store##n##_noabort(const void *p);      \
	void __asan_load##n##_noabort(const void *p)        \
	{                                                   \
		look(p, n, false);                          \
	}                                                   \
	void __asan_store##n##_noabort(const void *p)       \
	{                                                   \
		look(p, n, true);                           \
	}

OF_SIZE(1)
OF_SIZE(2)
OF_SIZE(4)
OF_SIZE(8)
OF_SIZE(16)

void __asan_loadN_noabort(const void *p, size_t n);
void __asan_storeN_noabort(const void *p, size_t n);
void __asan_handle_no_return(void);

/* So large an assignment is of a struct that holds an array, room and all. */
#define WHOLE_LEAST 256

void __asan_loadN_noabort(const void *p, size_t n)
{
	if (n < WHOLE_LEAST)
		look(p, n, false);
	else
		look_at_copy(p, n, false);
}

void __asan_storeN_noabort(const void *p, size_t n)
{
	if (n < WHOLE_LEAST)
		look(p, n, true);
	else
		look_at_copy(p, n, true);
}

/* Stacks have no zones that would have to be cleared. */
void __asan_handle_no_return(void)
{
}

/* ---- Copies ------------------------------------------------------------------------------ */

void *__real_memcpy(void *dst, const void *src, size_t n);
void *__wrap_memcpy(void *dst, const void *src, size_t n);
void *__real_memmove(void *dst, const void *src, size_t n);
void *__wrap_memmove(void *dst, const void *src, size_t n);
void *__real_memset(void *dst, int byte, size_t n);
void *__wrap_memset(void *dst, int byte, size_t n);
size_t __real_copy_from_user(void *to, virt_addr_t from, size_t n);
size_t __wrap_copy_from_user(void *to, virt_addr_t from, size_t n);
size_t __real_copy_to_user(virt_addr_t to, const void *from, size_t n);
size_t __wrap_copy_to_user(virt_addr_t to, const void *from, size_t n);

void *__wrap_memcpy(void *dst, const void *src, size_t n)
{
	look_at_copy(src, n, false);
	look_at_copy(dst, n, true);
	return __real_memcpy(dst, src, n);
}

void *__wrap_memmove(void *dst, const void *src, size_t n)
{
	look_at_copy(src, n, false);
	look_at_copy(dst, n, true);
	return __real_memmove(dst, src, n);
}

void *__wrap_memset(void *dst, int byte, size_t n)
{
	look_at_copy(dst, n, true);
	return __real_memset(dst, byte, n);
}

/* A range that is not the user's is refused, whatever the kernel's side is. */
size_t __wrap_copy_from_user(void *to, virt_addr_t from, size_t n)
{
	if (user_range_ok(from, n))
		look_at_copy(to, n, true);
	return __real_copy_from_user(to, from, n);
}

size_t __wrap_copy_to_user(virt_addr_t to, const void *from, size_t n)
{
	if (user_range_ok(to, n))
		look_at_copy(from, n, false);
	return __real_copy_to_user(to, from, n);
}
