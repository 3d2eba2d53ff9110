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
IST_VECTORS = [N[f"VEC_{name}"] for name in ("DB", "NMI", "DF", "MC")]


class Image:
    """One ELF file."""

    def __init__(self, elf):
        self.at = {name: at for name, (at, _) in hints.symbols(elf).items()}
        symbols = hints.symbols(elf)
        listing = list(check_unwind.instructions(elf, symbols))
        self.text = {at: text for at, _, text in listing}
        self.length = {at: length for at, length, _ in listing}
        self.boundaries = sorted(self.text)
        self.deferred = False  # pti=deferred: which stubs the gates lead to
        self.way = "trampoline"  # where SYSCALL enters: how its labels begin
        self.c = check_unwind.deferred_c(symbols), self.at["deferred_text_end"]
        for at, length, text in check_unwind.disassembly(
                elf, "-j", ".deferred_text", f"--start-address={self.c[0]:#x}",
                f"--stop-address={self.c[1]:#x}"):
            self.text[at], self.length[at] = text, length
        self.deferred_c = sorted(self.text.keys() - set(self.boundaries))
        names = sorted((at, name) for name, at in self.at.items()
                       if name.startswith(("entry_", "trampoline_", "paranoid_", "deferred_"))
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
        own = self.deferred and vector not in IST_VECTORS
        return self.at["deferred_stubs" if own else "entry_stubs"] + STUB * vector

    def name(self, address):
        """symbol+offset."""
        for stubs in ("entry_stubs", "deferred_stubs"):
            if 0 <= address - self.at[stubs] < STUB * VECTORS:
                vector, offset = divmod(address - self.at[stubs], STUB)
                return f"{stubs} of vector {vector}+{offset:#x}"
        place = bisect.bisect_right(self.places, address) - 1
        return f"{self.names[place]}+{address - self.places[place]:#x}"

    def address(self, place):
        """Of symbol, or symbol+offset."""
        symbol, _, offset = place.partition("+")
        return self.at[symbol] + int(offset or "0", 16)

    def is_deferred_c(self, address):
        """C that runs on the user's table: its registers are its own."""
        return self.c[0] <= address < self.c[1]

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
