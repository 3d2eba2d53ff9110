/*
 * NT, AC, TF and DF through every entry of 32-bit code: the other half of
 * tests/user/bugs/flags.c, where the stories are.
 *
 * SYSENTER is the odd one (Linux, October 2014): it clears IF alone, so the kernel
 * runs with the program's NT, AC, DF and TF until it does something about each.  NT:
 * the IRET on the way back is a #GP.  TF: a #DB on the kernel's first instruction.
 *
 * In Postern: entry_sysenter in entry/interrupt.asm; CSTAR has SFMASK, too.
 *
 * Right: each way in works with each of them set, and returns with it as it was;
 * exceptions have it in the frame; a handler begins with DF and TF clear.
 */
#include "lib/signals.h"

#define TF 0x100u
#define DF 0x400u
#define NT 0x4000u
#define AC 0x40000u
#define ID 0x200000u
#define CLEAN 0x202u
#define KEPT (DF | NT | AC | ID)

static char name_of_us[6 * 65] __attribute__((aligned(4)));

static const struct {
	uint32_t flags;
	const char *name;
} rows[] = {
	{ 0, "no flag: " }, { DF, "DF: " }, { NT, "NT: " }, { AC, "AC: " }, { ID, "ID: " },
	{ DF | NT, "DF and NT: " }, { KEPT, "all: " },
};

static uint32_t flags_after;

static uint32_t call(way_in *way, uint32_t flags, uint32_t nr, uint32_t arg)
{
	uint32_t result;

	entry_flags = CLEAN | flags;
	result = (uint32_t)way(nr, arg, 0, 0, 0, 0, 0);
	entry_flags = CLEAN;
	flags_after = after_call.flags & KEPT; /* the steps make calls, too */
	return result;
}

static void check_way(way_in *way, uint32_t flags, const char *sentence)
{
	uint32_t pid = (uint32_t)sys(SYS_getpid);

	for (uint32_t i = 0; i < sizeof(name_of_us); i++)
		name_of_us[i] = 0;
	check_equal(call(way, flags, SYS_uname, (uint32_t)name_of_us), 0, sentence);
	check_equal(flags_after, flags, "keeps it");
	check_true(name_of_us[0] && name_of_us[65 * 4], "and copies the right way");
	check_equal(call(way, flags, SYS_getpid, 0), pid, "getpid");
	check_equal(flags_after, flags, "keeps it");
}

/* The trap is behind the way in, wherever it leads, and not in the kernel. */
static void check_step(way_in *way, const char *sentence)
{
	uint32_t pid = (uint32_t)sys(SYS_getpid);

	for (uint32_t more = 0; more < 2; more++) {
		traps = trap_ip = 0;
		count_traps = true;
		check_equal(call(way, more ? TF | KEPT : TF, SYS_getpid, 0), pid, sentence);
		count_traps = false;
		check_true(traps >= 2, "is stepped through");
		check_true(trap_ip && trap_ip < 0xffffe000, "in user mode");
	}
}

#define RAISE(code) CAUGHT("push %0\n\tpopf\n\t" code, "r"(CLEAN | flags))

static void check_caught(uint32_t signal, uint32_t flags, const char *sentence)
{
	check_equal(caught.signal, signal, sentence);
	check_equal(caught.at.eflags & KEPT, flags, "it is in the frame");
	check_equal(caught.flags_in_handler & (TF | DF), 0, "not in the handler: TF and DF");
	caught.signal = 0;
}

static void check_exceptions(uint32_t flags)
{
	RAISE("int3");
	check_caught(SIGTRAP, flags, "INT3");
	RAISE("ud2");
	check_caught(SIGILL, flags, "#UD");
	RAISE("movb 0, %%al");
	check_caught(SIGSEGV, flags, "#PF");
	RAISE("hlt");
	check_caught(SIGSEGV, flags, "#GP");
}

int test_main(int argc, char **argv)
{
	const struct {
		way_in *way;
		const char *name;
		bool here;
	} ways[] = {
		{ by_int80, "INT 0x80", true },
		{ by_sysinfo, "AT_SYSINFO", true },
		{ by_sysenter, "SYSENTER", has_sysenter() },
		{ by_syscall, "SYSCALL", has_syscall() },
	};

	check_begin(argc > 1 && same(argv[1], "-q"));
	catch_signals();
	for (uint32_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!ways[i].here) {
			check_skip("not on this vendor's processors", ways[i].name);
			continue;
		}
		for (uint32_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			check_subject(rows[k].name);
			check_way(ways[i].way, rows[k].flags, ways[i].name);
		}
		check_subject("TF: ");
		check_step(ways[i].way, ways[i].name);
	}
	for (uint32_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		check_subject(rows[k].name);
		check_exceptions(rows[k].flags);
	}
	return check_end();
}
