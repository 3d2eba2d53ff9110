#!/usr/bin/env python3
"""Runs the user programs on the Linux of this machine, the reference for the ABI.

    check_on_linux.py build/user

Every program must do here what its first lines promise, and every row of
`fault --list` must end in the signal that it names. What the tests expect of
Postern is then what Linux does. Ends in `N passed, N failed`.

This Linux is somebody's, and the programs are hostile: each has a session of its
own, which is killed as a whole when the program ends or its time is over, and so
much CPU time.
"""
import ctypes
import os
import pty
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import machines  # noqa: E402
from boots import bounded  # noqa: E402

SIGKILL, SIGSEGV = 9, 11
SECONDS = 60

# Program, arguments, expected exit status (minus a signal), expected in the output.
PROGRAMS = [
    ("hello", ["again"], 0, "hello from CPU "),
    ("init", [], 0, "init: pages have 4096 bytes"),
    ("round", ["2"], 0, "round: 2 of 2: a call, a page fault, ticks, 2 signals"),
    ("ending", ["3"], 3, ""),
    ("ending", ["kill"], -SIGSEGV, ""),
    ("meltdown", [], 0, "ring 3's rights here: nothing answers"),
    ("abi", [], 0, "\n1.."),
    ("extra", [], 0, "\n1.."),
    ("hostile", [], 0, "\n1.."),
    ("regs", [], 0, "\n1.."),
    ("ldt", [], 0, "\n1.."),
    ("umip", [], 0, "\n1.."),
    ("fsgs", [], 0, "\n1.."),
    ("signals", [], 0, "\n1.."),
    ("itimers", [], 0, "\n1.."),
    ("ptrace", [], 0, "\n1.."),
    ("steps", [], 0, "\n1.."),
    ("tracing", [], 0, "\n1.."),
    ("spin", ["50"], 0, "counted to"),
    ("memory", ["16"], 0, "no damage"),
    ("fpu", [], 0, "all patterns kept"),
    ("cost", ["syscall"], 0, "TSC ticks each"),
    ("int80", [], 0, "\n1.."),
    ("ia32", [], 0, "\n1.."),
    ("hello32", ["one", "two"], 0, "2 words: one two"),
    ("hello32-pie", ["one"], 0, "malloc and nanosleep are fine"),
    ("processes", [], 0, "\n1.."),
    ("storm", ["processes", "3"], 0, " 0 failures"),
    ("threads", [], 0, "\n1.."),
    ("storm", ["threads", "50"], 0, " 0 failures"),
    ("exec", [], 0, "\n1.."),
    ("mappings", [], 0, "\n1.."),
    ("areas", [], 0, "\n1.."),
    ("cow", [], 0, "\n1.."),
    ("numbers", [], 0, "\n1.."),
    ("pipes", [], 0, "\n1.."),
    ("events", [], 0, "\n1.."),
    ("mapped", [], 0, "\n1.."),
    ("fifos", [], 0, "\n1.."),
    ("locks", [], 0, "\n1.."),
    ("names", [], 0, "\n1.."),
    ("contents", [], 0, "\n1.."),
    ("proc", [], 0, "\n1.."),
    ("layout", [], 0, "\n1.."),
    ("random", [], 0, "\n1.."),
    ("limits", [], 0, "\n1.."),
    ("limits_memory", [], 0, "\n1.."),
]

# tests/user/bugs, but for what Linux allows: wx, page_zero (to root), and ports that
# outlive exec (stale_ports).
PROGRAMS += [(name, [], 0, "\n1..") for name in (
    "pop_ss", "sysret", "bad_iret", "int80_compat", "debugregs", "waitid", "signal_pool",
    "fixed_area", "bad_rsp", "gs_base", "call_numbers", "flags", "ldt_accessed",
    "exec_clean", "credentials", "padding", "page_zero", "flags32", "bad_esp32",
    "cleartid")]

# Where ioperm and iopl work.
WITH_PORTS = [("ioports", [], 0, "\n1.."), ("cli", [], 0, "\n1..")]
IOPERM = 173

# Programs that do number N of their list, and say with -expect how it ends.
NUMBERED = ["entry32", "doors"]
END_OF_LIST = 255


def run(build, name, arguments):
    limits = ["prlimit", f"--cpu={SECONDS}", "--core=0"]
    done = bounded.run([*limits, f"{build}/{name}", *arguments], SECONDS)
    return -SIGKILL if done.timed_out else done.status, done.output


def on_terminal(build, name):
    """The same with a terminal, on which [init-NAME] of programs.cfg is typed."""
    typed = next(boot.typed for boot in machines.load() if boot.name == f"init-{name}")
    ours, its = pty.openpty()
    os.write(ours, typed)
    with subprocess.Popen([f"{build}/{name}"], stdin=its, stdout=subprocess.PIPE) as process:
        output = process.communicate(timeout=SECONDS)[0]
    os.close(ours)
    os.close(its)
    return process.returncode, output.decode(errors="replace")


def check(title, status, expected, output, needed):
    """True if the program ended as it should; else says what it did."""
    if status == expected and needed in output:
        return True
    print(f"FAILED {title}: ended with {status}, expected {expected} and '{needed.strip()}'")
    print("".join(f"    {line}\n" for line in output.splitlines()
                  if line.startswith("not ok") or len(output) < 2000), end="")
    return False


def has_ports():
    """Are we root, on a Linux with CONFIG_X86_IOPL_IOPERM?"""
    ioperm = ctypes.CDLL(None).syscall
    return ioperm(IOPERM, 0x80, 1, 1) == 0 and ioperm(IOPERM, 0x80, 1, 0) == 0


def numbered(build, name):
    """(case, its end, the signal expected; 0: none, it exits with 1)"""
    for number in map(str, range(END_OF_LIST)):
        expected = run(build, name, ["-expect", number])[0]
        if expected == END_OF_LIST:
            return
        yield number, run(build, name, ["-case", number])[0], -expected or 1


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build/user"
    passed, failed, ports = 0, 0, has_ports()
    if not ports:
        print("not tried: ioports, fault iopl_*: ioperm does not work here")
    for name, arguments, expected, needed in PROGRAMS + (WITH_PORTS if ports else []):
        status, output = run(build, name, arguments)
        good = check(name, status, expected, output, needed)
        passed, failed = passed + good, failed + (not good)
    good = check("lines", 0, *on_terminal(build, "lines"), "\n1..")
    passed, failed = passed + good, failed + (not good)
    for row in run(build, "fault", ["--list"])[1].splitlines():
        name, signal, *_ = row.split()
        if name.startswith("iopl_") and not ports:
            continue
        status, output = run(build, "fault", [name])
        good = check(f"fault {name}", status, -int(signal), output, "to be killed")
        passed, failed = passed + good, failed + (not good)
    for name in NUMBERED:
        for number, status, expected in numbered(build, name):
            good = check(f"{name} {number}", status, expected, "", "")
            passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
