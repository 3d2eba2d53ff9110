/*
 * files.c: pointers of the calls on files, paths, and what the machine is.
 */
#include "hostile.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#define AT_FDCWD	(-100)
#define TCGETS_BYTES	36
#define GRND_NONBLOCK	1
#define SYSINFO_BYTES	112	/* musl has room for more */

static const char newlines[16] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
static const char nowhere[] = "/nowhere/at/all";
static const char root[] = "/";
static const char self[] = "/proc/self/exe";
static const char empty[] = "";
static char buffer[4];
static struct stat st;

static struct iovec part = { (void *)(uintptr_t)newlines, 1 };
static struct iovec parts[2] = { { NULL, 0 }, { NULL, sizeof(newlines) } };
#define SECOND_PART ((uint64_t *)&parts[1].iov_base)

static const struct pointer_row rows[] = {
	{ POINTER(read), { 0, P, 16 }, 16, .flags = KERNEL_ONLY },
	{ POINTER(write), { 1, P, 16 }, 16, .image = newlines, .good = 16, .flags = EITHER },
	{ POINTER(writev), { 1, P, 1 }, 16, .image = &part, .good = 1 },
	{ POINTER(writev), { 1, TO(parts), 2 }, 16, .image = newlines, .good = 16, .flags = EITHER, .word = SECOND_PART },
	{ POINTER(open), { P, 0 }, sizeof(nowhere), .image = nowhere, .good = -ENOENT },
	{ POINTER(open), { P, 0 }, sizeof(empty), .image = empty, .good = -ENOENT },
	{ POINTER(openat), { AT_FDCWD, P, 0 }, sizeof(nowhere), .image = nowhere, .good = -ENOENT },
	{ POINTER(stat), { P, TO(st) }, sizeof(root), .image = root },
	{ POINTER(stat), { TO(root), P }, sizeof(st), .unit = 1 },
	{ POINTER(lstat), { P, TO(st) }, sizeof(root), .image = root },
	{ POINTER(lstat), { TO(self), P }, sizeof(st), .unit = 1 },
	{ POINTER(fstat), { 1, P }, sizeof(st), .unit = 1 },
	{ POINTER(newfstatat), { AT_FDCWD, P, TO(st), 0 }, sizeof(root), .image = root },
	{ POINTER(newfstatat), { AT_FDCWD, TO(root), P, 0 }, sizeof(st), .unit = 1 },
	{ POINTER(newfstatat), { 1, TO(empty), P, 0x1000 }, sizeof(st), .unit = 1 },
	{ POINTER(readlink), { P, TO(buffer), 4 }, sizeof(self), .image = self, .good = 4 },
	{ POINTER(readlink), { TO(self), P, 4 }, 4, .unit = 1, .good = 4 },
	{ POINTER(readlinkat), { AT_FDCWD, P, TO(buffer), 4 }, sizeof(self), .image = self, .good = 4 },
	{ POINTER(readlinkat), { AT_FDCWD, TO(self), P, 4 }, 4, .unit = 1, .good = 4 },
	{ POINTER(ioctl), { 1, TIOCGWINSZ, P }, 8, .flags = MAY_ENOTTY },
	{ POINTER(ioctl), { 1, 0x5401, P }, TCGETS_BYTES, .flags = MAY_ENOTTY },
	{ POINTER(uname), { P }, sizeof(struct utsname), .unit = 1 },
	{ POINTER(sysinfo), { P }, SYSINFO_BYTES, .unit = 1, .flags = RANDOM },
	{ POINTER(getrandom), { P, 32, 0 }, 32, .unit = 1, .good = 32, .flags = PARTIAL | RANDOM },
	{ POINTER(getrandom), { P, 300, GRND_NONBLOCK }, 300, .unit = 1, .good = 300, .flags = PARTIAL | RANDOM },
	{ POINTER(getcpu), { P, 0, 0 }, 4, .unit = 4, .flags = NULL_GOOD },
	{ POINTER(getcpu), { 0, P, 0 }, 4, .unit = 4, .flags = NULL_GOOD },
};

void test_file_pointers(void)
{
	try_rows(rows, COUNT(rows));
}
