/*
 * The first C: from either loader's structure to one struct boot_info, and on
 * to kernel_main().  Runs on the boot stack under the temporary map, which
 * shows the first 4 GiB at the direct map's base; owns those tables.
 */
#include "boot/multiboot2.h"
#include "boot/pvh.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/debug/panic.h"
#include "kernel/main.h"

/* Filled by boot/start32.asm. */
u64 boot_pgd[512] __aligned(PAGE_SIZE);
u64 boot_pud_low[512] __aligned(PAGE_SIZE);
u64 boot_pud_high[512] __aligned(PAGE_SIZE);
u64 boot_pmds[EARLY_MAP_GIB][512] __aligned(PAGE_SIZE);
u64 boot_tsc; /* behind the check of the CPU */
u8 boot_stack[BOOT_STACK_SIZE] __aligned(16);

extern struct percpu boot_vault;
static struct boot_info info;

__noreturn void boot_main(enum boot_protocol protocol, phys_addr_t at);

static void warn(const char *line)
{
	log("%s\n", line);
}

void boot_main(enum boot_protocol protocol, phys_addr_t at)
{
	struct complaint why;
	int err;

	log_init();
	boot_vault.self = &boot_vault; /* this_cpu() works from here on */
	wrmsr(MSR_GS_BASE, (u64)&boot_vault);
	panic_init();
	boot_info_init(&info, warn);
	info.info_start = at;
	info.tsc_at_entry = boot_tsc;
	if (protocol == BOOT_MULTIBOOT2)
		err = multiboot2_parse(phys_to_virt(at), EARLY_MAP_END - at, &info, &why);
	else
		err = pvh_parse(phys_to_virt(at), EARLY_MAP_END - at, phys_to_virt_early, &info,
				&why);
	if (err)
		refuse("%s", why.text);
	boot_info_sort_regions(&info);
	kernel_main(&info);
}
