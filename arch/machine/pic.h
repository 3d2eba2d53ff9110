/*
 * The two 8259 PICs, which we only silence.
 */
#ifndef ARCH_MACHINE_PIC_H
#define ARCH_MACHINE_PIC_H

/*
 * Moves the PICs' vectors out of the exceptions' way and masks all lines.
 * Boot CPU, before interrupts are first on.  (Bochs delivers IRQ 0 as vector 8
 * otherwise.)  Source: Intel 8259A data sheet.
 */
void pic_disable(void);

#endif
