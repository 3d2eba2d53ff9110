/* A terminal of the host's: tests/host/pty.h. */
#define _GNU_SOURCE
#include "tests/host/host.h"
#include "tests/host/pty.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define FLUSH_BOTH 2

int ioctl(int fd, unsigned long request, ...);

static int master, slave;

bool pty_open(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master))
		return false;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK);
	return slave >= 0;
}

void pty_set(const void *settings)
{
	CHECK(!ioctl(slave, TCSETS, settings));
}

void pty_flush(void)
{
	CHECK(!ioctl(slave, TCFLSH, FLUSH_BOTH));
}

void pty_type(const char *keys, size_t n)
{
	CHECK(write(master, keys, n) == (ssize_t)n);
}

size_t pty_echo(char *to, size_t size, char last, size_t n)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	size_t done = 0;

	while ((!done || to[done - 1] != last || done < n) && poll(&p, 1, PATIENCE_MS) == 1) {
		ssize_t got = read(master, to + done, size - done);

		CHECK(got > 0);
		done += (size_t)got;
	}
	return done;
}

unsigned pty_count(void)
{
	int count;

	CHECK(!ioctl(slave, FIONREAD, &count));
	return (unsigned)count;
}

void pty_wait_for(unsigned n)
{
	for (unsigned ms = 0; pty_count() < n && ms < PATIENCE_MS; ms++)
		usleep(1000);
}

long pty_read(void *to, size_t n)
{
	return read(slave, to, n);
}
