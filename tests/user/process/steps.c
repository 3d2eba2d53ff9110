/*
 * steps: a single step ends right behind the instruction that was stepped, whichever
 * it is: one that the kernel executes itself (SGDT and its kind under UMIP, CLI and
 * STI with iopl(3)), a system call by any door, one that loads TF.  The trap flag that
 * such an instruction has loaded is the program's own.
 *
 * Not as on Linux in two things, which are skipped there: it traps an instruction
 * late behind those that it executes itself (SGDT and its kind if the processor has
 * UMIP, CLI and STI), and it takes TF that a stepped sigreturn has loaded for its
 * tracer's.
 *
 *	steps [-q]	-q: prints only what failed
 */
#define _GNU_SOURCE 1	/* greg_t's names */
#include "../lib/check.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { TRACEME, PEEKTEXT, PEEKUSER = 3, CONT = 7, SINGLESTEP = 9, DETACH = 17 };

#define WORD(field) offsetof(struct user_regs_struct, field)
#define TF 0x100
#define STOPPED(signal) ((signal) << 8 | 0x7f)
#define MOST_STEPS 20000
#define MOST_TRAPS 32

/* ---- The code that is stepped ------------------------------------------------------ */

/* Each label stands behind one instruction; the table ends in the last. */
extern const char emulated_at[], set_at[], set_behind[], iret_at[], iret_behind[];
extern const char clear_at[], clear_behind[], int80_at[], int80_behind[];
extern const char *const emulated_labels[];
void emulated(void), clis(void), pop_tf(void), iret_tf(void), pop_clear(void), call_int80(void);
extern const char *const cli_labels[];

#define PUSH_TF_ON "pushf\n\torl $0x100, (%rsp)\n\tpopf\n"
#define TF_OFF "pushf\n\tandl $~0x100, (%rsp)\n\tpopf\n"

__asm__(".bss\nsteps_out: .skip 64\n.text\n"
	"emulated:\n\tlea steps_out(%rip), %rdx\n"
	"emulated_at:\n\tsgdt (%rdx)\n"
	"em1:\tsidt (%rdx)\n"
	"em2:\tsmsw %eax\n"
	"em3:\tsmsw (%rdx)\n"
	"em4:\tsldt %eax\n"
	"em5:\tstr %rax\n"
	"em6:\tnop\n"
	"em7:\tret\n"
	"clis:\tcli\n"
	"cli1:\tsti\n"
	"cli2:\tnop\n"
	"cli3:\tret\n"
	"pop_tf:\tpush $0x302\n"
	"set_at:\tpopf\n"
	"set_behind:\n\tnop\n"
	"set_trap:\tnop\n\tret\n"
	"iret_tf:\tmov %ss, %eax\n\tmov %rsp, %rdx\n\tpush %rax\n\tpush %rdx\n\tpush $0x302\n"
	"\tmov %cs, %eax\n\tpush %rax\n\tlea iret_behind(%rip), %rax\n\tpush %rax\n"
	"iret_at:\tiretq\n"
	"iret_behind:\tnop\n"
	"iret_trap:\tret\n"
	"pop_clear:\t" PUSH_TF_ON "\tpush $0x202\n"
	"clear_at:\t.byte 0x66, 0x90\n\tpopf\n"
	"clear_behind:\tnop\n\tret\n"
	"call_int80:\tpush %rbx\n\tmov $20, %eax\n"
	"int80_at:\tint $0x80\n"
	"int80_behind:\tnop\n\tpop %rbx\n\tret\n"
	".section .data.rel.ro\n\t.balign 8\n"
	"emulated_labels: .quad em1, em2, em3, em4, em5, em6, em7, 0\n"
	"cli_labels: .quad cli1, cli2, cli3, 0\n"
	"\t.text\n");

extern const char set_trap[], iret_trap[];

/* ---- The program's own trap flag ----------------------------------------------------- */

static volatile int traps, segvs;
static volatile unsigned long trap_at[MOST_TRAPS];
static sigjmp_buf behind_segv;

static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	if (info->si_code != TRAP_TRACE || traps == MOST_TRAPS)
		_exit(90);
	trap_at[traps++] = (unsigned long)regs[REG_RIP];
}

/* The same, and ends it: what follows is no longer stepped. */
static void on_only_trap(int signal, siginfo_t *info, void *context)
{
	on_trap(signal, info, context);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TF;
}

static void on_segv(int signal)
{
	(void)signal;
	segvs++;
	siglongjmp(behind_segv, 1);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	sigaction(signal, &act, NULL);
}

static void set_tf(void)
{
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf" : : : "memory", "cc");
}

static void clear_tf(void)
{
	__asm__ volatile("pushf; andl $~0x100, (%%rsp); popf" : : : "memory", "cc");
}

/* Are the traps from the first label on one behind each instruction? */
static void expect_traps(const char *const *label, const char *what)
{
	int i = 0;

	while (i < traps && trap_at[i] != (unsigned long)*label)
		i++;
	for (; *label && i < traps; i++, label++)
		if (trap_at[i] != (unsigned long)*label)
			break;
	check_true(!*label, "%s: a trap of its own behind each", what);
}

static void test_own(void)
{
	handle(SIGTRAP, on_trap);
	traps = 0;
	set_tf();
	emulated();
	clear_tf();
	expect_traps(emulated_labels, "SGDT and its kind");
	if (iopl(3)) {
		check_skip("iopl(3) is refused", "CLI and STI: a trap of its own behind each");
		return;
	}
	traps = 0;
	set_tf();
	clis();
	clear_tf();
	expect_traps(cli_labels, "CLI and STI");
}

/* Where its store faults there is a SIGSEGV, and no trap behind. */
static void test_own_fault(void)
{
	handle(SIGTRAP, on_trap);
	signal(SIGSEGV, on_segv);
	traps = 0;
	if (!sigsetjmp(behind_segv, 1)) {
		set_tf();
		__asm__ volatile("fault_at: sgdt (%0); fault_behind: nop" : : "r"(0x10L) : "memory");
	}
	clear_tf();
	check_equal(segvs, 1, "SGDT to nowhere is SIGSEGV");
	for (int i = 0; i < traps; i++) {
		extern const char fault_behind[];

		if (trap_at[i] == (unsigned long)fault_behind)
			check_true(false, "and no trap follows");
	}
	signal(SIGSEGV, SIG_DFL);
}

/* ---- Under a tracer ------------------------------------------------------------------- */

static long trace(long request, pid_t pid, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, 0, data) < 0 ? -errno : 0;
}

static unsigned long word(pid_t pid, unsigned long offset)
{
	unsigned long value = 0;

	syscall(SYS_ptrace, PEEKUSER, pid, offset, &value);
	return value;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int step(pid_t pid)
{
	trace(SINGLESTEP, pid, 0);
	return wait_for(pid);
}

/* A child that stops, does it, and ends with the number of its own traps. */
static pid_t traced(void (*work)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		handle(SIGTRAP, on_only_trap);
		traps = 0;
		trace(TRACEME, 0, 0);
		kill(getpid(), SIGSTOP); /* raise() blocks SIGTRAP meanwhile */
		work();
		_exit(traps);
	}
	check_equal(wait_for(pid), STOPPED(SIGSTOP), "a child waits for its tracer");
	return pid;
}

/* Steps until it is there. */
static bool step_to(pid_t pid, const char *place)
{
	for (int i = 0; i < MOST_STEPS; i++) {
		if (word(pid, WORD(rip)) == (unsigned long)place)
			return true;
		if (step(pid) != STOPPED(SIGTRAP))
			return false;
	}
	return false;
}

/* Lets it go, hands it its own SIGTRAPs, and looks at how many they were, and where. */
static void expect_end(pid_t pid, int own_traps, const char *at, const char *what)
{
	int status, stops = 0;

	trace(CONT, pid, 0);
	for (status = wait_for(pid); WIFSTOPPED(status); status = wait_for(pid)) {
		if (stops++ == 0)
			check_equal((int64_t)word(pid, WORD(rip)), (int64_t)(unsigned long)at,
				    "%s: where its own trap comes", what);
		trace(CONT, pid, (unsigned long)WSTOPSIG(status));
	}
	check_equal(stops, own_traps, "%s: signals of its own", what);
	check_equal(status, own_traps << 8, "%s: traps that its handler saw", what);
}

static void step_over(void (*work)(void), const char *from, const char *const *label,
		      const char *what)
{
	pid_t pid = traced(work);

	check_true(step_to(pid, from), "%s: steps lead there", what);
	for (; *label; label++) {
		check_equal(step(pid), STOPPED(SIGTRAP), "%s: a step", what);
		check_equal((int64_t)word(pid, WORD(rip)), (int64_t)(unsigned long)*label,
			    "%s: ends right behind", what);
	}
	expect_end(pid, 0, NULL, what);
}

static void with_iopl(void)
{
	if (iopl(3))
		_exit(99);
	clis();
}

static void test_emulated(void)
{
	step_over(emulated, emulated_at, emulated_labels, "SGDT and its kind");
	if (iopl(3) == 0)
		step_over(with_iopl, (const char *)(unsigned long)clis, cli_labels, "CLI and STI");
}

/* One step over an instruction that loads TF, with `tf` in what it loads. */
static pid_t step_over_load(void (*work)(void), const char *at, const char *behind, int tf,
			    const char *what)
{
	pid_t pid = traced(work);

	check_true(step_to(pid, at), "%s: steps lead there", what);
	check_equal((int64_t)(word(pid, WORD(eflags)) & TF), 0, "%s: TF is the tracer's", what);
	check_equal(step(pid), STOPPED(SIGTRAP), "%s: a step", what);
	check_equal((int64_t)word(pid, WORD(rip)), (int64_t)(unsigned long)behind, "%s: ends behind it", what);
	check_equal((int64_t)(word(pid, WORD(eflags)) & TF), tf, "%s: and TF is as it was loaded", what);
	return pid;
}

/* In an emulator with SMAP, ring 3 may not be able to IRET: docs/emulators.md. */
static bool iret_works(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		handle(SIGTRAP, on_only_trap);
		iret_tf();
		_exit(0);
	}
	return wait_for(pid) == 0;
}

static void test_loads(void)
{
	pid_t pid = step_over_load(pop_tf, set_at, set_behind, TF, "POPF");

	expect_end(pid, 1, set_trap, "POPF");
	if (iret_works()) {
		pid = step_over_load(iret_tf, iret_at, iret_behind, TF, "IRET");
		expect_end(pid, 1, iret_trap, "IRET");
	} else {
		check_skip("ring 3 cannot IRET here", "a step over an IRET that loads TF");
	}
	/* A second step is the program's trap as well as the tracer's. */
	pid = step_over_load(pop_tf, set_at, set_behind, TF, "POPF, two steps");
	check_equal(step(pid), STOPPED(SIGTRAP), "POPF, two steps: the second");
	check_equal((int64_t)(word(pid, WORD(eflags)) & TF), TF, "POPF, two steps: TF is still its own");
	expect_end(pid, 1, set_trap + 1, "POPF, two steps");
}

/* What the program has set itself, a stepped POPF clears. */
static void test_clears(void)
{
	pid_t pid = traced(pop_clear);

	check_true(step_to(pid, clear_at), "POPF of no TF: steps lead there");
	check_equal((int64_t)(word(pid, WORD(eflags)) & TF), TF, "POPF of no TF: TF is its own");
	step(pid);
	check_equal(step(pid), STOPPED(SIGTRAP), "POPF of no TF: a step");
	check_equal((int64_t)word(pid, WORD(rip)), (int64_t)(unsigned long)clear_behind, "POPF of no TF: ends behind it");
	check_equal((int64_t)(word(pid, WORD(eflags)) & TF), 0, "POPF of no TF: TF is gone");
	expect_end(pid, 0, NULL, "POPF of no TF");
}

/* Whose tracer goes right behind the POPF: the trap is the program's all the same. */
static void test_detach(void)
{
	pid_t pid = step_over_load(pop_tf, set_at, set_behind, TF, "POPF, then no tracer");

	check_equal(trace(DETACH, pid, 0), 0, "POPF, then no tracer: detached");
	check_equal(wait_for(pid), 1 << 8, "POPF, then no tracer: its trap came");
}

/* ---- System calls ------------------------------------------------------------------------ */

static void on_usr1(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= TF;
}

extern const char kill_behind[], kill_trap[];

static void return_with_tf(void)
{
	handle(SIGUSR1, on_usr1);
	__asm__ volatile("syscall\nkill_behind: nop\nkill_trap: nop"
			 : : "a"(SYS_tgkill), "D"(getpid()), "S"(syscall(SYS_gettid)), "d"(SIGUSR1)
			 : "rcx", "r11", "memory");
}

/* A handler's return loads TF, too. */
static void test_sigreturn(void)
{
	pid_t pid = traced(return_with_tf);
	int status = 0, signal = 0;

	for (int i = 0; i < MOST_STEPS; i++) {
		trace(SINGLESTEP, pid, (unsigned long)signal);
		status = wait_for(pid);
		signal = WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1 ? SIGUSR1 : 0;
		if (!WIFSTOPPED(status) || (!signal && word(pid, WORD(rip)) == (unsigned long)kill_behind))
			break;
	}
	check_equal(status, STOPPED(SIGTRAP), "a step over sigreturn");
	check_equal((int64_t)(word(pid, WORD(eflags)) & TF), TF, "sigreturn: TF is as it was loaded");
	expect_end(pid, 1, kill_trap, "sigreturn");
}

static void test_int80(void)
{
	static const char *const label[] = { int80_behind, NULL };

	step_over(call_int80, int80_at, label, "INT 0x80");
}

static unsigned long text(pid_t pid, unsigned long at)
{
	unsigned long value = 0;

	syscall(SYS_ptrace, PEEKTEXT, pid, at, &value);
	return value;
}

#define SYSCALL_BYTES 0x050f
#define SYSENTER_BYTES 0x340f
#define INT80_BYTES 0x80cd

static void exec32(void)
{
	static char name[] = "cost32", way[] = "sysinfo", turns[] = "1";
	char *const argv[] = { name, way, turns, NULL };

	close(1);
	execv("/bin/cost32", argv);
	_exit(99);
}

/*
 * The doors of a 32-bit program lead to behind an INT 0x80, its own or the vDSO page's.
 * It calls by the page first, and is stopped before it ends.
 */
static void test_doors32(void)
{
	pid_t pid = traced(exec32);
	int by_vdso = 0, by_int80 = 0;

	for (int i = 0; i < MOST_STEPS && (by_vdso < 2 || by_int80 == 0); i++) {
		unsigned short insn = (unsigned short)text(pid, word(pid, WORD(rip)));
		bool narrow = word(pid, WORD(cs)) != 0x33;
		int status = step(pid);

		if (!WIFSTOPPED(status))
			break;
		if (!narrow || (insn != SYSCALL_BYTES && insn != SYSENTER_BYTES && insn != INT80_BYTES))
			continue;
		check_equal(status, STOPPED(SIGTRAP), "a 32-bit call: a step");
		check_equal((unsigned short)text(pid, word(pid, WORD(rip)) - 2), INT80_BYTES,
			    "a 32-bit call: ends right behind it, or at the landing pad");
		by_int80 += insn == INT80_BYTES;
		by_vdso += insn != INT80_BYTES;
	}
	if (by_int80 + by_vdso == 0)
		check_skip("no /bin/cost32", "steps over 32-bit calls");
	kill(pid, SIGKILL);
	while (WIFSTOPPED(wait_for(pid)))
		;
}

static bool on_postern(void)
{
	struct utsname name;

	return uname(&name) == 0 && strstr(name.release, "postern");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && !strcmp(argv[1], "-q"));
	if (on_postern()) {
		test_own();
		test_emulated();
		test_sigreturn();
	} else {
		check_skip("Linux is late there", "steps over what the kernel executes");
	}
	test_own_fault();
	test_loads();
	test_clears();
	test_detach();
	test_int80();
	test_doors32();
	return check_end();
}
