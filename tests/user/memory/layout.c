/*
 * layout: a program's parts lie elsewhere each time it is started.
 *
 * It execs itself, adding where its stack, its mmap area, its brk and its own code
 * are to its arguments as it goes, and in the last round looks at all it has been
 * told: each place must have changed, and must be where Linux would put it.  Then
 * the same again with personality(ADDR_NO_RANDOMIZE): no place may change.  With the
 * argument `fixed`, for a boot with norandmaps, none may change without it either.
 *
 * A static-pie without a C library: that would need relocating.
 * Right outcome: every step `ok`, exit status 0.
 */
#include "../../../user/raw_syscall.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>

#define ROUNDS 8
#define ADDR_NO_RANDOMIZE 0x40000
#define PAGE 4096
#define DIGITS 16

enum place { STACK, MMAP, BRK, CODE, CANARY, PLACES };

struct range {
	uint64_t low, high;
};

/* Linux's, with what stacks and gaps may take, and where a static-pie may be. */
static const struct range ranges[PLACES] = {
	[STACK] = { 0x7ffb00000000, 0x7fffffffffff },
	[MMAP] = { 0x7e0000000000, 0x7fffffffffff },
	[BRK] = { 0x550000000000, 0x7fffffffffff },
	[CODE] = { 0x550000000000, 0x7fffffffffff },
	[CANARY] = { 1, UINT64_MAX },
};

static unsigned steps, failed;
static bool quiet;

/* ---- Text --------------------------------------------------------------------- */

static void put(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	sys(SYS_write, 1, s, n);
}

static void put_number(unsigned n)
{
	char digits[2] = { (char)('0' + n % 10), 0 };

	if (n >= 10)
		put_number(n / 10);
	put(digits);
}

static void check(bool good, const char *subject, const char *sentence)
{
	steps++;
	failed += !good;
	if (good && quiet)
		return;
	put(good ? "ok " : "not ok ");
	put_number(steps);
	put(" - ");
	put(subject);
	put(sentence);
	put("\n");
}

static void to_hex(char *to, uint64_t v)
{
	for (unsigned i = DIGITS; i-- > 0; v >>= 4) {
		unsigned digit = v & 15;

		to[i] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
	}
}

static uint64_t from_hex(const char *s)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < DIGITS; i++)
		v = v << 4 | (uint64_t)(s[i] <= '9' ? s[i] - '0' : s[i] - 'a' + 10);
	return v;
}

/* ---- One round ------------------------------------------------------------------ */

/*
 * argv: path, mode, and for each round PLACES numbers, which are blanks until it is
 * behind us: the stack must not move by what is on it.
 */
struct start {
	const uint64_t *sp;
	uint64_t argc;
	char **argv, **envp;
};

static uint64_t auxv(const struct start *s, uint64_t type)
{
	char **end = s->envp;
	const uint64_t *at;

	while (*end)
		end++;
	for (at = (const uint64_t *)(end + 1); at[0] != AT_NULL; at += 2)
		if (at[0] == type)
			return at[1];
	return 0;
}

static void look(const struct start *s, uint64_t found[PLACES])
{
	found[STACK] = (uint64_t)s->sp;
	found[MMAP] = (uint64_t)sys(SYS_mmap, 0, PAGE, 3, 0x22, -1, 0);
	found[BRK] = (uint64_t)sys(SYS_brk, 0);
	found[CODE] = auxv(s, AT_ENTRY);
	found[CANARY] = *(const uint64_t *)auxv(s, AT_RANDOM);
}

/* have < 0: this one does not count, its arguments being others. */
static void next_round(const struct start *s, const char *mode, int have)
{
	static char text[PLACES * DIGITS + 1], blank[PLACES * DIGITS + 1];
	char *argv[ROUNDS + 3];
	uint64_t found[PLACES];

	look(s, found);
	for (unsigned i = 0; i < PLACES; i++)
		to_hex(text + i * DIGITS, found[i]);
	for (unsigned i = 0; i < PLACES * DIGITS; i++)
		blank[i] = ' ';
	argv[0] = s->argv[0];
	argv[1] = (char *)mode;
	for (int i = 0; i < ROUNDS; i++)
		argv[2 + i] = i < have ? s->argv[2 + i] : i == have ? text : blank;
	argv[2 + ROUNDS] = NULL;
	sys(SYS_execve, argv[0], argv, s->envp);
	check(false, mode, ": exec");
	sys(SYS_exit_group, 1);
}

/* ---- The last ---------------------------------------------------------------------- */

static uint64_t told(const struct start *s, unsigned round, enum place place)
{
	return from_hex(s->argv[2 + round] + place * DIGITS);
}

/* How often a place, or its offset in a page, was another than the round before. */
static unsigned changes(const struct start *s, enum place place, uint64_t mask)
{
	unsigned n = 0;

	for (unsigned i = 1; i < ROUNDS; i++)
		n += (told(s, i, place) & mask) != (told(s, i - 1, place) & mask);
	return n;
}

static bool in_range(const struct start *s, enum place place)
{
	bool good = true;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t at = told(s, i, place);

		good &= at >= ranges[place].low && at <= ranges[place].high;
	}
	return good;
}

static bool stacks_aligned(const struct start *s)
{
	bool good = true;

	for (unsigned i = 0; i < ROUNDS; i++)
		good &= told(s, i, STACK) % 16 == 0;
	return good;
}

static void judge(const struct start *s, bool fixed)
{
	static const char names[PLACES][16] = { /* pointers would need relocating */
		[STACK] = "the stack", [MMAP] = "the mmap area", [BRK] = "the brk",
		[CODE] = "the code", [CANARY] = "AT_RANDOM",
	};

	for (unsigned i = 0; i < PLACES; i++) {
		unsigned n = changes(s, (enum place)i, UINT64_MAX);

		if (fixed && i != CANARY)
			check(n == 0, names[i], " stays");
		else
			check(n >= ROUNDS - 2, names[i], " changes");
		check(in_range(s, (enum place)i), names[i], " is in its range");
	}
	check(stacks_aligned(s), names[STACK], " is aligned");
	check(changes(s, STACK, PAGE - 1) >= (fixed ? 0 : ROUNDS / 2), names[STACK],
	      fixed ? " is in its page" : " changes in its page");
}

static void without_randomization(const struct start *s)
{
	int status = -1;

	check(sys(SYS_personality, ADDR_NO_RANDOMIZE) == 0, "personality", " was 0");
	check(sys(SYS_personality, 0xffffffff) == ADDR_NO_RANDOMIZE, "personality", " is kept");
	if (sys(SYS_fork) == 0)
		next_round(s, "-q", -1);
	sys(SYS_wait4, -1, &status, 0, 0);
	check(status == 0, "with ADDR_NO_RANDOMIZE", " nothing changes");
}

/*
 * The modes: "-r" random; "-f" fixed, the boot having asked for it; "-q" fixed, and
 * quiet.  They have rounds behind them; the words of the command line have not.
 */
static void run(const struct start *s)
{
	const char *word = s->argc > 1 ? s->argv[1] : "random";
	const char *mode = word[0] == '-' ? word : word[0] == 'f' ? "-f" : "-r";
	int have = mode == word ? 0 : -1;

	while (have >= 0 && have < ROUNDS && s->argv[2 + have][0] != ' ')
		have++;
	if (have < ROUNDS)
		next_round(s, mode, have);
	quiet = mode[1] == 'q';
	judge(s, mode[1] != 'r');
	if (mode[1] == 'r')
		without_randomization(s);
	if (!quiet) {
		put("1..");
		put_number(steps);
		put("\n");
	}
	sys(SYS_exit_group, failed ? 1 : 0);
}

__attribute__((used, noreturn)) static void layout_main(const uint64_t *sp)
{
	struct start s = { sp, sp[0], (char **)(sp + 1), (char **)(sp + 2 + sp[0]) };

	run(&s);
	__builtin_unreachable();
}

__asm__(".globl _start\n"
	"_start:\n\t"
	"mov %rsp, %rdi\n\t"
	"call layout_main");
