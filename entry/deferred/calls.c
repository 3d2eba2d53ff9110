/*
 * System calls that end on the user's page table.  What runs here can be read by every
 * program, and can read nothing that a program must not: the functions reach their own
 * thread's page, the machine's clock, registers, and the program's memory.
 *
 * No call out of this folder, no pointer but from the stack: the linker refuses what does
 * not reach, and scripts/check_entry.py looks at the instructions.  Nothing that belongs
 * to one CPU may be kept across an instruction with interrupts on.
 * Read next: entry/deferred/deferred.asm, entry/deferred/call_list.h.
 */
#include "entry/deferred/calls.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "mm/space/uaccess.h"

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_USEC 1000

/* ---- The program's memory --------------------------------------------------------- */

static const struct deferred_machine *machine(void)
{
	return (const struct deferred_machine *)CEA_DEFERRED_DATA;
}

/*
 * Interrupts are on while it may fault: the kernel makes the page, or the call is refused.
 * Returns whether there is SMAP, for close_memory().
 */
static __always_inline u32 open_memory(void)
{
	u32 smap = machine()->smap;

	interrupts_on();
	if (likely(smap))
		__asm__ volatile("stac" : : : "memory", "cc");
	return smap;
}

static __always_inline void close_memory(u32 smap)
{
	if (likely(smap))
		__asm__ volatile("clac" : : : "memory", "cc");
	interrupts_off();
}

static __always_inline bool is_user(virt_addr_t at, u64 n)
{
	return at < USER_END - n;
}

/* A result, or that there is work to be done first. */
static __always_inline u64 done(u64 result)
{
	struct deferred_facts *facts = &own_page()->facts;

	if (likely(!facts->work_due))
		return result;
	facts->work_due = 0;
	facts->result = result;
	return (u64)DEFERRED_WORK_DUE;
}

/* Two words; false: they cannot be written, and the kernel is to say why. */
static __always_inline bool store_words(virt_addr_t to, u64 first, u64 second)
{
	u32 smap;

	if (!is_user(to, 16))
		return false;
	smap = open_memory();
	user_put64(to, first, fault);
	user_put64(to + 8, second, fault);
	close_memory(smap);
	return true;
fault:
	close_memory(smap);
	return false;
}

static __always_inline bool store_word(virt_addr_t to, u64 value)
{
	u32 smap;

	if (!is_user(to, 8))
		return false;
	smap = open_memory();
	user_put64(to, value, fault);
	close_memory(smap);
	return true;
fault:
	close_memory(smap);
	return false;
}

static __always_inline bool load_word(u64 *value, virt_addr_t from)
{
	u32 smap;

	if (!is_user(from, 8))
		return false;
	smap = open_memory();
	user_get64(value, from, fault);
	close_memory(smap);
	return true;
fault:
	close_memory(smap);
	return false;
}

static __always_inline bool store_u32(virt_addr_t to, u32 value)
{
	u32 smap;

	if (!is_user(to, 4))
		return false;
	smap = open_memory();
	user_put32(to, value, fault);
	close_memory(smap);
	return true;
fault:
	close_memory(smap);
	return false;
}

/* ---- Who it is ------------------------------------------------------------------------ */

DEFERRED_CALL deferred_getpid(void)
{
	return process_facts()->pid;
}

DEFERRED_CALL deferred_gettid(void)
{
	return own_facts()->tid;
}

DEFERRED_CALL deferred_getppid(void)
{
	return process_facts()->ppid;
}

DEFERRED_CALL deferred_getpgrp(void)
{
	return process_facts()->pgid;
}

DEFERRED_CALL deferred_getpgid(u64 pid)
{
	need_frame();
	if ((u32)pid && (u32)pid != process_facts()->pid)
		return (u64)DEFERRED_REFUSED;
	return process_facts()->pgid;
}

DEFERRED_CALL deferred_getsid(u64 pid)
{
	need_frame();
	if ((u32)pid && (u32)pid != process_facts()->pid)
		return (u64)DEFERRED_REFUSED;
	return process_facts()->sid;
}

DEFERRED_CALL deferred_getuid(void)
{
	return process_facts()->uid;
}

DEFERRED_CALL deferred_geteuid(void)
{
	return process_facts()->euid;
}

DEFERRED_CALL deferred_getgid(void)
{
	return process_facts()->gid;
}

DEFERRED_CALL deferred_getegid(void)
{
	return process_facts()->egid;
}

DEFERRED_CALL deferred_set_tid_address(virt_addr_t at)
{
	need_frame();
	own_page()->facts.choices.clear_child_tid = at;
	return own_facts()->tid;
}

/* ---- What it wants of signals ------------------------------------------------------- */

/* What signals a mask may not have: SIGKILL, SIGSTOP. */
#define UNBLOCKABLE (BIT(9 - 1) | BIT(19 - 1))

/* Of a mask of the thread's: how it is to change. */
static __always_inline bool change(u64 *blocked, u64 how, u64 set)
{
	enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
	u64 unblockable = UNBLOCKABLE;

	__asm__("" : "+r"(unblockable)); /* its complement looks like an address */
	switch ((u32)how) {
	case SIG_BLOCK: *blocked |= set; break;
	case SIG_UNBLOCK: *blocked &= ~set; break;
	case SIG_SETMASK: *blocked = set; break;
	default: return false;
	}
	*blocked &= ~unblockable;
	return true;
}

/*
 * The change is made here if no signal was sent to the process since none was pending for
 * this thread.  A sender counts the signal, then looks at the mask; here the mask changes,
 * then the count is read: so the sender sees the new mask, or the kernel is asked to look
 * again.  From there on the call cannot be refused any more.
 */
DEFERRED_CALL deferred_rt_sigprocmask(u64 how, virt_addr_t from, virt_addr_t to)
{
	struct thread_choices *c = &own_page()->facts.choices;
	u64 old = c->blocked, blocked = old, set, size;

	__asm__ volatile("mov %%r10, %0" : "=r"(size)); /* the fourth argument */
	if (size != sizeof(u64) || c->seen != process_facts()->signals_sent)
		return (u64)DEFERRED_REFUSED;
	if (from && (!load_word(&set, from) || !change(&blocked, how, set)))
		return (u64)DEFERRED_REFUSED;
	if (to && !store_word(to, old))
		return (u64)DEFERRED_REFUSED;
	__atomic_exchange_n(&c->blocked, blocked, __ATOMIC_SEQ_CST);
	if (unlikely(c->seen != process_facts()->signals_sent))
		own_page()->facts.work_due = 1;
	return done(0);
}

/* Reading alone. */
DEFERRED_CALL deferred_sigaltstack(virt_addr_t from, virt_addr_t to)
{
	const struct signal_stack *s = &own_facts()->choices.stack;

	if (from || !to || !store_words(to, s->sp, signal_stack_flags(s, own_page()->regs.sp)) ||
	    !store_word(to + 16, s->size))
		return (u64)DEFERRED_REFUSED;
	return done(0);
}

/* ---- Where it is ------------------------------------------------------------------------ */

DEFERRED_CALL deferred_getcpu(virt_addr_t cpu, virt_addr_t node)
{
	need_frame();
	if ((cpu && !store_u32(cpu, own_facts()->cpu)) || (node && !store_u32(node, 0)))
		return (u64)DEFERRED_REFUSED;
	return done(0);
}

DEFERRED_CALL deferred_sched_getaffinity(u64 tid, u64 len, virt_addr_t to)
{
	const struct deferred_facts *facts = own_facts();
	u64 n = MIN((u32)len, sizeof(facts->affinity));

	if (((u32)tid && (u32)tid != facts->tid) || (u32)len % 8 ||
	    (u32)len < facts->affinity_bytes || (u32)len > PAGE_SIZE)
		return (u64)DEFERRED_REFUSED;
	for (u64 i = 0; i < n / 8; i++)
		if (!store_word(to + i * 8, facts->affinity[i]))
			return (u64)DEFERRED_REFUSED;
	return done(n);
}

#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

/* The GS base is the user's here, and active. */
DEFERRED_CALL deferred_arch_prctl(u64 what, virt_addr_t to)
{
	if ((what == ARCH_GET_FS && store_word(to, rdmsr(MSR_FS_BASE))) ||
	    (what == ARCH_GET_GS && store_word(to, rdmsr(MSR_GS_BASE))))
		return done(0);
	return (u64)DEFERRED_REFUSED;
}

DEFERRED_CALL deferred_uname(virt_addr_t to)
{
	const u8 *names = machine()->names;
	u32 smap;

	if (!is_user(to, UTSNAME_SIZE))
		return (u64)DEFERRED_REFUSED;
	smap = open_memory();
	for (u64 i = 0; i < UTSNAME_SIZE; i += 8) {
		u64 at = MIN(i, UTSNAME_SIZE - 8UL); /* it is no multiple of 8 */

		user_put64(to + at, *(const u64 *)(const void *)(names + at), fault);
	}
	close_memory(smap);
	return done(0);
fault:
	close_memory(smap);
	return (u64)DEFERRED_REFUSED;
}

/* ---- What time it is ---------------------------------------------------------------------- */

enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1 };

/* As clock_ns(), arch/machine/clock.c. */
static __always_inline u64 monotonic_ns(void)
{
	const struct deferred_machine *m = machine();

	return (u64)((unsigned __int128)(rdtsc() - m->tsc_start) * m->ns_per_tsc >> 32);
}

static __always_inline u64 realtime_ns(void)
{
	return machine()->realtime_start + monotonic_ns();
}

/* The two that programs ask for; the kernel knows the others. */
DEFERRED_CALL deferred_clock_gettime(u64 id, virt_addr_t to)
{
	u64 ns = monotonic_ns(), seconds;

	if ((u32)id == CLOCK_REALTIME)
		ns += machine()->realtime_start;
	else if ((u32)id != CLOCK_MONOTONIC)
		return (u64)DEFERRED_REFUSED;
	seconds = ns / NSEC_PER_SEC;
	__asm__("" : "+r"(seconds)); /* divided once */
	if (!store_words(to, seconds, ns - seconds * NSEC_PER_SEC))
		return (u64)DEFERRED_REFUSED;
	return done(0);
}

DEFERRED_CALL deferred_gettimeofday(virt_addr_t to, virt_addr_t zone)
{
	u64 ns = realtime_ns();

	if (zone || !to || !store_words(to, ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / NSEC_PER_USEC))
		return (u64)DEFERRED_REFUSED;
	return done(0);
}

DEFERRED_CALL deferred_time(virt_addr_t to)
{
	u64 seconds = realtime_ns() / NSEC_PER_SEC;

	need_frame();
	if (to && !store_word(to, seconds))
		return (u64)DEFERRED_REFUSED;
	return done(seconds);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* For entry/deferred/deferred.asm. */
void *const deferred_calls[DEFERRED_NR] = {
#define DEFERRED(number, name, reads, why) [number] = deferred_##name,
#include "entry/deferred/call_list.h"
#undef DEFERRED
};
