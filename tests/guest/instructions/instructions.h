/* What main.c calls, in its order. */
#ifndef GUEST_INSTRUCTIONS_H
#define GUEST_INSTRUCTIONS_H

void meet_more_traps(void);      /* traps.c */
void use_flags(void);            /* flags.c */
void segments(void);             /* segments.c */
void neighbours(void);           /* neighbours.c: of the first table */
void neighbours_of_second(void); /* of the table that lies on two pages */
#endif
