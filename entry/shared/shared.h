/*
 * The one SYSCALL entry for all CPUs (syscall=entry): its addresses for the rest of the
 * kernel.
 */
#ifndef ENTRY_SHARED_SHARED_H
#define ENTRY_SHARED_SHARED_H

#include "kernel/base/types.h"

/* Its windows: field, name in reports (as ENTRY_WINDOWS of entry/labels.h). */
#define SHARED_WINDOWS(X)              \
	X(syscall, "syscall")          \
	X(syscall_pcid, "syscall")     \
	X(syscall32, "syscall32")      \
	X(syscall32_pcid, "syscall32") \
	X(sysret, "sysret")

/* Addresses of slot 508, as data (entry/shared/shared.asm). */
extern const struct entry_shared_labels {
#define SHARED_WINDOW_FIELDS(field, name) u64 window_##field##_start, window_##field##_end;
	SHARED_WINDOWS(SHARED_WINDOW_FIELDS)
	u64 door_sysret;
} entry_shared_labels;

/* For LSTAR, or with `narrow` for CSTAR. */
static inline u64 entry_shared_at(bool narrow, bool pcid)
{
	const struct entry_shared_labels *l = &entry_shared_labels;

	if (narrow)
		return pcid ? l->window_syscall32_pcid_start : l->window_syscall32_start;
	return pcid ? l->window_syscall_pcid_start : l->window_syscall_start;
}

#endif
