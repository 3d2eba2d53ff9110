/*
 * Memory that outlives credentials (Linux: commit_creds, and CVE-2019-13272).
 *
 * A daemon reads a secret as root and becomes another user.  Its memory is still
 * root's; if a process of the new user may attach to it, or finds its addresses, the
 * secret is that user's, too.  The same right hides in other places: in a tracer that
 * was there before, in a parent that gave up root while its child did not, in memory
 * that two processes share, in exec, and in whatever else one process may do to
 * another.  Death signals are a parent's power over a child of the same user.
 *
 * In Postern all these rules are in kernel/linux/creds.c.
 *
 * Right: each refusal as Linux has it, and what is allowed stays so.  Runs as root.
 * The entry is credentials_start: the C library would not do behind an exec with
 * mixed ids, for it wants poll() then.
 */
#include "../../../user/raw_syscall.h"
#include "lib/bugs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 1000
#define OTHER_USER 1001
enum { ATTACH = 16, DETACH = 17 };

static const char *self;
static volatile uint64_t secret = 0x736563726574;

static long result(long value)
{
	return value < 0 ? -errno : value;
}

static void become(uid_t id)
{
	if (setgid(id) || setuid(id))
		_exit(98);
}

/* The child waits for its end; what it is by then, it has become. */
static pid_t start(void (*fn)(void))
{
	pid_t pid = make_child();

	if (pid == 0) {
		fn();
		raise(SIGSTOP);
		for (;;)
			pause();
	}
	waitpid(pid, NULL, WUNTRACED);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) == pid)
		;
}

/* Attaches and lets go again. */
static long try_to_attach(pid_t pid)
{
	long err = trace(ATTACH, pid, 0, 0);

	if (!err) {
		wait_for(pid);
		trace(DETACH, pid, 0, 0);
	}
	return err;
}

/* ---- The flag ---------------------------------------------------------------------- */

static long dumpable(void)
{
	return result(prctl(PR_GET_DUMPABLE));
}

static int death_signal(void)
{
	int signal = -1;

	prctl(PR_GET_PDEATHSIG, &signal);
	return signal;
}

static void prctl_rules(void)
{
	check_equal(dumpable(), 1, "a program starts dumpable");
	check_equal(result(prctl(PR_SET_DUMPABLE, 2)), -EINVAL, "no program sets 2");
	check_equal(result(prctl(PR_SET_DUMPABLE, -1)), -EINVAL, "nor -1");
	check_equal(result(prctl(PR_SET_DUMPABLE, 0)), 0, "but 0");
	check_equal(dumpable(), 0, "is 0 then");
	check_equal(result(prctl(PR_SET_DUMPABLE, 1)), 0, "and 1");
	check_equal(dumpable(), 1, "is 1 again");
}

/* What each call leaves of the two, both being set before. */
static void after(const char *name, long done, int expected)
{
	check_equal(result(done), 0, "%s", name);
	check_equal(dumpable(), expected, "dumpable after %s", name);
	check_equal(death_signal(), expected ? SIGUSR2 : 0, "death signal after %s", name);
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
}

static void changes(void)
{
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	after("setuid to the same", setuid(0), 1);
	after("setgid to the same", setgid(0), 1);
	after("a real group", setresgid(USER, -1, -1), 1);
	after("a saved group", setresgid(-1, -1, USER), 1);
	after("an effective group", setresgid(-1, USER, -1), 0);
	after("setgid", setgid(OTHER_USER), 0);
	after("a real user", setresuid(USER, -1, -1), 1);
	after("a saved user", setresuid(-1, -1, USER), 1);
	after("an effective user", setresuid(-1, USER, 0), 0);
	after("root again", setresuid(-1, 0, -1), 0);
	after("setuid", setuid(USER), 0);
	check_equal(result(setresuid(-1, 0, -1)), -EPERM, "root's id is gone");
	after("a refused change", 0, 1);
	exit(check_status());
}

static void *become_user(void *unused)
{
	become(USER);
	return unused;
}

/* The C library makes the call in every thread; or the kernel in all at once. */
static void threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, become_user, NULL) || pthread_join(thread, NULL))
		exit(97);
	check_equal(geteuid(), USER, "setuid by one thread is by all");
	check_equal(result(setuid(0)), -EPERM, "and cannot be undone by another");
	check_equal(dumpable(), 0, "memory of threads is not dumpable then");
	exit(check_status());
}

/* ---- Who may look -------------------------------------------------------------------- */

static void become_user_1000(void)
{
	become(USER);
}

static void root_without_effect(void)
{
	if (setresgid(USER, USER, USER) || setresuid(USER, 0, 0))
		_exit(98);
}

static pid_t daemon_pid, other_pid;

static void look_at_daemon(void)
{
	pid_t daemon = daemon_pid, other = other_pid;
	struct rlimit limit;
	void *list;
	size_t size;

	become(USER);
	check_equal(try_to_attach(daemon), -EPERM, "a daemon that was root is not traced");
	check_equal(result(syscall(SYS_get_robust_list, daemon, &list, &size)), -EPERM,
		    "its robust list is not told");
	check_equal(result(prlimit(daemon, RLIMIT_NOFILE, NULL, &limit)), 0,
		    "its limits are, its user being the same");
	check_equal(result(prlimit(other, RLIMIT_NOFILE, NULL, &limit)), -EPERM,
		    "but not root's with that real user");
	check_equal(try_to_attach(other), -EPERM, "nor is it traced");
	exit(check_status());
}

/* A part whose other processes, of another user, must be ended by root. */
static void with_two(void (*first)(void), void (*other)(void), void (*part)(void))
{
	daemon_pid = start(first);
	other_pid = start(other);
	check_equal(in_child(part), EXITED(0), "it ends well");
	end(daemon_pid);
	end(other_pid);
	exit(check_status());
}

static void a_daemon(void)
{
	with_two(become_user_1000, root_without_effect, look_at_daemon);
}

static void become_user_and_allow(void)
{
	become(USER);
	prctl(PR_SET_DUMPABLE, 1);
}

static void become_user_and_exec(void)
{
	static char quiet[] = "-q", stop[] = "-stop";
	char *argv[] = { (char *)(uintptr_t)self, quiet, stop, NULL }, *envp[] = { NULL };

	become(USER);
	execve(self, argv, envp);
	_exit(96);
}

/* As USER, among its own. */
static void look_at_own(void)
{
	pid_t allowed = start(become_user_and_allow), fresh = start(become_user_and_exec);
	void *list;
	size_t size;

	become(USER);
	check_equal(try_to_attach(allowed), 0, "who allows it is traced");
	check_equal(try_to_attach(fresh), 0, "a program that the user execs is traced");
	check_equal(result(syscall(SYS_get_robust_list, fresh, &list, &size)), 0,
		    "its robust list is told");
	check_equal(result(syscall(SYS_get_robust_list, 0, &list, &size)), 0, "as one's own");
	end(allowed);
	end(fresh);
	exit(check_status());
}

static void look_as_root(void)
{
	pid_t daemon = start(become_user_1000);
	uint64_t word = 0;

	check_equal(trace(ATTACH, daemon, 0, 0), 0, "root traces it");
	wait_for(daemon);
	check_equal(trace(PEEKDATA, daemon, (unsigned long)&secret, (unsigned long)&word), 0,
		    "and reads its memory");
	check_true(word == secret, "that is what it read");
	trace_kill(daemon);
	exit(check_status());
}

static void hide(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	raise(SIGSTOP);
}

/* A tracer keeps its tracee, but not the memory that it has hidden since. */
static void look_as_old_tracer(void)
{
	struct user_regs_struct regs;
	uint64_t word = 0;
	pid_t pid;

	become(USER);
	prctl(PR_SET_DUMPABLE, 1);
	pid = trace_start(hide);
	check_equal(trace(PEEKDATA, pid, (unsigned long)&secret, (unsigned long)&word), 0,
		    "a tracer reads");
	trace(CONT, pid, 0, 0);
	wait_for(pid);
	check_equal(trace(PEEKDATA, pid, (unsigned long)&secret, (unsigned long)&word), -EIO,
		    "but not what has been hidden since");
	check_equal(trace(POKEDATA, pid, (unsigned long)&secret, 1), -EIO, "nor writes it");
	check_equal(trace(GETREGS, pid, 0, (unsigned long)&regs), 0, "registers are told");
	trace_kill(pid);
	exit(check_status());
}

/* Root's child, whose parent is root no longer, would give root's rights away. */
static void trace_root(void)
{
	pid_t pid = make_child();

	if (pid == 0) {
		raise(SIGSTOP); /* until the parent is another user */
		_exit((int)-trace(TRACEME, 0, 0, 0));
	}
	waitpid(pid, NULL, WUNTRACED);
	become(USER);
	kill(pid, SIGCONT); /* in one session */
	check_equal(wait_for(pid), EXITED(EPERM), "root's child is not traced by its parent");
	exit(check_status());
}

static int shared_become(void *unused)
{
	(void)unused;
	become(USER);
	return 0;
}

static void shared_memory(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	pid_t pid = clone(shared_become, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);

	check_equal(wait_for(pid), EXITED(0), "a process that shares our memory becomes a user");
	check_equal(geteuid(), 0, "we do not");
	check_equal(dumpable(), 0, "but the memory is of both");
	exit(check_status());
}

/* ---- Exec ------------------------------------------------------------------------------ */

static void exec_again(const char *how)
{
	static char quiet[] = "-q";
	char *argv[] = { (char *)(uintptr_t)self, quiet, (char *)(uintptr_t)how, NULL };
	char *envp[] = { NULL };

	execve(self, argv, envp);
	_exit(96);
}

static void exec_plain(void)
{
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	exec_again("-plain");
}

static void exec_mixed(void)
{
	if (setresuid(USER, 0, 0))
		_exit(98);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	exec_again("-mixed");
}

/* Each thing that is wrong has its bit in the exit status. */
__attribute__((used, noreturn)) static void look_after_exec(const uint64_t *sp)
{
	const char *how = (const char *)sp[3];
	bool mixed = how[1] == 'm', secure = true;
	int death = -1, wrong;

	if (how[1] == 's')
		for (sys(SYS_kill, sys(SYS_getpid), SIGSTOP);;)
			sys(SYS_pause);
	for (const uint64_t *auxv = sp + 6; auxv[0]; auxv += 2)
		if (auxv[0] == AT_SECURE)
			secure = auxv[1];
	sys(SYS_prctl, PR_GET_PDEATHSIG, &death);
	wrong = (sys(SYS_prctl, PR_GET_DUMPABLE) == 1) == mixed;
	wrong |= (death != (mixed ? 0 : SIGUSR2)) << 1 | (secure != mixed) << 2;
	sys(SYS_exit_group, wrong);
	__builtin_unreachable();
}

/* With three words on the command line, and no variable in the environment. */
__asm__(".globl credentials_start\n"
	"credentials_start:\n\t"
	"cmpq $3, (%rsp)\n\t"
	"jne _start\n\t"
	"mov %rsp, %rdi\n\t"
	"call look_after_exec");

/* ---- Signals and scheduling -------------------------------------------------------------- */

static void become_session(void)
{
	setsid();
	become(OTHER_USER);
}

static void become_other(void)
{
	become(OTHER_USER);
}

static void call_others(void)
{
	pid_t same = daemon_pid, apart = other_pid;
	struct sched_param param = { 0 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	become(USER);
	check_equal(result(kill(same, SIGTERM)), -EPERM, "no signal to another user");
	check_equal(result(kill(same, 0)), -EPERM, "nor none");
	check_equal(result(kill(same, SIGCONT)), 0, "but SIGCONT in the session");
	check_equal(result(kill(apart, SIGCONT)), -EPERM, "not beyond it");
	check_equal(result(syscall(SYS_tkill, same, SIGTERM)), -EPERM, "nor by tkill");
	check_equal(result(syscall(SYS_sched_setaffinity, same, sizeof(cpus), &cpus)), -EPERM,
		    "another user's affinity");
	check_equal(result(syscall(SYS_sched_setscheduler, same, SCHED_OTHER, &param)), -EPERM,
		    "another user's policy");
	check_equal(result(getpgid(same) == getpgrp()), 1, "its group is no secret");
	exit(check_status());
}

static void other_calls(void)
{
	with_two(become_other, become_session, call_others);
}

/* ---- All -------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct {
		const char *what;
		void (*fn)(void);
	} parts[] = {
		{ "changes of credentials", changes }, { "threads", threads },
		{ "a daemon", a_daemon }, { "one's own", look_at_own },
		{ "root looks", look_as_root }, { "an old tracer", look_as_old_tracer },
		{ "root's child", trace_root }, { "shared memory", shared_memory },
		{ "exec", exec_plain }, { "exec of mixed ids", exec_mixed },
		{ "other calls", other_calls },
	};

	self = argv[0];
	bugs_begin(argc, argv);
	prctl_rules();
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		pid_t pid = make_child();

		if (pid == 0) {
			check_begin(true);
			parts[i].fn();
			_exit(95);
		}
		check_equal(wait_for(pid), EXITED(0), "%s", parts[i].what);
	}
	return check_end();
}
