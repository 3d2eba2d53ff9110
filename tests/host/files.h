/*
 * Trees of files in host tests.
 */
#ifndef TESTS_HOST_FILES_H
#define TESTS_HOST_FILES_H

/*
 * Takes all files away, and checks that but for the table of names no frame is left.  Names and
 * contents must still be where they were.
 */
void files_unmake(void);

#endif
