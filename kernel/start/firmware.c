/*
 * Reads fw_cfg, ACPI and the memory map's low end, once, on the boot CPU,
 * under the temporary map.
 */
#include "arch/cpu.h"
#include "arch/machine/clock.h"
#include "arch/machine/fw_cfg.h"
#include "arch/machine/random.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/files/initramfs.h"
#include "kernel/files/defaults.h"
#include "kernel/files/tty.h"
#include "kernel/start/firmware.h"
#include "mm/frames/frame.h"
#include "mm/kernel_map.h"

#define FW_CMDLINE "opt/org.postern/cmdline"
#define FW_INITRAMFS "opt/org.postern/initramfs"
#define BIOS_AREA 0xe0000
#define BIOS_AREA_END 0x100000

static void report_line(const char *line)
{
	log("%s\n", line);
}

/* What was wrong with the arguments; the boot report moves it off the screen. */
static struct complaint bad_arguments[8];
static unsigned bad_count;

static void note_argument(const char *line)
{
	if (bad_count < ARRAY_SIZE(bad_arguments))
		complain(&bad_arguments[bad_count++], "%s", line);
	else
		report_line(line);
}

void firmware_report_args(void)
{
	for (unsigned i = 0; i < bad_count; i++)
		report_line(bad_arguments[i].text);
}

static void read_fw_cfg_args(struct boot_args *args)
{
	struct fw_cfg_file file;
	char line[1024];
	size_t n;

	if (!fw_cfg_find(FW_CMDLINE, &file))
		return;
	n = MIN(file.size, sizeof(line) - 1);
	if (n < file.size)
		log("args: found %u bytes in fw_cfg, expected at most %zu; cut\n", file.size,
		    sizeof(line) - 1);
	fw_cfg_read(&file, line, n);
	line[n] = '\0';
	args_parse(args, line, note_argument);
}

void firmware_read_args(const struct boot_info *bi, struct boot_args *args)
{
	args_default(args);
	args_parse(args, bi->cmdline, note_argument);
	read_fw_cfg_args(args);
	args_settle(args, cpu_features.meltdown, note_argument);
	tty_is_pipe = args->console_is_pipe;
	log_quiet = args->quiet;
	firmware_report_args();
}

void firmware_check_initramfs(struct boot_info *bi)
{
	struct boot_range *r = &bi->initramfs;

	for (unsigned i = 0; i < bi->region_count; i++)
		if (bi->regions[i].type == BOOT_REGION_RAM && r->start >= bi->regions[i].start &&
		    r->end <= bi->regions[i].end)
			return;
	if (r->start != r->end)
		log("boot: found an initramfs at %#lx to %#lx, expected it in RAM; "
		    "ignored\n",
		    r->start, r->end);
	*r = (struct boot_range){ 0, 0 };
}

void firmware_read_initramfs(struct boot_info *bi)
{
	struct fw_cfg_file file;
	phys_addr_t at;

	if (!fw_cfg_find(FW_INITRAMFS, &file) || file.size == 0)
		return;
	at = kernel_map_find_room(bi, file.size);
	if (!at) {
		log("init: found no room for fw_cfg's initramfs of %u bytes, "
		    "expected more memory\n",
		    file.size);
		return;
	}
	fw_cfg_read(&file, phys_to_virt(at), file.size);
	bi->initramfs = (struct boot_range){ at, at + file.size };
}

void firmware_make_files(const struct boot_info *bi)
{
	const struct boot_range *r = &bi->initramfs;

	initramfs_init(phys_to_virt(r->start), r->end - r->start, random_u64(), clock_realtime_ns(),
		       report_line);
	defaults_make();
}

void firmware_read_acpi(const struct boot_info *bi, struct acpi_info *acpi)
{
	const void *rsdp = bi->rsdp_len ? bi->rsdp : NULL;
	size_t len = bi->rsdp_len;
	struct complaint why;

	if (!rsdp) {
		rsdp = acpi_scan_rsdp(phys_to_virt(BIOS_AREA), BIOS_AREA_END - BIOS_AREA);
		len = rsdp ? BIOS_AREA_END - (virt_to_phys(rsdp)) : 0;
	}
	if (!rsdp)
		log("acpi: found no RSDP, expected one; one CPU only\n");
	else if (acpi_parse(rsdp, len, phys_to_virt_early, report_line, acpi, &why))
		log("%s; one CPU only\n", why.text);
}

phys_addr_t firmware_start_page(const struct boot_info *bi)
{
	for (unsigned i = 0; i < bi->region_count; i++) {
		const struct boot_region *r = &bi->regions[i];
		phys_addr_t at = MAX(r->start, PAGE_SIZE);

		if (at < bi->initramfs.end && at + PAGE_SIZE > bi->initramfs.start)
			at = ALIGN_UP(bi->initramfs.end, PAGE_SIZE);
		if (r->type != BOOT_REGION_RAM || at + PAGE_SIZE > MIN(r->end, AP_START_MAX))
			continue;
		frame_reserve_range(at, at + PAGE_SIZE);
		return at;
	}
	return 0;
}
