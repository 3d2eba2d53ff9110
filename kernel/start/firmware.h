/*
 * What firmware, loader and emulator tell the kernel, read while the temporary
 * map still shows the first 4 GiB.
 */
#ifndef KERNEL_START_FIRMWARE_H
#define KERNEL_START_FIRMWARE_H

#include "arch/machine/acpi.h"
#include "kernel/base/boot_info.h"
#include "kernel/start/args.h"

/*
 * Arguments from the loader's line, then from fw_cfg's; the console as they want it.  What
 * is wrong with them is said at once, and by firmware_report_args() again.
 */
void firmware_read_args(const struct boot_info *bi, struct boot_args *args);
void firmware_report_args(void);

/*
 * Forgets a loader's initramfs that does not lie in RAM, with a line.
 */
void firmware_check_initramfs(struct boot_info *bi);

/* If fw_cfg has an initramfs, copies it into free RAM and into bi->initramfs. */
void firmware_read_initramfs(struct boot_info *bi);

/* Makes the files of the initramfs, as far as its archives are good.  Once memory is known. */
void firmware_make_files(const struct boot_info *bi);

/* The ACPI tables; an empty result, with a line, if there are none. */
void firmware_read_acpi(const struct boot_info *bi, struct acpi_info *acpi);

/* Takes a page below 1 MiB for good, for APs to start in; 0: there is none. */
phys_addr_t firmware_start_page(const struct boot_info *bi);

#endif
