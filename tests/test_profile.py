#!/usr/bin/env python3
"""`make profile`: do the samples say what the program does?

Real boots of build/user/sampled by scripts/run; with one CPU QEMU counts instructions, so
the shares are those of instructions, whatever the host does.  Prints `ok N - sentence` or
`not ok N - sentence`.  Called by tests/run.py, and by tests/mutants/run.py with one part's
name and a kernel.

    tests/test_profile.py [calls|long_call|user|idle|alias|use KERNEL]
"""
import os
import re
import subprocess
import sys

import boots  # sets the path to scripts/
import tapunit
from test_run import environment, RUN, SECONDS

PROGRAM = os.path.join(boots.BUILD, "user/sampled")
HEAD = re.compile(r"profile: (\d+) samples, one each \d+ us on average, "
                  r"of (\d+) CPUs in turn; (\d+) had nothing to do")
ROW = re.compile(r"( *)(\d+) +(\d+)\.(\d) %  (.*)")
ALL = ("user mode", "the kernel", "entry code")


class Profile:
    """What one run has printed."""

    def __init__(self, *arguments, **env):
        done = subprocess.run([RUN, PROGRAM, *arguments], env=environment(PROFILE="1", **env),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        self.status, self.text = done.returncode, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        head = HEAD.fullmatch(lines[0]) if lines else None
        self.samples, self.cpus, self.idle = map(int, head.groups()) if head else (0, 0, 0)
        self.total = dict.fromkeys(ALL, 0)
        self.rows = {name: {} for name in ALL}
        for row in filter(None, map(ROW.fullmatch, lines)):
            if row[5] in ALL:
                section = row[5]
                self.total[section] = int(row[2])
            else:
                rows = self.rows[section]  # functions of two files may have one name
                rows[row[5]] = rows.get(row[5], 0) + int(row[2])

    def share(self, *names):
        """Of the samples that were not idle, those in these sections or rows."""
        found = sum(self.total.get(name, 0) or
                    sum(rows.get(name, 0) for rows in self.rows.values()) for name in names)
        return found / max(self.samples - self.idle, 1)

    def adds_up(self):
        """Do the rows, the sections and the head?"""
        return self.samples == self.idle + sum(self.total.values()) and all(
            sum(self.rows[name].values()) == self.total[name] for name in ALL[1:])


def calls():
    """Short system calls: most of a call is entry code."""
    p = Profile("calls", "150000")
    yield p.status == 0 and p.samples > 50 and p.cpus == 1, \
        "a program that calls getppid is sampled, and its status is the command's", p.text
    yield p.adds_up(), "the rows add up to the samples", p.text
    yield p.share("entry code") > 0.3 and p.share("entry code", "do_syscall", "sys_getppid",
                                                  "user mode") > 0.9, \
        "they are in the entry code, do_syscall(), sys_getppid() and the program", p.text
    here = p.rows["entry code"]
    for row in ("trampoline_syscall, window syscall [cpu 0]", "trampoline_build_regs [cpu 0]",
                "trampoline_syscall_return, window sysret [cpu 0]"):
        yield row in here, f"one of the rows is '{row}'", p.text
    again = Profile("calls", "150000")
    differ = sum(abs(n - again.rows["entry code"].get(row, 0)) for row, n in here.items())
    yield differ <= sum(here.values()) / 3, "a second run says much the same", \
        f"{differ}\n{p.text}\n{again.text}"
    p = Profile("calls", "150000", CMDLINE="syscall=entry")
    yield "entry_shared_syscall, window syscall" in p.rows["entry code"], \
        "with syscall=entry it is the shared entry's window", p.text
    p = Profile("calls", "150000", CMDLINE="pti=deferred")
    yield p.share("deferred_syscall", "trampoline_deferred [cpu 0]", "deferred_getppid",
                  "deferred_here", "deferred_answer", "deferred_call_return",
                  "user mode") > 0.8, "with pti=deferred it is the deferred code", p.text


def long_call():
    """One call that takes long."""
    p = Profile("random", "40")
    yield p.adds_up() and p.samples > 200 and p.share("quarter_round", "chacha20_block") > 0.8, \
        "getrandom of 64 KiB is in the cipher", p.text
    yield max(p.rows["the kernel"], key=p.rows["the kernel"].get, default="") == \
        next(iter(p.rows["the kernel"]), None) == "quarter_round", \
        "the function with the most is first", p.text


def user():
    """No call at all."""
    p = Profile("user", "20")
    yield p.adds_up() and p.samples > 100 and p.share("user mode") > 0.9, \
        "arithmetic is user mode, in one line", p.text


def idle():
    """Nothing to do."""
    p = Profile("sleep", "200")
    yield p.adds_up() and p.samples > 100 and p.idle > 0.9 * p.samples, \
        "sleep is a CPU that has nothing to do", p.text


def alias():
    """Another CPU's trampoline; the program runs on the last one, and is started by CPU 0."""
    p = Profile("calls", "60000", CPUS="2")
    here = sum(n for row, n in p.rows["entry code"].items() if row.endswith("[cpu 1]"))
    yield p.adds_up() and p.cpus == 2 and here > 0.95 * p.total["entry code"], \
        "a program on CPU 1 is in that CPU's alias of the trampoline", p.text


def use():
    """Around the samples."""
    done = subprocess.run([RUN], env=environment(PROFILE="1"), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=SECONDS, check=False)
    yield done.returncode == 126 and done.stderr.startswith("run: found no program"), \
        "without a program one line says so, status 126", done.stderr
    done = subprocess.run([RUN, os.path.join(boots.BUILD, "user/ending"), "kill"],
                          env=environment(PROFILE="1"), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=SECONDS, check=False)
    yield done.returncode == 128 + 11 and done.stdout.startswith("profile: "), \
        "a program that is killed has a profile, and its status", done.stdout + done.stderr


def results(argv):
    """All of them, or one part's with another kernel."""
    parts = [calls, long_call, user, idle, alias, use]
    if argv:
        os.environ["ELF"] = argv[1]
        parts = [part for part in parts if part.__name__ == argv[0]]
    for part in parts:
        yield from part()


if __name__ == "__main__":
    sys.exit(tapunit.print_results(results(sys.argv[1:])))
