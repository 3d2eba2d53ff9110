/*
 * Inodes, and the texts that files have beside their contents: names, and where links lead.
 */
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/files/inode.h"
#include "mm/frames/frame.h"
#include "mm/frames/slab.h"
#include "mm/space/shared.h"

#define SHORT_TEXT 64
#define LONG_TEXT 256

static struct slab inodes = SLAB("inode", struct inode);
static struct slab short_texts = SLAB("short text", char[SHORT_TEXT]);
static struct slab long_texts = SLAB("long text", char[LONG_TEXT]);

struct inode *inode_make_bare(u32 mode, u64 now)
{
	struct inode *inode = slab_alloc(&inodes);

	if (!inode)
		return NULL;
	inode->holds = 1;
	inode->mode = mode;
	inode->accessed = inode->modified = inode->changed = now;
	sleep_lock_init(&inode->lock, LOCK_INODE);
	return inode;
}

struct inode *inode_make(u32 mode, u64 now)
{
	static u64 last = 1; /* that number is the root's */
	struct inode *inode = shared_files_may_grow() ? inode_make_bare(mode, now) : NULL;

	if (!inode)
		return NULL;
	inode->number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
	if (!file_is(inode, FILE_REGULAR))
		return inode;
	inode->content = shared_of_file(NULL, 0);
	if (inode->content)
		return inode;
	inode_drop(inode);
	return NULL;
}

void inode_hold(struct inode *inode)
{
	__atomic_fetch_add(&inode->holds, 1, __ATOMIC_RELAXED);
}

void inode_drop(struct inode *inode)
{
	if (!inode || __atomic_sub_fetch(&inode->holds, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (inode->content)
		shared_put(inode->content);
	if (inode->own_target)
		text_free(inode->target, inode->size);
	slab_free(&inodes, inode);
}

u64 inode_size(const struct inode *inode)
{
	return inode->content ? shared_size(inode->content) : inode->size;
}

char *text_make(const char *from, size_t n)
{
	phys_addr_t pa = NO_FRAME;
	char *text = NULL;

	if (n <= LONG_TEXT)
		text = slab_alloc(n <= SHORT_TEXT ? &short_texts : &long_texts);
	else
		pa = frame_alloc();
	if (pa != NO_FRAME)
		text = phys_to_virt(pa);
	return text ? memcpy(text, from, n) : NULL;
}

void text_free(const char *text, size_t n)
{
	if (n <= LONG_TEXT)
		slab_free(n <= SHORT_TEXT ? &short_texts : &long_texts, (void *)text);
	else
		frame_free(virt_to_phys(text));
}
