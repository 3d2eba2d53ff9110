#!/usr/bin/env python3
"""`make run` as a grader's script and a person at a terminal have it: what a program reads,
what its end comes out as, what Ctrl-C does.

Real boots of build/user/ending by scripts/run.  Prints `ok N - sentence` or `not ok N -
sentence`.  Called by tests/run.py, and by tests/mutants/run.py with one part's name and a
kernel.

    tests/test_run.py [statuses|outputs|inputs|demonstration|keys KERNEL]
"""
import difflib
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

import boots  # sets the path to scripts/
import tapunit

RUN = os.path.join(boots.ROOT, "scripts/run")
PROGRAM = os.path.join(boots.BUILD, "user/ending")
SECONDS = 120  # for a hang
CTRL_C = b"\3"


def environment(**env):
    """Ours, with one CPU, and no knob that somebody else has set."""
    return {**os.environ, "CPUS": "1", "MEM": "", "CPU": "", "ACCEL": "", "CMDLINE": "",
            "INITRAMFS": "", "V": "", "DEMO": "", **env}


def run(*arguments, stdin=subprocess.DEVNULL, data=None, program=PROGRAM, **env):
    """(status, standard output, standard error) of one run."""
    done = subprocess.run([RUN, *([program] if program else []), *arguments], env=environment(**env), input=data,
                          stdin=None if data is not None else stdin, capture_output=True,
                          timeout=SECONDS, check=False)
    return done.returncode, done.stdout, done.stderr


def said(result):
    """For a failed line: its end."""
    return repr(result)[-600:]


def statuses(directory):
    """A program's end is the command's."""
    for argument, want in (("0", 0), ("3", 3), ("255", 255), ("kill", 128 + 11)):
        found = run(argument)
        yield found[0] == want and not found[2], \
            f"`ending {argument}` comes out as {want}, and nothing is called a failure", said(found)
    for name, words in (("a suite that is not there", "selftest=nothing"),
                        ("a panic", "selftest=panic_missed_iret")):
        found = run("0", CMDLINE=words)
        yield found[0] == 125 and b"status is 35" in found[2] and found[2].startswith(b"run: "), \
            f"{name} is the kernel's failure: 125, with a line", said(found)
    found = run("0", CPU="z80")
    yield found[0] == 126 and not found[1] and found[2].count(b"\n") == 1, \
        "a CPU that QEMU does not know is bad use: 126, one line", said(found)
    path = os.path.join(directory, "my prog")
    os.symlink(PROGRAM, path)
    found = run("7", program=path)
    yield found[0] == 7, "a program may have a blank in its name", said(found)


def outputs(_directory):
    """Who reads it."""
    found = run("copy", data=b"no newline", CMDLINE="quiet")
    yield found == (0, b"no newline", b""), \
        "with quiet the output is the program's, to the byte", said(found)
    found = run("kill", CMDLINE="quiet")
    yield found[0] == 139 and not found[1], "and nothing is said of its end but the status", \
        said(found)
    found = run("0", CMDLINE="quiet selftest=panic_missed_iret")
    yield found[0] == 125 and b"panic: " in found[1], "a panic is shown all the same", said(found)
    with subprocess.Popen([RUN, PROGRAM], env=environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        first = process.stdout.readline()
        process.stdout.close()
        rest = process.stderr.read()
    yield first.startswith(b"Postern: ") and process.returncode == 141 and not rest, \
        "a reader who goes after one line ends the run without a word", \
        said((process.returncode, first, rest))
    asks = os.path.join(boots.BUILD, "user/missing")
    told = ["another: system call 163 (acct)", "missing: system call 163 (acct)",
            "missing: system call 179 (quotactl)", "missing: system call 1999",
            "missing: system call 26 (ptrace of i386)"]
    found = run(program=asks)
    lines = [line for line in found[1].decode().splitlines() if "is not here" in line]
    yield found[0] == 0 and sorted(lines) == [f"{call} is not here" for call in told], \
        "a missing call is told of once for each number and program, and rseq is not", said(found)
    found = run(program=asks, CMDLINE="quiet")
    yield found[0] == 0 and not found[2] and b"is not here" not in found[1] and \
        found[1].count(b"\n") == 4, "and with quiet not among the program's lines", said(found)
    found = run(program=asks, CMDLINE="pti=deferred")
    yield found[1].count(b"(acct) is not here") == 2, \
        "nor twice with pti=deferred, which tells of Linux's numbers", said(found)
    bad = "pti=maybe gdt_pages=3 nonsense maxcpus=0"
    found = run("0", CMDLINE=bad)
    behind = found[1].split(b"emulator: ")[-1]
    yield found[1].count(b"args: found ") == 8 and behind.count(b"args: found ") == 4, \
        "four bad arguments are said again behind the boot report", said(found)
    found = run("0", CMDLINE=f"quiet {bad}")
    yield (found[:2], found[2].count(b"args: found "), found[2].count(b"\n")) == ((0, b""), 4, 4), \
        "and with quiet on standard error, once", said(found)
    found = run(program=None, CMDLINE="quiet selftest=ltr init=/nothing")
    yield (found[0], found[2]) == (126, b"run: found no file '/nothing', expected a program\n"), \
        "a program that is not there is bad use, not a failure: 126, one line", said(found)


def inputs(_directory):
    """What is piped in."""
    every = bytes(range(256)) * 300 + b"\x10\x04 \x01x \x14 \x03 end"
    found = run("copy", data=every, CMDLINE="quiet")
    yield found == (0, every, b""), \
        "76800 bytes of all values, and those that are keys, arrive whole", \
        f"{len(found[1])} bytes, status {found[0]}"
    found = run("late", data=every, CMDLINE="quiet")
    yield found == (0, every, b""), "also if the program does not read for a while", \
        f"{len(found[1])} bytes, status {found[0]}"
    found = run("copy", CMDLINE="quiet")
    yield found == (0, b"", b""), "</dev/null is at its end at once", said(found)
    read, write = os.pipe()
    with subprocess.Popen([RUN, PROGRAM, "copy"], env=environment(CMDLINE="quiet"), stdin=read,
                          stdout=subprocess.PIPE) as process:
        os.close(read)
        os.write(write, b"first\n")
        first = process.stdout.readline()
        os.write(write, b"second\n")
        os.close(write)
        rest = process.stdout.read()
    yield (first, rest, process.returncode) == (b"first\n", b"second\n", 0), \
        "what is written piece by piece is read piece by piece", said((first, rest))
    found = run("ask", data=b"")
    yield found[0] == 0, "a pipe is no terminal to the program", said(found)
    closed = subprocess.run(["sh", "-c", '"$0" "$1" copy <&-', RUN, PROGRAM], check=False,
                            env=environment(CMDLINE="quiet"), capture_output=True, timeout=SECONDS)
    yield (closed.returncode, closed.stdout, closed.stderr) == (0, b"", b""), \
        "so is a standard input that is closed", said((closed.returncode, closed.stderr))


class Terminal:
    """scripts/run in a terminal of its own; use with `with`."""

    def __init__(self, *arguments, **env):
        self.text = b""
        self.deadline = time.monotonic() + SECONDS
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.execve(RUN, [RUN, *arguments], environment(**env))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.end)

    def more(self):
        """Some more of what is shown; False: it has ended, or time is up."""
        if not select.select([self.end], [], [], max(self.deadline - time.monotonic(), 0))[0]:
            return False
        try:
            data = os.read(self.end, 4096)
        except OSError:
            return False
        self.text += data.replace(b"\r", b"")
        return bool(data)

    def wait_for(self, words):
        """Reads until they are shown."""
        while words not in self.text and self.more():
            pass
        return words in self.text

    def type(self, data):
        """What somebody types."""
        os.write(self.end, data)

    def status(self):
        """Its exit status, at its end."""
        while self.more():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def sample(text):
    """Lines with what differs from run to run taken out."""
    out = []
    for line in text.splitlines():
        line = re.sub(r"^(secret: ).* \(", r"\1S (", line)
        line = re.sub(r"TSC \d+ kHz.*", "TSC", line).replace("x2APIC", "xAPIC")
        line = re.sub(r"\b[0-9a-f]{16}\b|\d+", "N", line)
        out.append(re.sub(" +", " ", line).rstrip())
    return out


def without_secrets(text):
    """The meltdown screen without what it has read."""
    text = re.sub(r"(?m)^ (?:[a-z]+ ){5}[a-z]+ *\|", " SECRET |", text)
    text = re.sub(r"(?m)\|  (?:[a-z]+ ){5}[a-z]+$", "|  SECRET", text)
    return re.sub(r"\b([0-9a-f]{2} ){11}[0-9a-f]{2}\b", "BYTES", text)


def demonstration(_directory):
    """`make demo`, and the README's sample of it; with suites that print."""
    found = run(program=None, CPUS="4", CMDLINE="selftest=smp,user_programs,watchdog")
    lines = found[1].decode().splitlines()
    yield found[0] == 0 and not found[2], "the demonstration passes", said(found)
    yield not re.search(rb"(?m)^(watchdog|smp|panic|cpu \d+;)", found[1]), \
        "it shows no report that a suite has provoked", said(found)
    table = [i for i, line in enumerate(lines) if "user PGD's kernel half" in line or "  total: " in line]
    rest = lines[:table[0]] + lines[table[1] + 1:] if len(table) == 2 else lines
    yield len(rest) < 24 and all(len(line) <= 80 for line in lines), \
        "but for one table it fits 80 by 24", "\n".join(lines)
    with open(os.path.join(boots.ROOT, "README.md"), encoding="utf-8") as file:
        shown = file.read().split("## What `make demo` prints\n```\n")[1].split("```\n")[0]
    pairs = [[line for line in sample(text) if not line.startswith("meltdown: ")]
             for text in (shown, found[1].decode())]
    yield pairs[0] == pairs[1], "the README's sample is what is printed", "\n".join(
        difflib.unified_diff(*pairs, "README.md", "printed", lineterm="", n=0))
    done = subprocess.run([os.path.join(boots.ROOT, "scripts/meltdown.py")], capture_output=True,
                          env=environment(CPUS="2", MEM="256M"), stdin=subprocess.DEVNULL,
                          timeout=SECONDS, check=False, text=True)
    with open(os.path.join(boots.ROOT, "README.md"), encoding="utf-8") as file:
        shown = file.read().split("side by side:\n```\n")[1].split("```\n")[0]
    pairs = [sample(without_secrets(text)) for text in (shown, done.stdout)]
    if "kernel's rights here" in done.stdout.replace("\n", " "):  # else the emulator is a newer one
        yield pairs[0] == pairs[1], "so is make meltdown's", "\n".join(
            difflib.unified_diff(*pairs, "README.md", "printed", lineterm="", n=0))
    found = run("0", V="1")
    yield b"emulator: " in found[1] and b"make run V=1" not in found[1], \
        "V=1 shows the line on the emulator whole", said(found)


def keys(_directory):
    """At a terminal."""
    with Terminal(PROGRAM, "copy") as t:
        t.wait_for(b"to /bin/ending")
        t.type(b"lin\x7fne\r")
        echoed = t.wait_for(b"lin\b \bne\nline\n")
        t.type(b"\4")
        yield (echoed, t.status()) == (True, 0), "lines are echoed and edited, Ctrl-D ends them", \
            repr(t.text[-300:])
    with Terminal(PROGRAM, "copy") as t:
        t.wait_for(b"to /bin/ending")
        t.type(CTRL_C)
        yield t.status() == 130 and b"killed by SIGINT" in t.text, \
            "Ctrl-C ends a program that has not asked for it: 130", repr(t.text[-300:])
    with Terminal(PROGRAM, "keys") as t:
        t.wait_for(b"waiting\n")
        t.type(CTRL_C)
        once = t.wait_for(b"^Casked for\n")
        t.type(CTRL_C)
        yield (once, t.status()) == (True, 5), "and is SIGINT to one that has", repr(t.text[-300:])
    for presses in (1, 2):
        with Terminal(DEMO="1") as t:
            t.wait_for(b"selftest: ")
            for _ in range(presses):
                t.type(CTRL_C)
                time.sleep(0.5)
            yield t.status() == 130 and b"Traceback" not in t.text, \
                f"Ctrl-C, {presses} of it, ends a run that has no program yet", repr(t.text[-300:])
    with Terminal(PROGRAM, "ask") as t:
        yield t.status() == 1, "a terminal is one to the program", repr(t.text[-300:])


def results(argv):
    """All of them, or one part's with another kernel."""
    parts = [statuses, outputs, inputs, demonstration, keys]
    if argv:
        os.environ["ELF"] = argv[1]
        parts = [part for part in parts if part.__name__ == argv[0]]
    with tempfile.TemporaryDirectory(prefix="postern-run-test-") as directory:
        for part in parts:
            yield from part(directory)


if __name__ == "__main__":
    sys.exit(tapunit.print_results(results(sys.argv[1:])))
