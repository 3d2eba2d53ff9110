/*
 * /sys/kernel/postern/config: what the boot was asked for, and what was made of it; and
 * selftest: who has read it has asked for
 * the suites, which want the machine for themselves and so run behind init.
 */
#include "arch/cpu.h"
#include "kernel/base/cpumask.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/text.h"
#include "kernel/start/args.h"
#include "kernel/start/config.h"
#include "mm/pti.h"
#include "mm/tlb.h"

static const struct boot_args *args;

static const char *on(bool is_on)
{
	return is_on ? "on" : "off";
}

static int config_show(struct text *t, const struct inode *inode __unused)
{
	static const char *const entry[] = {
		[SYSCALL_TRAMPOLINE] = "trampoline",
		[SYSCALL_DIRECT] = "direct",
		[SYSCALL_ENTRY] = "entry",
	};

	text_print(t, "pti=%s\nroots=%s\nsyscall=%s\n",
		   args->pti == PTI_DEFERRED ? "deferred" : on(pti_enabled),
		   pti_roots_per_cpu ? "cpu" : "process", entry[args->syscall]);
	text_print(t, "ltr=%s\ngdt_pages=%u\npcid=%s\n",
		   args->ltr == LTR_REMAP ? "remap" : "reload", args->gdt_pages, on(tlb_pcid));
	text_print(t, "verw=%s\nibpb=%s\nreturn_stack=%s\n", on(mitigations.verw),
		   !mitigations.ibpb        ? "off" :
		   mitigations.each_process ? "process" :
					      "user",
		   on(mitigations.return_stack));
	text_print(t, "meltdown=%s\nrandmaps=%s\ncpus=%u\nmaxcpus=%u\n",
		   cpu_features.meltdown ? "yes" : "no", on(!args->norandmaps),
		   cpumask_count(&cpus_online), args->maxcpus);
	text_print(t, "quiet=%s\nprofile=%s\nconsole=%s\nguest=%s\n", on(args->quiet),
		   on(args->profile), args->console_is_pipe ? "pipe" : "tty",
		   args->guest_one_at_a_time ? "one" : "all");
	text_print(t, "init=%s\n", args->init);
	return 0;
}

/* ---- The suites ---------------------------------------------------------------------- */

static bool suites_wanted;

static int selftest_show(struct text *t, const struct inode *inode __unused)
{
	__atomic_store_n(&suites_wanted, true, __ATOMIC_RELAXED);
	text_print(t, "the suites run when init ends\n");
	return 0;
}

bool config_wants_suites(void)
{
	return __atomic_load_n(&suites_wanted, __ATOMIC_RELAXED);
}

void config_init(const struct boot_args *from)
{
	args = from;
	proc_init(config_show, selftest_show);
}
