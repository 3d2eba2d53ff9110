/* files.c: what can be asked of a descriptor that is a terminal or a pipe. */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void test_flags(void)
{
	int64_t flags = sys(SYS_fcntl, 1, F_GETFL);

	check_equal(sys(SYS_fcntl, 1, F_GETFD), 0, "a descriptor stays open at exec");
	check_equal(sys(SYS_fcntl, 1, F_SETFD, FD_CLOEXEC), 0, "unless F_SETFD says so");
	check_equal(sys(SYS_fcntl, 1, F_GETFD), FD_CLOEXEC, "which F_GETFD knows");
	check_equal(sys(SYS_fcntl, 2, F_GETFD), 0, "of this one alone");
	check_equal(sys(SYS_fcntl, 1, F_SETFD, 0), 0, "and can be taken back");
	check_equal(sys(SYS_fcntl, 1, F_GETFD), 0, "as if nothing had been");
	check_true(flags >= 0 && (flags & O_ACCMODE) != O_RDONLY, "F_GETFL says that standard output can be written");
	check_equal(sys(SYS_fcntl, 1, F_SETFL, flags), 0, "F_SETFL takes the same again");
	check_equal(sys(SYS_fcntl, 1, 9999), -EINVAL, "fcntl 9999 gives EINVAL");
	check_equal(sys(SYS_fcntl, 99, 9999), -EBADF, "a bad descriptor counts before");
}

static void test_seek(void)
{
	int64_t result = sys(SYS_lseek, 1, 0, SEEK_CUR);

	check_true(result == -ESPIPE || result >= 0, "lseek gives ESPIPE, or stays where it is in a file");
	check_equal(sys(SYS_lseek, 1, 0, 5), -EINVAL, "lseek from a sixth place gives EINVAL");
	check_equal(sys(SYS_lseek, 99, 0, 5), -EBADF, "a bad descriptor counts before");
}

static int closes(void)
{
	char byte = 0;

	if (sys(SYS_close, 2) || sys(SYS_close, 2) != -EBADF)
		return 1;
	if (sys(SYS_write, 2, &byte, 0) != -EBADF || sys(SYS_fcntl, 2, F_GETFD) != -EBADF)
		return 2;
	return 0;
}

void test_files(void)
{
	test_flags();
	test_seek();
	check_equal(in_child(closes, false), 0, "what is closed is no descriptor");
	check_true(sys(SYS_fcntl, 2, F_GETFD) >= 0, "but it is in the parent");
	check_equal(sys(SYS_close, -1), -EBADF, "close of -1 gives EBADF");
}
