#!/usr/bin/env python3
"""The prompt of `make run`, with somebody who types: the shell, job control, raw keys, the
kernel's own tables as files, the ways to leave.

Boots build/prompt.cpio with COM1 on a socket (tests/test_console.py).  Prints `ok N -
sentence` or `not ok N - sentence`.  Called by tests/run.py, and by tests/mutants/run.py with
one part's name and a kernel.

    tests/test_prompt.py [shell|jobs|keys|tables|leaving|selftest KERNEL]
"""
import os
import re
import sys
import tempfile
import time

import tapunit
from test_console import Console, ROOT

PROMPT = os.path.join(ROOT, "build", "prompt.cpio")
CTRL_C, CTRL_D, CTRL_Z = b"\x03", b"\x04", b"\x1a"
READY = r"~ # \x1b\[6n$"   # the shell, which reads keys now, asks where its cursor is
# A leader takes the terminal, and ends when its child can hear; the shell has none then.
HANG_UP = ("cat > /tmp/l << E\n(trap 'echo hung up > /tmp/h; exit' HUP; > /tmp/r; "
           "while :; do sleep 0.1; done) &\nwhile ! test -e /tmp/r; do sleep 0.1; done\nE\n"
           "sh -c 'setsid -c sh /tmp/l; for i in $(seq 600); do test -s /tmp/h && break; "
           "sleep 0.1; done; cat /tmp/h'")
COUNTERS = "cat /sys/kernel/postern/counters"
STARTED = r"\nstarted\n"   # its settings are the program's now

BEFORE = 6  # lines, two of them the shell's empty ones


class Shell:
    """Somebody at the prompt; use with `with`."""

    def __init__(self, directory, words=""):
        self.console = Console(directory, PROMPT, f"init=/bin/sh {words} -- -l")
        self.booted = False

    def __enter__(self):
        self.console.__enter__()
        self.booted = bool(self.console.wait_for(READY))
        return self

    def __exit__(self, *why):
        self.console.__exit__(*why)

    def do(self, line, until=READY, keys=b""):
        """Types a line, and keys behind it; what is shown until a pattern comes."""
        self.console.text = ""
        self.console.type(line.encode() + b"\r" + keys)
        self.console.wait_for(until)
        return self.console.text

    def press_again(self, keys, until=READY):
        """The same, until somebody hears them: the shell ignores some in between."""
        self.console.text = ""
        end = self.console.deadline
        while time.monotonic() < end and not re.search(until, self.console.text):
            self.console.type(keys)
            self.console.deadline = min(end, time.monotonic() + 2)
            self.console.wait_for(until)
        self.console.deadline = end
        return self.console.text

    def press(self, keys, until=READY):
        """Types keys; what is shown until a pattern comes."""
        self.console.text = ""
        self.console.type(keys)
        self.console.wait_for(until)
        return self.console.text


def shell(directory):
    """What a shell is for."""
    with Shell(directory) as sh:
        greeting = sh.console.text
        yield sh.booted and "page_tables/current_user" in greeting and "secret" in greeting, \
            "the boot ends at a prompt, behind the greeting and a program that tries to read", greeting
        lines = greeting.split("BusyBox")[-1].splitlines()
        yield len(lines) + BEFORE <= 25 and all(len(line) <= 80 for line in lines), \
            "with four lines of the boot it is at most 25 lines of 80", greeting
        text = sh.do("echo $((6*7)) | tr 4 9; echo $?")
        yield "\n92\n0\n" in text, "a pipe of two programs, and its status", text
        text = sh.do("echo started; cat > /tmp/a", STARTED) + sh.press(b"one\rtwo\x7f\x7fxy\r" + CTRL_D)
        text += sh.do("wc /tmp/a; cat /tmp/a")
        yield re.search(r"2 +2 +8 /tmp/a\none\ntxy\n", text), \
            "lines are edited as they are typed, into a file", text
        text = sh.do("for i in 1 2 3; do echo $i; done | while read x; do echo got $x; done")
        yield "got 1\ngot 2\ngot 3\n" in text, "a loop reads what another writes", text
        text = sh.do("./nothing; echo status $?")
        yield "not found" in text and "status 127" in text, "a program that is not there", text


def jobs(directory):
    """Who has the terminal."""
    with Shell(directory) as sh:
        text = sh.do("sh -c 'echo started; exec sleep 1000'", STARTED) + sh.press_again(CTRL_Z)
        yield "Stopped" in text, "Ctrl-Z stops the program in the foreground", text
        text = sh.do("jobs; ps | grep -c ' [s]leep 1000'")
        yield "Stopped" in text and "\n1\n" in text, "it is a job of the shell's", text
        text = sh.do("fg", r"sleep 1000.?\n") + sh.press_again(CTRL_C) + sh.do("echo status $?; jobs")
        yield "status 130" in text and "Stopped" not in text, \
            "it goes on in the foreground, and Ctrl-C ends it", text
        text = sh.do("cat &") + sh.do("sleep 0.2; jobs")
        yield re.search(r"Stopped \(tty input\) +cat", text), \
            "a program in the background that reads is stopped", text
        text = sh.do("kill -9 %1; sleep 0.2; jobs") + sh.do("jobs")
        yield "Killed" in text, "and killed", text
        text = sh.do("stty tostop; echo not now & sleep 0.2; jobs; stty -tostop")
        yield "Stopped (tty output)" in text, "with tostop one that writes is stopped, too", text
        text = sh.do("kill -9 %1") + sh.do("sh -c 'echo started; exec cat'", STARTED) + sh.press_again(b"\x1c") + sh.do("echo status $?")
        yield "status 131" in text, "Ctrl-\\ is SIGQUIT", text
        text = sh.do("trap 'echo caught' INT; sh -c 'echo started; exec sleep 1000'", STARTED) + sh.press_again(CTRL_C)
        yield "caught" in text, "a trap of the shell's runs behind its child", text
        text = sh.do(HANG_UP)
        yield "\nhung up\n" in text, "the end of a session's leader hangs up on whom it leaves", text


def keys(directory):
    """Settings of the terminal."""
    with Shell(directory) as sh:
        text = sh.do("stty -a")
        yield "rows 24; columns 80" in text and "intr = ^C" in text and re.search(
            r"[^-]icanon", text), "stty shows the settings", text
        before, after = (int(re.search(r"0xeb +(\d+) interrupt", sh.do(COUNTERS) + "0xeb 0 interrupt")[1])
                         for _ in range(2))
        yield 0 < before < after, "keys are interrupts from COM1", f"{before}, then {after}"
        text = sh.do("stty rows 50; stty size")
        yield "\n50 80\n" in text, "the window's size can be set", text
        sh.do("stty raw -echo; echo started; dd bs=1 count=3 2>/dev/null | od -c; stty sane", STARTED)
        text = sh.press(b"\r" + CTRL_C + b"x")
        yield re.search(r"\\r +003 +x", text), "raw keys come as they are, one by one", text
        text = sh.do("stty -icanon min 0 time 3; dd bs=1 count=1 2>&1 | tail -1; stty sane")
        yield "0+0 records out" in text, "with min 0 and time 3 a read ends without a byte", text
        text = sh.do("stty -echo; echo started; read x; stty echo; echo got $x", STARTED) + sh.press(b"hidden\r")
        yield text.count("hidden") == 1 and "got hidden" in text, \
            "what is typed without echo is read, and not shown", text
        text = sh.do("setsid cat /dev/tty 2> /tmp/e; sleep 0.5; cat /tmp/e")
        yield "No such device or address" in text, \
            "a new session has no terminal", text


def tables(directory):
    """The kernel's own tables, as files."""
    with Shell(directory, "maxcpus=2") as sh:
        text = sh.do("cat /sys/kernel/debug/page_tables/current_user")
        yield text.count("GLB x") >= 2 and "---[ Kernel Space ]---" in text, \
            "the user's page table", text
        text = sh.do("cat /sys/kernel/postern/audit")
        yield "audit: clean" in text, "the audit is clean, with a shell", text
        text = sh.do("cat /proc/self/maps; free; uptime; mount; ps; top -bn1 | head -4")
        yield all(word in text for word in ("[stack]", "Mem:", "load average", "proc on /proc",
                                            "/bin/sh -l")), \
            "/proc has what busybox's programs look for", text
        text = sh.do("head -c 100000 /dev/urandom | gzip | gunzip | wc -c")
        yield "\n100000\n" in text, "three programs between /dev/urandom and a count", text


def leaving(directory):
    """The ways out."""
    for line, pressed, end in (("exit 3", b"", r"exited with status 3; power off"),
                               ("", CTRL_D, r"exited with status 0; power off"),
                               ("poweroff", b"", r"power off")):
        with tempfile.TemporaryDirectory(dir=directory) as own, Shell(own) as sh:
            text = sh.do(line, end, pressed) if line else sh.press(pressed, end)
            yield re.search(end, text), f"{line or 'Ctrl-D'} leaves", text


def selftest(directory):
    """The kernel's own tests, when there is no program any more."""
    with Shell(directory) as sh:
        sh.do("selftest", r"    # Subtest: (\w+)\n")
        yield "suites run when init ends" in sh.console.text and \
            sh.console.wait_for(r"\nok 1 \w+\n"), \
            "selftest leaves, and runs the suites behind the shell", sh.console.text[-3000:]


def results(directory, argv):
    """Of all, or of one part with another kernel."""
    parts = [shell, jobs, keys, tables, leaving, selftest]
    if argv:
        os.environ["ELF"] = argv[1]
        parts = [part for part in parts if part.__name__ == argv[0]]
    for part in parts:
        with tempfile.TemporaryDirectory(dir=directory) as own:
            yield from ((bool(good), *rest) for good, *rest in part(own))


def main():
    """All."""
    with tempfile.TemporaryDirectory(prefix="postern-prompt-test-") as directory:
        return tapunit.print_results(results(directory, sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
