/* Silences the PICs; interrupts come through local APICs.  See arch/machine/pic.h. */
#include "arch/machine/pic.h"
#include "kernel/base/io.h"
#include "kernel/base/x86.h"

#define MASTER 0x20
#define SLAVE 0xa0
#define ICW1_INIT 0x11
#define ICW4_8086 0x01

void pic_disable(void)
{
	outb(MASTER, ICW1_INIT);
	outb(SLAVE, ICW1_INIT);
	outb(MASTER + 1, VEC_PIC_BASE);
	outb(SLAVE + 1, VEC_PIC_BASE + 8);
	outb(MASTER + 1, 4); /* the slave is on line 2 */
	outb(SLAVE + 1, 2);
	outb(MASTER + 1, ICW4_8086);
	outb(SLAVE + 1, ICW4_8086);
	outb(MASTER + 1, 0xff);
	outb(SLAVE + 1, 0xff);
}
