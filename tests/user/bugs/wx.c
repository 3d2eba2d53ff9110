/*
 * W+X: memory that can be written and run.
 *
 * What can be both turns every stray write into code.  Linux lets a program have it
 * and has long fought it in its own half; Postern has it nowhere, the user half
 * included: P5 of mm/pti.c, which the audit checks, is one rule for all tables.
 *
 * In Postern: mm_map() and mm_protect() in mm/space/mm_range.c refuse it, the ELF loader
 * (kernel/files/elf.c) goes through them, the stack and the heap have NX (mm/space/pages.c).
 *
 * Right: EACCES for each call that asks for both, and no way around it; data runs
 * nowhere.  (Linux gives W+X for the asking: this one is not for its kernel.)
 */
#include "lib/bugs.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

static char data[PAGE] __attribute__((aligned(PAGE)));

static void run(void *at) { ((void (*)(void))at)(); }
static void write_to(void *at) { *(volatile char *)at = 0x90; }

static void check_map(int prot, int flags, const char *name)
{
	void *at = mmap(NULL, PAGE, prot, flags, -1, 0);

	check_true(at == MAP_FAILED && errno == EACCES, "mmap: %s", name);
}

static void test_calls(void)
{
	char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);

	check_map(ALL, ANONYMOUS, "all rights");
	check_map(PROT_WRITE | PROT_EXEC, ANONYMOUS, "write and run");
	check_map(ALL, MAP_SHARED | MAP_ANONYMOUS, "all rights, shared");
	*at = (char)0xc3;
	check_true(mprotect(at, PAGE, ALL) < 0 && errno == EACCES, "mprotect to all rights");
	check_equal(CAUGHT(run(at)), SIGSEGV, "what can be written does not run");
	check_equal(mprotect(at, PAGE, PROT_READ | PROT_EXEC), 0, "mprotect to run");
	check_equal(CAUGHT(run(at)), 0, "runs");
	check_equal(CAUGHT(write_to(at)), SIGSEGV, "and cannot be written");
	check_true(mprotect(at, PAGE, PROT_WRITE | PROT_EXEC) < 0, "nor made so");
	check_equal(mprotect(at, PAGE, PROT_READ | PROT_WRITE), 0, "back to write");
	check_equal(CAUGHT(run(at)), SIGSEGV, "it does not run any more");
}

static void test_places(void)
{
	char stack[16] = { (char)0xc3 };
	char *heap = (char *)syscall(SYS_brk, 0); /* musl's sbrk refuses */

	check_equal(syscall(SYS_brk, heap + PAGE), (int64_t)(heap + PAGE), "a heap");
	*heap = data[0] = (char)0xc3;
	check_equal(CAUGHT(run(stack)), SIGSEGV, "the stack does not run");
	check_equal(CAUGHT(run(heap)), SIGSEGV, "nor the heap");
	check_equal(CAUGHT(run(data)), SIGSEGV, "nor data");
	check_equal(CAUGHT(write_to((void *)test_calls)), SIGSEGV, "code cannot be written");
	check_true(mprotect(data, PAGE, ALL) < 0, "data cannot be made both");
	check_true(mprotect((void *)((uintptr_t)test_calls & ~0xffful), PAGE, ALL) < 0, "nor code");
}

/* An LDT's code segment over data is still data's pages. */
static void test_segment(void)
{
	struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) far = {
		0, LDT_SELECTOR(0)
	};

	check_equal(ldt_write(0, (uint32_t)(uintptr_t)data, 0xfff, SEG_32BIT | SEG_CODE), 0, "a code segment");
	memset(data, 0x90, sizeof(data));
	check_equal(CAUGHT(({ __asm__ volatile("ljmp *%0" : : "m"(far)); })), SIGSEGV, "of data does not run");
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	test_calls();
	test_places();
	test_segment();
	return check_end();
}
