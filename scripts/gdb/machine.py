"""The stopped machine, as QEMU's stub shows it: CPUs, registers, memory.

Owns the switch between virtual and physical memory reads (PhysicalMemory),
which is always put back.  What is read here does not depend on which PGD the
CPU has loaded: the kernel's variables are read where they lie in RAM.
A CPU's number is its thread's, counted from 0: the MADT lists them in that
order, and arch/machine/smp.c numbers them by the MADT.
"""
import re

import gdb

from headers import N

PHYSICAL = "Qqemu.PhyMemMode"


def refuse(text):
    """One line for the user, and the end of the command."""
    raise gdb.GdbError(text)


def threads():
    """CPU number -> thread; refuses if there is no QEMU."""
    found = {t.ptid[1] - 1: t for t in gdb.selected_inferior().threads()}
    if not found or gdb.selected_thread() is None:
        refuse("not connected to QEMU: start with scripts/debug (make gdb), "
               "or use postern-connect ADDRESS")
    return found


def chosen_cpu(argument):
    """The CPU that a command's argument names; the selected one without it."""
    known = threads()
    if not argument:
        return gdb.selected_thread().ptid[1] - 1
    try:
        cpu = int(gdb.parse_and_eval(argument))
    except (gdb.error, ValueError):
        cpu = None
    if cpu not in known:
        refuse(f"found CPU '{argument}', expected 0" + f" to {len(known) - 1}" * (len(known) > 1))
    return cpu


def register(cpu, name):
    """A register of any CPU, as a number; the selected CPU stays selected."""
    before, frame = gdb.selected_thread(), gdb.selected_frame()
    wanted = threads()[cpu]
    if wanted.num == before.num:
        return read_register(name)
    wanted.switch()
    try:
        return read_register(name)
    finally:
        before.switch()
        if frame.is_valid():
            frame.select()


def read_register(name):
    """A register of the selected CPU."""
    value = gdb.newest_frame().read_register(name)
    return int(value.cast(gdb.lookup_type("unsigned long"))) & 2 ** 64 - 1


def table_register(cpu, name):
    """(base, limit) of GDT or IDT, which only QEMU's monitor tells."""
    text = gdb.execute("monitor info registers -a", to_string=True)
    section = re.search(rf"^CPU#{cpu}\b.*?(?=^CPU#|\Z)", text, re.M | re.S)
    found = section and re.search(rf"^{name}=\s+(\w+) (\w+)", section[0], re.M)
    if not found:
        refuse(f"found no {name} of CPU {cpu} in 'monitor info registers -a'")
    return int(found[1], 16), int(found[2], 16)


def set_physical(on):
    """What the stub's memory reads mean; refuses if it does not know how."""
    answer = gdb.execute(f"maintenance packet {PHYSICAL}:{int(on)}", to_string=True)
    if 'received: "OK"' not in answer:
        refuse(f"found no {PHYSICAL} in this stub, expected QEMU's")


class PhysicalMemory:
    """with PhysicalMemory(): memory reads are physical until the end."""

    def __enter__(self):
        set_physical(True)

    def __exit__(self, *_):
        set_physical(False)


def read_physical(address, size):
    """SIZE bytes at a physical address."""
    with PhysicalMemory():
        try:
            return bytes(gdb.selected_inferior().read_memory(address, size))
        except gdb.MemoryError:
            refuse(f"found nothing to read at physical {address:#x}")


def read_words(address, count=1):
    """COUNT 64-bit words at a physical address."""
    data = read_physical(address, 8 * count)
    return [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]


def image_variable(name):
    """A variable of the kernel image, as a number, from where it lies in RAM."""
    symbol = gdb.lookup_global_symbol(name)
    if symbol is None:
        refuse(f"found no symbol {name}: is this build/postern.elf?")
    address = int(symbol.value().address) - N["KERNEL_BASE"]
    return int.from_bytes(read_physical(address, symbol.type.sizeof), "little")


def paging(cpu):
    """Has this CPU switched paging on?"""
    return bool(register(cpu, "cr0") & N["CR0_PG"])


def text_of(address):
    """SYMBOL+OFFSET and file:line of an address, as far as known."""
    symbol = gdb.execute(f"info symbol {address:#x}", to_string=True)
    name = "" if symbol.startswith("No symbol") else symbol.split(" in section")[0]
    sal = gdb.find_pc_line(address)
    line = f" at {sal.symtab.filename}:{sal.line}" if sal.symtab else ""
    return (name.strip() + line).strip()
