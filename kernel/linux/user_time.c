/*
 * Times of programs, in the form that the current call has.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/user_time.h"

#define IA32_TIME64_CALLS 403 /* from this number on, i386's calls have times of 64 bits */

enum time_form time_form(void)
{
	if (!abi_is_ia32())
		return TIME_64;
	return thread_regs(current_thread())->orig_ax < IA32_TIME64_CALLS ? TIME_32 : TIME_64_IA32;
}

static unsigned width_of(enum time_form form)
{
	return form == TIME_32 ? sizeof(u32) : sizeof(u64);
}

int timespec_read(struct timespec *ts, virt_addr_t from)
{
	enum time_form form = time_form();
	u64 words[2];

	if (abi_read_words(words, from, 2, width_of(form)))
		return -EFAULT;
	*ts = (struct timespec){ (s64)words[0], (s64)words[1] };
	if (form == TIME_32)
		*ts = (struct timespec){ (s32)words[0], (s32)words[1] };
	if (form == TIME_64_IA32)
		ts->nsec = (u32)ts->nsec;
	if (ts->sec < 0 || ts->nsec < 0 || ts->nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	return 0;
}

int timespec_write(virt_addr_t to, const struct timespec *ts, enum time_form form)
{
	const u64 words[] = { (u64)ts->sec, (u64)ts->nsec };

	return abi_write_words(to, words, ARRAY_SIZE(words), width_of(form));
}

u64 timespec_ns(const struct timespec *ts)
{
	if ((u64)ts->sec >= TIME_NEVER / NSEC_PER_SEC / 2)
		return TIME_NEVER / 2;
	return (u64)ts->sec * NSEC_PER_SEC + (u64)ts->nsec;
}

struct timespec timespec_from_ns(u64 ns)
{
	return (struct timespec){ (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };
}

long usage_write(virt_addr_t to, u64 run_ns)
{
	const u64 usage[18] = { run_ns / NSEC_PER_SEC, run_ns / 1000 % 1000000 };

	return abi_write_words(to, usage, ARRAY_SIZE(usage), abi_width());
}

u64 time_of_realtime(u64 ns)
{
	u64 boot = clock_realtime_ns() - clock_ns();

	return ns > boot ? ns - boot : 0;
}
