/*
 * The harness of the host tests: programs that compile a piece of the kernel
 * natively, with the address and undefined-behaviour sanitizers, and print
 * KTAP.  One subject a file; a case is a sentence and a function.
 *
 * A test file defines host_cases[] and nothing else that is not static;
 * main() is in host.c.  Adding a test is one line in tests/host/Makefile.inc,
 * which see.  A failed CHECK prints file, line and both values, and the case
 * goes on.
 */
#ifndef TESTS_HOST_HOST_H
#define TESTS_HOST_HOST_H

#include "kernel/base/types.h"

struct host_case {
	const char *sentence;
	void (*run)(void);
};

/* Each test file's list; the last entry is { NULL, NULL }. */
extern const struct host_case host_cases[];

/* The command line, for files that a test may read; argv[0] is dropped. */
extern int host_argc;
extern char **host_argv;

#define CHECK(condition) \
	host_check(__FILE__, __LINE__, (condition), #condition)
#define CHECK_EQ(found, expected) \
	host_check_eq(__FILE__, __LINE__, (u64)(found), (u64)(expected), #found)
#define CHECK_STR(found, expected) \
	host_check_str(__FILE__, __LINE__, (found), (expected), #found)
/* Does the text contain the part? */
#define CHECK_HAS(text, part) \
	host_check_has(__FILE__, __LINE__, (text), (part), #text)

void host_check(const char *file, int line, bool ok, const char *what);
void host_check_eq(const char *file, int line, u64 found, u64 expected,
		   const char *what);
void host_check_str(const char *file, int line, const char *found,
		    const char *expected, const char *what);
void host_check_has(const char *file, int line, const char *text,
		    const char *part, const char *what);

/* Marks the running case as skipped; the case then returns by itself. */
void host_skip(const char *reason);

/* Input under construction: little endian, appended at the end. */
struct host_buf {
	u8 bytes[16384];
	size_t len;
};

void host_put(struct host_buf *b, const void *bytes, size_t n);
void host_put_zeros(struct host_buf *b, size_t n);
void host_put_u8(struct host_buf *b, u8 v);
void host_put_u16(struct host_buf *b, u16 v);
void host_put_u32(struct host_buf *b, u32 v);
void host_put_u64(struct host_buf *b, u64 v);
void host_pad(struct host_buf *b, size_t align); /* with zeros */
void host_set_u16(struct host_buf *b, size_t at, u16 v);
void host_set_u32(struct host_buf *b, size_t at, u32 v);
void host_set_u64(struct host_buf *b, size_t at, u64 v);

/* Pseudo-random numbers from $HOST_SEED or a fixed seed, which is printed. */
u64 host_random(void);

/* A copy in a block of exactly `len` bytes, to be freed with free(). */
u8 *host_exact_copy(const void *bytes, size_t len);

/*
 * Calls parse(input, len) with the first 0, 1, .. len bytes of the input, each
 * time in a block of memory of exactly that size, so that the address
 * sanitizer sees a read beyond its end.
 */
void host_truncate(const void *input, size_t len,
		   void (*parse)(const u8 *input, size_t len));

/*
 * Calls parse() `rounds` times with a copy of the input, likewise in a block
 * of exactly its size, of which 1 to 8 places were changed at random.
 */
void host_fuzz(const void *input, size_t len, unsigned rounds,
	       void (*parse)(const u8 *input, size_t len));

/* Collects lines: give host_record to a parser that reports through a
 * callback.  host_recorded() is all of them, a newline after each. */
void host_record(const char *line);
const char *host_recorded(void);
void host_record_clear(void);

/*
 * Physical memory for parsers that map what they read: `len` bytes from `base`
 * on.  host_phys_map() gives a copy in a block of exactly `size` bytes, so
 * that a read beyond what was mapped is seen, and NULL outside the range.
 * host_phys_set() frees all copies given out before.
 */
void host_phys_set(phys_addr_t base, const void *bytes, size_t len);
const void *host_phys_map(phys_addr_t address, size_t size);

#endif
