/*
 * The calendar: MC146818 and what became of it.
 */
#ifndef ARCH_MACHINE_RTC_H
#define ARCH_MACHINE_RTC_H

#include "kernel/base/types.h"

/* Nanoseconds since 1970, by its seconds; 0 if there is none that runs.  Boot CPU. */
u64 rtc_read_ns(void);

#endif
