/*
 * Several threads on several CPUs change one address space, and check that a
 * page that became read-only, went away, or came anew is so for all of them.
 *
 * Each thread owns a page, and all write to all pages as they may.  After
 * mprotect() to read-only has returned, the word in it must not change any more;
 * after munmap() and mmap(), it must not hold what another wrote before.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 20
#define STAY 4 /* rounds on one CPU: each switch flushes */
#define FAULTS 6
#define STORES 600 /* most of the time: a stale translation must be met */
#define ARENA 0x30000000UL
#define CPUS 4

static volatile bool broken;
static volatile int tid[THREADS]; /* 0: not yet */
static uint64_t seed;

/* The only accesses that may fault: what follows is behind them. */
extern const char fuzz_touch_start[], fuzz_touch_end[];
__asm__(".text\n"
	".globl fuzz_load, fuzz_store\n"
	"fuzz_touch_start:\n"
	"fuzz_load: mov (%rdi), %rax\n"
	"	ret\n"
	"fuzz_store: mov %rsi, (%rdi)\n"
	"	mov $1, %eax\n"
	"fuzz_touch_end: ret\n");

static void fault(int number, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	if (r[REG_RIP] < (greg_t)fuzz_touch_start || r[REG_RIP] > (greg_t)fuzz_touch_end)
		signal(number, SIG_DFL);
	r[REG_RIP] = (greg_t)fuzz_touch_end;
	r[REG_RAX] = 0;
}

void fuzz_catch_faults(void)
{
	struct sigaction act = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

static void nothing(int number)
{
	(void)number;
}

static uint64_t mix(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return *state >> 33;
}

static void disturb(uint64_t *random, unsigned me)
{
	unsigned faults = 0;

	for (unsigned i = 0; i < STORES && faults < FAULTS; i++)
		faults += !fuzz_store(ARENA + mix(random) % THREADS * FUZZ_PAGE,
				      mix(random) << 8 | me);
	if (mix(random) % 8 == 0)
		fuzz_call(SYS_tgkill, (uint64_t)getpid(), (uint64_t)tid[mix(random) % THREADS],
			  SIGUSR1, 0);
}

static void same_word(uint64_t page, uint64_t *random, unsigned me)
{
	uint64_t before;

	mprotect((void *)page, FUZZ_PAGE, PROT_READ);
	before = fuzz_load(page);
	disturb(random, me);
	if (fuzz_load(page) != before)
		broken = true;
}

/* Nobody writes to the second word of a page, but to the first. */
static void new_page(uint64_t page)
{
	munmap((void *)page, FUZZ_PAGE);
	if (fuzz_load(page + 8))
		broken = true;
	mmap((void *)page, FUZZ_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	     -1, 0);
	if (fuzz_load(page + 8))
		broken = true;
	fuzz_store(page + 8, page);
	if (fuzz_load(page + 8) != page)
		broken = true;
}

static void move(unsigned to)
{
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(to, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
}

static void *run(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	uint64_t random = seed + me, page = ARENA + me * FUZZ_PAGE;

	tid[me] = (int)fuzz_call(SYS_gettid, 0, 0, 0, 0);
	for (unsigned round = 0; round < ROUNDS && !broken; round++) {
		if (round % STAY == 0)
			move((me + round / STAY) % CPUS);
		new_page(page);
		disturb(&random, me);
		same_word(page, &random, me);
		fuzz_counts->changes += 3;
	}
	return NULL;
}

void fuzz_shared_memory(void)
{
	pthread_t thread[THREADS];

	seed = fuzz_random();
	fuzz_catch_faults();
	signal(SIGUSR1, nothing);
	mmap((void *)ARENA, THREADS * FUZZ_PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, run, (void *)i))
			_exit(0); /* no memory */
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	_exit(broken);
}
