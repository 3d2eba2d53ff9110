/*
 * IST events with all registers under control (tests/suites/trap_events.asm),
 * and what the handler saw of them (tests/suites/trap.c).
 */
#ifndef TESTS_SUITES_TRAP_EVENTS_H
#define TESTS_SUITES_TRAP_EVENTS_H

#include "entry/entry.h"

/*
 * Loads the general registers and RFLAGS from *regs, makes the event happen,
 * and stores what they are then.  Context: interrupts off, here and in
 * regs->flags.
 *
 *   watch  writes a byte to event_watched, which a debug register watches
 *   icr    writes eax to [rdi], the xAPIC's command register, and waits
 *   msr    WRMSR: the x2APIC's, and waits
 *   wait   waits
 *
 * Waiting ends when event_seen is set, or event_patience has run down to 0.
 * The _gs ones do it between two SWAPGS.
 */
void event_watch(struct pt_regs *regs);
void event_watch_gs(struct pt_regs *regs);
void event_icr(struct pt_regs *regs);
void event_icr_gs(struct pt_regs *regs);
void event_msr(struct pt_regs *regs);
void event_msr_gs(struct pt_regs *regs);
void event_wait(struct pt_regs *regs);

/* Where a watched write returns to. */
extern const u8 event_watch_after[], event_watch_gs_after[];

extern volatile u8 event_watched;
extern volatile u32 event_seen, event_patience;

#endif
