/*
 * Bringing up CPUs.  The boot CPU prepares area, vault and stacks of all, then
 * sends INIT to all, waits once, sends STARTUP to all, and waits once: a CPU
 * takes milliseconds to start, and 255 of them need not take turns.
 *
 * APs arrive in any order, at arch/machine/ap_start.asm, which runs in a page below
 * 1 MiB mapped R X at its own address in a PGD of its own.  A CPU that does
 * not answer in time is given up; should it come late, it parks: one atomic
 * exchange decides which of the two it is.
 * Sources: Intel SDM vol. 3, 9.4 (MP initialization).
 */
#include "arch/cpu.h"
#include "arch/cpu_entry_area.h"
#include "arch/espfix.h"
#include "arch/idt.h"
#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "arch/machine/debug_store.h"
#include "arch/machine/long_wait.h"
#include "arch/machine/smp.h"
#include "arch/state/deferred.h"
#include "arch/state/fpu.h"
#include "arch/state/io_bitmap.h"
#include "arch/syscall_msrs.h"
#include "entry/entry.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/space/roots.h"
#include "mm/space/vmap.h"
#include "mm/tlb.h"

#define XAPIC_MAX_ID 254

/* CPUs that are absent are given up when none has arrived for so long. */
#define ARRIVAL_TIMEOUT_NS (5 * NSEC_PER_SEC)

/* For arch/machine/ap_entry.asm */
u32 ap_apic_ids[NR_CPUS];
u64 ap_stacks[NR_CPUS];
u32 ap_count;
void smp_ap_main(unsigned cpu);

enum ap_state { AP_ABSENT, AP_STARTING, AP_ALIVE, AP_GIVEN_UP };
static u32 ap_state[NR_CPUS];
static const struct smp_setup *ap_setup;
static void (*ap_online)(virt_addr_t stack_top);

unsigned smp_number_cpus(const struct acpi_info *acpi, unsigned max)
{
	u32 self = apic_id();
	unsigned count = 1, found = 0;

	ap_apic_ids[0] = self;
	for (unsigned i = 0; i < acpi->cpu_count; i++) {
		u32 id = acpi->cpu_apic_id[i];

		if (id == self)
			continue;
		if (id > XAPIC_MAX_ID && !apic_is_x2apic()) {
			log("smp: CPU with APIC id %u left out: expected at most %u "
			    "without x2APIC\n",
			    id, XAPIC_MAX_ID);
			continue;
		}
		found++;
		if (count < max)
			ap_apic_ids[count++] = id;
	}
	if (found + 1 > count)
		log("smp: %u CPUs left out by maxcpus=%u\n", found + 1 - count, max);
	return count;
}

int smp_prepare_cpu(unsigned cpu, u32 id, const struct smp_setup *setup)
{
	struct percpu *p = VAULT_OF(cpu);

	p->self = p;
	p->cpu = cpu;
	p->apic_id = id;
	p->gdt = cea_gdt_direct(cpu);
	p->entry_stack_top = (u64)&cea(cpu)->entry_stack + ENTRY_STACK_SIZE;
	/* Bit 7 is the PCID's, and ignored without PCIDs: see CR3_USER_MASK. */
	p->cr3_user_bits = pti_enabled ? CR3_USER_MASK : 0;
	if (pti_enabled && tlb_pcid)
		p->cr3_user_bits |= BIT(CR3_NOFLUSH_BIT);
	p->do_syscall = setup->do_syscall;
	p->do_trap = setup->do_trap;
	p->do_paranoid = setup->do_paranoid;
	memcpy(p->kernel_call, setup->kernel_call, sizeof(p->kernel_call));
	p->exit_to_user = entry_labels.exit_to_user;
	p->syscall_direct = entry_labels.syscall_direct;
	for (unsigned i = 0; i < NR_IST; i++) {
		p->ist_kernel_stack[i] = vmap_alloc_stack(IST_STACK_SIZE);
		if (!p->ist_kernel_stack[i])
			return -ENOMEM;
	}
	p->espfix_stack = espfix_map_cpu(cpu);
	if (!p->espfix_stack || io_bitmap_make_cpu(cpu))
		return -ENOMEM;
	p->espfix_page = phys_to_virt(pt_translate(pti_init_pgd, espfix_page(cpu)));
	if (cpu_features.ds && debug_store_map_cpu(cpu))
		return -ENOMEM;
	return roots_make_cpu(cpu);
}

void smp_init_cpu(unsigned cpu, const struct smp_setup *setup)
{
	wrmsr(MSR_GS_BASE, (u64)VAULT_OF(cpu));
	cpu_init(setup->pcid);
	fpu_init_cpu();
	tlb_load_pgd(virt_to_phys(roots_pgd(NULL)));
	idt_load();
	gdt_init_cpu(cpu, setup->gdt_pages, setup->ltr);
	syscall_msrs_init(cpu, setup->syscall);
	if (pti_deferred)
		deferred_init_cpu(cpu);
	apic_init_cpu();
	if (cpu_features.ds)
		debug_store_init_cpu(cpu);
}

/* ---- The start page ---------------------------------------------------------- */

extern const u8 ap_start_begin[], ap_start_end[], ap_start_params[], ap_start_long[];
void ap_start64(void);

/* What stands at ap_start_params (arch/machine/ap_start.asm). */
struct __packed ap_params {
	u64 entry, cr3, gdt_kernel[2];
	u32 far_offset;
	u16 far_selector, gdt_limit;
	u32 gdt_base;
};

/*
 * A PGD for the APs' first steps, below 4 GiB because they load CR3 in real
 * mode: the kernel half, and the start page R X at its own address.
 */
static pte_t *make_start_pgd(phys_addr_t page)
{
	phys_addr_t pa = frame_alloc_contiguous(1, 1ULL << 32);
	pte_t *pgd;

	if (pa == NO_FRAME)
		return NULL;
	pgd = phys_to_virt(pa);
	memcpy(pgd + PGD_FIRST_KERNEL_SLOT, pti_init_pgd + PGD_FIRST_KERNEL_SLOT,
	       (PT_ENTRIES - PGD_FIRST_KERNEL_SLOT) * sizeof(pte_t));
	if (pt_map(pgd, page, page, PROT_RX)) {
		pt_free_tables(pgd, 0, 0);
		frame_free(pa);
		return NULL;
	}
	return pgd;
}

static void fill_start_page(phys_addr_t page, const pte_t *pgd)
{
	u8 *to = phys_to_virt(page);
	u32 offset = (u32)(ap_start_params - ap_start_begin);
	struct ap_params *params = (struct ap_params *)(to + offset);

	memcpy(to, ap_start_begin, (size_t)(ap_start_end - ap_start_begin));
	params->entry = (u64)ap_start64;
	params->cr3 = virt_to_phys(pgd);
	params->far_offset = (u32)(page + (u64)(ap_start_long - ap_start_begin));
	params->gdt_base =
		(u32)(page + offset + offsetof(struct ap_params, gdt_kernel) - SEL_KERNEL_CS);
}

/* ---- Starting ---------------------------------------------------------------- */

/*
 * More than one CPU takes: area, vault, five stacks, page tables, root, idle task; and
 * a debug store, if there is one.
 */
#define FRAMES_PER_CPU (56 + CEA_DEBUG_STORE_PAGES)

/* Everything a CPU needs before its first instruction, or it is left out. */
static void prepare(unsigned cpu, const struct smp_setup *setup)
{
	u64 found = frame_stats().free;

	/* Idle tasks come later: each CPU so far may still take a frame. */
	if (found < FRAMES_PER_CPU + cpu) {
		log("smp: CPU %u left out: found %lu free frames, expected %u\n", cpu, found,
		    FRAMES_PER_CPU + cpu);
		return;
	}
	if (cea_map_cpu(cpu, setup->gdt_pages) || smp_prepare_cpu(cpu, ap_apic_ids[cpu], setup))
		panic("smp: no memory for CPU %u, though %lu frames were free", cpu, found);
	ap_stacks[cpu] = vmap_alloc_stack(TASK_STACK_SIZE);
	if (!ap_stacks[cpu])
		panic("smp: no memory for CPU %u, though %lu frames were free", cpu, found);
	smp_expect_cpu(cpu, ap_apic_ids[cpu]);
}

/* First C of an AP, on its own stack, still under the start PGD. */
void smp_ap_main(unsigned cpu)
{
	u32 expected = AP_STARTING;

	if (!__atomic_compare_exchange_n(&ap_state[cpu], &expected, AP_ALIVE, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		for (;;)
			halt(); /* too late: interrupts are off, this is the end */
	smp_init_cpu(cpu, ap_setup);
	cpumask_set(&cpus_online, cpu);
	ap_online(ap_stacks[cpu]);
}

static unsigned count_state(unsigned first, unsigned end, u32 state)
{
	unsigned n = 0;

	for (unsigned cpu = first; cpu < end; cpu++)
		n += __atomic_load_n(&ap_state[cpu], __ATOMIC_SEQ_CST) == state;
	return n;
}

static void wait_for_arrivals(unsigned first, unsigned end, u64 timeout_ns)
{
	unsigned missing = count_state(first, end, AP_STARTING);
	u64 deadline = clock_ns() + timeout_ns;

	while (missing && clock_ns() < deadline) {
		unsigned now = count_state(first, end, AP_STARTING);

		if (now < missing)
			deadline = clock_ns() + timeout_ns;
		missing = now;
		cpu_relax();
	}
}

/* A CPU that is absent now stays absent for good. */
static void give_up(unsigned first, unsigned end, u64 waited_ns,
		    void (*absent)(unsigned cpu, u32 apic_id, u64 waited_ns))
{
	for (unsigned cpu = first; cpu < end; cpu++) {
		u32 expected = AP_STARTING;

		if (__atomic_compare_exchange_n(&ap_state[cpu], &expected, AP_GIVEN_UP, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			absent(cpu, ap_apic_ids[cpu], waited_ns);
	}
}

static void send_to_all(unsigned first, unsigned end, phys_addr_t page, bool startup)
{
	for (unsigned cpu = first; cpu < end; cpu++) {
		if (ap_state[cpu] != AP_STARTING)
			continue;
		if (startup)
			apic_send_startup(ap_apic_ids[cpu], page);
		else
			apic_send_init(ap_apic_ids[cpu]);
	}
}

void smp_expect_cpu(unsigned cpu, u32 id)
{
	ap_apic_ids[cpu] = id;
	ap_state[cpu] = AP_STARTING;
}

/* Alive is not yet online: such a CPU is in the middle of our own code. */
static void wait_until_online(unsigned cpu)
{
	struct long_wait wait = { 0 };
	u64 ms;

	while (ap_state[cpu] == AP_ALIVE && !cpumask_test(&cpus_online, cpu)) {
		ms = long_wait_ms(&wait);
		if (ms)
			log("smp: CPU %u has started, and is not online after %lu ms\n", cpu, ms);
		cpu_relax();
	}
}

unsigned smp_wake_cpus(unsigned first, unsigned end, phys_addr_t page, u64 timeout_ns,
		       void (*absent)(unsigned cpu, u32 apic_id, u64 waited_ns))
{
	u64 start;

	send_to_all(first, end, page, false);
	clock_delay_ns(10 * NSEC_PER_MSEC);
	send_to_all(first, end, page, true);
	start = clock_ns();
	wait_for_arrivals(first, end, timeout_ns);
	give_up(first, end, clock_ns() - start, absent);
	for (unsigned cpu = first; cpu < end; cpu++)
		wait_until_online(cpu);
	return count_state(first, end, AP_ALIVE);
}

static unsigned absent_count;

static void report_absent(unsigned cpu, u32 id, u64 waited_ns)
{
	absent_count++;
	log("smp: CPU %u (APIC id %u) has not answered for %llu ms: left out\n", cpu, id,
	    waited_ns / NSEC_PER_MSEC);
}

unsigned smp_start_others(unsigned count, const struct smp_setup *setup,
			  void (*online)(virt_addr_t stack_top))
{
	pte_t *pgd;

	cpumask_set(&cpus_online, 0);
	if (count == 1)
		return 1;
	pgd = setup->start_page ? make_start_pgd(setup->start_page) : NULL;
	if (!pgd) {
		log("smp: no page below 1 MiB to start CPUs from: one CPU only\n");
		return 1;
	}
	ap_setup = setup;
	ap_online = online;
	for (unsigned cpu = 1; cpu < count; cpu++)
		prepare(cpu, setup);
	fill_start_page(setup->start_page, pgd);
	ap_count = count;
	smp_wake_cpus(1, count, setup->start_page, ARRIVAL_TIMEOUT_NS, report_absent);
	if (!absent_count) { /* else one may come late, and parks under this PGD */
		pt_free_tables(pgd, 0, 0);
		frame_free(virt_to_phys(pgd));
	}
	return cpumask_count(&cpus_online);
}

void smp_kick(unsigned cpu)
{
	apic_send_ipi(VAULT_OF(cpu)->apic_id, VEC_IPI_RESCHEDULE);
}

void smp_send_nmi(unsigned cpu)
{
	apic_send_nmi(VAULT_OF(cpu)->apic_id);
}
