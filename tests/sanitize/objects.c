/*
 * The sanitizing build's ledger of what is smaller than a frame, or is mapped in a
 * place of its own: pieces of 64 bytes, and kernel stacks.
 *
 * Pieces of the first frame, which is the image's and never given back, wait in a
 * quarantine before they are free; others go at once, so that their frame can.
 * A stack's pages are unmapped when it is given back, so an access to it would be a
 * page fault: what is known here is who gave it back.
 */
#include "kernel/base/format.h"
#include "mm/frames/frame.h"
#include "mm/space/pieces.h"
#include "mm/space/vmap.h"
#include "tests/sanitize/sanitize.h"

/* ---- Pieces; under process_lock, as the allocator ----------------------------------- */

#define QUARANTINE 24 /* of 63 in the first frame */
#define GRAVES 1024
#define PIECES (PAGE_SIZE / PIECE_SIZE)

void *__real_piece_alloc(void);
void *__wrap_piece_alloc(void);
void __real_piece_free(void *piece);
void __wrap_piece_free(void *piece);
unsigned __real_pieces_used(void);
unsigned __wrap_pieces_used(void);

static u64 image_frame; /* where the first frame of pieces is; 0: none yet */
static void *waiting[QUARANTINE];
static unsigned first, waiting_count;

/* The last ones given back, by address. */
static struct grave {
	u64 piece;
	struct stack_trace freed;
} graves[GRAVES];

static struct grave *grave_of(u64 addr)
{
	return &graves[addr / PIECE_SIZE % GRAVES];
}

bool pieces_of_image(u64 addr)
{
	return image_frame && ALIGN_DOWN(addr, PAGE_SIZE) == image_frame;
}

static void set_dead(u64 piece, bool dead)
{
	struct frame_record *r = frame_record_of(piece);
	u64 bit = BIT(piece % PAGE_SIZE / PIECE_SIZE);

	if (pieces_of_image(piece))
		globals_poison(piece, PIECE_SIZE, dead);
	else if (r)
		r->dead_pieces = dead ? r->dead_pieces | bit : r->dead_pieces & ~bit;
}

/* The first piece of a frame is its head. */
static void begin_frame(u64 piece)
{
	struct frame_record *r = frame_record_of(piece);

	if (!r && !image_frame) {
		image_frame = ALIGN_DOWN(piece, PAGE_SIZE);
		globals_poison(image_frame + PIECE_SIZE, PAGE_SIZE - PIECE_SIZE, true);
	} else if (r && !r->has_pieces) {
		r->has_pieces = true;
		r->dead_pieces = ~1ULL;
	}
}

void *__wrap_piece_alloc(void)
{
	void *piece = __real_piece_alloc();

	if (piece) {
		begin_frame((u64)piece);
		set_dead((u64)piece, false);
	}
	return piece;
}

void __wrap_piece_free(void *piece)
{
	struct grave *grave = grave_of((u64)piece);

	grave->piece = (u64)piece;
	trace_here(&grave->freed);
	set_dead((u64)piece, true);
	if (!pieces_of_image((u64)piece)) {
		__real_piece_free(piece);
		return;
	}
	if (waiting_count == QUARANTINE) {
		__real_piece_free(waiting[first]);
		first = (first + 1) % QUARANTINE;
		waiting_count--;
	}
	waiting[(first + waiting_count++) % QUARANTINE] = piece;
}

unsigned __wrap_pieces_used(void)
{
	return __real_pieces_used() - waiting_count;
}

void pieces_explain(u64 addr, struct finding *f)
{
	u64 piece = ALIGN_DOWN(addr, PIECE_SIZE);
	const struct grave *grave = grave_of(addr);

	if (grave->piece == piece)
		f->freed = &grave->freed;
	format(f->text, sizeof(f->text), "%lu bytes into a piece that %s", addr - piece,
	       grave->piece == piece ? "has been given back" : "nobody has taken");
}

/* ---- Stacks ----------------------------------------------------------------------------- */

virt_addr_t __real_vmap_alloc_stack(u64 size);
virt_addr_t __wrap_vmap_alloc_stack(u64 size);
void __wrap_vmap_free_stack(virt_addr_t top, u64 size);
void __real_vmap_free_stacks(const virt_addr_t tops[], unsigned n, u64 size);
void __wrap_vmap_free_stacks(const virt_addr_t tops[], unsigned n, u64 size);

struct stack_cell stack_cells[VMAP_MAX_STACKS];

static struct stack_cell *cell_below(virt_addr_t top)
{
	return &stack_cells[(top - VMAP_BASE) / VMAP_CELL_SIZE - 1];
}

virt_addr_t __wrap_vmap_alloc_stack(u64 size)
{
	virt_addr_t top = __real_vmap_alloc_stack(size);

	if (top)
		cell_below(top)->size = (u32)size;
	return top;
}

void __wrap_vmap_free_stacks(const virt_addr_t tops[], unsigned n, u64 size)
{
	struct stack_trace by;

	trace_here(&by);
	for (unsigned i = 0; i < n; i++) {
		cell_below(tops[i])->freed = by;
		cell_below(tops[i])->size = 0;
	}
	__real_vmap_free_stacks(tops, n, size);
}

void __wrap_vmap_free_stack(virt_addr_t top, u64 size)
{
	__wrap_vmap_free_stacks(&top, 1, size);
}

bool stacks_are_live(u64 addr, u64 size)
{
	u64 n = (addr - VMAP_BASE) / VMAP_CELL_SIZE, off = (addr - VMAP_BASE) % VMAP_CELL_SIZE;

	return n >= VMAP_MAX_STACKS || (off >= VMAP_CELL_SIZE - stack_cells[n].size &&
					off + size <= VMAP_CELL_SIZE);
}

void stacks_explain(u64 addr, struct finding *f)
{
	const struct stack_cell *cell = &stack_cells[(addr - VMAP_BASE) / VMAP_CELL_SIZE];

	if (cell->size)
		format(f->text, sizeof(f->text), "outside the kernel stack in this cell");
	else
		format(f->text, sizeof(f->text), "in a kernel stack that %s",
		       cell->freed.caller[0] ? "has been given back" : "nobody has taken");
	if (!cell->size && cell->freed.caller[0])
		f->freed = &cell->freed;
}
