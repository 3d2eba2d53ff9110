/*
 * A shared object that grew with each area that showed it, to offsets that the
 * walk which freed it left out: 4000 frames lost for good with each process.
 *
 * In Postern an object has the size of the mmap that made it, as on Linux, and
 * walks of page tables leave nothing out by address (mm/pagetable.c).
 *
 * Right: mremap makes the area larger, not the object; behind its end is SIGBUS,
 * with BUS_ADRERR, and EFAULT for the kernel; and no frame is lost.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PAGE 4096ul
#define CHUNK (1ul << 46)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE)
#define POPULATE_READ 22 /* MADV_, which musl has not */
#define LOST_TOUCHES 4000

static volatile int bus_code;
static void *volatile bus_at;
static sigjmp_buf out;

static void on_bus(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	bus_code = info->si_code;
	bus_at = info->si_addr;
	siglongjmp(out, 1);
}

/* 0, or the si_code of the SIGBUS that writing there gave. */
static int write_to(volatile char *at)
{
	bus_code = 0;
	if (sigsetjmp(out, 1) == 0)
		*at = 1;
	return bus_code;
}

static void catch_bus(void)
{
	struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &action, NULL);
}

static void check_end_of_object(void)
{
	char *a = mmap(NULL, 2 * PAGE, READ_WRITE, SHARED, -1, 0), *b, *c;

	memset(a, 7, 2 * PAGE);
	b = mremap(a, 2 * PAGE, 5 * PAGE, MREMAP_MAYMOVE);
	check_true(b != MAP_FAILED && b[2 * PAGE - 1] == 7, "an area becomes larger");
	check_equal(write_to(b + 2 * PAGE - 1), 0, "the object's last byte");
	check_equal(write_to(b + 2 * PAGE + 5), BUS_ADRERR, "the one behind it");
	check_true(bus_at == b + 2 * PAGE + 5, "si_addr tells which");
	check_equal(write_to(b + 5 * PAGE - 1), BUS_ADRERR, "the area's last byte");
	check_equal(syscall(SYS_clock_gettime, 0, b + 3 * PAGE) < 0 ? errno : 0, EFAULT,
		    "the kernel writes there");
	check_equal(madvise(b, 5 * PAGE, POPULATE_READ) ? errno : 0, EFAULT, "it is populated");
	c = mremap(b, 0, 5 * PAGE, MREMAP_MAYMOVE);
	check_true(c != MAP_FAILED && c[0] == 7, "the object is shown once more");
	check_equal(write_to(c + 2 * PAGE), BUS_ADRERR, "and ends there, too");
	munmap(b, 2 * PAGE);
	check_equal(write_to(b + 4 * PAGE), BUS_ADRERR, "what is left of the first area");
	munmap(b, 5 * PAGE);
	munmap(c, 5 * PAGE);
}

static void in_a_child(void)
{
	char *a = mmap(NULL, PAGE, READ_WRITE, SHARED, -1, 0);

	a = mremap(a, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	signal(SIGBUS, SIG_DFL);
	a[PAGE] = 1;
}

static unsigned long free_frames(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram / PAGE;
}

/* The index of the object's tree is that of a table which was left out. */
static void touch_far_offsets(void)
{
	unsigned long offset = 0, first = 0xfe0000010000;
	char *a = mmap(NULL, CHUNK, READ_WRITE, SHARED, -1, 0);

	for (int i = 0; i < 3 && a != MAP_FAILED; i++) {
		munmap(a, CHUNK - PAGE);
		a += CHUNK - PAGE;
		offset += CHUNK - PAGE;
		a = mremap(a, PAGE, CHUNK, MREMAP_MAYMOVE);
	}
	if (a == MAP_FAILED)
		_exit(1);
	for (unsigned long o = first, n = 0; n < LOST_TOUCHES; o += PAGE, n++)
		write_to(a + (o - offset));
}

static void check_nothing_is_lost(void)
{
	unsigned long before = free_frames();
	long lost = LOST_TOUCHES;

	check_equal(in_child(touch_far_offsets), EXITED(0), "offsets far beyond the object");
	for (int i = 0; i < 100 && lost >= LOST_TOUCHES / 2; i++) {
		usleep(10000); /* its last thread may not be off its CPU yet */
		lost = (long)(before - free_frames());
	}
	check_range(lost, LONG_MIN, LOST_TOUCHES / 2, "frames lost");
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	catch_bus();
	check_end_of_object();
	check_equal(in_child(in_a_child), SIGBUS, "without a handler it is deadly");
	check_nothing_is_lost();
	return check_end();
}
