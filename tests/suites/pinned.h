/*
 * What the suites on user mode and on several CPUs share: pieces of user code
 * (tests/suites/user_code.asm), processes and kernel threads on chosen CPUs.
 *
 * A kernel thread is not preempted: a case that waits for another task on its
 * own CPU must sleep, yield, or wait in process_wait_for().
 */
#ifndef TESTS_SUITES_PINNED_H
#define TESTS_SUITES_PINNED_H

#include "kernel/linux/program/load.h"
#include "kernel/start/selftest.h"
#include "kernel/task/task.h"

/* No particular CPU. */
#define ANY_CPU NR_CPUS

/* ---- User code --------------------------------------------------------------- */

/* A piece of user_code.asm, [user_x, user_x_end). */
struct user_piece {
	const char *name;
	const u8 *begin, *end;
};
#define USER_CODE(x) ((struct user_piece){ #x, user_##x, user_##x##_end })
#define USER_CODE_LABEL(x) extern const u8 user_##x[], user_##x##_end[]

USER_CODE_LABEL(calls);      /* getpid, `count` times */
USER_CODE_LABEL(call_loop);  /* system call `number` until `stop` */
USER_CODE_LABEL(spin_loop);  /* none at all, until `stop` */
USER_CODE_LABEL(call_once);  /* SYSCALL with the registers given, then UD2 */
USER_CODE_LABEL(int80_once); /* the same with INT 0x80 and with SYSENTER */
USER_CODE_LABEL(sysenter_once);
USER_CODE_LABEL(read);       /* mov rax, [rdi] */
USER_CODE_LABEL(write);      /* mov [rdi], rax */
USER_CODE_LABEL(jump);       /* jmp rdi */
USER_CODE_LABEL(divide);     /* 1 / 0 */
USER_CODE_LABEL(breakpoint); /* int3 */
USER_CODE_LABEL(remap);      /* mmap, mprotect, munmap, `count` times */
extern const u8 user_remap_refused[]; /* its last store, which must fault */

/*
 * Words of a process's data area, as user_code.asm names them: their offsets,
 * which the code reaches through FS.
 */
extern const u8 user_word_stop[], user_word_count[], user_word_number[],
	user_word_expected[], user_word_turns[], user_word_errors[],
	user_word_result[];
#define USER_WORD(x) ((u64)user_word_##x)

/* Linux's numbers, where the kernel's list (syscall_list.h) has names only. */
enum { NR_sched_yield = 24, NR_pause = 34, NR_nanosleep = 35, NR_getpid = 39, NR_fork = 57,
       NR_exit = 60, NR_rt_sigsuspend = 130, NR_futex = 202, NR_ppoll = 271 };

/*
 * A quiet process of that code for that CPU, with a pid, FS and GS bases at
 * its data area, rdi = arg, `expected` = pid, `number` = getpid.  Its first
 * registers may be changed through task_regs() before user_start().  NULL, and
 * the case has failed: no memory.
 */
struct thread *user_new(struct selftest *t, struct user_piece code, u64 arg, unsigned cpu);
void user_start(struct thread *task);

/* user_new() and user_start(). */
struct thread *user_run(struct selftest *t, struct user_piece code, u64 arg, unsigned cpu);

/* Reads and writes a word of a process that has not been waited for. */
u64 user_get(struct thread *task, u64 word);
void user_set(struct thread *task, u64 word, u64 value);

/* Yields until the word is not below `value`, as wait_for_value() does. */
bool user_reaches(struct thread *task, u64 word, u64 value);

/* Yields until it sleeps in the kernel.  False: it has ended, or it took too long. */
bool task_sleeps(const struct task *task);

/* Sleeps until it has ended; then task_regs() are its last ones. */
void user_wait(struct thread *task);

/* ---- CPUs ---------------------------------------------------------------------- */

/* The n-th online CPU, counting round. */
unsigned online_cpu(unsigned n);

void task_pin(struct task *task, unsigned cpu);

/* The same for a task that has been started: wherever it is, it goes there. */
void task_move(struct task *task, unsigned cpu);

/* Moves the calling thread there; ANY_CPU: it may run everywhere again. */
void move_to_cpu(unsigned cpu);

/* What CR3 holds in the kernel on that CPU while mm is loaded (NULL: no process). */
phys_addr_t tables_of(unsigned cpu, const struct mm *mm);

/* Runs fn(arg) in an interrupt on one CPU and waits. */
void call_on_cpu(unsigned cpu, void (*fn)(void *), void *arg);

/* A kernel thread; fn ends in task_exit().  NULL: the case has failed. */
struct task *thread_run(struct selftest *t, void (*fn)(void *), void *arg, unsigned cpu);

/*
 * Halts this CPU until an interrupt, at the latest after `ns`: for a wait in
 * which no other task may run here, and the host's CPU is wanted elsewhere.
 */
void wait_for_interrupt(u64 ns);

/*
 * Sends an NMI to another CPU and waits until that has counted it; false: it has
 * not in half a minute.  First by spinning, then by halting: where the host has
 * fewer cores than this machine has CPUs, a CPU that spins keeps the other waiting.
 */
bool send_nmi(unsigned cpu);

/*
 * Yields until *p (which others change) is not below `value`, at most some
 * seconds.  Returns whether it came so far.
 */
bool wait_for_value(const u64 *p, u64 value);

/* Runs so many things on n CPUs that the total stays at `total`, at most `most`. */
unsigned per_cpu_share(unsigned total, unsigned most);

/*
 * How often to do what is done `all` times: a tenth where the boot asks for few rounds
 * (`selftest -- few`), as it does on machines that differ in nothing that only many find.
 */
unsigned rounds_of(unsigned all);

/*
 * The CPU of a program that runs alone: any; one, where the boot asks for few rounds.
 * There its processes and threads take turns without waking another CPU each time, which
 * takes most of the time of those that wait for each other.
 */
unsigned cpu_for_program(void);

/*
 * For a process on each CPU, whose end interrupts all of them: is this one's turn?  Of
 * more than 16 CPUs every tenth is taken where few rounds are asked for.
 */
bool takes_a_process(unsigned cpu);

#endif
