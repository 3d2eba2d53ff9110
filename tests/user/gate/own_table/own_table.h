/*
 * Parts of own_table.
 */
#ifndef OWN_TABLE_H
#define OWN_TABLE_H

#include <stdbool.h>

/* A line unless it is so. */
void expect(bool good, const char *what, long found);

/*
 * Masks, the alternate stack, the word that is cleared, uname; *area is a page that another
 * thread takes away all the time.
 */
void choices(unsigned char *area);

/* Signals that come while masks change: none is lost.  `rounds` of it. */
void signals_and_masks(unsigned rounds);

/* Before there are threads: they block what signals_and_masks() uses. */
void block_signals_of_masks(void);

#endif
