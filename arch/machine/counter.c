/*
 * The counters of a PC whose rate is known: HPET, ACPI PM timer, PIT.  Any of them
 * may be missing, and a port where nothing is reads as all ones: each is tried
 * before it is believed.  What CPUID says of the TSC stands here, too.
 *
 * The PIT's channel 2 has 16 bits, and is started anew for each measurement, in
 * mode 0: its output then tells for good that they have run out, after 55 ms.
 * Sources: IA-PC HPET Specification 1.0a, 2.3; ACPI 6.4, 4.8.3.3 (PM timer); Intel
 * 8254 data sheet; Intel SDM vol. 2, CPUID leaves 0x15 and 0x16; leaf 0x40000010 is
 * VMware's, and KVM's and QEMU's.
 * Called by arch/machine/clock.c; arch/machine/measure.c reads the counters.
 */
#include "arch/machine/counter.h"
#include "kernel/base/insn.h"
#include "kernel/base/io.h"
#include "kernel/base/string.h"
#include "mm/space/vmap.h"

/* So often must a counter have moved, within so many readings: some ms, on any machine. */
#define PROBE_MOVES 16
#define PROBE_READINGS 10000
#define PROBE_TRIES 10

enum behaviour { STANDS_STILL, GOES_BACK, COUNTS };

static enum behaviour watch(const struct counter *c)
{
	unsigned moves = 0;
	u64 last, step;

	if (c->start)
		c->start();
	if (c->expired && c->expired())
		return GOES_BACK;
	last = c->read();
	for (int i = 0; i < PROBE_READINGS; i++) {
		step = (c->read() - last) & c->mask;
		if (step > c->mask / 2)
			return GOES_BACK;
		last += step;
		moves += step != 0;
		if (moves == PROBE_MOVES)
			return COUNTS;
	}
	return STANDS_STILL;
}

/*
 * Another port's bits come and go, and that of a port without anything stay ones.
 * But a counter seems to go back, too, if the machine was held up until it wrapped.
 */
static bool counts(const struct counter *c)
{
	enum behaviour b = GOES_BACK;

	for (int i = 0; i < PROBE_TRIES && b == GOES_BACK; i++)
		b = watch(c);
	return b == COUNTS;
}

/* ---- HPET ---------------------------------------------------------------------- */

#define HPET_CAPABILITIES 0x0 /* revision in bits 0 to 7 */
#define HPET_PERIOD 0x4       /* of its clock, in femtoseconds */
#define HPET_CONFIG 0x10
#define HPET_COUNTER 0xf0 /* the low half, which all have */
#define HPET_ENABLE 0x1
#define HPET_PERIOD_MAX 100000000
#define FEMTOSECONDS 1000000000000000ULL

static volatile u32 *hpet_registers;

static u64 hpet_read(void)
{
	return mmio_read32(hpet_registers + HPET_COUNTER / 4);
}

static struct counter hpet = { .name = "HPET", .mask = 0xffffffff, .read = hpet_read };

static bool hpet_probe(phys_addr_t at)
{
	u32 capabilities, period;

	if (!at)
		return false;
	hpet_registers = vmap_device(at & ~(PAGE_SIZE - 1), PAGE_SIZE);
	hpet_registers += (at & (PAGE_SIZE - 1)) / 8 * 2; /* they are of 8 bytes */
	capabilities = mmio_read32(hpet_registers + HPET_CAPABILITIES / 4);
	period = mmio_read32(hpet_registers + HPET_PERIOD / 4);
	if (!(capabilities & 0xff) || capabilities == ~0u || !period || period > HPET_PERIOD_MAX)
		return false;
	hpet.hz = FEMTOSECONDS / period;
	mmio_write32(hpet_registers + HPET_CONFIG / 4,
		     mmio_read32(hpet_registers + HPET_CONFIG / 4) | HPET_ENABLE);
	return counts(&hpet);
}

/* ---- ACPI PM timer -------------------------------------------------------------- */

static u16 pm_port;

static u64 pm_read(void)
{
	return inl(pm_port);
}

static struct counter pm_timer = { .name = "ACPI PM timer", .hz = 3579545, .read = pm_read };

static bool pm_probe(const struct acpi_info *acpi)
{
	pm_port = acpi->pm_tmr;
	pm_timer.mask = acpi->pm_tmr_32 ? 0xffffffff : 0xffffff;
	return pm_port && counts(&pm_timer);
}

/* ---- PIT ------------------------------------------------------------------------ */

#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_START2 0xb0 /* channel 2, both bytes, mode 0, binary */
#define PIT_LATCH2 0x80
#define PORT_B 0x61 /* bit 0: gate of channel 2; bit 1: speaker; bit 5: output */
#define PORT_B_GATE2 0x1
#define PORT_B_SPEAKER 0x2
#define PORT_B_OUT2 0x20

static void pit_start(void)
{
	outb(PORT_B, (inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2);
	outb(PIT_COMMAND, PIT_START2);
	outb(PIT_CHANNEL2, 0xff);
	outb(PIT_CHANNEL2, 0xff);
}

static bool pit_expired(void)
{
	return inb(PORT_B) & PORT_B_OUT2;
}

static u64 pit_read(void)
{
	u8 low;

	outb(PIT_COMMAND, PIT_LATCH2);
	low = inb(PIT_CHANNEL2);
	return 0xffff - (low | (u64)inb(PIT_CHANNEL2) << 8);
}

static const struct counter pit = {
	.name = "PIT",
	.hz = 1193182,
	.mask = 0xffff,
	.start = pit_start,
	.expired = pit_expired,
	.read = pit_read,
};

/* ---- All of them ----------------------------------------------------------------- */

const struct counter *counters[COUNTERS_MAX];
unsigned counter_count;

void counters_probe(const struct acpi_info *acpi)
{
	counter_count = 0;
	if (hpet_probe(acpi->hpet))
		counters[counter_count++] = &hpet;
	if (pm_probe(acpi))
		counters[counter_count++] = &pm_timer;
	if (counts(&pit))
		counters[counter_count++] = &pit;
}

/* ---- CPUID ---------------------------------------------------------------------- */

#define LEAF_TSC 0x15
#define LEAF_FREQUENCY 0x16
#define LEAF_HYPERVISOR 0x40000000
#define LEAF_HYPERVISOR_TSC 0x40000010
#define HYPERVISOR BIT(31) /* leaf 1, ECX */

/* A hypervisor knows; the processor tells of its crystal, or of its base rate. */
u64 counter_tsc_hz_said(void)
{
	u32 max = cpuid(0, 0).eax;
	struct cpuid_regs tsc;

	if ((cpuid(1, 0).ecx & HYPERVISOR) &&
	    cpuid(LEAF_HYPERVISOR, 0).eax >= LEAF_HYPERVISOR_TSC &&
	    cpuid(LEAF_HYPERVISOR, 0).eax < LEAF_HYPERVISOR + 0x10000)
		return cpuid(LEAF_HYPERVISOR_TSC, 0).eax * 1000ULL;
	if (max < LEAF_TSC)
		return 0;
	tsc = cpuid(LEAF_TSC, 0);
	if (!tsc.eax || !tsc.ebx)
		return 0;
	if (tsc.ecx)
		return (u64)tsc.ecx * tsc.ebx / tsc.eax;
	return max < LEAF_FREQUENCY ? 0 : (cpuid(LEAF_FREQUENCY, 0).eax & 0xffff) * 1000000ULL;
}
