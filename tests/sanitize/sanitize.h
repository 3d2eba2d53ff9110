/*
 * The sanitizing build: what its parts know of each other.
 *
 *   access.c    the functions that gcc calls before each load and store
 *   undefined.c those that it calls where C says that the behaviour is undefined
 *   frames.c    which frames are live; guard frames, and the quarantine
 *   objects.c   the same of pieces of 64 bytes and of kernel stacks
 *   globals.c   the same of the image's variables
 *   report.c    the end: what was done, and who took and gave back what it was done to
 *
 * The linker leads calls of the allocators to functions of the name __wrap_X
 * here, which call __real_X (ld's --wrap).  Nothing here is instrumented itself.
 */
#ifndef TESTS_SANITIZE_SANITIZE_H
#define TESTS_SANITIZE_SANITIZE_H

#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "kernel/base/types.h"
#include "mm/space/vmap.h"

/* ---- Who did it ------------------------------------------------------------------ */

#define TRACE_DEPTH 8

struct stack_trace {
	u32 caller[TRACE_DEPTH]; /* the lower half: all are of the image */
	char by[16];             /* the task's name, as far as it fits */
};

/* The callers of the function that calls this one, or is inlined there. */
#define __always_inline inline __attribute__((always_inline))
void trace_here(struct stack_trace *t);

/* ---- The answers; any context, no lock ----------------------------------------------- */

/*
 * Of one frame: bytes from `size` on are not the object's, from `used` on they
 * are room of it; 0: the frame is free, or a guard.
 */
struct frame_record {
	u16 size, used;
	u8 state;
	bool has_pieces;
	u64 dead_pieces;  /* one bit each; 0 unless has_pieces */
	struct stack_trace taken, freed;
};

enum frame_state { FRAME_NOT_OURS, FRAME_TAKEN, FRAME_FREE, FRAME_GUARD };

extern struct frame_record *frame_records; /* NULL before there are frames */
extern u64 frame_records_count;

/* NULL: the address is in no frame of ours. */
static inline struct frame_record *frame_record_of(u64 addr)
{
	u64 pfn = (addr - DIRECT_MAP_BASE) >> PAGE_SHIFT;

	return pfn < frame_records_count ? &frame_records[pfn] : NULL;
}

/* A byte for eight of the image: 0 if all are live. */
#define GLOBALS_COVERED (12ULL << 20) /* bytes from KERNEL_BASE on */
extern u8 globals_shadow[GLOBALS_COVERED / 8];

/* One for each stack that there is room for, the stack at its end. */
struct stack_cell {
	u32 size; /* 0: there is none */
	struct stack_trace freed;
};
extern struct stack_cell stack_cells[VMAP_MAX_STACKS];

/* Are all bytes live?  `whole`: they are copied, room or not. */
bool frames_are_live(u64 addr, u64 size, bool whole);
bool stacks_are_live(u64 addr, u64 size);
bool globals_are_live(u64 addr, u64 size);

/* Any address of the kernel's. */
bool byte_is_live(u64 addr, bool whole);

/* ---- What is known of an address, for the report --------------------------------------- */

/* Writes the words behind "at ADDR, "; sets the traces that there are. */
struct finding {
	char text[160];
	const struct stack_trace *taken, *freed;
};

void frames_explain(u64 addr, struct finding *f);
void pieces_explain(u64 addr, struct finding *f);
void stacks_explain(u64 addr, struct finding *f);
void globals_explain(u64 addr, struct finding *f);

/* Is it in the first frame of pieces, which is the image's? */
bool pieces_of_image(u64 addr);

/* Variables: from here to there nothing may be looked at, or all. */
void globals_poison(u64 addr, u64 size, bool dead);

/* ---- The end ------------------------------------------------------------------------------ */

/* Those that have not begun it yet.  Returns only if another report has. */
void report_access(u64 addr, u64 size, bool write, bool whole);
void report_double_free(u64 addr);
void report_undefined(const char *fmt, ...) __printf_like(1, 2);

/* Not a spinlock: these are taken in any context, and below every lock of the kernel. */
static inline u64 quiet_lock(u32 *lock)
{
	u64 flags = interrupts_save();

	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	return flags;
}

static inline void quiet_unlock(u32 *lock, u64 flags)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
	interrupts_restore(flags);
}

#endif
