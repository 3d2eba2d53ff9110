"""The knobs of `make run` and `make gdb`: environment variables, checked.

Called by scripts/run and scripts/debug.  make passes the ones not given as
empty, which means the default.
"""
import os
import re


def knob(name, default):
    """An environment knob."""
    return os.environ.get(name) or default


def size(refuse):
    """CPUs and memory; refuse(line) is called for a value that cannot be."""
    cpus, mem = knob("CPUS", "4"), knob("MEM", "512M")
    if not cpus.isdecimal() or not 1 <= int(cpus) <= 255:
        refuse(f"found CPUS={cpus}, expected 1 to 255")
    if not re.fullmatch(r"[1-9]\d*[MG]", mem):
        refuse(f"found MEM={mem}, expected a size such as 512M or 4G")
    return int(cpus), mem
