"""The host's side of the guest's console: our terminal, or a file on our standard input.

Owns our standard input while a guest runs.  Called by scripts/run.  A terminal's keys are
handed on one by one, Ctrl-C among them, which the kernel gives to the program or ends the
run with; if it does neither for some seconds, or until the next Ctrl-C, we do.  Anything
else is a file that the guest gets whole, in the form that kernel/files/tty.c describes, as
fast as it takes it.
"""
import os
import select
import termios
import time

PATIENCE = 5.0    # seconds for the kernel to say that it has heard a Ctrl-C
ROOM = 1 << 16    # bytes read ahead of the guest
CTRL_A, CTRL_C = b"\x01", b"\x03"
BEGIN, DLE, END = b"\0\x02", b"\x10", b"\x10\x04"
HEARD = b"^C\n"   # the kernel's line


class Keys:
    """A terminal: use with `with`, which gives its modes back."""
    arguments = ""
    first = b""

    def __init__(self, log):
        self.log = log          # the kernel's
        self.open = True
        self.heard = 0          # Ctrl-Cs that the kernel had heard before the last
        self.deadline = None    # for the next one
        self.last = b""
        self.quit = False       # by Ctrl-A X
        self.saved = termios.tcgetattr(0)

    def __enter__(self):
        raw = termios.tcgetattr(0)
        raw[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON |
                    termios.ISTRIP | termios.BRKINT)
        raw[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN |
                    termios.ISIG)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
        termios.tcsetattr(0, termios.TCSADRAIN, raw)
        return self

    def __exit__(self, *_):
        termios.tcsetattr(0, termios.TCSADRAIN, self.saved)

    def count(self):
        """How many Ctrl-Cs the kernel has heard."""
        try:
            with open(self.log, "rb") as file:
                return file.read().count(HEARD)
        except FileNotFoundError:
            return 0

    def read(self):
        """What was typed."""
        data = os.read(0, 4096)
        self.open = bool(data)
        if CTRL_C in data:
            if self.deadline and self.count() <= self.heard:
                raise KeyboardInterrupt
            self.heard, self.deadline = self.count(), time.monotonic() + PATIENCE
        self.quit |= CTRL_A + b"x" in self.last + data
        self.last = data[-1:]
        return data

    def wait(self):
        """Seconds until look() has something to see; None: for ever."""
        return max(self.deadline - time.monotonic(), 0) if self.deadline else None

    def look(self):
        """Ends the run if the kernel has not heard a Ctrl-C in time."""
        if self.deadline and time.monotonic() >= self.deadline:
            if self.count() <= self.heard:
                raise KeyboardInterrupt
            self.deadline = None


class File:
    """A pipe, a file, or nothing at all."""
    arguments = "console=pipe"
    first = BEGIN
    quit = False

    def __init__(self):
        self.open = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self):
        """What has come of it, with its end."""
        try:
            data = os.read(0, 4096)
        except OSError:  # a directory, say
            data = b""
        self.open = bool(data)
        return data.replace(DLE, DLE + DLE) if data else END

    def wait(self):
        """For ever."""

    def look(self):
        """Nothing."""


def source(log):
    """What our standard input is; log: the kernel's, a path.  In the background a terminal
    is not ours to read."""
    if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp():
        return Keys(log)
    if os.isatty(0):
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return File()


def pump(process, keys, show):
    """Input and output of QEMU, whose standard input and output are pipes, until its output
    ends: show(bytes)."""
    out, into = process.stdout.fileno(), process.stdin.fileno()
    os.set_blocking(into, False)
    left = keys.first
    while True:
        read = [out] + ([0] if keys.open and len(left) < ROOM else [])
        ready, free, _ = select.select(read, [into] if left else [], [], keys.wait())
        if free:
            try:
                left = left[os.write(into, left):]
            except BrokenPipeError:  # it has ended
                left, keys.open = b"", False
        if 0 in ready:
            left += keys.read()
        if out in ready:
            chunk = os.read(out, 1 << 16)
            if not chunk:
                return
            show(chunk)
        keys.look()
