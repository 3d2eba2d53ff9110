/*
 * Calls of other CPUs, one at a time, by IPI; and the NMI that stops them for good.
 * The call itself is seam_call_on_cpus() (kernel/base/seams.h), since mm/ calls it.
 */
#ifndef ARCH_MACHINE_IPI_CALL_H
#define ARCH_MACHINE_IPI_CALL_H

#include "kernel/base/types.h"

/* For the trap code: IPI_CALL arrived. */
void smp_handle_call(void);

/*
 * For panic: stops every other CPU for good, by NMI, in which each asks whether it must.
 * The one that stops them goes on, whoever sends it an NMI.
 */
void smp_stop_others(void);
bool smp_stopping(void);

#endif
