"""The cpu_entry_area of a CPU, page by page, with what its stacks and TSS hold.

Owns the lines of `cea` and `cr3`.  The fields come from the debug information
of struct cpu_entry_area (arch/cpu_entry_area.h), the contents from memory.
"""
import gdb

import machine
import tables
from headers import N, area

HARDWARE_FRAME = 5  # words: SS, RSP, RFLAGS, CS, RIP

# ---- Which pair --------------------------------------------------------------

def owner(cpu, kernel_pgd):
    """Whose pair it is, as far as the CPU's vault tells."""
    if kernel_pgd == tables.first_pair():
        return "the pair of no process"
    vault = tables.read_struct("percpu", N["VAULT_BASE"] + cpu * N["CEA_STRIDE"])
    if int(vault["current"]):
        task = tables.read_struct("task", int(vault["current"]))
        mm = int(task["mm"])
        if mm and pgd_of(mm) == kernel_pgd:
            return f"pid {int(task['pid'])}, {task['name'].string()}"
    return "a process that is not the vault's current one"


def pgd_of(mm):
    """The physical address of an mm's kernel PGD."""
    start = tables.read_struct("mm", mm)["pgd"]
    return int(start) - N["DIRECT_MAP_BASE"]


def pcid_text(cpu, cr3):
    """The PCID, or that there is none."""
    pcid = cr3 & N["CR3_PCID_MASK"]
    used = machine.register(cpu, "cr4") & N["CR4_PCIDE"]
    return f"PCID {pcid:#x}" if used else f"no PCIDs (low bits {pcid:#x} ignored)"


def cr3_lines(cpu):
    """The lines of `cr3`."""
    cr3 = machine.register(cpu, "cr3")
    kernel, user = tables.pair(cpu)
    if user is None:
        which = f"a PGD without a shadow at {kernel:#x}"
    else:
        half = "user" if cr3 & N["CR3_USER_PGD"] else "kernel"
        which = (f"the {half} PGD of the pair {kernel:#x} / {user:#x} "
                 f"({owner(cpu, kernel)})")
    yield f"CPU {cpu}: CR3 {cr3:#x}: {which}; {pcid_text(cpu, cr3)}"


# ---- The pages of the area ---------------------------------------------------

def pages(kind, name, offset):
    """(name, offset) of every page of a field, in address order."""
    kind = kind.strip_typedefs()
    if kind.name == "entry_page":
        yield name, offset
    elif kind.code == gdb.TYPE_CODE_ARRAY:
        element = kind.target()
        for i in range(kind.sizeof // element.sizeof):
            yield from pages(element, f"{name}[{i}]", offset + i * element.sizeof)
    else:
        for part in kind.fields():
            dot = f"{name}." if name else ""
            yield from pages(part.type, dot + part.name, offset + part.bitpos // 8)


def runs(rows):
    """Joins absent pages of one array: (first name, last name, the rest)."""
    out = []
    for name, address, frame, rights in rows:
        if out and frame is None and out[-1][2:] == (out[-1][2], None, rights) \
                and stem(out[-1][0]) == stem(name):
            out[-1] = (out[-1][0], name, *out[-1][2:])
        else:
            out.append((name, name, address, frame, rights))
    return out


def stem(name):
    """A field's name without the index at its end."""
    return name.split("[")[0] if name.endswith("]") else name


def page_lines(cpu):
    """The table of the area's pages: frame, rights in both PGDs."""
    pgds = [pgd for pgd in tables.pair(cpu) if pgd]
    rows = []
    for name, offset in pages(gdb.lookup_type("struct cpu_entry_area"), "", 0):
        walks = [tables.walk(pgd, area(cpu) + offset) for pgd in pgds]
        frame = walks[0].pa if walks[0].mapped else None
        rows.append((name, area(cpu) + offset, frame, [w.rights for w in walks]))
    if not any(frame for _, _, frame, _ in rows):
        machine.refuse(f"CPU {cpu}: its entry area {area(cpu):#x} is not mapped yet")
    yield f"  {'address':18} {'field':20} {'frame':12} {'kernel PGD':10} user PGD"
    for first, last, address, frame, rights in runs(rows):
        name = first if first == last else f"{first}..{last[len(stem(last)):]}"
        cells = (rights + ["(none)"])[:2]
        text = f"{frame:#x}" if frame is not None else "-"
        yield f"  {address:#x} {name:20} {text:12} {cells[0]:10} {cells[1]}"


# ---- What is in them ---------------------------------------------------------

def stack_lines(cpu):
    """The entry stack's words, from its top down to the lowest in use."""
    top, size = area(cpu) + N["CEA_ENTRY_STACK_TOP"], N["ENTRY_STACK_SIZE"]
    data = tables.read_kernel(top - size, size).lstrip(b"\0")
    count = -(-len(data) // 8)
    words = tables.read_kernel(top - 8 * count, 8 * count)
    yield f"  entry stack, top {top:#x}, {count} words in use" + ":" * bool(count)
    for i in range(1, count + 1):
        word = int.from_bytes(words[len(words) - 8 * i:][:8], "little")
        yield f"    {top - 8 * i:#x} {word:#018x} {word_name(cpu, top - 8 * i)}"


def word_name(cpu, address):
    """What a word of the entry stack is, by its distance from the top.

    The hardware's frame has the order of pt_regs' last fields.
    """
    if address == area(cpu) + N["CEA_USER_RSP"]:
        return "sp, SYSCALL's too"
    depth = (area(cpu) + N["CEA_ENTRY_STACK_TOP"] - address) // 8
    names = [part.name for part in gdb.lookup_type("struct pt_regs").fields()]
    return names[-depth] if depth <= HARDWARE_FRAME else "-"


def place(cpu, address):
    """An address in this CPU's area, by field: as stack tops are, its end."""
    inside = address - 1 - area(cpu)
    for name, offset in pages(gdb.lookup_type("struct cpu_entry_area"), "", 0):
        if 0 <= inside - offset < N["PAGE_SIZE"]:
            return f"{name} + {address - area(cpu) - offset:#x}"
    return "OUTSIDE the area"


def tss_lines(cpu):
    """The TSS: sp0, the ISTs by exception, the IO bitmap."""
    tss = tables.read_struct("tss", area(cpu) + N["CEA_TSS"])
    sp0 = int(tss["sp"][0])
    yield f"  TSS: sp0 {sp0:#x} {place(cpu, sp0)}"
    exceptions = N.names("VEC_")
    for name, number in sorted(N.names("IST_").items(), key=lambda item: item[1]):
        if name in exceptions:
            ist = int(tss["ist"][number - 1])
            yield f"    IST {number} #{name:4} {ist:#x} {place(cpu, ist)}"
    start, size = int(tss["io_bitmap_base"]), N["IO_BITMAP_BYTES"]
    if start != N["TSS_IO_BITMAP"]:
        yield f"    IO bitmap at +{start}, beyond the limit: every port denied"
        return
    data = tables.read_kernel(area(cpu) + N["CEA_TSS"] + start, size + 1)
    denied = data == b"\xff" * (size + 1)
    yield f"    IO bitmap at +{start}: " + \
        ("every port denied" if denied else "SOME PORTS ALLOWED")


def cea_lines(cpu):
    """The lines of `cea`."""
    kernel, user = tables.pair(cpu)
    pgds = f"kernel PGD {kernel:#x}, user PGD " + (f"{user:#x}" if user else "(none)")
    lines = list(page_lines(cpu))
    yield f"CPU {cpu}: cpu_entry_area at {area(cpu):#x}; {pgds}"
    yield from lines
    yield from stack_lines(cpu)
    yield from tss_lines(cpu)
