"""Registers in words: what an event has saved, and GS.

Owns the lines of `frame-regs` and `gs`.  The registers of what was interrupted are those
that unwinder.py finds for `bt`.
"""
import gdb

import machine
import tables
import unwinder
from headers import N

GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12",
           "r13", "r14", "r15")
FLAGS = {0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF",
         14: "NT", 16: "RF", 17: "VM", 18: "AC"}
A_LINE = 3


def selector(value):
    """A code or stack selector."""
    for name, number in N.names("SEL_").items():
        if number == value:
            return f"{value:#x} ({name.lower().replace('_', ' ')})"
    return f"{value:#x} (ring {value & 3})"


def flags(value):
    """RFLAGS."""
    names = [name for bit, name in FLAGS.items() if value >> bit & 1]
    return f"{value:#x} ({' '.join(names) or 'none'}, IOPL {value >> 12 & 3})"


def entry_frame(frame):
    """The first frame of entry code from this one outwards, whose next is what was
    interrupted."""
    while frame:
        hint = unwinder.hint_at(frame.pc())
        if hint and hint.name not in ("HINT_CALL", "HINT_RESUME", "HINT_END"):
            return frame
        frame = frame.older()
    return machine.refuse("found no entry code among the selected frame's callers, expected "
                          "some; or say where: frame-regs ADDRESS")


def of_frame(frame):
    """name -> value, as far as they are known."""
    out = {}
    for name in (*GENERAL, "rip", "cs", "eflags", "rsp", "ss"):
        try:
            value = frame.read_register(name)
            out[name] = int(value.format_string(format="x"), 16)
        except (gdb.error, ValueError):
            pass  # C in between has not kept it
    return out


def of_memory(address):
    """The same of a struct pt_regs, by gdb's own names, and its two other fields."""
    regs = tables.read_struct("pt_regs", address)
    names = {"ip": "rip", "sp": "rsp", "flags": "eflags"}
    out = {}
    for field in regs.type.fields():
        if field.name:
            name = names.get(field.name, field.name)
            name = "r" + name if "r" + name in GENERAL else name
            out[name] = int(regs[field.name]) & 2 ** 64 - 1
    return out


def frame_lines(address):
    """The lines of `frame-regs`; address: of a struct pt_regs, or None."""
    if address is None:
        inner = entry_frame(gdb.selected_frame())
        regs = of_frame(inner.older())
        yield f"what was interrupted, as {machine.text_of(inner.pc())} can still tell:"
    else:
        regs = of_memory(address)
        yield f"struct pt_regs at {address:#x}:"
    where = machine.text_of(regs["rip"])
    yield (f"  {'user' if regs['cs'] & 3 == 3 else 'kernel'} mode, RIP {regs['rip']:#x}"
           f"{' ' + where if where else ''}")
    yield f"  CS {selector(regs['cs'])}, SS {selector(regs['ss'])}, RSP {regs['rsp']:#x}"
    if "eflags" in regs:
        yield f"  RFLAGS {flags(regs['eflags'])}"
    for name in ("vector", "orig_ax"):
        if name in regs:
            yield f"  {name} {regs[name]:#x}"
    cells = [f"{name:3} {regs[name]:#018x}" for name in GENERAL if name in regs]
    for at in range(0, len(cells), A_LINE):
        yield "  " + "  ".join(cells[at:at + A_LINE])


def gs_words(value):
    """Whose a GS base is."""
    vault, offset = divmod(value - N["VAULT_BASE"], N["CEA_STRIDE"])
    if value < N["KERNEL_HALF"]:
        return "the user's"
    if offset == 0 and 0 <= vault < len(machine.threads()):
        return f"CPU {vault}'s vault, struct percpu"
    return "no vault's: expected one"


def gs_lines(cpu):
    """The lines of `gs`."""
    now, other = (machine.register(cpu, name) for name in ("gs_base", "k_gs_base"))
    yield f"CPU {cpu}: GS base {now:#x}: {gs_words(now)}; SWAPGS brings {other:#x}: {gs_words(other)}"
