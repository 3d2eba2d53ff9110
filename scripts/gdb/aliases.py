"""Symbols and breakpoints for every CPU's alias of the trampoline.

The ELF names the trampoline's page once, in CPU 0's area.  Each other CPU runs
the same frame at its own address; the object files of which the page is made,
loaded once more for each, give names and source lines there.
"""
import os
import subprocess
import tempfile

import gdb

import machine
import symbols
from headers import N, area

SYSCALL_TARGETS = ("trampoline_syscall", "trampoline_syscall_pcid", "trampoline_deferred")
# One for all CPUs: with pti=off, and with syscall=entry.
COMMON_TARGETS = ("entry_syscall_direct", "entry_shared_syscall", "entry_shared_syscall_pcid")

# What the page is made of, by the build's directory: object file, section, its first label.
PAGE = (("entry/trampoline.asm.o", ".trampoline", "trampoline_start"),
        ("entry/deferred/deferred_trampoline.asm.o", ".trampoline.deferred",
         "trampoline_deferred"))

ET_DYN = 3
# With norandmaps: mm/space/mm.h.
PIE_BASE, PIE_BASE_IA32 = 0x555555554000, 0x56555000

loaded = set()  # CPUs whose alias has symbols
directory = tempfile.TemporaryDirectory(prefix="postern-gdb-")


def object_file(name, section):
    """A copy of an object file, or None; it lies by the ELF.

    The copy's section is called .text: gdb 13 ends itself when it has loaded
    several files at other addresses that have none (sect_index_text).
    """
    build = os.environ.get("POSTERN_BUILD") or \
        os.path.dirname(gdb.current_progspace().filename or "")
    source = os.path.join(build, name)
    copy = os.path.join(directory.name, os.path.basename(name))
    try:
        subprocess.run(["objcopy", "-X", "-w", "--rename-section", f"{section}=.text",
                        *symbols.HIDDEN, source, copy], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print(f"postern: objcopy cannot read {source}: "
              "no names in the aliases of CPUs other than 0")
        return None
    return copy


def trampoline(cpu):
    """The address of a CPU's alias."""
    return area(cpu) + N["CEA_TRAMPOLINE"]


def address_of(label):
    """A label's address in the ELF: in CPU 0's alias."""
    try:
        return int(gdb.parse_and_eval(f"(unsigned long)&'{label}'"))
    except gdb.error:
        machine.refuse(f"found no symbol {label}: is this build/postern.elf?")


def load():
    """Names and lines in each alias; CPU 0's are the ELF's own."""
    missing = sorted(set(machine.threads()) - loaded - {0})
    for name, section, first in PAGE if missing else ():
        path = object_file(name, section)
        for cpu in missing if path else []:
            at = address_of(first) - trampoline(0) + trampoline(cpu)
            gdb.execute(f'add-symbol-file "{path}" -s .text {at:#x}', to_string=True)
    loaded.update(missing)


def load_program():
    """The names and lines of the program that scripts/debug was given, if it was."""
    path = os.environ.get("POSTERN_PROGRAM")
    if not path:
        return None
    with open(path, "rb") as file:
        header = file.read(20)
    wide, pie = header[4] == 2, header[16] == ET_DYN
    base = (PIE_BASE if wide else PIE_BASE_IA32) if pie else 0
    gdb.execute(f'add-symbol-file "{path}" -o {base:#x}', to_string=True)
    return path


def targets(cpu):
    """Where SYSCALL can lead on a CPU, with isolation: (label, address)."""
    for label in SYSCALL_TARGETS:
        yield label, address_of(label) - trampoline(0) + trampoline(cpu)


def break_syscall(cpus):
    """Breakpoints at every instruction that SYSCALL can lead to on these CPUs.

    By address, not by name: they hold without the aliases' symbols, too.
    Returns how many there were to set; those that stand already are kept.
    """
    addresses = [address for cpu in cpus for _, address in targets(cpu)]
    addresses += [address_of(label) for label in COMMON_TARGETS]
    there = {point.location for point in gdb.breakpoints()}
    for place in [f"*{address:#x}" for address in addresses]:
        if place not in there:
            gdb.execute(f"break {place}", to_string=True)
    return len(addresses)
