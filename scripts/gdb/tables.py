"""Page tables, read from physical memory: both PGDs of a pair.

Owns the walk and what is said of an entry.  It works whichever PGD is loaded,
and shows what is in memory, not what a TLB remembers.  Compare mm/pagetable.c.
"""
from dataclasses import dataclass, field

import gdb

import machine
from headers import N

LEVELS = ("PTE", "PMD", "PUD", "PGD")  # level 1 to PT_LEVELS
INDEX_BITS = N["PT_ENTRIES"].bit_length() - 1


@dataclass
class Walk:
    """The entries met on the way to an address: (level, index, entry)."""
    pgd: int
    va: int
    steps: list = field(default_factory=list)

    @property
    def level(self):
        """The level of the last entry met."""
        return self.steps[-1][0]

    @property
    def mapped(self):
        """Does the walk end in a leaf?"""
        return bool(self.steps[-1][2] & N["PTE_P"])

    @property
    def pa(self):
        """The physical address."""
        mask = (1 << shift(self.level)) - 1
        return self.steps[-1][2] & N["PTE_ADDR_MASK"] & ~mask | self.va & mask

    @property
    def rights(self):
        """R, W, X, U as all levels together grant them, and the leaf's G."""
        entries = [entry for _, _, entry in self.steps]
        if not self.mapped:
            return "-"
        out = "R" + "W" * all(e & N["PTE_W"] for e in entries)
        out += " X" * (not any(e & N["PTE_NX"] for e in entries))
        out += " U" * all(e & N["PTE_U"] for e in entries)
        return out + " G" * bool(entries[-1] & N["PTE_G"])


def shift(level):
    """The lowest bit of an address that a level's index takes."""
    return N["PAGE_SHIFT"] + INDEX_BITS * (level - 1)


def is_leaf(level, entry):
    """Does the walk end here?"""
    large = level < N["PT_LEVELS"] and entry & N["PTE_PS"]
    return level == 1 or large or not entry & N["PTE_P"]


def walk(pgd, va):
    """Walks the tables below a physical PGD address."""
    found, table = Walk(pgd, va), pgd
    for level in range(N["PT_LEVELS"], 0, -1):
        index = va >> shift(level) & N["PT_ENTRIES"] - 1
        entry = machine.read_words(table + 8 * index)[0]
        found.steps.append((level, index, entry))
        if is_leaf(level, entry):
            return found
        table = entry & N["PTE_ADDR_MASK"]
    return found


def canonical(va):
    """Are the bits above the PGD's index copies of its highest?"""
    top = va >> shift(N["PT_LEVELS"] + 1) - 1
    return top in (0, 2 ** 64 - 1 >> shift(N["PT_LEVELS"] + 1) - 1)


def pair(cpu):
    """(kernel PGD, user PGD) of the pair that a CPU has loaded.

    The user PGD is None without a shadow (pti=off, or not made yet).
    """
    if not machine.paging(cpu):
        machine.refuse(f"CPU {cpu} has paging off: it has not come so far yet")
    loaded = machine.register(cpu, "cr3") & N["CR3_ADDR_MASK"]
    if not shadow(loaded):
        return loaded, None
    kernel = loaded & ~N["CR3_USER_PGD"]
    return kernel, kernel | N["CR3_USER_PGD"]


def shadow(loaded):
    """Is this PGD one of a pair?  During boot it is the temporary one.

    Every pair's kernel half is a copy of the first pair's.
    """
    if not machine.image_variable("pti_enabled") or not first_pair():
        return False
    return kernel_image_entry(loaded & ~N["CR3_USER_PGD"]) == \
        kernel_image_entry(first_pair()) != 0


def kernel_image_entry(pgd):
    """The PGD's entry for the kernel image."""
    return machine.read_words(pgd + 8 * N["PGD_SLOT_IMAGE"])[0]


def first_pair():
    """The kernel PGD of the pair of no process; 0 before it is made."""
    pointer = machine.image_variable("pti_init_pgd")
    return pointer - N["DIRECT_MAP_BASE"] if pointer else 0


def read_kernel(va, size):
    """SIZE bytes at a kernel address, by the tables that all pairs share."""
    out = b""
    while len(out) < size:
        at = va + len(out)
        found = walk(first_pair(), at)
        if not found.mapped:
            machine.refuse(f"found {at:#x} not mapped in the kernel PGD")
        here = min(size - len(out), N["PAGE_SIZE"] - at % N["PAGE_SIZE"])
        out += machine.read_physical(found.pa, here)
    return out


def read_struct(name, va):
    """A struct of the kernel's, at a kernel address, as a gdb.Value."""
    kind = gdb.lookup_type(f"struct {name}")
    return gdb.Value(read_kernel(va, kind.sizeof), kind)


# ---- What is printed ---------------------------------------------------------

FLAGS = (("PTE_W", "W"), ("PTE_U", "U"), ("PTE_A", "A"), ("PTE_D", "D"),
         ("PTE_PCD", "PCD"), ("PTE_G", "G"), ("PTE_NX", "NX"))


def entry_text(level, entry):
    """One entry: where it leads, and its bits by name."""
    if not entry & N["PTE_P"]:
        return f"{entry:#x} not present" if entry else "not present"
    bits = [text for name, text in FLAGS if entry & N[name]]
    if level > 1 and is_leaf(level, entry):
        bits.append("PS")
    return f"{entry & N['PTE_ADDR_MASK']:#x} " + " ".join(bits)


def result_text(found):
    """Where a walk ended."""
    if not found.mapped:
        return f"not present, by the {LEVELS[found.level - 1]}"
    size = (1 << shift(found.level)) >> 10
    return f"{found.pa:#x} {found.rights}, page of {size} KiB"


def walk_lines(cpu, va):
    """The lines of `walk`: both PGDs side by side, level by level."""
    kernel, user = pair(cpu)
    walks = [walk(kernel, va)] + ([walk(user, va)] if user else [])
    heads = [f"kernel PGD at {kernel:#x}",
             f"user PGD at {user:#x}" if user else "(no user PGD)"]
    yield f"{va:#018x} {machine.text_of(va)}".rstrip()
    yield f"  {'':9} {heads[0]:36} {heads[1]}"
    for depth in range(max(len(w.steps) for w in walks)):
        level, index, _ = max(walks, key=lambda w: len(w.steps)).steps[depth]
        cells = [entry_text(level, w.steps[depth][2]) if depth < len(w.steps) else ""
                 for w in walks]
        yield f"  {LEVELS[level - 1]}[{index}]".ljust(12) + row(cells)
    yield "  =".ljust(12) + row([result_text(w) for w in walks])


def row(cells):
    """One or two cells, the second column aligned."""
    return " ".join(f"{cell:36}" for cell in cells).rstrip()
