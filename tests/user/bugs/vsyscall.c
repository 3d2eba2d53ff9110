/*
 * The vsyscall page: code of the kernel's at an address that every program knows.
 *
 * Static programs of old C libraries call gettimeofday, time and getcpu there.  Where it
 * was code that anybody could jump into (Linux until 3.1), it was a SYSCALL and a RET for
 * every exploit; with KAISER its page had to be shown in all user page tables, the
 * only one of the kernel half with the U bit, and a second way into them.
 *
 * In Postern nothing is mapped there: kernel/linux/calls/exception.c answers the fetch's fault.
 *
 * Right: the three calls answer, and change RAX alone; any other address of the page is
 * SIGSEGV, to run, to read and to write, and nothing there answers an access that is not
 * checked either; so are bad pointers, at the call's own address, with the address that
 * a store of the program's would name.
 */
#include "lib/bugs.h"

#include <cpuid.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../../user/meltdown/far_return.h"

#define PAGE 4096
#define AREA 0xffffffffff600000ul
#define GETTIMEOFDAY AREA
#define TIME (AREA + 0x400)
#define GETCPU (AREA + 0x800)

static int64_t call(uint64_t at, const volatile void *first, const volatile void *second)
{
	int64_t result;

	__asm__ volatile("call *%1" : "=a"(result) : "r"(at), "D"(first), "S"(second) : "memory");
	return result;
}

/* ---- Answers ----------------------------------------------------------------------- */

static int64_t microseconds(const struct timeval *tv)
{
	return tv->tv_sec * 1000000 + tv->tv_usec;
}

static void test_time(void)
{
	struct timeval before, tv = { 0, 0 }, after;
	struct timezone zone = { 77, 77 };
	time_t seconds = 0, answer;

	syscall(SYS_gettimeofday, &before, NULL);
	check_equal(call(GETTIMEOFDAY, &tv, &zone), 0, "gettimeofday answers");
	answer = call(TIME, &seconds, NULL);
	check_equal(answer, seconds, "time answers, and writes it");
	answer = call(TIME, NULL, NULL);
	syscall(SYS_gettimeofday, &after, NULL);
	check_range(answer, seconds, after.tv_sec, "time without a pointer");
	check_true(microseconds(&before) <= microseconds(&tv) &&
		   microseconds(&tv) <= microseconds(&after), "the time is the call's");
	check_range(seconds, before.tv_sec, after.tv_sec, "and the seconds are");
	check_true(zone.tz_minuteswest == 0 && zone.tz_dsttime == 0, "the zone is none");
	check_equal(call(GETTIMEOFDAY, NULL, NULL), 0, "gettimeofday without pointers");
}

static void test_getcpu(void)
{
	cpu_set_t was, one;
	unsigned cpu = 99, node = 99, wrong = 0, tried = 0;

	sched_getaffinity(0, sizeof(was), &was);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &was))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		wrong += sched_setaffinity(0, sizeof(one), &one) != 0 ||
			 call(GETCPU, &cpu, &node) != 0 || cpu != (unsigned)i || node != 0;
		tried++;
	}
	sched_setaffinity(0, sizeof(was), &was);
	check_equal(wrong, 0, "getcpu answers on each of %u CPUs", tried);
	check_equal(call(GETCPU, NULL, NULL), 0, "getcpu without pointers");
}

/* All that the call might take for its own: R8 to R11 and the three that SYSCALL uses. */
static void test_registers(void)
{
	static volatile uint64_t sp[2], flags[2], changed;

	for (uint64_t at = GETTIMEOFDAY; at <= GETCPU; at += 0x400) {
		__asm__ volatile(
			"mov %5, %%rax; mov %%rsp, %0; xor %%edi, %%edi; xor %%esi, %%esi\n\t"
			"mov $1, %%ebx; mov $2, %%ecx; mov $3, %%edx; mov $8, %%r8d\n\t"
			"mov $9, %%r9d; mov $10, %%r10d; mov $11, %%r11d; mov $15, %%r15d\n\t"
			"std; stc; pushfq; pop %2; call *%%rax\n\t"
			"mov %%rsp, %1; pushfq; pop %3; cld\n\t"
			"dec %%ebx; sub $2, %%ecx; sub $3, %%edx; sub $8, %%r8d\n\t"
			"sub $9, %%r9d; sub $10, %%r10d; sub $11, %%r11d; sub $15, %%r15d\n\t"
			"or %%rcx, %%rbx; or %%rdx, %%rbx; or %%r8, %%rbx; or %%r9, %%rbx\n\t"
			"or %%r10, %%rbx; or %%r11, %%rbx; or %%r15, %%rbx; or %%rdi, %%rbx\n\t"
			"or %%rsi, %%rbx; mov %%rbx, %4"
			: "=m"(sp[0]), "=m"(sp[1]), "=m"(flags[0]), "=m"(flags[1]), "=m"(changed)
			: "m"(at)
			: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r15",
			  "memory", "cc");
		check_true(changed == 0 && sp[0] == sp[1] && flags[0] == flags[1],
			   "the call at +%#lx changes RAX alone", at - AREA);
	}
}

/* ---- What does not answer ------------------------------------------------------------- */

static void load(uint64_t at)
{
	(void)*(volatile uint8_t *)at;
}

static void store(uint64_t at)
{
	*(volatile uint8_t *)at = 1;
}

static void fetch(uint64_t at)
{
	call(at, NULL, NULL);
}

static void test_elsewhere(void)
{
	static const uint64_t places[] = {
		AREA - PAGE, AREA - 1, AREA + 1, AREA + 7, AREA + 0x10, TIME - 1, TIME + 1, GETCPU + 1,
		AREA + 0xc00, AREA + PAGE - 1, AREA + PAGE, AREA + PAGE + 0x400,
		AREA - (1ul << 32), ~0ul - 0xfff,
	};
	volatile unsigned wrong = 0;

	for (volatile unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		wrong += CAUGHT(fetch(places[i])) != SIGSEGV || caught.ip != places[i];
	check_equal(wrong, 0, "no other address can be called");
	wrong = 0;
	for (volatile uint64_t at = AREA; at < AREA + PAGE; at += 0x200)
		wrong += CAUGHT(load(at)) != SIGSEGV || caught.addr != at ||
			 CAUGHT(store(at)) != SIGSEGV || caught.addr != at;
	check_equal(wrong, 0, "nothing can be read or written");
	check_equal(syscall(SYS_write, 1, AREA, 1), -1, "nor by a system call");
}

static void test_far_return(void)
{
	unsigned answers = 0;

	for (uint64_t at = AREA + 16; at < AREA + PAGE; at += 0x100)
		answers += far_return_word(at) != NO_ANSWER;
	check_equal(answers, 0, "nothing answers that is not checked either");
}

/* 32-bit code has no such addresses: this one is where its low half leads. */
static void test_low_half(void)
{
	volatile uint32_t low = (uint32_t)AREA;

	check_equal(CAUGHT(fetch(low)), SIGSEGV, "the address cut to 32 bits");
	check_equal((int64_t)caught.ip, low, "is an ordinary one");
}

/* ---- Bad pointers ---------------------------------------------------------------------- */

static void check_bad(uint64_t at, uint64_t first, uint64_t second, uint64_t bad, const char *what)
{
	int signal = CAUGHT(call(at, (void *)first, (void *)second));

	check_equal(signal, SIGSEGV, "%s", what);
	check_equal((int64_t)caught.addr, (int64_t)bad, "its address");
	check_equal((int64_t)caught.ip, (int64_t)at, "at the call");
}

static void test_pointers(void)
{
	uint8_t *area = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t second = (uint64_t)area + PAGE;

	mprotect(area + PAGE, PAGE, PROT_READ);
	munmap(area + 2 * PAGE, PAGE);
	check_bad(GETTIMEOFDAY, 8, 0, 8, "no memory at a timeval");
	check_bad(GETTIMEOFDAY, (uint64_t)area, second, second, "a zone that can only be read");
	check_bad(GETTIMEOFDAY, second - 8, 0, second, "a timeval that ends there");
	check_bad(TIME, second + PAGE, 0, second + PAGE, "no memory at a time");
	check_bad(TIME, 0xffff888000000000, 0, 0xffff888000000000, "a time in the kernel");
	check_bad(GETCPU, ~0ul, 0, ~0ul, "the last byte of all");
	check_bad(GETCPU, (uint64_t)area, 0x7ffffffff000, 0x7ffffffff000, "the end of the user half");
	munmap(area, 2 * PAGE);
}

/* WRPKRU(2): memory can be read, and not written.  No signal's frame can be, either. */
static void write_without_key(void)
{
	static uint64_t to[] = { 0 }, second;

	__asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; mov %1, %%rsp; mov %2, %%r8\n\t"
			 "xor %%ecx, %%ecx; xor %%edx, %%edx; mov $2, %%eax; wrpkru; jmp *%%r8\n"
			 "1:\txor %%edi, %%edi; mov $60, %%eax; syscall"
			 : "=m"(to[0]) : "r"(&to), "r"(TIME), "D"(&second)
			 : "rax", "rcx", "rdx", "r8", "memory");
}

static bool has_keys(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_OSPKE);
}

static void test_keys(void)
{
	if (has_keys())
		check_equal(in_child(write_without_key), SIGSEGV, "a store that PKRU forbids ends it");
	else
		check_skip("no protection keys", "a store that PKRU forbids ends it");
}

/* The return address is the stack's, which may be anything, or nothing. */
static void call_with_stack(uint64_t sp)
{
	__asm__ volatile("mov %%rsp, %%rbx; mov %0, %%rsp; xor %%edi, %%edi; jmp *%1"
			 : : "r"(sp), "r"(TIME) : "rbx", "rdi", "rax", "memory");
}

static void test_stack(void)
{
	static volatile uint64_t to = 0x8000000000000000;

	check_equal(CAUGHT(call_with_stack(8)), SIGSEGV, "a stack without a return address");
	check_equal((int64_t)caught.ip, (int64_t)TIME, "at the call");
	check_equal(CAUGHT(call_with_stack(0xffff888000000000)), SIGSEGV, "a stack in the kernel");
	check_equal(CAUGHT(call_with_stack((uint64_t)&to)), SIGSEGV,
		    "a return to an address that is not canonical");
	to = 8;
	check_equal(CAUGHT(call_with_stack((uint64_t)&to)), SIGSEGV, "a return to nowhere");
	check_true(caught.ip == 8 && caught.sp == (uint64_t)&to + 8, "is one: behind the call");
}

/* ---- Steps ----------------------------------------------------------------------------- */

static void call_time(void)
{
	call(TIME, NULL, NULL);
}

/* By a tracer: the call's address is a place where it stops, and so is the caller's. */
static void test_steps(void)
{
	pid_t pid = trace_start(call_time);
	uint64_t ip = 0, back = 0, sp;

	for (int i = 0; i < 20000 && ip != TIME; i++) {
		trace(SINGLESTEP, pid, 0, 0);
		wait_for(pid);
		ip = trace_peek_user(pid, USER_WORD(rip));
	}
	check_equal((int64_t)ip, (int64_t)TIME, "a step stops at the call");
	sp = trace_peek_user(pid, USER_WORD(rsp));
	trace(PEEKDATA, pid, sp, (unsigned long)&back);
	trace(SINGLESTEP, pid, 0, 0);
	check_equal(wait_for(pid), STOPPED(SIGTRAP), "one over it");
	check_equal((int64_t)trace_peek_user(pid, USER_WORD(rip)), (int64_t)back, "stops behind it");
	check_equal((int64_t)trace_peek_user(pid, USER_WORD(rsp)), (int64_t)sp + 8, "having returned");
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), EXITED(0), "and it goes on");
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	test_time();
	test_getcpu();
	test_registers();
	test_elsewhere();
	test_low_half();
	test_pointers();
	test_keys();
	test_stack();
	test_steps();
	far_return_begin();
	test_far_return();
	return check_end();
}
