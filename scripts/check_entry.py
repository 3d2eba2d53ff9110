#!/usr/bin/env python3
"""Proves what the entry code promises, from the linked image's instructions.

    check_entry.py ELF...

What changes CR3 or the GS base, and what leaves ring 0, stands at its label and
nowhere else (E5).  What user PGDs show holds no hidden address: not in an operand,
not in eight bytes anywhere.  On every path through the entry code, from every
state in which it can be entered: nothing runs under the user's CR3 outside of
entry text and trampolines (E1, E4), the user's GS is there inside the windows
only (E3), each operand in memory is one that CR3 and GS show, each way out restores
what it must, and neither C nor a way out finds a general register on a stack that
users' page tables show (P8).  Where a branch decides on SWAPGS, an LFENCE stands in
front of the first use of GS; on each way to user mode a VERW stands behind all C on the
kernel's PGD.  The state tables at the top of the files of entry/ say what the paths say.
The C of deferred text reaches what scripts/deferred_c.py says, and nothing else.  What is
assumed: scripts/entry_paths.py.

Called by `make check`; one line per violation, exit status 1 if there is any.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "gdb"))
import entry_tables  # noqa: E402
from deferred_c import Deferred  # noqa: E402
from entry_paths import Paths, listing  # noqa: E402
from headers import N  # noqa: E402
from hints import read_at  # noqa: E402

CALLS = ("syscall", "syscall_pcid", "syscall32", "syscall32_pcid")
WINDOWS = [f"trampoline_{name}_window_start" for name in (*CALLS, "sysret")]

# Label -> the one instruction that may stand there, in code that users' page
# tables show or that lies beside the entry code.
PLACES = {
    "trampoline_door_sysret": "sysretq",
    "entry_door_sysret_direct": "sysretq",
    "entry_door_iret_user": "iretq",
    "entry_door_iret_kernel": "iretq",
    **{f"{name}.flip": "mov cr3" for name in WINDOWS},
    **{f"{name}.swapgs": "swapgs" for name in WINDOWS},
    **{f"entry_shared_{name}_window_start": "swapgs" for name in CALLS},
    **{f"entry_shared_{name}_window_start.flip": "mov cr3" for name in (*CALLS, "sysret")},
    "entry_shared_sysret_window_start.swapgs": "swapgs",
    "entry_shared_door_sysret": "sysretq",
    "entry_from_user.flip": "mov cr3",
    "entry_user_kernel_cr3": "swapgs",
    "entry_from_user.swapgs": "swapgs",
    "entry_window_iret_start.flip": "mov cr3",
    "entry_window_iret_start.swapgs": "swapgs",
    "entry_iret_fault.flip": "mov cr3",
    "entry_iret_fault.kernel_cr3": "swapgs",
    "paranoid_entry.flip": "mov cr3",
    "paranoid_user_kernel_cr3": "swapgs",
    "paranoid_entry.swapgs": "swapgs",
    "paranoid_kernel.flip": "mov cr3",
    "paranoid_kernel.set_gs": "wrmsr",
    "paranoid_exit_window_start": "wrmsr",
    "paranoid_exit_window_start.flip": "mov cr3",
    "paranoid_exit_nmi_masked.flip": "mov cr3",
    "entry_window_direct_start": "swapgs",
    "entry_window_direct_exit_start.swapgs": "swapgs",
    "entry_window_direct32_start": "swapgs",
    "entry_load_user_gs.swapgs": "swapgs",
    "entry_window_load_gs_start.swapgs": "swapgs",
    "deferred_to_kernel.flip": "mov cr3",
    "deferred_to_kernel.swapgs": "swapgs",
    "deferred_back.flip": "mov cr3",
    "deferred_back.swapgs": "swapgs",
    "deferred_door_sysret": "sysretq",
    "deferred_door_answer": "sysretq",
    "deferred_door_iret": "iretq",
}

# The rest of the image: function -> what it may hold, and any number of it.
FUNCTIONS = {
    "kernel_map_init": "mov cr3",       # the first load, at boot
    "mm_load": "mov cr3",               # every other one
    "mm_load_slowly": "mov cr3",        # that of it: tlb_load_pgd()
    "survives": "mov cr3",              # arch/machine/emulator.c, the value it had
    "boot_main": "wrmsr gs",            # each CPU's vault
    "smp_init_cpu": "wrmsr gs, mov cr3",
    # of the test suites
    "fault_iretq": "iretq",             # to ring 0
    "fault_load_gs": "wrmsr gs",
    "event_watch_gs": "swapgs", "event_watch_gs_after": "swapgs",
    "event_icr_gs": "swapgs", "event_msr_gs": "swapgs",
}
# Some of all numbers that happen to stand in code are addresses of the direct map's
# 64 TiB: of those there counts what may have RAM behind it.
RAM_MAX = 1 << 44
WATCHED = re.compile(r"(?:rex\S* )*(swapgs|i?ret[qdw]?|sys(?:ret|exit)\w*|(?:sys)?wrmsr"
                     r"|mov +cr3|wrgsbase|rdgsbase)\b")


# What WATCHED finds, and what tells which register WRMSR writes.
TELLING = r"swapgs|ret|exit|wrmsr|cr3|gsbase|cx,|^call"


def watched(insn):
    """What an instruction is, if its place matters; or None."""
    match = WATCHED.match(insn.text)
    name = match and re.sub(" +", " ", match[1])
    return None if name in ("ret", "retq") else name


def places(paths):
    """E5, and the same for CR3 and GS: in the entry code."""
    expected = {paths.at[label]: (name, label) for label, name in PLACES.items()
                if label in paths.at}
    for label in sorted(PLACES.keys() - paths.at.keys()):
        yield f"found no label {label}"
    for address, insn in sorted(paths.code.items()):
        found, (want, label) = watched(insn), expected.get(address, (None, "no label"))
        if found != want:
            yield f"{address:#x}: '{insn.text}' stands at {label}, expected {want}"


def image(paths, elf):
    """The same for the rest of the image."""
    text = sorted((address, name) for name, address in paths.at.items()
                  if "." not in name and address >= N["KERNEL_BASE"])
    names = iter(text)
    following = next(names)
    function, gs_base = "?", False
    for address, insn in sorted(listing(elf, "-j", ".text", wanted=TELLING).items()):
        while following and following[0] <= address:
            function, following = following[1], next(names, None)
        found = watched(insn)
        if re.search(r"cx,|^call|^ret", insn.text):
            gs_base = insn.text.endswith(f"cx,{N['MSR_GS_BASE']:#x}")
        if found == "wrmsr":
            found = "wrmsr gs" if gs_base else None
        if address in paths.code or found is None:
            continue
        if found not in FUNCTIONS.get(function, "").split(", "):
            yield f"{address:#x}: found {found} in {function}"


def hidden_addresses(paths, elf):
    """Addresses of the direct map, the vmap area or the image, where users' page
    tables show them: in operands, and in eight bytes wherever they begin."""
    first, end = paths.at["image_text_start"], paths.at["image_data_end"]
    ranges = ((N["DIRECT_MAP_BASE"], N["DIRECT_MAP_BASE"] + RAM_MAX), (N["VMAP_BASE"], N["VMAP_END"]),
              (first, end))
    slots = range(N["PGD_SLOT_PROCESS_ENTRY"], N["PGD_SLOT_VAULT"] + 1)
    for address, insn in sorted({**paths.code, **paths.c_code}.items()):
        if not paths.within(address, paths.visible):
            continue
        for value in numbers(insn):
            near_zero = value >= 2 ** 64 - N["CEA_STRIDE"]
            if value >= N["KERNEL_HALF"] and not near_zero and value >> 39 & 511 not in slots \
                    or paths.within(value | 0xffffffff << 32, ((first, end),)):
                yield f"{address:#x}: '{insn.text}' holds the address {value:#x}"
    size = paths.at["deferred_end_lma"] - paths.at["deferred_rodata_lma"]
    tables = paths.at["deferred_calls"], paths.at["deferred_calls"] + size
    for start, stop in (*paths.visible, tables):
        stop = -(-stop // N["PAGE_SIZE"]) * N["PAGE_SIZE"]
        data = read_at(elf, start, stop - start)
        for i in range(len(data) - 7):
            value = int.from_bytes(data[i:i + 8], "little")
            if paths.within(value, ranges):
                yield f"{start + i:#x}: the bytes there are the address {value:#x}"


def numbers(insn):
    """The numbers in an instruction's operands, where it goes and points included."""
    for text in insn.operands:
        if "gs:" in text:
            continue  # an offset
        for literal in re.findall(r"-?\b(?:0x[0-9a-f]+|[0-9a-f]{16})\b", text):
            sign = -1 if literal[0] == "-" else 1
            value = sign * int(literal.lstrip("-"), 16) & 2 ** 64 - 1
            yield (insn.next + value) & 2 ** 64 - 1 if "rip" in text else value


def check(elf):
    """The lines of one image."""
    paths = Paths(elf)
    yield from places(paths)
    yield from image(paths, elf)
    yield from hidden_addresses(paths, elf)
    yield from paths.walk()
    yield from Deferred(elf, paths.at, paths.c_code).check()
    yield from entry_tables.compare(paths, elf)
    print(f"{len(paths.before)} instructions of entry code, "
          f"{sum(map(len, paths.before.values()))} states")


def main(images):
    """Checks every image."""
    bad = 0
    for elf in images:
        for text in check(elf):
            print(f"{elf}: {text}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
