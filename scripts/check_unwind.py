#!/usr/bin/env python3
"""The unwind hints of the linked image, against its instructions.

    check_unwind.py ELF...

Every instruction of entry text, of the trampoline, of deferred assembly and of the
entry code in the image has a hint, and deferred C has none, but frames; the table is sorted; a
hint says the same in front of a CALL and behind it; from one instruction to the next
that it can lead to, offsets from RSP change as RSP does.  Called by `make check`; one
line per violation, exit status 1 if there is any.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "gdb"))
from headers import N  # noqa: E402
from hints import Table, output, symbols  # noqa: E402

INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t([0-9a-f ]+?)\s*\t(.*)$", re.M)
FILLING = re.compile(r"^(int3|nop|nopw|nopl|data16|cs nop|xchg\s+%ax,%ax)")
# A jump there steps over a frame: IRETQ's own stands so far above the fault's.
PASSES_FRAME = {"deferred_iret_fault": 48}
NO_WAY_ON = ("jmp", "ud2", "iretq", "sysretq", "ret")


def instructions(elf, at):
    """(address, length, text) of all that must have a hint."""
    for section in (".entry_text", ".trampoline"):
        for item in disassembly(elf, "-j", section):
            if item[0] != at["entry_cr3_noflush"][0]:
                yield item
    yield from disassembly(elf, "-j", ".deferred_text",
                           f"--stop-address={deferred_c(at):#x}")
    text = sorted((address, name) for name, (address, letter) in at.items()
                  if letter in "tT")
    for i, (address, name) in enumerate(text):
        if name.startswith(("entry_", "deferred_on_")) and "." not in name and \
                address >= N["KERNEL_BASE"] and name != "entry_direct_end":
            end = next(a for a, _ in text[i + 1:] if a > address)
            yield from disassembly(elf, f"--start-address={address:#x}",
                                   f"--stop-address={end:#x}", "-j", ".text")


def deferred_c(at):
    """Where the assembly of deferred text ends and its C begins."""
    return min(address for name, (address, _) in at.items()
               if address > at["deferred_iret_fault"][0])


def frameless(elf, at):
    """Functions of deferred C that push a register before RBP."""
    starts = {address: name for name, (address, letter) in at.items() if letter in "tT"}
    name = ""
    for address, _, text in disassembly(elf, "-j", ".deferred_text",
                                        f"--start-address={deferred_c(at):#x}"):
        name = starts.get(address, name)
        if name and text.startswith("push"):
            if "%rbp" not in text:
                yield f"{address:#x}: '{text}' in {name}, expected a frame before: need_frame()"
            name = ""


def disassembly(elf, *options):
    """Instructions, what only fills up left out."""
    listing = output("objdump", "-d", "-w", *options, elf)
    for at, code, text in INSTRUCTION.findall(listing):
        if not FILLING.match(text):
            yield int(at, 16), len(code.split()), text.strip()


def moved(text):
    """By how many bytes an instruction moves RSP; None: to somewhere else."""
    if re.match(r"push", text):
        return -8
    if re.match(r"pop", text):
        return None if re.match(r"pop\s+%rsp", text) else 8
    match = re.match(r"(add|lea)\s+(?:\$(0x\w+),%rsp|(0x\w+)\(%rsp\),%rsp)$", text)
    if match:
        return int(match[2] or match[3], 16)
    return None if text.endswith(",%rsp") else 0


def ways_on(address, length, text):
    """Where an instruction leads, as far as it says so itself."""
    target = re.match(r"j\w+\s+([0-9a-f]{6,})\b", text)
    if target:
        yield int(target[1], 16)
    if text.split()[0] not in NO_WAY_ON:
        yield address + length


def agree(here, there, by):
    """May RSP, moved by so much, lead from one hint to the other?

    Where the truth moves to another base no arithmetic can tell.
    """
    if (here.kind, here.base) != (there.kind, there.base):
        return True
    on_stack = here.base == N["HINT_SP"]
    if on_stack and by is None:
        return True
    return there.offset == here.offset - (by if on_stack else 0)


def check(elf):
    """The lines of one image."""
    at = symbols(elf)
    table = Table(elf)
    yield from table.unsorted()
    listing = list(instructions(elf, at))
    if len(listing) < 500:
        yield f"found {len(listing)} instructions of entry code, expected more"
    hint = table.find(deferred_c(at))
    if hint is None or hint.kind != N["HINT_C"]:
        yield f"{deferred_c(at):#x}: found {hint} for deferred C, expected none"
    yield from frameless(elf, at)
    known = {address for address, _, _ in listing}
    passes = {at[label][0]: -over for label, over in PASSES_FRAME.items()}
    for address, length, text in listing:
        here = table.find(address)
        if here is None or here.kind == N["HINT_C"]:
            yield f"{address:#x}: found no hint for '{text}'"
            continue
        by = 0 if text.startswith("call") else moved(text)
        over = passes if text.startswith("je") else {}
        for there in ways_on(address, length, text):
            hint = table.find(there)
            if there in known and hint and hint.kind != N["HINT_C"] and \
                    not (agree(here, hint, over.get(there, by)) and
                         (hint == here or not text.startswith("call"))):
                yield f"{address:#x}: '{text}' leads from {here} to {hint}"


def main(paths):
    """Checks every image."""
    bad = 0
    for elf in paths:
        for text in check(elf):
            print(f"{elf}: {text}")
            bad += 1
    print(f"{len(paths)} images' unwind hints checked")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
