"""Says in one line why a file cannot be Postern's init, or None if it can.

Owns the host's side of what the kernel's ELF loader takes.  Called by
scripts/run and scripts/debug before they boot anything: a dynamic program would
only be refused by the kernel, a second later and less clearly.
"""
import struct

PT_LOAD, PT_INTERP = 1, 3
ET_EXEC, ET_DYN = 2, 3
TYPES = {1: "an object file", 4: "a core dump"}
MACHINES = {2: "SPARC", 3: "i386", 8: "MIPS", 20: "PowerPC", 21: "PowerPC64", 22: "S/390",
            40: "ARM", 43: "SPARC v9", 50: "Itanium", 62: "x86-64", 183: "AArch64",
            243: "RISC-V", 258: "LoongArch"}
WANTED = {2: "x86-64", 1: "i386"}  # by the class, of 64 or of 32 bits
HEADER = {2: 64, 1: 52}
MULTIBOOT = struct.pack("<I", 0x1badb002)


def program_headers(data):
    """(type, offset, file size) of each program header."""
    wide = data[4] == 2
    offset, = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    for i in range(count):
        at = offset + i * size
        if size < (56 if wide else 32) or at + size > len(data):
            raise ValueError("its program headers reach past its end")
        kind, = struct.unpack_from("<I", data, at)
        start, = struct.unpack_from("<Q" if wide else "<I", data, at + (8 if wide else 4))
        length, = struct.unpack_from("<Q" if wide else "<I", data, at + (32 if wide else 16))
        if kind in (PT_LOAD, PT_INTERP) and start + length > len(data):
            raise ValueError(f"a segment ends at byte {start + length} of {len(data)}")
        yield kind, start, length


def is_guest(data):
    """Is it a 32-bit program with a multiboot header?  The kernel says what is wrong with it."""
    return data[:5] == b"\x7fELF\1" and MULTIBOOT in data[:8192]


def interpreter(data):
    """The interpreter that a dynamic program asks for, or None."""
    for kind, start, length in program_headers(data):
        if kind == PT_INTERP:
            name = data[start:start + length].split(b"\0")[0]
            return name.decode("utf-8", "replace")
    return None


def header_problem(data):
    """What the first bytes say."""
    if data[:2] == b"#!":
        return "found a script, expected a static ELF program"
    if data[:4] != b"\x7fELF":
        return f"found {'no ELF file' if data else 'an empty file'}, expected a static x86-64 program"
    if len(data) < 5 or len(data) < HEADER.get(data[4], 64):
        return f"found an ELF file of {len(data)} bytes, cut short; expected a whole program"
    if data[4] not in WANTED or data[5] != 1:
        return "found a big-endian program or none, expected a static x86-64 program"
    kind, machine = struct.unpack_from("<HH", data, 16)
    if MACHINES.get(machine) != WANTED[data[4]]:
        return (f"found a program for {MACHINES.get(machine, f'ELF machine {machine}')}, "
                f"expected one for {WANTED[data[4]]}")
    if kind not in (ET_EXEC, ET_DYN):
        return f"found {TYPES.get(kind, f'ELF type {kind}')}, expected a program"
    return None


def problem(data):
    """Why the program in DATA cannot run, or None."""
    if len(data) >= HEADER[1] and is_guest(data):
        return None
    trouble = header_problem(data)
    if trouble:
        return trouble
    try:
        wanted = interpreter(data)
        loads = [1 for kind, *_ in program_headers(data) if kind == PT_LOAD]
    except ValueError as error:
        return f"found a program cut short: {error}; expected a whole one"
    if wanted is not None:
        return f"found a dynamic program, which needs {wanted}; expected a static one (-static)"
    return None if loads else "found an ELF file with nothing to load, expected a program"
