/*
 * The end of every boot: the suites that were asked for, then pid 1, then power off.
 */
#include "arch/machine/clock.h"
#include "arch/machine/power.h"
#include "arch/vdso/vdso64.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/debug/profile.h"
#include "kernel/files/tty.h"
#include "kernel/fs/console.h"
#include "kernel/guest/guest.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/signal/send.h"
#include "kernel/start/args.h"
#include "kernel/start/banner.h"
#include "kernel/start/config.h"
#include "kernel/start/firmware.h"
#include "kernel/start/init.h"
#include "kernel/start/selftest.h"
#include "mm/audit/all.h"

/* All of them, or those of the argument; powers off unless they passed and init follows. */
static void run_suites(const struct boot_args *args)
{
	bool good;

	selftest_args = args;
	good = selftest_run(args->selftest ? args->selftest_globs : "*");
	if (good && args->init_given && !config_wants_suites())
		return;
	log("selftests %s; power off\n", good ? "passed" : "failed");
	power_off(good);
}

static __noreturn void run_program(const struct boot_args *args, u64 tsc_at_entry)
{
	static const char *const envp[] = { "PATH=/bin", "HOME=/", "TERM=linux", NULL };
	const char *argv[ARGS_MAX_ARGV + 2] = { args->init };
	struct complaint why;
	struct thread *t;
	int status, err;

	if (args->argv_too_long) /* that has been said */
		power_off(false);
	for (unsigned i = 0; i < args->argc; i++)
		argv[i + 1] = args->argv[i];
	guest_one_at_a_time = args->guest_one_at_a_time;
	err = guest_load(args->init, &t, &why);
	if (err == -ENOENT) {
		t = program_load(args->init, argv, envp, &why);
		err = t ? 0 : -ENOEXEC;
	}
	if (err) {
		log("%s\n", why.text);
		power_off(false);
	}
	audit_process_or_panic(t->mm->pgd, args->init); /* its tables, too */
	log("boot: %lu TSC ticks from the check of the CPU to %s\n", rdtsc() - tsc_at_entry,
	    args->init);
	if (args->profile)
		profile_start();
	process_start(t, 1);
	console_begin(1);
	status = process_wait_for(t);
	if (args->profile)
		profile_end();
	banner_init_ended(args->init, status);
	if (config_wants_suites())
		run_suites(args);
	power_off(status == 0);
}

void init_run(const struct boot_args *args, u64 tsc_at_entry)
{
	struct vdso_clock clock;

	firmware_report_args();
	config_init(args);
	clock_parameters(&clock.tsc_start, &clock.ns_per_tsc, &clock.realtime_start);
	vdso64_init(&clock);
	tty_init();
	if (args->selftest)
		run_suites(args);
	run_program(args, tsc_at_entry);
}
