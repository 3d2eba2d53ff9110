/*
 * What this CPU can do, and the control registers that follow from it.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "kernel/base/types.h"

/*
 * Read from CPUID on the boot CPU; all CPUs are taken to be alike.  fpu_detect() fills
 * in what follows from the FPU, and clears xsave and pku where they cannot be used.
 */
struct cpu_features {
	char vendor[13];
	bool smep, smap, umip, fsgsbase, pcid, invpcid, x2apic, pge, gib_pages;
	bool xsave, rdrand, rdseed, arch_capabilities, pku, rtm;
	bool ibpb;              /* MSR_PRED_CMD is there */
	bool ds;                /* a debug store with 64-bit records */
	u64 xcr0;               /* the states we enable: x87 and SSE without XSAVE */
	u32 pkru_offset;        /* of PKRU in XSAVE's area; with pku */
	u32 fpu_size;           /* bytes of XSAVE's area for them, or of FXSAVE's */
	u32 fpu_frame_size;     /* bytes of it in a signal frame, from a 64-aligned address */
	bool meltdown;          /* pti=auto: on */
	bool fpu_pointers_stay; /* AMD: restoring leaves FIP, FDP and FOP as they are */
};
extern struct cpu_features cpu_features;

/* Fills cpu_features.  Boot CPU, first thing; fpu_detect() follows. */
void cpu_detect(void);

/*
 * Sets CR0 and CR4 of this CPU: WP, NX and what cpu_features has (SMEP, SMAP,
 * UMIP, FSGSBASE, PKE, PGE, MCE, OSFXSR, OSXSAVE), and PCIDE if `pcid`.
 * Every CPU, under a CR3 whose bits 0 to 11 are zero.
 */
void cpu_init(bool pcid);

#endif
