/*
 * The areas of a struct mm in the order of their addresses: a B+ tree.  Owned by
 * mm/space/areas.c; mm/space/vma.c alone changes them, and says what an area means.
 */
#ifndef MM_SPACE_AREAS_H
#define MM_SPACE_AREAS_H

#include "kernel/base/types.h"

/* Linux's PROT_*: the ABI of mmap and mprotect. */
#define VMA_READ 1
#define VMA_WRITE 2
#define VMA_EXEC 4

/* What an area is besides. */
#define VMA_GROWSDOWN 1 /* a stack: grows to where it is touched */
#define VMA_LOCKED 2    /* counts against RLIMIT_MEMLOCK */
#define VMA_ONFAULT 4   /* locked, its pages coming as they are touched */
#define VMA_PRIVATE 8   /* shows `shared`, a file, and writes to pages of its own */
#define VMA_READONLY 16 /* must not become writable */
#define VMA_ALONE 32    /* never one with a neighbour: to change it all needs no memory */
#define VMA_LOCKS ((unsigned)(VMA_LOCKED | VMA_ONFAULT))

/*
 * What stays free between an area that grows down and what lies below it, so that a
 * large frame cannot step over into that: Linux's stack_guard_gap.
 */
#define STACK_GUARD_GAP (256 * PAGE_SIZE)

struct mm;
struct shared;

struct vma {
	virt_addr_t start, end; /* pages; end is exclusive */
	unsigned prot;
	unsigned flags;        /* VMA_GROWSDOWN and so on */
	struct shared *shared; /* where its frames are; NULL: private memory, zeroes at first */
	u64 offset;            /* of start, in `shared` */
};

/* What an inner node says of one below it. */
struct area_branch {
	virt_addr_t start, end; /* of the first area there, of the last */
	virt_addr_t limit;      /* where what lies below all of them must end */
	u64 gap;                /* the most room between two of them */
	struct area_node *node;
};

#define NODE_AREAS 23U /* four nodes to a frame */

struct area_node {
	unsigned count;
	struct area_node *next; /* in the list of those that are to spare */
	union {
		struct vma vma[NODE_AREAS]; /* of a leaf: ascending, apart, neighbours may touch */
		struct area_branch branch[NODE_AREAS];
	};
};

#define AREAS_MAX_HEIGHT 8 /* mm/space/areas.c says why there are never more */

struct areas {
	unsigned count;  /* of areas */
	unsigned height; /* of the root: 0 if it is a leaf */
	unsigned nodes;  /* that are allocated, those to spare included */
	unsigned spare_count;
	struct area_node *spare;
	struct area_node root; /* the last: copied and poisoned as far as it is filled */
};

/* A place in the tree, good until an area is added or removed. */
struct vma_at {
	struct area_node *node[AREAS_MAX_HEIGHT + 1]; /* by height, the leaf first */
	unsigned i[AREAS_MAX_HEIGHT + 1];
};

/* Where what lies below an area must end. */
static inline virt_addr_t areas_limit(const struct vma *vma)
{
	if (!(vma->flags & VMA_GROWSDOWN))
		return vma->start;
	return vma->start - MIN(vma->start, STACK_GUARD_GAP);
}

/*
 * The first entry that ends above addr: an area, or a branch.  One by one from the top, for
 * there are few, and what a program maps and touches lies high: no halving is cheaper.
 */
static inline unsigned area_node_search(const struct area_node *n, virt_addr_t addr)
{
	const struct vma *vma = n->vma + n->count;

	while (vma > n->vma && vma[-1].end > addr)
		vma--;
	return (unsigned)(vma - n->vma);
}

/*
 * All of these under the lock of the struct mm, in task context: a step from leaf to leaf
 * is a point of long work (kernel/base/seams.h).
 *
 * The leaf for addr, where the place is from its root on.
 */
struct area_node *areas_leaf(struct areas *a, struct vma_at *at, virt_addr_t addr);

/* The first area that ends above addr; NULL: the place is behind all. */
static inline struct vma *areas_seek(struct areas *a, struct vma_at *at, virt_addr_t addr)
{
	struct area_node *n = unlikely(a->height) ? areas_leaf(a, at, addr) : &a->root;
	unsigned i = area_node_search(n, addr);

	at->node[0] = n;
	at->i[0] = i;
	return i < n->count ? &n->vma[i] : NULL;
}

/* The next leaf's first area, the last leaf's last one; or NULL, and the place is lost. */
struct vma *areas_next_leaf(struct areas *a, struct vma_at *at);
struct vma *areas_last_leaf(struct areas *a, struct vma_at *at);

/* How many are left in the leaf, from the place on. */
static inline unsigned areas_left(const struct vma_at *at)
{
	return at->node[0]->count - at->i[0];
}

/* The next area, or the one before. */
static inline struct vma *areas_next(struct areas *a, struct vma_at *at)
{
	if (likely(++at->i[0] < at->node[0]->count))
		return &at->node[0]->vma[at->i[0]];
	return a->height ? areas_next_leaf(a, at) : NULL;
}

static inline struct vma *areas_prev(struct areas *a, struct vma_at *at)
{
	if (likely(at->i[0] > 0))
		return &at->node[0]->vma[--at->i[0]];
	return a->height ? areas_last_leaf(a, at) : NULL;
}

/*
 * So many (7 at most) areas can be inserted from now on whatever becomes of memory, and
 * others removed in between.  0 or -ENOFRAME.
 */
int areas_add_spare(struct areas *a, unsigned inserts);

static inline int areas_reserve(struct areas *a, unsigned inserts)
{
	if (likely(a->height == 0 && a->root.count + inserts <= NODE_AREAS))
		return 0;
	return areas_add_spare(a, inserts);
}

/*
 * Inserts an area where nothing lies, one of those reserved; the place is that of its
 * start, and afterwards its own.
 */
void areas_insert(struct mm *mm, struct vma_at *at, const struct vma *vma);

/* Removes n areas of one leaf. */
void areas_remove(struct mm *mm, const struct vma_at *at, unsigned n);

/* The area there has other bounds now, in the same order. */
void areas_tell(struct areas *a, const struct vma_at *at);

static inline void areas_changed(struct areas *a, const struct vma_at *at)
{
	if (unlikely(a->height))
		areas_tell(a, at);
}

/*
 * The highest room of len bytes between bottom and top: its start, or 0.  Below an area that
 * grows down STACK_GUARD_GAP is no room.
 */
virt_addr_t areas_find_room(const struct areas *a, u64 len, virt_addr_t bottom, virt_addr_t top);

/*
 * Copies all areas of another address space into one that has none.  0, -ENOFRAME or -EINTR
 * (the current task is about to die): it has none again.
 */
int areas_copy(struct mm *to, const struct mm *from);

/* Removes all, and gives back all nodes. */
void areas_free(struct mm *mm);

/* Frames of kernel memory that the nodes take. */
u64 areas_frames(const struct areas *a);

#endif
