/*
 * poison.c: does a visible page hold a word of another task?  leak.h.
 *
 * A child runs on each CPU in turn, with all registers but RSP full of a word of its
 * own (what the processor pushes itself, RIP, RSP and RFLAGS, cannot be hidden while
 * a CPU's area is shown).  It enters the kernel by SYSCALL, INT 0x80, page faults and
 * interrupts, and counts in between, in memory that it shares with us.
 *
 * On the way in a register may lie on the entry stack for some instructions: no
 * error.  So a word that is found must still be there after the child has been seen
 * to count, in user mode, CONFIRMED times.  On our own CPU no other task is on its
 * way: there one look decides.
 */
#define _GNU_SOURCE 1
#include "leak.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POISON 0x5ec0de00u
#define CONFIRMED 12
#define COUNTED 1000
#define SECONDS 300 /* for a hang alone */
#define TOUCHED 256 /* pages */
#define WAY 300000 /* how far a victim counts behind each way in */

struct shared {
	volatile uint64_t stop, turns[MOST_CPUS_READ];
};

static struct shared *shared;

/* What victim_turn knows; it has no register for it. */
uint64_t victim_word, victim_page;
volatile uint64_t *victim_count;
void victim_turn(void);

__asm__("	.text\n"
	".macro POISONED\n"
	"	mov	victim_word(%rip), %rax\n"
	"	mov	%rax, %rbx\n"
	"	mov	%rax, %rcx\n"
	"	mov	%rax, %rdx\n"
	"	mov	%rax, %rsi\n"
	"	mov	%rax, %rdi\n"
	"	mov	%rax, %rbp\n"
	"	mov	%rax, %r8\n"
	"	mov	%rax, %r9\n"
	"	mov	%rax, %r10\n"
	"	mov	%rax, %r11\n"
	"	mov	%rax, %r12\n"
	"	mov	%rax, %r13\n"
	"	mov	%rax, %r14\n"
	"	mov	%rax, %r15\n"
	".endm\n"
	/* RDX points to the count; the other registers are full. */
	".macro COUNT\n"
	"	POISONED\n"
	"	mov	victim_count(%rip), %rdx\n"
	"	mov	$300000, %ecx\n" /* WAY */
	"1:	incq	(%rdx)\n"
	"	dec	%ecx\n"
	"	jnz	1b\n"
	".endm\n"
	"victim_turn:\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	push	%r12\n"
	"	push	%r13\n"
	"	push	%r14\n"
	"	push	%r15\n"
	"	POISONED\n"
	"	mov	$39, %eax\n" /* getpid */
	"	syscall\n"
	"	COUNT\n"
	"	POISONED\n"
	"	mov	$20, %eax\n" /* i386's getpid */
	"	int	$0x80\n"
	"	COUNT\n"
	"	POISONED\n"
	"	mov	victim_page(%rip), %rbx\n"
	"	movb	$1, (%rbx)\n"
	"	COUNT\n"
	"	pop	%r15\n"
	"	pop	%r14\n"
	"	pop	%r13\n"
	"	pop	%r12\n"
	"	pop	%rbp\n"
	"	pop	%rbx\n"
	"	ret\n");

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		abort();
}

static void victim(unsigned cpu)
{
	uint64_t half = POISON + cpu;
	char *pages = mmap(NULL, TOUCHED * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pages == MAP_FAILED)
		abort();
	pin(cpu);
	victim_word = half << 32 | half;
	victim_count = &shared->turns[cpu];
	for (uint64_t i = 0; !shared->stop; i++) {
		victim_page = (uint64_t)pages + i % TOUCHED * PAGE;
		if (i % TOUCHED == 0)
			madvise(pages, TOUCHED * PAGE, MADV_DONTNEED);
		victim_turn();
		if (cpu == 0)
			sched_yield();
	}
	_exit(0);
}

/* ---- Looking ------------------------------------------------------------------------ */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bits 31:18 of the poison: the upper half of either half of a word. */
static bool is_poison(int word)
{
	return word == (int)(POISON >> 16 & 0xfffc);
}

/* Waits until the victim has counted on by so much, or for SECONDS. */
static bool counts_on(unsigned cpu, uint64_t by)
{
	uint64_t from = shared->turns[cpu];
	double end = now() + SECONDS;

	while (shared->turns[cpu] - from < by) {
		if (now() > end) {
			say("the task on CPU %u stands still", cpu);
			return false;
		}
		if (cpu == 0)
			sched_yield();
	}
	return true;
}

/* A word at `at` looked like poison: does it stay? */
static bool stays(uint64_t at, unsigned cpu)
{
	if (cpu == 0)
		return true;
	for (unsigned i = 0; i < CONFIRMED; i++)
		if (!counts_on(cpu, COUNTED) || !is_poison(far_return_word(at)))
			return false;
	return true;
}

static int look(uint64_t page, unsigned from, unsigned to, unsigned cpu)
{
	int32_t word[PAGE_SIZE / 4];
	unsigned n = (to - from) / 4;

	far_return_scan(page + from + 2, 4, n, word);
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = page + from + i * 4 + 2;

		if (!is_poison(word[i]) || !stays(at, cpu))
			continue;
		say("%llx: a word of the task that %s CPU %u", (unsigned long long)at - 2,
		    cpu ? "runs on" : "ran before us on", cpu);
		return FOUND_POISON;
	}
	return 0;
}

/* The used part of all stacks; with `whole`, all of all pages that are not shared. */
static int look_at_cpu(unsigned cpu, bool whole)
{
	int found = 0;

	for (unsigned i = 0; i < row_count; i++) {
		unsigned from = 0, to = PAGE_SIZE;

		if (rows[i].place == PLACE_SHARED || (!whole && rows[i].kind != KIND_STACK))
			continue;
		if (!whole)
			used_part(&rows[i], &from, &to);
		for (unsigned p = 0; p < rows[i].pages; p++)
			found |= look(row_address(&rows[i], cpu) + p * PAGE, from, to, cpu);
	}
	return found;
}

static void map_shared(void)
{
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
}

static pid_t start_victim(unsigned cpu)
{
	pid_t child = fork();

	if (child < 0)
		abort();
	if (child == 0)
		victim(cpu);
	return child;
}

void run_victims(void)
{
	unsigned most = cpus < MOST_CPUS_READ ? cpus : MOST_CPUS_READ;

	map_shared();
	for (unsigned cpu = 0; cpu < most; cpu++)
		start_victim(cpu);
	for (unsigned cpu = 0; cpu < most; cpu++)
		counts_on(cpu, COUNTED);
	say("a task with poison runs on each CPU");
	for (;;)
		pause();
}

/* While a victim runs on this CPU, or, on our own, has just run. */
static int look_while_it_runs(unsigned cpu)
{
	pid_t child;
	int found = 0;

	shared->stop = 0;
	child = start_victim(cpu);
	for (unsigned round = 0; round < rounds; round++) {
		found |= counts_on(cpu, WAY) ? 0 : FOUND_STUCK;
		found |= look_at_cpu(cpu, depth != DEPTH_SAMPLE && round == 0);
	}
	shared->stop = 1;
	waitpid(child, NULL, 0);
	return found;
}

int check_poison(void)
{
	unsigned most = cpus < MOST_CPUS_READ ? cpus : MOST_CPUS_READ;
	int found = 0;

	map_shared();
	pin(0);
	for (unsigned cpu = 0; cpu < most; cpu++)
		found |= look_while_it_runs(cpu);
	say("looked %u times at each of %u CPUs with a task on it", rounds, most);
	return found;
}
