/*
 * The harness of the host tests: main(), the checks, and what the tests of
 * parsers share: a builder for inputs, truncation, fuzzing, recorded lines and
 * a make-believe physical memory.
 *
 * Linked into every test program.  host.h has the contracts; read next any
 * test, test_cpio.c for a short one.
 */
#include "kernel/base/seams.h"
#include "tests/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_SHOWN 8 /* of one case; a loop may fail a million times */

int host_argc;
char **host_argv;

static unsigned failures; /* of the case that runs */
static const char *skipped; /* why it was, or NULL */

/* Counts a failure; true if it is still to be shown. */
static bool fail(const char *file, int line)
{
	if (failures++ >= FAILURES_SHOWN)
		return false;
	printf("# %s:%d: ", file, line);
	return true;
}

void host_check(const char *file, int line, bool ok, const char *what)
{
	if (!ok && fail(file, line))
		printf("found %s false, expected it true\n", what);
}

void host_check_eq(const char *file, int line, u64 found, u64 expected,
		   const char *what)
{
	if (found != expected && fail(file, line))
		printf("found %s = %#lx (%ld), expected %#lx (%ld)\n", what,
		       found, (long)found, expected, (long)expected);
}

void host_check_str(const char *file, int line, const char *found,
		    const char *expected, const char *what)
{
	if (strcmp(found, expected) != 0 && fail(file, line))
		printf("found %s = \"%s\", expected \"%s\"\n", what, found,
		       expected);
}

void host_check_has(const char *file, int line, const char *text,
		    const char *part, const char *what)
{
	if (strstr(text, part) == NULL && fail(file, line))
		printf("found %s = \"%s\", expected in it \"%s\"\n", what,
		       text, part);
}

void host_skip(const char *reason)
{
	skipped = reason;
}

void host_put(struct host_buf *b, const void *bytes, size_t n)
{
	if (n > sizeof(b->bytes) - b->len) {
		printf("Bail out! host_buf is too small for %zu bytes\n",
		       b->len + n);
		exit(1);
	}
	memcpy(b->bytes + b->len, bytes, n);
	b->len += n;
}

void host_put_zeros(struct host_buf *b, size_t n)
{
	while (n-- != 0)
		host_put(b, "", 1);
}

void host_put_u8(struct host_buf *b, u8 v)
{
	host_put(b, &v, sizeof(v));
}

void host_put_u16(struct host_buf *b, u16 v)
{
	host_put(b, &v, sizeof(v));
}

void host_put_u32(struct host_buf *b, u32 v)
{
	host_put(b, &v, sizeof(v));
}

void host_put_u64(struct host_buf *b, u64 v)
{
	host_put(b, &v, sizeof(v));
}

void host_pad(struct host_buf *b, size_t align)
{
	host_put_zeros(b, ALIGN_UP(b->len, align) - b->len);
}

void host_set_u16(struct host_buf *b, size_t at, u16 v)
{
	memcpy(b->bytes + at, &v, sizeof(v));
}

void host_set_u32(struct host_buf *b, size_t at, u32 v)
{
	memcpy(b->bytes + at, &v, sizeof(v));
}

void host_set_u64(struct host_buf *b, size_t at, u64 v)
{
	memcpy(b->bytes + at, &v, sizeof(v));
}

static u64 random_state;

static void seed_random(void)
{
	const char *seed = getenv("HOST_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : 0x9051e4u;
	printf("# seed %#lx (set HOST_SEED to try another)\n", random_state);
	if (random_state == 0)
		random_state = 1;
}

/* xorshift64*, by Vigna (2014): any state but 0 will do. */
u64 host_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL;
}

u8 *host_exact_copy(const void *bytes, size_t len)
{
	u8 *copy = malloc(len);

	if (copy == NULL) {
		printf("Bail out! no memory for %zu bytes\n", len);
		exit(1);
	}
	memcpy(copy, bytes, len);
	return copy;
}

void host_truncate(const void *input, size_t len,
		   void (*parse)(const u8 *input, size_t len))
{
	u8 *copy;
	size_t n;

	for (n = 0; n <= len; n++) {
		copy = host_exact_copy(input, n);
		parse(copy, n);
		free(copy);
	}
}

/* Changes one place: a bit, a byte, or a word that is often on some limit. */
static void mutate(u8 *bytes, size_t len)
{
	static const u64 limits[] = {
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff,
		0x8000000000000000, 0xffffffffffffffff,
	};
	size_t at = host_random() % len;
	u64 limit = limits[host_random() % ARRAY_SIZE(limits)];
	size_t width = (size_t)1 << host_random() % 4;

	switch (host_random() % 4) {
	case 0:
		bytes[at] ^= (u8)(1u << host_random() % 8);
		break;
	case 1:
		bytes[at] = (u8)host_random();
		break;
	case 2:
		bytes[at] = (u8)(bytes[at] + host_random() % 17 - 8);
		break;
	default:
		memcpy(bytes + at, &limit, MIN(width, len - at));
		break;
	}
}

void host_fuzz(const void *input, size_t len, unsigned rounds,
	       void (*parse)(const u8 *input, size_t len))
{
	u8 *copy;
	u64 changes;

	while (rounds-- != 0) {
		copy = host_exact_copy(input, len);
		changes = host_random() % 2 ? 1 : 1 + host_random() % 8;
		while (changes-- != 0)
			mutate(copy, len);
		parse(copy, len);
		free(copy);
	}
}

static char recorded[8192];

/* Once the buffer is full, lines are dropped: fuzzing makes many. */
void host_record(const char *line)
{
	size_t used = strlen(recorded);

	if (used + strlen(line) + 2 <= sizeof(recorded))
		sprintf(recorded + used, "%s\n", line);
}

const char *host_recorded(void)
{
	return recorded;
}

void host_record_clear(void)
{
	recorded[0] = '\0';
}

static struct {
	phys_addr_t base;
	const u8 *bytes;
	size_t len;
	u8 *copies[8192];
	size_t copy_count;
} phys;

void host_phys_set(phys_addr_t base, const void *bytes, size_t len)
{
	while (phys.copy_count != 0)
		free(phys.copies[--phys.copy_count]);
	phys.base = base;
	phys.bytes = bytes;
	phys.len = len;
}

const void *host_phys_map(phys_addr_t address, size_t size)
{
	u8 *copy;

	if (address < phys.base || address - phys.base > phys.len ||
	    size > phys.len - (address - phys.base) ||
	    phys.copy_count == ARRAY_SIZE(phys.copies))
		return NULL;
	copy = host_exact_copy(phys.bytes + (address - phys.base), size);
	phys.copies[phys.copy_count++] = copy;
	return copy;
}

/* kernel/base/seams.h: there is one thread, which lives. */
bool seam_long_work_point(void)
{
	return false;
}

int main(int argc, char **argv)
{
	const struct host_case *c;
	unsigned n = 0;
	bool failed = false;

	host_argc = argc - 1;
	host_argv = argv + 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (c = host_cases; c->run != NULL; c++)
		n++;
	printf("KTAP version 1\n1..%u\n", n);
	seed_random();
	n = 0;
	for (c = host_cases; c->run != NULL; c++) {
		failures = 0;
		skipped = NULL;
		host_record_clear();
		c->run();
		if (failures > FAILURES_SHOWN)
			printf("# and %u more\n", failures - FAILURES_SHOWN);
		printf("%sok %u - %s%s%s\n", failures ? "not " : "", ++n,
		       c->sentence, skipped ? " # SKIP " : "",
		       skipped ? skipped : "");
		failed |= failures != 0;
	}
	host_phys_set(0, NULL, 0);
	return failed;
}
