#!/usr/bin/env python3
"""Facts about the linked image that a reader would otherwise have to believe.

    check_elf.py ELF...

No segment is writable and executable; what user PGDs show fills whole pages; the table
of names that the kernel has is that of its text as it was linked at last, and about as
large as the README says.
Its instructions are scripts/check_entry.py's.  Called by `make check`; one line
per violation, exit status 1 if there is any.
"""
import itertools
import os
import re
import subprocess
import sys

import imagechecks
import symbols

PAGE = 4096
README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "README.md")
NEAR = 0.05


def output(*command):
    """What a tool of binutils prints."""
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def segments(elf):
    """Rights that are W and X at once."""
    for line in output("readelf", "-lW", elf).splitlines():
        match = re.match(r"\s+LOAD\s+\S+\s+(\S+)\s+\S+\s+\S+\s+\S+\s+([R E W]+?)\s+0x", line)
        if match and "W" in match[2] and "E" in match[2]:
            yield f"segment at {match[1]}: found RWX, expected at most one of W and X"


def visible_sections(elf):
    """Sections whose last page a loader could leave anything in."""
    for name, size in re.findall(r"\] (\.entry_text|\.trampoline|\.deferred_\w+)\s+PROGBITS\s+\S+ \S+ (\S+)",
                                 output("readelf", "-SW", elf)):
        if int(size, 16) % PAGE:
            yield f"{name}: found {int(size, 16)} bytes, expected whole pages"


def names(elf):
    """Where the table of names begins to differ from the names."""
    image = symbols.Image(elf)
    found, expected = list(symbols.linked(image)), symbols.table(image)
    for there, own in itertools.zip_longest(found, expected):
        if there != own:
            yield f"the kernel's table of names: found {there}, expected {own}"
            return
    with open(README, encoding="utf-8") as file:
        said = re.search(r": ([\d,]+) names, (\d+) KB ", file.read())
    count, size = len(found), sum(16 + len(name) + 1 for _, name in found) / 1000
    if not said or abs(int(said[1].replace(",", "")) / count - 1) > NEAR or \
            abs(int(said[2]) / size - 1) > NEAR:
        yield (f"README.md, the size of the table of names: found '{said and said[0][2:-1]}', "
               f"expected about '{count:,} names, {size:.0f} KB'")


if __name__ == "__main__":
    sys.exit(imagechecks.run(sys.argv[1:], (segments, visible_sections, names)))
