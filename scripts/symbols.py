#!/usr/bin/env python3
"""The names of the kernel's text, which the kernel has itself for its back-traces.

    symbols.py ELF    prints the table of ELF's names, as NASM assembles it

Owns which labels are names.  Called by the Makefile, which links the kernel once without
the table and once with it; used by scripts/check_elf.py, which compares the linked table
with the linked names, and by scripts/debug.  The table's reader is kernel/debug/symbols.c.
"""
import fnmatch
import struct
import sys

# Labels that mark stretches; whatever begins there has a name of its own.
MARKS = ("*_window_start", "*_window_end", "*_window_start.*")
# Of assembly, and so without a type: marks of any kind, ends, parts of a function.
NO_NAMES = (*MARKS, "*_window_*", "*_end", "*.*")
EXECUTABLE = 4  # SHF_EXECINSTR
FUNCTION, UNTYPED = 2, 0  # STT_FUNC, STT_NOTYPE


class Image:
    """An ELF file of 64 bits: its sections and symbols."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        offset, = struct.unpack_from("<Q", self.data, 40)
        size, count = struct.unpack_from("<HH", self.data, 58)
        # (name, type, flags, address, offset, size, link, ...)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, offset + i * size)
                         for i in range(count)]
        self.symbols = list(self.read_symbols())  # (name, type, section, address)

    def text_at(self, at):
        """The string there."""
        return self.data[at:self.data.index(b"\0", at)].decode()

    def read_symbols(self):
        """Those of the symbol table."""
        for _, kind, _, _, offset, size, link, *_ in self.sections:
            if kind == 2:  # SHT_SYMTAB
                strings = self.sections[link][4]
                for at in range(offset, offset + size, 24):
                    name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
                    yield self.text_at(strings + name), info & 15, section, value

    def offset_of(self, address):
        """Where in the file an address of the image is."""
        for _, kind, _, start, offset, size, *_ in self.sections:
            if kind == 1 and start <= address < start + size:  # SHT_PROGBITS
                return offset + address - start
        raise ValueError(f"found nothing at {address:#x}")


def is_name(name, kind):
    """Is that symbol of a text a name for what begins there?"""
    if kind == FUNCTION:
        return True
    return kind == UNTYPED and not any(fnmatch.fnmatchcase(name, glob) for glob in NO_NAMES)


def table(image):
    """(address, name), ascending, one for each address; "" where a text ends."""
    texts = {number: section for number, section in enumerate(image.sections)
             if section[2] & EXECUTABLE}
    best = {section[3] + section[5]: ((), "") for section in texts.values()}
    for name, kind, section, address in image.symbols:
        start, size = (texts[section][i] for i in (3, 5)) if section in texts else (0, 0)
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
