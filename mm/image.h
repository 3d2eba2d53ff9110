/*
 * The linker script's symbols: where the sections of the image lie.  Values
 * are addresses; image_phys_end is a physical one.
 */
#ifndef MM_IMAGE_H
#define MM_IMAGE_H

extern const char image_text_start[], image_text_end[];
extern const char image_rodata_start[], image_rodata_end[];
extern const char image_data_start[], image_data_end[];
extern const char image_phys_end[];

/* Entry text: addresses in slot 508, and where its frames are. */
extern const char entry_text_lma[], trampoline_lma[];
extern const char deferred_text_lma[], deferred_rodata_lma[], deferred_end_lma[];

#endif
