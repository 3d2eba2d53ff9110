/*
 * fpu: fills x87, XMM and YMM registers with patterns of its own pid, lets
 * others run, and looks whether they are still there; argv[1] rounds (1000
 * without it). Every tenth round spins instead, for the timer to interrupt.
 *
 * Started several times on one CPU, each would see what another left if the
 * kernel mixed them up. Right outcome: one line, exit status 0.
 */
#include "../../../user/raw_syscall.h"

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define YIELDS 4		/* system calls a round */
#define SPINS 200000		/* or turns of an empty loop */

/* As FXSAVE stores it. */
struct fxsave {
	uint16_t control, status;
	uint8_t tags, reserved;
	uint16_t opcode;
	uint64_t instruction, operand;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
	uint8_t xmm[16][16];
	uint8_t rest[96];
} __attribute__((aligned(16)));

struct state {
	struct fxsave fxsave;
	uint8_t ymm[16][32];
} __attribute__((aligned(64)));

static struct state before, after;
static struct fxsave kept;

/* OSXSAVE says that XGETBV may be asked, XGETBV that YMM may be used. */
static bool have_ymm(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE) || !(ecx & bit_AVX))
		return false;
	__asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	return (eax & 6) == 6;
}

/* Every byte differs from its neighbours, and from those of other pids and rounds. */
static void fill(void *where, size_t bytes, uint32_t seed)
{
	uint8_t *byte = where;

	for (size_t i = 0; i < bytes; i++) {
		seed = seed * 1664525 + 1013904223;
		byte[i] = (uint8_t)(seed >> 24);
	}
}

static void make_pattern(uint32_t seed)
{
	static const uint16_t rounding[4] = { 0x037f, 0x077f, 0x0b7f, 0x0f7f };

	fill(&before.ymm, sizeof(before.ymm), seed);
	fill(&before.fxsave.st, sizeof(before.fxsave.st), ~seed);
	before.fxsave.control = rounding[seed & 3];
	before.fxsave.status = (uint16_t)((seed >> 2 & 7) << 11);	/* top of stack */
	before.fxsave.tags = 0xff;
	before.fxsave.mxcsr = 0x1f80 | (seed >> 5 & 3) << 13 | (seed >> 7 & 0x3f);
	for (int i = 0; i < 16; i++)
		memcpy(before.fxsave.xmm[i], before.ymm[i], 16);
}

/*
 * One round: load everything, wait, store everything, put the old state back.
 * Waiting is YIELDS times sched_yield, or without yields SPINS turns.
 */
#define LOAD_YMM	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t" \
			"vmovdqu 32*\\n(%[ymm_before]), %%ymm\\n\n\t" ".endr\n\t"
#define STORE_YMM	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t" \
			"vmovdqu %%ymm\\n, 32*\\n(%[ymm_after])\n\t" ".endr\n\t"
#define ROUND(load, wait, store, turns) \
	do { \
		uint64_t count = turns; \
		__asm__ volatile( \
			"fxsave64 %[kept]\n\t" \
			"fxrstor64 %[before]\n\t" \
			load \
			"1:\t" wait "dec %[count]\n\t" "jnz 1b\n\t" \
			store \
			"fxsave64 %[after]\n\t" \
			"fxrstor64 %[kept]" \
			: [kept] "+m"(kept), [after] "=m"(after), [count] "+b"(count) \
			: [before] "m"(before), [ymm_before] "D"(before.ymm), [ymm_after] "S"(after.ymm) \
			: "rax", "rcx", "r11", "cc", "memory"); \
	} while (0)
#define YIELD "mov $24, %%eax\n\t" "syscall\n\t"	/* SYS_sched_yield */

_Static_assert(SYS_sched_yield == 24, "the number in YIELD");

static void round_trip(bool ymm, bool yield)
{
	if (ymm && yield)
		ROUND(LOAD_YMM, YIELD, STORE_YMM "vzeroupper\n\t", YIELDS);
	else if (ymm)
		ROUND(LOAD_YMM, "", STORE_YMM "vzeroupper\n\t", SPINS);
	else if (yield)
		ROUND("", YIELD, "", YIELDS);
	else
		ROUND("", "", "", SPINS);
}

/* The name of what is damaged, or NULL. */
static const char *damage(bool ymm)
{
	const struct fxsave *old = &before.fxsave, *new = &after.fxsave;

	if (old->control != new->control || old->status != new->status || old->tags != new->tags)
		return "x87 control";
	if (old->mxcsr != new->mxcsr)
		return "MXCSR";
	for (int i = 0; i < 8; i++) {
		if (memcmp(old->st[i], new->st[i], 10) != 0)
			return "an x87 register";
	}
	if (ymm)
		return memcmp(before.ymm, after.ymm, sizeof(before.ymm)) != 0 ? "a YMM register" : NULL;
	return memcmp(old->xmm, new->xmm, sizeof(old->xmm)) != 0 ? "an XMM register" : NULL;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1000;
	uint32_t pid = (uint32_t)getpid();
	bool ymm = have_ymm();

	for (int i = 0; i < rounds; i++) {
		make_pattern(pid * 0x9e3779b1 + (uint32_t)i * 0x85ebca6b);
		memset(&after, 0, sizeof(after));
		round_trip(ymm, i % 10 != 0);
		if (damage(ymm)) {
			printf("fpu: pid %u: %s changed in round %d\n", pid, damage(ymm), i);
			return 1;
		}
	}
	printf("fpu: pid %u: %d rounds of x87, %s: all patterns kept\n", pid, rounds, ymm ? "SSE and AVX" : "SSE");
	return 0;
}
