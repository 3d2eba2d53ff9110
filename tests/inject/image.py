"""What the injection test knows of the image: boundaries, names, addresses.

The boundaries come from the disassembly, not from what was ever executed: all
instructions of entry text, of the trampoline and of the entry code in the image
(scripts/check_unwind.py's list, which has every instruction with a hint).
"""
import bisect

import check_unwind
import hints
from headers import N

CODE = 0x400000  # PROGRAM_CODE_BASE
VECTORS = 256
STUB = 8  # bytes


class Image:
    """One ELF file."""

    def __init__(self, elf):
        self.at = {name: at for name, (at, _) in hints.symbols(elf).items()}
        symbols = hints.symbols(elf)
        listing = list(check_unwind.instructions(elf, symbols))
        self.text = {at: text for at, _, text in listing}
        self.length = {at: length for at, length, _ in listing}
        self.boundaries = sorted(self.text)
        names = sorted((at, name) for name, at in self.at.items()
                       if name.startswith(("entry_", "trampoline_", "paranoid_"))
                       and "window" not in name and not name.endswith("_end"))
        self.names = [name for _, name in names]
        self.places = [at for at, _ in names]
        self.paranoid_rets = self.rets(elf, "do_paranoid")
        self.log = self.at["inject_log"] - N["KERNEL_BASE"]

    def rets(self, elf, function):
        """The RETs of a C function."""
        start = self.at[function]
        end = min(at for at in self.at.values() if at > start)
        return [at for at, _, text in check_unwind.disassembly(
            elf, "-j", ".text", f"--start-address={start:#x}", f"--stop-address={end:#x}")
            if text.split()[0] == "ret"]

    def piece(self, name):
        """A piece of inject_code.asm, and where the driver stops behind it."""
        start = self.at["inject_code"]
        return (CODE + self.at[f"inject_{name}"] - start,
                CODE + self.at[f"inject_{name}_end"] - start)

    def stub(self, vector):
        """The first instruction of a vector's stub."""
        return self.at["entry_stubs"] + STUB * vector

    def name(self, address):
        """symbol+offset."""
        if self.at["entry_stubs"] <= address < self.at["entry_stubs_end"]:
            vector, offset = divmod(address - self.at["entry_stubs"], STUB)
            return f"stub of vector {vector}+{offset:#x}"
        place = bisect.bisect_right(self.places, address) - 1
        return f"{self.names[place]}+{address - self.places[place]:#x}"

    def address(self, place):
        """Of symbol, or symbol+offset."""
        symbol, _, offset = place.partition("+")
        return self.at[symbol] + int(offset or "0", 16)

    def find(self, symbol, pattern):
        """The first boundary from a symbol on whose text begins so."""
        return next(at for at in self.boundaries
                    if at >= self.at[symbol] and self.text[at].startswith(pattern))


def in_alias(address, cpu):
    """A trampoline address in a CPU's alias; others as they are."""
    if N["CEA_BASE"] <= address < N["CEA_SLOT_END"]:
        return address + cpu * N["CEA_STRIDE"]
    return address


def common(address):
    """The other way: CPU 0's alias stands for all."""
    if N["CEA_BASE"] <= address < N["CEA_SLOT_END"]:
        return N["CEA_BASE"] + (address - N["CEA_BASE"]) % N["CEA_STRIDE"]
    return address
