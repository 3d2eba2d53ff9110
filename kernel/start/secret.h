/*
 * A secret of the kernel's, for the demonstration (user/meltdown.c): a sentence
 * drawn at boot that no program is told.
 */
#ifndef KERNEL_START_SECRET_H
#define KERNEL_START_SECRET_H

/* What stands before the sentence in memory, at a multiple of SECRET_ALIGN. */
#define SECRET_MARK "The secret of this boot: "
#define SECRET_ALIGN 64

/* Draws it.  Boot CPU, once. */
void secret_draw(void);

/* The sentence, of small letters and blanks. */
const char *secret_sentence(void);

#endif
