/*
 * Doubly linked lists of structs in which the links are.  A head of zeros is an
 * empty list; an element is in at most one list by each of its links.
 *
 * A long walk leaves a place of its own in the list while it lets the lock go:
 * what comes behind that place is still to be visited, whatever is added or removed
 * meanwhile.  First and next pass over the places of others.
 */
#ifndef KERNEL_BASE_LIST_H
#define KERNEL_BASE_LIST_H

#include "kernel/base/types.h"

struct link {
	struct link *next, *prev; /* NULL: in no list; a head's: itself, or NULL */
	bool is_place;
};

/* The struct whose `member` is *at; NULL for NULL. */
#define list_entry(at, type, member)                          \
	({                                                    \
		struct link *at_ = (at);                      \
		at_ ? container_of(at_, type, member) : NULL; \
	})

static inline struct link *list_at(const struct link *head, struct link *l)
{
	for (; l != head; l = l->next)
		if (!l->is_place)
			return l;
	return NULL;
}

/* NULL: there is none. */
static inline struct link *list_first(const struct link *head)
{
	return head->next ? list_at(head, head->next) : NULL;
}

static inline struct link *list_next(const struct link *head, const struct link *l)
{
	return list_at(head, l->next);
}

/* `at` may be the head of a list that is not empty. */
static inline void list_add_behind(struct link *at, struct link *l)
{
	struct link *next = at->next;

	l->next = next;
	l->prev = at;
	next->prev = l;
	at->next = l;
}

static inline void list_add(struct link *head, struct link *l)
{
	if (!head->next)
		head->next = head->prev = head;
	list_add_behind(head, l);
}

static inline void list_append(struct link *head, struct link *l)
{
	if (!head->next)
		head->next = head->prev = head;
	l->next = head;
	l->prev = head->prev;
	l->prev->next = l;
	head->prev = l;
}

static inline void list_remove(struct link *l)
{
	struct link *next = l->next, *prev = l->prev;

	next->prev = prev;
	prev->next = next;
	l->next = l->prev = NULL;
}

static inline bool list_has(const struct link *l)
{
	return l->next;
}

/* The body must not remove `item`, a name, which is NULL behind the last. */
#define list_for_each(item, head, member)                                                         \
	for (struct link *item##_at = list_first(head);                                           \
	     item = item##_at ? container_of(item##_at, typeof(*item), member) : NULL, item##_at; \
	     item##_at = list_next(head, item##_at))

#endif
