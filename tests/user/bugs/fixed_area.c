/*
 * CVE-2023-0597 (Linux, known since 2022), with the Meltdown class behind it.
 *
 * The cpu_entry_area lies where everybody knows (Linux did not randomize it until
 * 6.2), the user's page tables show it, and it kept what had passed over its
 * stacks: registers of other programs and addresses of the kernel, at known places
 * for whoever could read or prefetch there.
 *
 * In Postern it lies where everybody knows, too, by design: so it may hold
 * nothing.  entry/paranoid.asm erases what it leaves (step 4), cea_scrub() what an
 * entry leaves when the address space changes, mm/leakscan.c looks; all pages are
 * the supervisor's alone (mm/ledger.c, the audit's P4).  What the bytes are is
 * read by tests/suites/residue.c and audit_leak.c; here is the program's view of them.
 *
 * Right: no byte of slots 507 to 509 can be loaded, stored, or run; these faults
 * tell nothing: mapped and unmapped look alike, error code and all; a system call's
 * copy gives EFAULT for each.
 *
 * That is what the rights in the tables promise of an access that is checked.  One
 * that is not checked sees what is mapped: speculation on a CPU with Meltdown, and
 * a far return on QEMU before 9.1 (user/meltdown/far_return.c), by which a program
 * tells mapped from unmapped and reads each byte.  So for that access the promise is
 * another one: on an emulator that has the flaw the mapped pages answer, and no more
 * than what the ledger shows is mapped (tests/user/gate/leak.c reads all of it); on every
 * other machine nothing answers.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../../user/meltdown/far_return.h"
#include "lib/area.h"

#define READ 5		/* PROT, USER: as for what is not there */
#define WRITE 7
#define FETCH 0x15

static uint64_t faults;

static void load(uint64_t at)
{
	(void)*(volatile uint8_t *)at;
}

static void store(uint64_t at)
{
	*(volatile uint8_t *)at = 1;
}

static void fetch(uint64_t at)
{
	((void (*)(void))at)();
}

static bool faults_as(void (*touch)(uint64_t), uint64_t at, uint64_t error)
{
	faults++;
	return CAUGHT(touch(at)) == SIGSEGV && caught.err == error && caught.addr == at;
}

static bool closed(uint64_t at)
{
	return faults_as(load, at, READ) && faults_as(store, at, WRITE) && faults_as(fetch, at, FETCH);
}

/* Each page of the first CPUs' areas; a sample of the rest. */
static void test_area(void)
{
	volatile uint64_t open = 0;

	for (uint64_t at = AREA_SHARED_BASE; at < AREA_SHARED_BASE + 16 * AREA_PAGE; at += AREA_PAGE)
		open += !closed(at);
	check_equal((int64_t)open, 0, "pages of the shared part that can be reached");
	for (uint64_t at = AREA_BASE; at < AREA_BASE + 2 * AREA_STRIDE; at += AREA_PAGE)
		open += !closed(at);
	check_equal((int64_t)open, 0, "pages of two CPUs' areas");
	for (uint64_t at = AREA_SLOT_507; at < AREA_SLOT_510; at += AREA_SAMPLE)
		open += !closed(at);
	check_equal((int64_t)open, 0, "places in slots 507 to 509");
	for (unsigned i = 0; i < kernel_address_count; i++)
		if (kernel_addresses[i] < 0x7ffffffff000 || kernel_addresses[i] >= 0xffff800000000000)
			open += !closed(kernel_addresses[i]);
	check_equal((int64_t)open, 0, "other places of the kernel's");
}

static void test_copies(void)
{
	uint64_t wrong = 0;

	for (uint64_t at = AREA_BASE; at < AREA_BASE + AREA_STRIDE; at += AREA_PAGE)
		wrong += syscall(SYS_write, 1, at, 1) != -1 || errno != EFAULT ||
			 syscall(SYS_uname, at) != -1 || errno != EFAULT;
	check_equal((int64_t)wrong, 0, "system calls that reach it");
}

/* The shared part and CPU 0's guard page: one answer for what is mapped, or none. */
static void test_far_return(void)
{
	bool flaw;

	far_return_begin();
	flaw = far_return_works();
	check_equal(far_return_word(AREA_ENTRY_TEXT + 16) != NO_ANSWER, flaw,
		    "a far return reads entry text only where the IDT answers, too");
	check_equal(far_return_word(AREA_BASE + AREA_GUARD + 16), NO_ANSWER,
		    "a guard page does not answer");
	check_equal(far_return_word(AREA_SLOT_510 + 16), NO_ANSWER,
		    "nor does what no table maps");
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	test_area();
	test_copies();
	test_far_return();
	return check_end();
}
