/*
 * The sanitizing build's ledger of the image's variables.  gcc leaves room behind each
 * one, and lists them in constructors, which are called before kernel_main().  Here
 * the image alone has a shadow: a byte for eight, 0 if all are live, 1 to 7 if the
 * first so many are, DEAD if none is.
 */
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/main.h"
#include "mm/image.h"
#include "tests/sanitize/sanitize.h"

#define DEAD 0xff
#define LISTS 512

u8 globals_shadow[GLOBALS_COVERED / 8];

/* gcc's: libsanitizer/asan/asan_interface_internal.h */
struct global {
	u64 start, size, size_with_room;
	const char *name, *file;
	u64 has_init;
	const void *location;
	u64 odr_indicator;
};

/* One a file. */
static struct {
	const struct global *globals;
	u64 count;
} lists[LISTS];
static unsigned nr_lists;

extern void (*const constructors_start[])(void);
extern void (*const constructors_end[])(void);

void __asan_register_globals(const struct global *globals, u64 n);
void __asan_unregister_globals(const struct global *globals, u64 n);
void __real_kernel_main(struct boot_info *bi);
void __wrap_kernel_main(struct boot_info *bi);

void globals_poison(u64 addr, u64 size, bool dead)
{
	ASSERT_OP(addr - KERNEL_BASE + size, <=, GLOBALS_COVERED);
	for (u64 at = addr - KERNEL_BASE; at < addr - KERNEL_BASE + size; at += 8)
		globals_shadow[at / 8] = dead ? DEAD : 0;
}

void __asan_register_globals(const struct global *globals, u64 n)
{
	ASSERT_OP(nr_lists, <, LISTS);
	lists[nr_lists].globals = globals;
	lists[nr_lists++].count = n;
	for (const struct global *g = globals; g < globals + n; g++) {
		u64 end = ALIGN_UP(g->start + g->size, 8);

		globals_poison(end, g->start + g->size_with_room - end, true);
		if (g->size % 8)
			globals_shadow[(g->start + g->size - KERNEL_BASE) / 8] = g->size % 8;
	}
}

/* Never called: the kernel has no end. */
void __asan_unregister_globals(const struct global *globals __unused, u64 n __unused)
{
}

void __wrap_kernel_main(struct boot_info *bi)
{
	for (void (*const *f)(void) = constructors_start; f < constructors_end; f++)
		(*f)();
	__real_kernel_main(bi);
}

bool globals_are_live(u64 addr, u64 size)
{
	u64 at = addr - KERNEL_BASE, end = at + size;

	if (end > GLOBALS_COVERED)
		return true;
	for (; at < end; at = ALIGN_DOWN(at, 8) + 8) {
		u8 s = globals_shadow[at / 8];

		if (s && (s == DEAD || MIN(end - ALIGN_DOWN(at, 8), 8) > s))
			return false;
	}
	return true;
}

static const struct global *find(u64 addr)
{
	for (unsigned i = 0; i < nr_lists; i++)
		for (u64 k = 0; k < lists[i].count; k++) {
			const struct global *g = &lists[i].globals[k];

			if (addr >= g->start && addr < g->start + g->size_with_room)
				return g;
		}
	return NULL;
}

void globals_explain(u64 addr, struct finding *f)
{
	const struct global *g = find(addr);

	if (g)
		format(f->text, sizeof(f->text), "%ld bytes beyond the end of %.40s (%lu bytes, %.60s)",
		       (s64)(addr - g->start - g->size), g->name, g->size, g->file);
	else
		format(f->text, sizeof(f->text), "between the image's variables");
}
