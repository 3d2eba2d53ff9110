"""The unwind hints of an image (kernel/base/hints.h), read from the ELF file.

Knows nothing of gdb.  Used by unwinder.py and scripts/check_unwind.py.
"""
import bisect
import re
import struct
import subprocess
from dataclasses import dataclass

from headers import N

KINDS = {N[f"HINT_{name}"]: f"HINT_{name}" for name in
         ("C", "END", "CALL", "FRAME", "SYSCALL", "PARKED", "PARKED_VAULT", "SYSENTER",
          "RESUME", "SYSCALL_FRAME")}

# struct pt_regs, lowest address first; a base register is its place in it.
PT_REGS = ("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax",
           "rcx", "rdx", "rsi", "rdi", "vector", "orig_ax", "rip", "cs", "eflags",
           "rsp", "ss")

# Order -> how far below ip the first register is, and which they are, downwards.
ORDERS = {
    N["HINT_ORDER_REGS"]: (24, PT_REGS[14::-1]),
    N["HINT_ORDER_SCRATCH"]: (24, ("rax", "rcx", "rdx", "rbx", "rsi")),
    N["HINT_ORDER_RDI"]: (8, ("rdi",)),
    N["HINT_ORDER_CALLEE"]: (8, ("rbp", "rbx", "r12", "r13", "r14", "r15")),
    N["HINT_ORDER_RESUME"]: (16, ("rdi",)),
}


@dataclass(frozen=True)
class Hint:
    """One entry of the table, without its address."""
    kind: int
    base: int
    offset: int
    order: int
    saved: int

    def __str__(self):
        return (f"{KINDS.get(self.kind, self.kind)} base {self.base} offset {self.offset} "
                f"order {self.order} saved {self.saved}")

    @property
    def name(self):
        """The type, by its name in hints.h."""
        return KINDS.get(self.kind, "?")

    def saved_at(self, frame):
        """(register, address) of those that are in memory, ip being at FRAME."""
        below, registers = ORDERS[self.order]
        for i, register in enumerate(registers[:self.saved]):
            yield register, frame - below - 8 * i


def output(*command):
    """What a tool of binutils prints."""
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def symbols(elf):
    """Name -> (address, nm's letter)."""
    return {name: (int(at, 16), letter) for at, letter, name in
            re.findall(r"^([0-9a-f]+) (\w) ([\w.]+)$", output("nm", elf), re.M)}


def file_offset(elf, address, size):
    """Where in the file so many bytes of the image are."""
    for line in output("readelf", "-lW", elf).splitlines():
        match = re.match(r"\s+LOAD\s+(\S+)\s+(\S+)\s+\S+\s+(\S+)", line)
        if match:
            offset, start, length = (int(part, 16) for part in match.groups())
            if start <= address and address + size <= start + length:
                return offset + address - start
    raise ValueError(f"{elf}: found nothing at {address:#x}")


def read_at(elf, address, size):
    """Bytes of the image at an address."""
    with open(elf, "rb") as file:
        file.seek(file_offset(elf, address, size))
        return file.read(size)


class Table:
    """The hints of one image."""

    def __init__(self, elf):
        at = symbols(elf)
        start, end = at["unwind_hints_start"][0], at["unwind_hints_end"][0]
        entries = struct.iter_unpack("<QBBhBBH", read_at(elf, start, end - start))
        self.all = [(entry[0], Hint(*entry[1:6])) for entry in entries]
        self.addresses = [address for address, _ in self.all]

    def find(self, address):
        """The hint that holds at an address, or None; aliases stand for CPU 0's."""
        if N["CEA_BASE"] <= address < N["CEA_SLOT_END"]:
            address = N["CEA_BASE"] + (address - N["CEA_BASE"]) % N["CEA_STRIDE"]
        place = bisect.bisect_right(self.addresses, address) - 1
        return self.all[place][1] if place >= 0 else None

    def unsorted(self):
        """Entries that do not come after the one before."""
        for before, after in zip(self.addresses, self.addresses[1:]):
            if after <= before:
                yield f"{after:#x}: found behind {before:#x} in the table"
