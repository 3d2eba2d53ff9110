"""Says in one line why a file cannot be Postern's init, or None if it can.

Owns the host's side of what the kernel's ELF loader takes.  Called by
scripts/run before it boots anything: a dynamic program would only be refused
by the kernel, a second later and less clearly.
"""
import struct

PT_LOAD, PT_INTERP = 1, 3
EM_X86_64 = 62
ET_EXEC, ET_DYN = 2, 3
HEADER, PROGRAM_HEADER = 64, 56
MULTIBOOT = struct.pack("<I", 0x1badb002)


def program_headers(data):
    """(type, offset, file size) of each program header within the file."""
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        at = offset + i * size
        if size < PROGRAM_HEADER or at + PROGRAM_HEADER > len(data):
            raise ValueError("its program headers reach past its end")
        kind, = struct.unpack_from("<I", data, at)
        start, = struct.unpack_from("<Q", data, at + 8)
        length, = struct.unpack_from("<Q", data, at + 32)
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


def problem(data):
    """Why the program in DATA cannot run, or None."""
    if data[:2] == b"#!":
        return "found a script, expected a static ELF program"
    if data[:4] != b"\x7fELF":
        return "found no ELF file, expected a static x86-64 program"
    if len(data) < HEADER:
        return f"found an ELF file of {len(data)} bytes, cut short"
    if is_guest(data):
        return None
    if data[4] != 2 or data[5] != 1:
        return "found a 32-bit or big-endian program, expected a 64-bit one"
    kind, machine = struct.unpack_from("<HH", data, 16)
    if machine != EM_X86_64:
        return f"found a program for ELF machine {machine}, expected x86-64 (62)"
    if kind not in (ET_EXEC, ET_DYN):
        return f"found ELF type {kind} (an object file?), expected a program"
    try:
        wanted = interpreter(data)
        loads = [1 for kind, *_ in program_headers(data) if kind == PT_LOAD]
    except ValueError as error:
        return f"found a broken ELF file: {error}"
    if wanted is not None:
        return (f"found a dynamic program, needs interpreter {wanted}; "
                "link it with -static")
    return None if loads else "found an ELF file with nothing to load"
