/*
 * Local APIC: one set of registers, two ways to reach them.  x2APIC is used
 * where CPUID has it: QEMU's TCG accepts the enable bit and ignores it.
 * Source: Intel SDM vol. 3, chapter 11.  Called by arch/machine/smp.c, arch/machine/clock.c,
 * kernel/trap.c.
 */
#include "arch/machine/apic.h"
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "kernel/base/log.h"

#define REG_ID 0x20
#define REG_VERSION 0x30
#define REG_TPR 0x80
#define REG_EOI 0xb0
#define REG_SVR 0xf0
#define REG_ESR 0x280
#define REG_ICR_LOW 0x300
#define REG_ICR_HIGH 0x310
#define REG_LVT_TIMER 0x320
#define REG_LVT_LINT0 0x350
#define REG_LVT_LINT1 0x360
#define REG_LVT_ERROR 0x370
#define REG_TIMER_INITIAL 0x380
#define REG_TIMER_CURRENT 0x390
#define REG_TIMER_DIVIDE 0x3e0

#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ADDRESS 0x000ffffffffff000
/* The version register: bits 0 to 7, of a processor's own APIC; the last LVT entry. */
#define VERSION_FIRST 0x10
#define VERSION_LAST 0x1f
#define VERSION_MAX_LVT(v) ((v) >> 16 & 0xff)
#define LVT_ENTRIES_MIN 4 /* timer, LINT0, LINT1, error */
#define SVR_ENABLE 0x100
#define LVT_MASKED 0x10000
#define DELIVER_NMI 0x400
#define DELIVER_INIT 0x500
#define DELIVER_STARTUP 0x600
#define LEVEL_ASSERT 0x4000
#define ICR_PENDING 0x1000
#define DIVIDE_BY_1 0xb

static phys_addr_t apic_base;
static volatile u32 *registers; /* xAPIC only */
static bool x2apic_mode;

static u32 reg_read(u32 reg)
{
	if (x2apic_mode)
		return (u32)rdmsr(MSR_X2APIC_BASE + reg / 16);
	return registers[reg / 4];
}

static void reg_write(u32 reg, u32 v)
{
	if (x2apic_mode)
		wrmsr(MSR_X2APIC_BASE + reg / 16, v);
	else
		registers[reg / 4] = v;
}

bool apic_version_good(u32 version)
{
	u32 kind = version & 0xff;

	return kind >= VERSION_FIRST && kind <= VERSION_LAST &&
	       VERSION_MAX_LVT(version) + 1 >= LVT_ENTRIES_MIN;
}

/* Puts the APIC at the boot CPU's address: firmware may have moved only some of them. */
static void enable(void)
{
	u64 base = (rdmsr(MSR_APIC_BASE) & ~APIC_BASE_ADDRESS) | apic_base | APIC_BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base);
	if (x2apic_mode)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
}

phys_addr_t apic_address(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS;
}

void apic_init(volatile u32 *mapped, phys_addr_t named)
{
	u32 version;

	registers = mapped;
	x2apic_mode = !mapped;
	apic_base = apic_address();
	if (named && named != apic_base)
		log("apic: found IA32_APIC_BASE %#lx, expected the MADT's %#lx; "
		    "the register counts\n",
		    apic_base, named);
	enable();
	version = reg_read(REG_VERSION);
	if (!apic_version_good(version))
		refuse("apic: found %#x in the version register of the local APIC at %#lx, "
		       "expected %#x to %#x in its low byte: it does not answer",
		       version, apic_base, VERSION_FIRST, VERSION_LAST);
}

void apic_init_cpu(void)
{
	enable();
	reg_write(REG_TPR, 0);
	reg_write(REG_LVT_TIMER, LVT_MASKED);
	reg_write(REG_LVT_LINT0, LVT_MASKED);
	reg_write(REG_LVT_LINT1, DELIVER_NMI);
	reg_write(REG_LVT_ERROR, VEC_APIC_ERROR);
	reg_write(REG_SVR, SVR_ENABLE | VEC_SPURIOUS);
	reg_write(REG_TIMER_INITIAL, 0);
	reg_write(REG_LVT_TIMER, VEC_TIMER); /* stays: a count of 0 stops it */
	reg_write(REG_TIMER_DIVIDE, DIVIDE_BY_1);
	reg_write(REG_ESR, 0);
	apic_eoi();
}

u32 apic_id(void)
{
	u32 id = reg_read(REG_ID);

	return x2apic_mode ? id : id >> 24;
}

bool apic_is_x2apic(void)
{
	return x2apic_mode;
}

void apic_eoi(void)
{
	reg_write(REG_EOI, 0);
}

static void send(u32 to, u32 command)
{
	u64 flags;

	if (x2apic_mode) {
		/* Not serializing: stores before it must be visible. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		wrmsr(MSR_X2APIC_BASE + REG_ICR_LOW / 16, (u64)to << 32 | command);
		return;
	}
	flags = interrupts_save();
	while (reg_read(REG_ICR_LOW) & ICR_PENDING)
		cpu_relax();
	reg_write(REG_ICR_HIGH, to << 24);
	reg_write(REG_ICR_LOW, command);
	interrupts_restore(flags);
}

void apic_send_ipi(u32 to, u8 vector)
{
	send(to, LEVEL_ASSERT | vector);
}

void apic_send_nmi(u32 to)
{
	send(to, LEVEL_ASSERT | DELIVER_NMI);
}

void apic_send_init(u32 to)
{
	send(to, LEVEL_ASSERT | DELIVER_INIT);
}

void apic_send_startup(u32 to, phys_addr_t page)
{
	send(to, LEVEL_ASSERT | DELIVER_STARTUP | (u32)(page >> PAGE_SHIFT));
}

void apic_timer_start(u32 ticks)
{
	reg_write(REG_TIMER_INITIAL, ticks);
}

u32 apic_timer_left(void)
{
	return reg_read(REG_TIMER_CURRENT);
}
