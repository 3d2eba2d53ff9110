#!/usr/bin/env python3
"""The console's keys, typed by a test: Ctrl-T prints every CPU's back-trace.

Boots QEMU with COM1 on a socket, types while a program spins (nobody reads) and
while one reads (the key is not given to it).  Prints `ok N - sentence` or
`not ok N - sentence`.  Called by tests/run.py.
"""
import os
import re
import socket
import struct
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import bounded  # noqa: E402
import initrds  # noqa: E402
import newc  # noqa: E402
import qemu  # noqa: E402
import tapunit

SECONDS = 240  # for a hang: a busy host takes a minute
CPUS = 3
CTRL_T = b"\x14"
FRAMES = r"(?:  0x[0-9a-f]+ [\w.]+\+0x[0-9a-f]+(?: \[cpu \d+\])?\n|  <[^>\n]+>\n)*"
IDLE = r"runs idle\[0\]\n(?:  .*\n)*?  0x[0-9a-f]+ idle_\w+\+0x[0-9a-f]+\n(?:  .*\n)*?  start\n"
REPORT = re.compile(r"cpu (\d+); runs (\S+)\[\d+\]\n" + FRAMES +
                    r"  (start|user: RIP 0x[0-9a-f]+ CS 0x33 RSP 0x[0-9a-f]+)\n")
STARTED = r"boot: \d+ TSC ticks .* to /\S+\n"


class Console:
    """A machine whose COM1 we hold; use with `with`."""

    def __init__(self, directory, initramfs, cmdline):
        path = os.path.join(directory, "com1")
        kernel = os.environ.get("ELF") or os.path.join(ROOT, "build", "postern.elf")
        m = qemu.Machine(kernel=kernel, cpus=CPUS,
                         initramfs=initramfs, cmdline=cmdline)
        argv = qemu.command(m)
        argv[argv.index("-serial") + 1] = f"unix:{path},server=on,wait=on"
        self.process = bounded.start(argv)
        self.deadline = time.monotonic() + SECONDS
        self.socket = socket.socket(socket.AF_UNIX)
        self.text = ""
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > self.deadline:
                    raise
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        bounded.end(self.process)
        self.process.stdout.close()

    def type(self, data):
        """What somebody types; nobody hears it if the machine has ended."""
        try:
            self.socket.sendall(data)
        except BrokenPipeError:
            pass

    def wait_for(self, pattern):
        """Reads until the text so far has a match; None if it does not come."""
        return self.wait_until(lambda: re.search(pattern, self.text, re.S))

    def wait_until(self, look):
        """Reads until look() finds something in the text so far; what it does find."""
        while True:
            found = look()
            left = self.deadline - time.monotonic()
            if found or left <= 0:
                return found
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(4096)
            except OSError:
                data = b""
            if not data:
                return look()
            self.text += data.decode("utf-8", "replace").replace("\r", "")

    def reports(self):
        """{CPU: (task, where its trace ends)} of whole reports.

        A program that goes on meanwhile may have lines between theirs.
        """
        def whole():
            lines = re.findall(r"^(?:cpu \d+; |  ).*\n", self.text, re.M)
            return {int(cpu): (task, end.split(":")[0])
                    for cpu, task, end in REPORT.findall("".join(lines))}

        self.wait_until(lambda: len(whole()) == CPUS)
        return whole()


def reader():
    """/init: reads a line, says what it got, until the line begins with q.  It says so in
    one write: behind half a line would be the kernel's next one."""
    loop = b"\x31\xc0\x31\xff\x48\x8d\x74\x24\x04"   # xor eax, eax; xor edi, edi; lea rsi, [rsp+4]
    loop += b"\xba\x40\0\0\0\x0f\x05"              # mov edx, 64; syscall
    loop += b"\x8d\x50\x04\xc7\x04\x24got "         # lea edx, [rax+4]; mov dword [rsp], 'got '
    loop += b"\xb8\x01\0\0\0\x89\xc7\x48\x89\xe6\x0f\x05"  # write(1, rsp, edx)
    loop += b"\x80\x7c\x24\x04\x71\x75"             # cmp byte [rsp+4], 'q'; jne loop
    loop += struct.pack("<b", -(len(loop) + 1))
    code = b"\x48\x81\xec\0\x10\0\0" + loop + initrds.exits(0)  # sub rsp, 4096
    return initrds.init(initrds.elf(code))


def while_spinning(directory):
    """Nobody reads; one CPU runs the program."""
    build = os.path.join(ROOT, "build", "initramfs.cpio")
    with Console(directory, build, "init=/bin/spin -- 3000") as console:
        console.wait_for(STARTED)
        found = {}
        for _ in range(5):  # it may not have come to its loop yet
            console.text = ""
            console.type(CTRL_T)
            found = console.reports()
            if ("spin", "user") in found.values():
                break
        ended = console.wait_for(r"spin: pid 1 counted")
        yield sorted(found) == list(range(CPUS)), \
            "Ctrl-T prints each CPU's back-trace while nobody reads", console.text
        yield ("spin", "user") in found.values() and ("idle", "start") in found.values(), \
            "one ends in the program's registers, the idle ones in their start", console.text
        yield bool(re.search(IDLE, console.text)), \
            "the idle ones' frames are named", console.text
        yield bool(ended), "the program goes on", console.text


def while_reading(directory):
    """The program waits in read()."""
    path = os.path.join(directory, "reader.cpio")
    newc.write_whole(path, reader())
    with Console(directory, path, "init=/init") as console:
        console.wait_for(STARTED)
        console.type(b"one" + CTRL_T + b"two\n")
        found = console.reports()
        got = console.wait_for(r"got ([^\n]*)\n")
        yield sorted(found) == list(range(CPUS)), \
            "Ctrl-T prints each CPU's back-trace while a program reads", console.text
        yield bool(got) and got[1] == "onetwo", \
            "the program gets the bytes before and behind the key, and not the key", \
            console.text
        console.type(b"three\nfour\nq\n")
        rest = console.wait_for(r"got three\n.*got four\n.*exited with status 0")
        yield bool(rest), "lines typed ahead are kept for the reader", console.text


def both(directory):
    """The results of both ways."""
    for way in (while_spinning, while_reading):
        with tempfile.TemporaryDirectory(dir=directory) as own:
            yield from way(own)


def main():
    """Both."""
    with tempfile.TemporaryDirectory(prefix="postern-console-test-") as directory:
        return tapunit.print_results(both(directory))


if __name__ == "__main__":
    sys.exit(main())
