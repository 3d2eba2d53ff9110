/*
 * The boot CPU's way from the loader's information to the first process: the
 * kernel's table of contents.  Each step's file says more; kernel/start/banner.c prints
 * what came of it.
 */
#include "arch/cpu.h"
#include "arch/cpu_entry_area.h"
#include "arch/idt.h"
#include "arch/machine/acpi.h"
#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "arch/machine/emulator.h"
#include "arch/machine/ioapic.h"
#include "arch/machine/pic.h"
#include "arch/machine/power.h"
#include "arch/machine/random.h"
#include "arch/machine/smp.h"
#include "arch/state/fpu.h"
#include "arch/state/mitigations.h"
#include "entry/entry.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/linux/process/alarm.h"
#include "kernel/linux/process/oom.h"
#include "kernel/files/randmaps.h"
#include "kernel/main.h"
#include "kernel/start/args.h"
#include "kernel/start/banner.h"
#include "kernel/start/deferred.h"
#include "kernel/start/firmware.h"
#include "kernel/start/init.h"
#include "kernel/start/ring3_probe.h"
#include "kernel/start/secret.h"
#include "kernel/syscall.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/audit/all.h"
#include "mm/kernel_map.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "mm/space/pages.h"
#include "mm/space/uaccess.h"
#include "mm/space/vmap.h"
#include "mm/tlb.h"

static struct boot_args args;
static struct acpi_info acpi;
/* What each CPU is set up with; the entry code finds the three functions in its vault. */
static struct smp_setup setup = {
	.do_syscall = do_syscall,
	.do_trap = do_trap,
	.do_paranoid = do_paranoid,
};
static u64 tsc_at_entry;

/* From the arguments, and from what the CPU has. */
static void decide(void)
{
	bool pti = args.pti != PTI_OFF;

	pti_deferred = ledger_deferred = args.pti == PTI_DEFERRED;
	ledger_trampoline = args.syscall != SYSCALL_ENTRY;
	pti_init(pti, args.roots == ROOTS_CPU);
	setup.syscall = args.syscall;
	setup.gdt_pages = args.gdt_pages;
	setup.ltr = args.ltr;
	setup.pcid = pti && cpu_features.pcid && cpu_features.invpcid && !args.nopcid;
	tlb_pcid = setup.pcid;
	uaccess_smap = cpu_features.smap;
	ledger_debug_store = cpu_features.ds;
}

static void init_memory(struct boot_info *bi)
{
	kernel_map_init_frames(bi);                  /* which frames are free */
	setup.start_page = firmware_start_page(bi);  /* one for the APs */
	decide();                                    /* shadow or not; first PGD pair */
	cea_set_cr3_noflush(setup.pcid);             /* while entry text is writable */
	mitigations_init(args.mitigations);          /* the same: VERW or NOP */
	kernel_map_init(bi, cpu_features.gib_pages); /* the kernel's own map */
}

static void init_boot_cpu(void)
{
	cea_map_shared(idt_init()); /* IDT alias, entry text */
	deferred_set_up(&setup);    /* what may stay on the user's table */
	if (cea_map_cpu(0, setup.gdt_pages) || smp_prepare_cpu(0, 0, &setup))
		panic("boot: no memory for the boot CPU's entry area");
	pic_disable();
	apic_init(cpu_features.x2apic ? NULL : vmap_device(apic_address(), PAGE_SIZE),
		  acpi.lapic_addr); /* interrupts between CPUs, the timer */
	smp_init_cpu(0, &setup);    /* CR0, CR4, IDT, GDT, TR, SYSCALL */
	VAULT_OF(0)->apic_id = apic_id();
	clock_init(&acpi); /* TSC and APIC timer */
	deferred_tell_machine();
	power_init(&acpi);
	ioapic_init(&acpi); /* COM1's interrupt, and the profile's */
}

/* This CPU's idle task, on the stack whose top is stack_top. */
static struct task *idle_task(virt_addr_t stack_top)
{
	struct task *t = task_create_idle(stack_top);

	if (!t)
		panic("boot: no memory for the idle task of cpu %u", this_cpu()->cpu);
	return t;
}

static __noreturn void ap_online(virt_addr_t stack_top)
{
	sched_run(idle_task(stack_top), NULL);
}

/* The first kernel thread, when the boot is over. */
static void main_thread(void *arg __unused)
{
	pages_init();                     /* the page of zeroes */
	oom_init();                       /* who is killed for want of memory */
	alarm_init();                     /* the programs' timers */
	emulator.faults |= ring3_probe(); /* what only a program can see */
	banner_emulator();
	init_run(&args, tsc_at_entry); /* selftests, if asked for; pid 1 */
}

/* Runs on the boot CPU's idle stack: the boot stack is not used any more. */
static void boot_cpu_idle(u64 stack_top)
{
	struct task *t = task_create("main", main_thread, NULL);

	if (!t)
		panic("boot: no memory for the first kernel thread");
	sched_run(idle_task(stack_top), t);
}

void kernel_main(struct boot_info *bi)
{
	virt_addr_t idle_stack;
	unsigned cpus;

	tsc_at_entry = bi->tsc_at_entry;
	cpu_detect();                  /* CPUID */
	fpu_detect();                  /* what XSAVE has for programs */
	firmware_read_args(bi, &args); /* command line, fw_cfg */
	firmware_check_initramfs(bi);  /* the loader's, if it is in RAM */
	firmware_read_initramfs(bi);   /* fw_cfg's wins */
	firmware_read_acpi(bi, &acpi); /* CPUs, power off */
	if (args.norandmaps)
		randmaps_turn_off(); /* programs at known places */
	init_memory(bi);             /* frames, PGD pair, final map */
	init_boot_cpu();             /* entry area, GDT, TSS, APIC */
	random_init();               /* a key for random numbers */
	firmware_make_files(bi);     /* of the initramfs */
	cpus = smp_number_cpus(&acpi, args.maxcpus);
	smp_start_others(cpus, &setup, ap_online); /* the others at once */
	audit_roots_or_panic("boot");              /* tables against the ledger */
	idle_stack = vmap_alloc_stack(TASK_STACK_SIZE);
	if (!idle_stack)
		panic("boot: no memory for the idle stack");
	emulator_detect(idle_stack - PAGE_SIZE); /* what this machine cannot show */
	clock_compare();                         /* by another counter, some time later */
	secret_draw();                           /* for user/meltdown.c to find */
	banner_print(bi, &setup, cpus);          /* what came of it */
	entry_run_on_stack(idle_stack, boot_cpu_idle);
}
