/*
 * The arena, and panic().  Linked into the tests of mm/ (tests/host/
 * Makefile.inc).
 */
#include "kernel/base/log.h"
#include "tests/host/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct arena arena;

static jmp_buf catcher;
static bool catching;
static char message[300];

void arena_make(u64 size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		printf("Bail out! no address space for %lu MiB\n", size >> 20);
		exit(1);
	}
	arena = (struct arena){ .base = p, .size = size };
}

void arena_free(void)
{
	munmap(arena.base, arena.size);
	arena = (struct arena){ 0 };
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (catching)
		longjmp(catcher, 1);
	printf("Bail out! panic: %s\n", message);
	exit(1);
}

const char *arena_catch(void (*fn)(void *arg), void *arg)
{
	const char *text = NULL;

	catching = true;
	if (setjmp(catcher) == 0)
		fn(arg);
	else
		text = message;
	catching = false;
	if (arena.held)
		*arena.held = 0;
	arena.held = NULL;
	return text;
}
