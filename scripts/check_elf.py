#!/usr/bin/env python3
"""Facts about the linked image that a reader would otherwise have to believe.

    check_elf.py ELF...

No segment is writable and executable; SYSRET and IRETQ stand only at their
labelled doors, each once; what user PGDs show fills whole pages and names no
address of the image.  Called by
`make check`; one line per violation, exit status 1 if there is any.
"""
import re
import subprocess
import sys

# Label -> the one instruction that may stand there.
DOORS = {
    "trampoline_door_sysret": "sysretq",
    "trampoline_door_sysret32": "sysretl",
    "entry_door_sysret_direct": "sysretq",
    "entry_door_iret_user": "iretq",
    "entry_door_iret_kernel": "iretq",
}
PAGE = 4096


def output(*command):
    """What a tool of binutils prints."""
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def segments(elf):
    """Rights that are W and X at once."""
    for line in output("readelf", "-lW", elf).splitlines():
        match = re.match(r"\s+LOAD\s+\S+\s+(\S+)\s+\S+\s+\S+\s+\S+\s+([R E W]+?)\s+0x", line)
        if match and "W" in match[2] and "E" in match[2]:
            yield f"segment at {match[1]}: found RWX, expected at most one of W and X"


def symbols(elf):
    """Name -> address."""
    return {name: int(at, 16) for at, name in
            re.findall(r"^([0-9a-f]+) \w (\w+)$", output("nm", elf), re.M)}


def doors(elf):
    """Ways back to user mode that do not stand where they should."""
    at_symbol = symbols(elf)
    expected = {at_symbol[label]: insn for label, insn in DOORS.items()}
    found = {int(at, 16): insn for at, insn in re.findall(
        r"^\s*([0-9a-f]+):(?:\t[0-9a-f ]+)\t(?:rex\.W )?(sysret\w*|iret\w*|sysexit\w*)",
        output("objdump", "-d", "-j", ".text", "-j", ".entry_text",
               "-j", ".trampoline", elf), re.M)}
    for at in sorted(found.keys() - expected.keys()):
        yield f"{at:#x}: found {found[at]} outside of the labelled doors"
    for at in sorted(expected.keys()):
        if found.get(at) != expected[at]:
            yield f"{at:#x}: found {found.get(at)}, expected the door's {expected[at]}"


def hidden_operands(elf):
    """Instructions that user PGDs show, with an address of the image in them.

    The kernel's own scan sees whole addresses; in an instruction they are the
    32 bits from which the processor makes them.
    """
    first, end = (symbols(elf)[f"image_{name}"] for name in ("text_start", "data_end"))
    listing = output("objdump", "-d", "-j", ".entry_text", "-j", ".trampoline", elf)
    for at, text in re.findall(r"^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$", listing, re.M):
        for value in re.findall(r"0x([0-9a-f]{16})\b", text):
            if first <= int(value, 16) < end:
                yield f"{at}: found '{text.strip()}', expected no address of the image"


def visible_sections(elf):
    """Sections whose last page a loader could leave anything in."""
    for name, size in re.findall(r"\] (\.entry_text|\.trampoline)\s+PROGBITS\s+\S+ \S+ (\S+)",
                                 output("readelf", "-SW", elf)):
        if int(size, 16) % PAGE:
            yield f"{name}: found {int(size, 16)} bytes, expected whole pages"


def main(paths):
    """Checks every image."""
    bad = 0
    for elf in paths:
        for check in (segments, doors, hidden_operands, visible_sections):
            for text in check(elf):
                print(f"{elf}: {text}")
                bad += 1
    print(f"{len(paths)} images checked")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
