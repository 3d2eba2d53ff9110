/*
 * Objects smaller than a frame, of one size a cache.  For what programs may have many of:
 * inodes, names, open files.
 */
#ifndef MM_FRAMES_SLAB_H
#define MM_FRAMES_SLAB_H

#include "kernel/base/list.h"
#include "kernel/base/spinlock.h"

#define SLAB_UNIT 64U /* bytes: objects take whole units, the frame's head takes one */
#define SLAB_MOST (PAGE_SIZE - SLAB_UNIT)

struct slab {
	const char *name; /* for panics */
	u32 size;         /* bytes of an object, 1 to SLAB_MOST */
	struct spinlock lock;
	struct link partial; /* frames in which there is room */
	u64 objects;         /* that are in use */
};

/* For the definition of one: static struct slab inodes = SLAB("inode", struct inode). */
/* clang-format off */
#define SLAB(what, type) \
	{ .name = (what), .size = sizeof(type), .lock = SPINLOCK(LOCK_SLAB) }
/* clang-format on */

/*
 * An object of zeros, aligned to SLAB_UNIT; NULL: no frame is free.  Its last user gives it
 * back: its bytes are FRAME_POISON from then on.  A frame whose last object is given back
 * goes back too.  Panics at an object that is free, or another cache's.  Any context, any
 * CPU; slab_free() takes NULL, too.
 */
void *slab_alloc(struct slab *s);
void slab_free(struct slab *s, void *object);

#endif
