"""Guests that the monitor must refuse, or end, each with one line.

Those of tests/guest/bad/ are programs; the others are made here of our own guest's file.
Called by tests/guest/run.py.
"""
import os
import re
import struct

import boots

PHDR = struct.Struct("<8I")  # type, offset, vaddr, paddr, filesz, memsz, flags, align
PHOFF, MAGIC = 28, struct.pack("<I", 0x1badb002)
PADDR, MEMSZ, FLAGS = 3, 5, 6


def own():
    """The file of user/guest/."""
    with open(os.path.join(boots.BUILD, "user", "guest.elf"), "rb") as file:
        return bytearray(file.read())


def segment(number, field, value):
    """Our guest with another word in one of its two program headers."""
    data = own()
    at = struct.unpack_from("<I", data, PHOFF)[0] + number * PHDR.size
    words = list(PHDR.unpack_from(data, at))
    words[field] = value
    PHDR.pack_into(data, at, *words)
    return data


def header(flags, magic=0x1badb002):
    """Our guest with another multiboot header."""
    data = own()
    struct.pack_into("<3I", data, data.index(MAGIC), magic, flags, -(magic + flags) & 0xffffffff)
    return data


MADE = {
    "no-header": lambda: header(0, 0x12345678),
    "video": lambda: header(4),
    "addresses": lambda: header(0x10000),
    "large": lambda: segment(1, MEMSZ, 16 << 20),
    "low": lambda: segment(0, PADDR, 0),
    "code-and-data": lambda: segment(0, FLAGS, 7),
    "cut": lambda: own()[:0x1800],
}

PASSED, FAILED = 33, 35  # QEMU's status, when pid 1 has ended with 0, and when not
SEGV, ILL = "killed by SIGSEGV", "killed by SIGILL"

# Name, the line, how the process ends: on a line of its own, or in the same one.
ROWS = (
    ("bad-lgdt-beyond", r"found a GDT from 0xfffff0 to 0x100000f, expected it in", SEGV),
    ("bad-lgdt-empty", r"found a GDT of 0x1 bytes, expected", SEGV),
    ("bad-lgdt-64k", r"found a GDT of 0x10000 bytes, expected", SEGV),
    ("bad-lgdt-reserved", r"found a descriptor at selector 0x3d0, expected none from", ILL),
    ("bad-lgdt-own-code", r"found the page 0x100000 of a table in its code, expected", SEGV),
    ("bad-lgdt-unaligned", r"found a GDT at 0x\w+[1-9a-f], expected a multiple of 8", SEGV),
    ("bad-lldt-4g", r"found an LDT of 0xffffffff bytes, expected 8 to", SEGV),
    ("bad-iret-nt", r"found IRET with NT set, expected it clear", ILL),
    ("bad-triple-fault", r"found no way to a handler of #UD.*triple fault, expected gates", SEGV),
    ("bad-no-descriptor", r"found no way to a handler of #UD.*triple fault, expected gates", SEGV),
    ("bad-wrmsr", r"at 0x1000\w\w: found WRMSR, expected an instruction that", ILL),
    ("bad-fxsave", r"found the instruction 0f ae .*, expected one that is emulated beside", ILL),
    ("bad-hlt-on", r"found HLT with interrupts on, expected CLI", ILL),
    ("bad-port", r"found IN from port 0x70, expected COM1's", ILL),
    ("bad-outside", r"found read of 0x1000000, expected one of its 16 MiB", SEGV),
    ("hostile", r"^hostile: 0000\w+ tries, 00000000 breaches$", "exited with status 0"),
    ("bad-hlt-off", r"^halts$", "exited with status 0"),
    ("bad-status-7", "", "exited with status 7"),
    ("no-header", r"found that /bin/no-header is no executable file, expected", ""),
    ("video", r"found the multiboot flags 0x4, expected at most 0x3", ""),
    ("addresses", r"found load addresses in its multiboot header", ""),
    ("large", r"found a segment from 0x\w+ to 0x1\w{6}, expected it", ""),
    ("low", r"found a segment from 0 to 0x\w+, expected it", ""),
    ("code-and-data", r"elf: found .*writ.*exec|found code and data", ""),
    ("cut", r"elf: found ", ""),
    ("guest", r"found pti=deferred, expected pti=on or off", ""),  # at another place than the others
)


def problem(row, output, status):
    """What is wrong with the run of one, or an empty string."""
    _, line, end = row
    if status != (PASSED if end.endswith("status 0") else FAILED):
        return f"found QEMU status {status}"
    for wanted in filter(None, (line, end)):
        if len(re.findall(wanted, output.replace("\r", ""), re.M)) != 1:
            return f"expected one line with '{wanted}', found: {output[-300:]!r}"
    return ""
