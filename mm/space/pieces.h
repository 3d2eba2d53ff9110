/*
 * Small objects: pieces of 64 bytes, cut from frames.
 */
#ifndef MM_SPACE_PIECES_H
#define MM_SPACE_PIECES_H

#include "kernel/base/types.h"

#define PIECE_SIZE 64

/*
 * A piece, 64-aligned, its content unknown; NULL: no memory.  piece_free() gives
 * it back, and its frame with the last one.  process_lock is held.
 */
void *piece_alloc(void);
void piece_free(void *piece);

/* Pieces that are out, for the tests. */
unsigned pieces_used(void);

#endif
