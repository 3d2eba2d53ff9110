/*
 * ia32: checks what a 32-bit program finds and gets, against what Linux does.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0.  `ia32 -q` prints failed steps only.
 * stdout must be a terminal, a pipe or a file, not /dev/null, which takes any
 * pointer.  The parts are in tests/user32/ia32/.
 */
#include "ia32/ia32.h"

static void test_registers(void)
{
	const struct start_regs *r = &start_regs;

	check_equal(r->eax | r->ebx | r->ecx | r->edx | r->esi | r->edi | r->ebp, 0,
		    "the registers are zero");
	check_equal(r->flags, 0x202, "the flags are IF and nothing else");
	check_equal(r->cs, 0x23, "cs is the 32-bit user code segment");
	check_equal(r->ss, 0x2b, "ss is the user data segment");
	check_equal(r->ds, 0x2b, "ds is the user data segment");
	check_equal(r->es, 0x2b, "es is the user data segment");
	check_equal(r->fs, 0, "fs is null");
	check_equal(r->gs, 0, "gs is null");
	check_equal(r->esp % 16, 0, "esp is a multiple of 16");
	check_true(r->esp < 0xffffe000, "esp is below the end of the user half");
	check_true(r->esp > 0xff000000, "esp is near the end of the user half");
}

static void test_vector(int argc, char **argv)
{
	extern const char __ehdr_start[], _start[];
	const uint32_t *random = (const uint32_t *)auxv(AT_RANDOM);

	check_equal(start_regs.esp, (uint32_t)argv - 4, "argc is at esp, argv above it");
	check_true(argc >= 1 && argv[argc] == 0, "argv ends in NULL");
	check_true(same((const char *)auxv(AT_EXECFN), argv[0]), "AT_EXECFN is argv[0]");
	check_equal(auxv(AT_PAGESZ), PAGE, "AT_PAGESZ");
	check_equal(auxv(AT_CLKTCK), 100, "AT_CLKTCK");
	check_equal(auxv(AT_PHENT), 32, "AT_PHENT: headers of ELF32");
	check_equal(auxv(AT_PHDR), (uint32_t)__ehdr_start + 52, "AT_PHDR");
	check_equal(auxv(AT_PHNUM), *(const uint16_t *)(__ehdr_start + 44), "AT_PHNUM");
	check_equal(auxv(AT_ENTRY), (uint32_t)_start, "AT_ENTRY");
	check_true(same((const char *)auxv(AT_PLATFORM), "i686"), "AT_PLATFORM");
	check_true(auxv(AT_HWCAP) & 1, "AT_HWCAP: there is an FPU");
	check_true(random[0] | random[1] | random[2] | random[3],
		   "AT_RANDOM: sixteen bytes that are not all zero");
	check_true(auxv(AT_SYSINFO) != 0, "AT_SYSINFO");
}

int test_main(int argc, char **argv)
{
	check_begin(argc > 1 && same(argv[1], "-q"));
	test_registers();
	test_vector(argc, argv);
	test_entries();
	test_calls();
	test_pointers();
	test_memory();
	test_times();
	test_signal_calls();
	test_processes();
	return check_end();
}
