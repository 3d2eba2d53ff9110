#!/usr/bin/env python3
"""The names of the kernel's text, which the kernel has itself for its back-traces.

    symbols.py ELF    prints the table of ELF's names, as NASM assembles it

Owns which labels are names.  Called by the Makefile, which links the kernel once without
the table and once with it; used by scripts/check_elf.py, which compares the linked table
with the linked names, and by scripts/debug and scripts/gdb/aliases.py.  The table's reader
is kernel/debug/symbols.c.
"""
import fnmatch
import re
import struct
import subprocess
import sys

# Labels that mark stretches; whatever begins there has a name of its own.
MARKS = ("*_window_*",)
HIDDEN = [f"--strip-symbol={glob}" for glob in MARKS]  # for objcopy -w: none in gdb
# Of assembly, and so without a type: marks of any kind, ends, parts of a function.
NO_NAMES = (*MARKS, "*_end", "*.*")
# A line of `readelf -SW`: number, type, address, offset, size, flags; of `readelf -sW`: address,
# type, section, name.
SECTION = re.compile(r" *\[ *(\d+)\] \S* +(\w+) +(\w{16}) (\w+) (\w+) \w\w +(\w*)")
SYMBOL = re.compile(r" +\d+: (\w{16}) +\d+ (\w+) +\w+ +\w+ +(\w+) (\S+)")
FUNCTION, UNTYPED = "FUNC", "NOTYPE"


class Image:
    """An ELF file: its sections and symbols."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.sections = {}  # number -> (address, offset or None, size, executable)
        self.symbols = []   # (name, type, section, address)
        for line in subprocess.run(["readelf", "-SsW", path], check=True, text=True,
                                   capture_output=True).stdout.splitlines():
            if section := SECTION.match(line):
                start, offset, size = (int(section[i], 16) for i in (3, 4, 5))
                self.sections[section[1]] = (start, offset if section[2] == "PROGBITS" else None,
                                             size, "X" in section[6])
            elif symbol := SYMBOL.match(line):
                self.symbols.append((symbol[4], symbol[2], symbol[3], int(symbol[1], 16)))

    def text_at(self, at):
        """The string there."""
        return self.data[at:self.data.index(b"\0", at)].decode()

    def offset_of(self, address):
        """Where in the file an address of the image is."""
        for start, offset, size, _ in self.sections.values():
            if offset is not None and start <= address < start + size:
                return offset + address - start
        raise ValueError(f"found nothing at {address:#x}")


def is_name(name, kind):
    """Is that symbol of a text a name for what begins there?"""
    if kind == FUNCTION:
        return True
    return kind == UNTYPED and not any(fnmatch.fnmatchcase(name, glob) for glob in NO_NAMES)


def table(image):
    """(address, name), ascending, one for each address; "" where a text ends."""
    texts = {number: (start, size) for number, (start, _, size, executable)
             in image.sections.items() if executable}
    best = {start + size: ((), "") for start, size in texts.values()}
    for name, kind, section, address in image.symbols:
        start, size = texts.get(section, (0, 0))
        if start <= address < start + size and is_name(name, kind):
            rank = (kind != FUNCTION, name.endswith("_start"), len(name), name)
            if address not in best or not best[address][1] or rank < best[address][0]:
                best[address] = rank, name
    return [(address, name) for address, (_, name) in sorted(best.items())]


def linked(image):
    """The same, as it has been linked into the image; empty if it has not."""
    at = {name: address for name, _, _, address in image.symbols}
    start, end = at["symbols_start"], at["symbols_end"]
    for place in range(start, end, 16):
        address, name = struct.unpack_from("<QQ", image.data, image.offset_of(place))
        yield address, image.text_at(image.offset_of(name))


def assembly(entries):
    """The table as a source."""
    yield "section .symbols alloc noexec nowrite align=8"
    for number, (address, _) in enumerate(entries):
        yield f"dq {address:#x}, name{number}"
    yield "section .symbols.names alloc noexec nowrite align=1"
    for number, (_, name) in enumerate(entries):
        yield f"name{number}: db '{name}', 0" if name else f"name{number}: db 0"


if __name__ == "__main__":
    print("\n".join(assembly(table(Image(sys.argv[1])))))
