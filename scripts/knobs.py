"""The knobs of `make run` and `make gdb`: environment variables, checked.

Called by scripts/run and scripts/debug.  make passes the ones not given as
empty, which means the default.  A refusal is one line: what was found, what was
expected; and the status NOT_BOOTED.
"""
import os
import re
import sys

KERNEL_FAILED, NOT_BOOTED = 125, 126  # as `timeout` and `docker run` have them
MOST_CPUS_ASKED = 4
LEAST_MIB, MOST_MIB = 20, 512 << 10   # the kernel's least; the most that QEMU's TCG shows


def refuse(who, text):
    """One line and the end; nothing was booted."""
    print(f"{who}: {text}", file=sys.stderr)
    sys.exit(NOT_BOOTED)


def knob(name, default):
    """An environment knob."""
    return os.environ.get(name) or default


def default_cpus():
    """As many as we may run on, at most 4."""
    return min(len(os.sched_getaffinity(0)), MOST_CPUS_ASKED)


def size(who):
    """CPUs and memory."""
    cpus, mem = knob("CPUS", str(default_cpus())), knob("MEM", "512M")
    if not re.fullmatch("[0-9]{1,3}", cpus) or not 1 <= int(cpus) <= 255:
        refuse(who, f"found CPUS={cpus}, expected 1 to 255")
    parts = re.fullmatch(r"(\d{1,9})([MG])", mem, re.A)
    if not parts:
        refuse(who, f"found MEM={mem}, expected a size such as 512M or 4G")
    if not LEAST_MIB <= int(parts[1]) * (1024 if parts[2] == "G" else 1) <= MOST_MIB:
        refuse(who, f"found MEM={mem}, expected {LEAST_MIB}M to {MOST_MIB >> 10}G")
    return int(cpus), mem


def memory():
    """The bytes of the machine's memory, MEM being good."""
    mem = knob("MEM", "512M")
    return int(mem[:-1]) << (30 if mem[-1] == "G" else 20)


def whole_words(who):
    """CMDLINE goes in front of init= and the program's arguments: it may not swallow them."""
    cmdline = knob("CMDLINE", "")
    if cmdline.count('"') % 2:
        refuse(who, f"found an open double quote in CMDLINE={cmdline}, expected its end")
    if "--" in cmdline.split():
        refuse(who, f"found -- in CMDLINE={cmdline}, expected the program's arguments behind "
                    "the program (make: in ARGS)")


def readable(who, path, what):
    """An absolute path; the file must be there."""
    path = os.path.abspath(path)
    why = "nothing" if not os.path.exists(path) else \
        "a directory" if os.path.isdir(path) else \
        "no file but a device, a pipe or a socket" if not os.path.isfile(path) else \
        "a file that may not be read" if not os.access(path, os.R_OK) else None
    if why:
        refuse(who, f"{path}: found {why}, expected {what}")
    return path
