/*
 * /sys/kernel/postern/config: what the boot was asked for, and what was made of it; and
 * selftest, which runs the suites as it is opened.
 */
#include "arch/cpu.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/errno.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/text.h"
#include "kernel/start/args.h"
#include "kernel/start/config.h"
#include "kernel/start/selftest.h"
#include "kernel/task/sched.h"
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

static void run_suites(void *good)
{
	*(bool *)good = selftest_run(args->selftest ? args->selftest_globs : "*");
	sched_exit();
}

/* By a kernel thread, as they go from CPU to CPU; the caller waits, whatever signal comes. */
static int selftest_show(struct text *t, const struct inode *inode __unused)
{
	static bool running;
	bool good = false;
	struct task *task;

	if (__atomic_exchange_n(&running, true, __ATOMIC_ACQUIRE))
		return -EBUSY;
	selftest_args = args;
	task = task_create("selftest", run_suites, &good);
	if (task) {
		sched_start(task);
		sched_wait_for_exit(task);
		task_put(task);
		text_print(t, "selftests %s\n", good ? "passed" : "failed");
	}
	__atomic_store_n(&running, false, __ATOMIC_RELEASE);
	return task ? 0 : -ENOMEM;
}

void config_init(const struct boot_args *from)
{
	args = from;
	proc_init(config_show, selftest_show);
}
