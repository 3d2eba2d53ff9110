/*
 * Where boot/ hands over.
 */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "kernel/base/boot_info.h"

/*
 * Everything from here on.  Context: boot CPU, boot stack, temporary map,
 * interrupts off; *bi is sorted and stays.
 */
__noreturn void kernel_main(struct boot_info *bi);

#endif
