/*
 * start.c: what a program finds when it starts: the stack that the kernel laid
 * out (argc, argv, NULL, envp, NULL, auxv, AT_NULL, then the strings), and
 * thread-local storage behind FS. The registers at entry are regs.c's subject.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

extern const Elf64_Ehdr __ehdr_start;	/* the linker: the ELF header in memory */
extern const char _start[];

static __thread volatile uint64_t tls_with_value = 0x1122334455667788;
static __thread volatile uint64_t tls_zero;

static const uint64_t *auxv;

/* How often the vector has this type; *value is the last one's. */
static int aux_find(uint64_t type, uint64_t *value)
{
	int found = 0;

	for (const uint64_t *entry = auxv; entry[0] != AT_NULL; entry += 2) {
		if (entry[0] == type) {
			*value = entry[1];
			found++;
		}
	}
	return found;
}

static void check_aux(uint64_t type, const char *name, uint64_t expected)
{
	uint64_t value = 0;

	check_equal(aux_find(type, &value), 1, "auxv has %s once", name);
	check_equal((int64_t)value, (int64_t)expected, "%s is right", name);
}

static void test_arguments(int argc, char **argv)
{
	char **envp = argv + argc + 1;
	int variables = 0;

	check_true(argc >= 1, "argc is at least 1");
	check_equal((int64_t)(uintptr_t)argv & 15, 8, "rsp was a multiple of 16 at entry");
	check_equal(*(int64_t *)(argv - 1), argc, "argc lies just below argv");
	check_true(argv[0] && argv[0][0], "argv[0] is not empty");
	check_true(argv[argc] == NULL, "argv ends with NULL");
	while (envp[variables]) {
		if (!strchr(envp[variables], '='))
			check_true(false, "environment string %d has a =", variables);
		variables++;
	}
	auxv = (const uint64_t *)(envp + variables + 1);
}

static void test_auxv(void)
{
	static const struct {
		uint64_t type;
		const char *name;
	} ids[] = {
		{ AT_UID, "AT_UID" }, { AT_EUID, "AT_EUID" },
		{ AT_GID, "AT_GID" }, { AT_EGID, "AT_EGID" },
	};
	const char *header = (const char *)&__ehdr_start;
	const uint64_t needed = 1 << 0 | 1 << 25 | 1 << 26;	/* FPU, SSE, SSE2 */
	uint64_t value = 0;

	check_aux(AT_PHDR, "AT_PHDR", (uint64_t)(header + __ehdr_start.e_phoff));
	check_aux(AT_PHNUM, "AT_PHNUM", __ehdr_start.e_phnum);
	check_aux(AT_PHENT, "AT_PHENT", sizeof(Elf64_Phdr));
	check_aux(AT_ENTRY, "AT_ENTRY", (uint64_t)_start);
	check_aux(AT_PAGESZ, "AT_PAGESZ", PAGE);
	check_aux(AT_CLKTCK, "AT_CLKTCK", 100);
	check_aux(AT_SECURE, "AT_SECURE", 0);
	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		check_equal(aux_find(ids[i].type, &value), 1, "auxv has %s once", ids[i].name);
	check_equal(aux_find(AT_HWCAP, &value), 1, "auxv has AT_HWCAP once");
	check_equal((int64_t)(value & needed), (int64_t)needed, "AT_HWCAP has FPU, SSE, SSE2");
}

static void test_auxv_pointers(char **argv)
{
	static const unsigned char zeros[16];
	uint64_t value = 0;

	check_equal(aux_find(AT_RANDOM, &value), 1, "auxv has AT_RANDOM once");
	check_true(value > (uint64_t)auxv, "AT_RANDOM points above the vector");
	check_true(value && memcmp((void *)value, zeros, 16) != 0, "AT_RANDOM's 16 bytes are not zero");
	value = 0;
	check_equal(aux_find(AT_EXECFN, &value), 1, "auxv has AT_EXECFN once");
	check_true(value && *(char *)value, "AT_EXECFN is a name");
	check_true((uint64_t)argv[0] > (uint64_t)auxv, "the strings lie above the vector");
	value = 0;
	if (aux_find(AT_SYSINFO_EHDR, &value))
		check_equal((int64_t)(value % PAGE), 0, "the vDSO begins a page");
}

/* Where .bss ends and its page does not, nothing of the file may show. */
static void test_bss_end(void)
{
	const void *header = &__ehdr_start;
	const Elf64_Phdr *segment = (const void *)((const char *)header + __ehdr_start.e_phoff);
	uint64_t base = __ehdr_start.e_type == ET_DYN ? (uint64_t)header : 0;
	bool zero = true;

	for (int i = 0; i < __ehdr_start.e_phnum; i++, segment++) {
		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W))
			continue;
		uint64_t end = base + segment->p_vaddr + segment->p_memsz;

		for (; end % PAGE != 0; end++)
			zero = zero && *(const unsigned char *)end == 0;
	}
	check_true(zero, "the page that .bss ends in is zero to its end");
}

static __attribute__((noinline)) int use_stack(unsigned bytes)
{
	volatile char page[4096];

	page[0] = (char)bytes;
	return bytes < sizeof(page) ? page[0] : use_stack(bytes - sizeof(page)) + page[0];
}

static void test_tls(void)
{
	uint64_t block[2] = { 0xabcdef, 0 };
	uint64_t fs = 0, self, seen;

	check_equal((int64_t)tls_with_value, 0x1122334455667788, "a thread-local variable has its value");
	check_equal((int64_t)tls_zero, 0, "a thread-local variable is zero");
	check_equal(sys(SYS_arch_prctl, ARCH_GET_FS, &fs), 0, "arch_prctl tells the FS base");
	__asm__ volatile("mov %%fs:0, %0" : "=r"(self));
	check_equal((int64_t)self, (int64_t)fs, "the FS base is what fs:0 says");

	/* No C library between these three: its errno lives behind FS. */
	sys(SYS_arch_prctl, ARCH_SET_FS, block);
	__asm__ volatile("mov %%fs:0, %0" : "=r"(seen));
	sys(SYS_arch_prctl, ARCH_SET_FS, fs);
	check_equal((int64_t)seen, 0xabcdef, "arch_prctl moves the FS base");

	check_equal(sys(SYS_arch_prctl, ARCH_SET_GS, block), 0, "arch_prctl sets the GS base");
	__asm__ volatile("mov %%gs:0, %0" : "=r"(seen));
	check_equal((int64_t)seen, 0xabcdef, "gs:0 is there");
	check_equal(sys(SYS_arch_prctl, ARCH_GET_GS, &seen), 0, "arch_prctl tells the GS base");
	check_equal((int64_t)seen, (int64_t)block, "the GS base is what was set");
	sys(SYS_arch_prctl, ARCH_SET_GS, 0);

	check_equal(sys(SYS_arch_prctl, ARCH_SET_FS, 0xffff888000000000), -EPERM, "no FS base in the kernel half");
	check_equal(sys(SYS_arch_prctl, ARCH_SET_GS, 0xffffffff80000000), -EPERM, "no GS base in the kernel half");
	check_equal(sys(SYS_arch_prctl, ARCH_SET_FS, 0x4141414141414141), -EPERM, "no non-canonical FS base");
	check_equal(sys(SYS_arch_prctl, 0x9999, 0), -EINVAL, "an unknown arch_prctl code gives EINVAL");
}

void test_start(int argc, char **argv)
{
	test_arguments(argc, argv);
	test_auxv();
	test_auxv_pointers(argv);
	test_bss_end();
	use_stack(128 * 1024);
	check_true(true, "the stack is at least 128 KiB deep");
	test_tls();
}
