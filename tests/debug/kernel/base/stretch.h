/*
 * kernel/base/stretch.h of a debug build: tests/debug/stretch.c.
 */
#ifndef KERNEL_BASE_STRETCH_H
#define KERNEL_BASE_STRETCH_H

void stretch_begin(void);
void stretch_irqs_off(void);
void stretch_irqs_on(void);
void stretch_enter(void);
void stretch_leave(void);
void stretch_trap(void);
void stretch_point(void);
void stretch_ignore(void);
void stretch_report(void);

#endif
