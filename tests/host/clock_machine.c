/*
 * The make-believe machine of clocks; clock_machine.h has the contract.
 *
 * Each access takes about a microsecond, no two the same, and what it reads is of
 * the middle of it.  The host holds the machine up between any two of them.
 */
#include "tests/host/clock_machine.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "kernel/base/log.h"
#include "mm/space/vmap.h"
#include "tests/host/host.h"

#define HPET_AT 0xfed00000
#define PM_PORT 0x608

struct clock_machine machine;
static u64 now, next_stop;
static u64 pit_started, apic_started;
static u32 apic_ticks;
static u32 hpet_page[1024];
static u8 cmos_index, pit_bytes, latch_reads;
static u16 pit_latch;
static jmp_buf refused;

/* ---- Time ------------------------------------------------------------------------ */

u64 machine_now(void)
{
	return now;
}

void machine_pass(u64 ns)
{
	now += ns;
	if (!machine.stop_ns || now < next_stop)
		return;
	now += machine.steady ? machine.stop_ns :
		machine.stop_ns / 2 + host_random() % machine.stop_ns;
	next_stop = now + (machine.steady ? machine.run_ns :
			   machine.run_ns / 2 + host_random() % machine.run_ns);
}

static u64 ticks(u64 hz, u64 since)
{
	return (u64)((unsigned __int128)(now - since) * hz / NSEC_PER_SEC);
}

static void access_begins(void)
{
	machine_pass(200 + host_random() % 300);
}

static void access_ends(void)
{
	machine_pass(200 + host_random() % 300);
}

u64 rdtsc(void)
{
	machine_pass(10);
	return 12345 + ticks(machine.tsc_hz, 0);
}

void cpu_relax(void)
{
	machine_pass(20);
}

/* ---- Ports ------------------------------------------------------------------------ */

static u16 pit_count(void)
{
	return (u16)(0xffff - ticks(machine.pit_hz, pit_started));
}

void outb(u16 port, u8 v)
{
	access_begins();
	if (port == 0x43 && v == 0x80) {
		pit_latch = pit_count();
		latch_reads = 0;
	} else if (port == 0x43) {
		pit_bytes = 0;
	} else if (port == 0x42 && ++pit_bytes == 2) {
		pit_started = now;
	} else if (port == 0x70) {
		cmos_index = v;
	}
	access_ends();
}

static u8 in(u16 port)
{
	if (port == 0x71 && machine.rtc)
		return cmos_index == 0x0a ? 0x26 : cmos_index == 0x0b ? 0x02 : 1;
	if (!machine.pit_hz)
		return 0xff;
	if (port == 0x61)
		return ticks(machine.pit_hz, pit_started) > 0xffff ? 0x31 : 0x11;
	if (port == 0x42)
		return (u8)(pit_latch >> 8 * (latch_reads++ & 1));
	return 0xff;
}

u8 inb(u16 port)
{
	u8 v;

	access_begins();
	v = in(port);
	access_ends();
	return v;
}

u32 inl(u16 port)
{
	u32 v = ~0u;

	access_begins();
	if (port == PM_PORT && machine.noise)
		v = host_random() & 0x1000;
	else if (port == PM_PORT && machine.pm_hz)
		v = (u32)ticks(machine.pm_hz, 0) & 0xffffff;
	access_ends();
	return v;
}

/* ---- Memory, APIC, CPUID ------------------------------------------------------------ */

void *vmap_device(phys_addr_t pa, u64 size)
{
	(void)size;
	return pa == HPET_AT ? hpet_page : NULL;
}

u32 mmio_read32(const volatile u32 *at)
{
	u32 offset = (u32)((const u8 *)at - (u8 *)hpet_page), v = ~0u;

	access_begins();
	if (machine.hpet_hz && offset == 0xf0)
		v = hpet_page[4] & 1 ? (u32)ticks(machine.hpet_hz, 0) : 0;
	else if (machine.hpet_hz)
		v = offset == 0 ? 0x8086a201 : offset == 4 ?
			(u32)(1000000000000000ULL / machine.hpet_hz) : hpet_page[offset / 4];
	access_ends();
	return v;
}

void mmio_write32(volatile u32 *at, u32 v)
{
	access_begins();
	*at = v;
	access_ends();
}

void apic_timer_start(u32 n)
{
	access_begins();
	apic_ticks = n;
	apic_started = now;
	access_ends();
}

u32 apic_timer_left(void)
{
	u64 gone;

	access_begins();
	gone = ticks(machine.apic_hz, apic_started);
	access_ends();
	return gone >= apic_ticks ? 0 : apic_ticks - (u32)gone;
}

struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs none = { 0, 0, 0, 0 };

	(void)subleaf;
	switch (leaf) {
	case 0:
		return (struct cpuid_regs){ .eax = machine.max_leaf };
	case 1:
		return (struct cpuid_regs){ .ecx = machine.max_hypervisor ? 1u << 31 : 0 };
	case 0x15:
		return machine.leaf15;
	case 0x16:
		return machine.leaf16;
	case 0x40000000:
		return (struct cpuid_regs){ .eax = machine.max_hypervisor };
	case 0x40000010:
		return machine.hypervisor;
	}
	return none;
}

/* ---- Lines ------------------------------------------------------------------------- */

void log(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	line[strcspn(line, "\n")] = '\0';
	host_record(line);
}

void refuse(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	host_record(line);
	longjmp(refused, 1);
}

void machine_good(void)
{
	machine = (struct clock_machine){
		.tsc_hz = 2800000123, .apic_hz = 24000000, .pit_hz = 1193182,
		.hpet_hz = 14318180, .pm_hz = 3579545, .rtc = true, .max_leaf = 0xd,
		.acpi = { .hpet = HPET_AT, .pm_tmr = PM_PORT },
	};
	now = host_random() % NSEC_PER_SEC;
	pit_started = now;
	memset(hpet_page, 0, sizeof(hpet_page));
}

bool machine_clock_init(void)
{
	host_record_clear();
	next_stop = now + host_random() % (machine.run_ns + 1);
	if (setjmp(refused))
		return false;
	clock_init(&machine.acpi);
	return true;
}
