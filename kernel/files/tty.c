/*
 * Bytes from COM1, whose interrupt an IOAPIC gives to the boot CPU.  Every CPU's timer
 * interrupt looks, too: the boot CPU may be the one that hangs, and Ctrl-T must be heard.
 * What is typed goes to the line discipline (kernel/fs/terminal.c) at once, once there is one;
 * until then it waits here.  Those who wait for it are told by a thread, which sends the
 * signals that keys mean, too: programs choose how many they are.
 *
 * Or, with console=pipe, what comes is a file: STX, its bytes, and its end, which is DLE
 * EOT; a byte DLE is there twice.  (What is sent before the UART's FIFO is on may be lost,
 * so one byte stands before the STX.)  No key means anything, nothing is echoed, and what
 * there is no room for stays in the UART, whose other side waits.  scripts/console.py is
 * that other side.
 */
#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "arch/machine/ioapic.h"
#include "kernel/base/claim.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/ports.h"
#include "kernel/base/string.h"
#include "kernel/debug/watchdog.h"
#include "kernel/files/tty.h"
#include "kernel/task/sched.h"

/* Where no interrupt comes, whoever waits looks every so many ns. */
#define POLL_NS 5000000ULL
#define NEVER (~0ULL)
#define STX 2
#define CTRL_C 3
#define EOT 4
#define DLE 16
#define CTRL_T 20 /* the BSDs' key for status */

bool tty_is_pipe;
u64 tty_look_after = POLL_NS;
static int (*tty_typed)(u8 c);
static void (*tty_signal)(int signal);

/* How far the reader of a pipe is. */
static struct {
	bool begun, escaped, ended;
	bool has_next; /* a byte of the file that was looked at, and not yet read */
	u8 next;
	struct claim claim; /* one reader at a time */
} pipe = { .claim = CLAIM(LOCK_TTY_PIPE) };

/*
 * Come and not yet taken.  The CPU that polls puts bytes in; it takes them out, too, for the
 * discipline, or a pipe's reader does.
 */
static struct {
	u8 bytes[4096];
	u32 in, out; /* counts; in - out are there */
	struct claim polling;
} typed = { .polling = CLAIM(LOCK_TTY_POLL) };

static bool is_full(void)
{
	return typed.in - __atomic_load_n(&typed.out, __ATOMIC_ACQUIRE) == sizeof(typed.bytes);
}

static void put(u8 c)
{
	u32 in = typed.in;

	if (is_full())
		return;
	typed.bytes[in % sizeof(typed.bytes)] = c;
	__atomic_store_n(&typed.in, in + 1, __ATOMIC_RELEASE);
}

static int take(void)
{
	u32 out = typed.out;
	u8 c = typed.bytes[out % sizeof(typed.bytes)];

	if (__atomic_load_n(&typed.in, __ATOMIC_ACQUIRE) == out)
		return -1;
	__atomic_store_n(&typed.out, out + 1, __ATOMIC_RELEASE);
	return c;
}

/* Gives the discipline what there is, with the claim; the signals that it means. */
static u64 pass_on(void)
{
	u64 signals = 0;

	for (int c; tty_typed && !tty_is_pipe && (c = take()) >= 0;)
		signals |= BIT(tty_typed((u8)c));
	return signals;
}

/* ---- Those who wait --------------------------------------------------------------------- */

/* What the thread has not done. */
static struct {
	u64 signals; /* of keys */
	u32 count;   /* changes when something has come */
	struct wait_queue thread;
} news = { .thread.lock = SPINLOCK(LOCK_WAIT_QUEUE) };
struct wait_queue tty_readers = { .lock = SPINLOCK(LOCK_WAIT_QUEUE) };

static void tell(u64 signals)
{
	__atomic_fetch_or(&news.signals, signals, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&news.count, 1, __ATOMIC_SEQ_CST);
	SPIN_SCOPE(&news.thread.lock)
		wait_queue_wake_locked(&news.thread);
}

void tty_tell(void)
{
	tell(0);
}

static u32 news_count(void)
{
	return __atomic_load_n(&news.count, __ATOMIC_SEQ_CST);
}

static bool is_new(const void *seen)
{
	return news_count() != *(const u32 *)seen;
}

static void serve(void *unused __unused)
{
	u32 seen = 0;

	for (;;) {
		u64 signals;

		wait_queue_sleep(&news.thread, is_new, &seen, NEVER);
		seen = news_count();
		signals = __atomic_exchange_n(&news.signals, 0, __ATOMIC_SEQ_CST);
		wait_queue_wake_all(&tty_readers);
		for (int signal = 1; signals >> signal; signal++)
			if (signals >> signal & 1)
				tty_signal(signal);
	}
}

void tty_init(void)
{
	struct task *t = task_create("tty", serve, NULL);
	u32 target = VAULT_OF(0)->apic_id;
	struct ioapic_input in;

	if (!t)
		panic("tty: no memory for its thread");
	sched_start(t);
	if (target > IOAPIC_MAX_TARGET || !ioapic_find(COM1_IRQ, &in))
		return;
	ioapic_aim(&in, target);
	ioapic_deliver(&in, VEC_COM1);
	log_interrupt_on_byte();
	if (!tty_is_pipe) /* nobody is told when another reader has left something */
		tty_look_after = 0;
}

void tty_wait(u32 seen, u64 until)
{
	if (tty_look_after)
		until = MIN(until, clock_ns() + tty_look_after);
	wait_queue_sleep(&tty_readers, is_new, &seen, until);
}

/* ---- Bytes ------------------------------------------------------------------------------ */

void tty_to(int (*typed_byte)(u8 c), void (*signal)(int signal))
{
	u64 flags = interrupts_save(), signals;

	while (!claim_try(&typed.polling))
		cpu_relax();
	tty_signal = signal;
	tty_typed = typed_byte;
	signals = pass_on();
	claim_drop(&typed.polling);
	tell(signals);
	interrupts_restore(flags);
}

static bool has_room(void)
{
	return !(tty_is_pipe && is_full());
}

/* What the port has; Ctrl-T and Ctrl-C are noted.  False: another CPU is at it. */
static bool take_from_port(bool *report, bool *heard)
{
	u64 signals;
	int c;

	if (!claim_try(&typed.polling))
		return false;
	while (has_room() && (c = log_read_byte()) >= 0) {
		*report |= !tty_is_pipe && c == CTRL_T;
		*heard |= !tty_is_pipe && c == CTRL_C && tty_typed;
		if (tty_is_pipe || c != CTRL_T)
			put((u8)c);
	}
	signals = pass_on();
	claim_drop(&typed.polling);
	tell(signals);
	return true;
}

u32 tty_poll(void)
{
	bool report = false, heard = false;
	u64 flags;

	if (!log_has_byte())
		return news_count();
	flags = interrupts_save();
	/* Again: who was refused a byte of now may have come by the only interrupt for it. */
	while (take_from_port(&report, &heard) && has_room() && log_has_byte())
		;
	interrupts_restore(flags);
	if (report)
		watchdog_report_all();
	if (heard)
		log_to_host("^C\n"); /* scripts/console.py waits for it */
	return news_count();
}

/* A byte, or -ERESTARTSYS. */
static int wait_for_byte(bool (*interrupted)(void))
{
	for (;;) {
		u32 seen = tty_poll();
		int c = take();

		if (c >= 0)
			return c;
		if (interrupted())
			return -ERESTARTSYS;
		tty_wait(seen, NEVER);
	}
}

/* Another byte from the other side.  True: *to is one of the file's. */
static bool decode(u8 c, u8 *to)
{
	bool escaped = pipe.escaped;

	pipe.escaped = pipe.begun && !escaped && c == DLE;
	pipe.ended = escaped && c == EOT;
	if (!pipe.begun || pipe.escaped || pipe.ended) {
		pipe.begun |= c == STX;
		return false;
	}
	*to = c;
	return true;
}

/* Waits for one byte, and takes more as far as they have come.  The claim is the caller's. */
static long take_file(u8 *to, size_t n, bool (*interrupted)(void))
{
	size_t done = 0;

	if (pipe.has_next && n) {
		to[done++] = pipe.next;
		pipe.has_next = false;
	}
	while (!pipe.ended && done < n) {
		int c = done ? take() : wait_for_byte(interrupted);

		if (c < 0)
			return done ? (long)done : c;
		done += decode((u8)c, to + done);
	}
	return (long)done;
}

long tty_read_pipe(u8 *to, size_t n, bool (*interrupted)(void))
{
	long got;

	while (!claim_try(&pipe.claim)) {
		if (interrupted())
			return -ERESTARTSYS;
		tty_wait(news_count(), clock_ns() + POLL_NS);
	}
	got = take_file(to, n, interrupted);
	claim_drop(&pipe.claim);
	return got;
}

bool tty_pipe_is_ready(void)
{
	bool ready;
	int c;

	if (!claim_try(&pipe.claim))
		return false;
	tty_poll();
	while (!pipe.ended && !pipe.has_next && (c = take()) >= 0)
		pipe.has_next = decode((u8)c, &pipe.next);
	ready = pipe.ended || pipe.has_next;
	claim_drop(&pipe.claim);
	return ready;
}
