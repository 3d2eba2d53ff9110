"""The GDT, decoded.  Source: Intel SDM vol. 3, 3.4.5 and 7.2.3.

Owns the fields of a descriptor and the lines of `gdt`.
"""
import machine
import tables
from headers import N

DATA_CODE = 0x10  # bit 44, S: not a system descriptor; in a type of 5 bits
CODE, WRITE_OR_READ, ACCESSED = 0x8, 0x2, 0x1
SYSTEM = {0x2: "LDT", N["DESC_TYPE_TSS_AVAILABLE"]: "TSS available",
          N["DESC_TYPE_TSS_BUSY"]: "TSS busy", 0xc: "call gate"}


def bits(value, low, count):
    """COUNT bits of a value from bit LOW upwards."""
    return value >> low & (1 << count) - 1


def is_system(low):
    """Is it one of the 16-byte descriptors?"""
    return bool(low) and not bits(low, 40, 5) & DATA_CODE


def decode(low, high):
    """One descriptor in words; HIGH is the next quadword, for system ones."""
    kind, dpl = bits(low, 40, 5), bits(low, 45, 2)
    limit = bits(low, 0, 16) | bits(low, 48, 4) << 16
    if bits(low, 55, 1):  # G: the limit counts pages
        limit = (limit + 1) * N["PAGE_SIZE"] - 1
    base = bits(low, 16, 24) | bits(low, 56, 8) << 24
    present = "" if bits(low, 47, 1) else ", not present"
    if is_system(low):
        base |= bits(high, 0, 32) << 32
        return (f"{SYSTEM.get(kind, f'system type {kind:#x}')}, DPL {dpl}, base "
                f"{base:#x}, limit {limit:#x}{present}")
    return f"{segment(low, kind)}, DPL {dpl}{extent(low, base, limit)}{present}"


def segment(low, kind):
    """A code or data segment's kind."""
    if kind & CODE:
        width = "64" if bits(low, 53, 1) else "32" if bits(low, 54, 1) else "16"
        text = f"code {width}-bit, " + ("R X" if kind & WRITE_OR_READ else "X")
    else:
        text = "data, " + ("RW" if kind & WRITE_OR_READ else "R")
    return text + (", accessed" if kind & ACCESSED else ", NOT ACCESSED")


def extent(low, base, limit):
    """Base and limit, where they are not the whole address space."""
    if bits(low, 53, 1) or (base, limit) == (0, 2 ** 32 - 1):
        return ""
    return f", base {base:#x}, limit {limit:#x}"


def selector_names():
    """Table index -> the kernel's name of the selector."""
    return {value >> 3: f"SEL_{name}" for name, value in N.names("SEL_").items()}


def table_lines(words):
    """One line for each descriptor that is not null."""
    names, skip = selector_names(), False
    for index, low in enumerate(words):
        if skip or not low:
            skip = False
            continue
        skip = is_system(low)
        high = words[index + 1] if index + 1 < len(words) else 0
        yield (f"  {8 * index:#06x} {low:016x} {names.get(index, ''):16} "
               f"{decode(low, high)}")


def read_table(cpu, base, limit):
    """The descriptors' words of the first page; the rest can only be null."""
    count = min(limit + 1, N["PAGE_SIZE"]) // 8
    if not machine.paging(cpu):
        return machine.read_words(base, count)
    found = tables.walk(tables.pair(cpu)[0], base)
    if not found.mapped:
        machine.refuse(f"CPU {cpu}: found GDTR {base:#x} not mapped")
    return machine.read_words(found.pa, count)


def where(cpu, base):
    """What GDTR points to, and the rights there in both PGDs."""
    if not machine.paging(cpu):
        return "physical: paging is off"
    walks = [tables.walk(pgd, base) for pgd in tables.pair(cpu) if pgd]
    rights = " / ".join(w.rights for w in walks)
    alias = N["CEA_BASE"] + cpu * N["CEA_STRIDE"] + N["CEA_GDT"]
    name = "the alias in its entry area" if base == alias else \
        f"not the alias {alias:#x} yet"
    return f"{name}, frame {walks[0].pa:#x}, {rights}"


def gdt_lines(cpu):
    """The lines of `gdt`."""
    if not machine.register(cpu, "cr0") & N["CR0_PE"]:
        machine.refuse(f"CPU {cpu} is in real mode: it has not come so far yet")
    base, limit = machine.table_register(cpu, "GDT")
    yield f"CPU {cpu}: GDTR {base:#x}, limit {limit:#x}: {where(cpu, base)}"
    yield from table_lines(read_table(cpu, base, limit))
