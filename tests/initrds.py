"""Makes the small, broken or hostile initramfs images that some boots need.

Owns KINDS, the names that tests/machines.cfg may use besides `build` and
`none`.  Called by tests/boots.py.  The programs are a few machine words put
together here, so that no compiler's defaults change what is tested.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "scripts"))
import newc  # noqa: E402

USER = os.path.join(os.path.dirname(__file__), "..", "build", "user")
BASE = 0x400000          # where static Linux programs are linked
KERNEL_HALF = 0xFFFFFFFF80000000
READ, WRITE, EXECUTE = 4, 2, 1
HEADERS = 64 + 56


def program_header(address, size, flags=READ | EXECUTE, offset=0, memory=None,
                   align=0x1000):
    """One PT_LOAD."""
    return struct.pack("<IIQQQQQQ", 1, flags, offset, address, address, size,
                       size if memory is None else memory, align)


def elf(code, headers=None, entry=BASE + HEADERS, kind=2):
    """A static program: one R X segment that holds the headers and CODE."""
    headers = headers or [program_header(BASE, HEADERS + len(code))]
    start = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", kind, 62, 1,
                        entry, 64, 0, 0, 64, 56, len(headers), 0, 0, 0)
    return start + b"".join(headers) + code


def linked_at(address, code, kind=2, align=0x1000):
    """The same at another place; of kind 3, a static-pie."""
    return elf(code, [program_header(address, HEADERS + len(code), align=align)],
               address + HEADERS, kind)


def exits(status):
    """mov edi, status; mov eax, 60 (exit); syscall"""
    return b"\xbf" + struct.pack("<I", status) + b"\xb8\x3c\0\0\0\x0f\x05"


def reads(address):
    """movabs al, [address]; then exit(0), which must not be reached"""
    return b"\xa0" + struct.pack("<Q", address) + exits(0)


def unless(jump):
    """A short conditional JUMP over exit(1)."""
    return jump + b"\x0c" + exits(1)


def finds(address, value):
    """movabs rax, [address]; cmp rax, value; if it is another, exit(1)"""
    return (b"\x48\xa1" + struct.pack("<Q", address)
            + b"\x48\x3d" + struct.pack("<I", value) + unless(b"\x74"))


def writes(address):
    """movabs [address], rax"""
    return b"\x48\xa3" + struct.pack("<Q", address)


def lies_at(remainder, align):
    """lea rax, [rip]; and eax, align - 1; cmp eax, remainder: of what follows the LEA"""
    return (b"\x48\x8d\x05\0\0\0\0\x25" + struct.pack("<I", align - 1)
            + b"\x3d" + struct.pack("<I", remainder) + unless(b"\x74"))


def uses_stack(jump):
    """lea rax, [rip]; cmp rsp, rax; JUMP, else exit(1); a push 4 MiB further down"""
    return (b"\x48\x8d\x05\0\0\0\0\x48\x39\xc4" + unless(jump)
            + b"\x48\x81\xec\0\0\x40\0\x50" + exits(0))


def reboots(command):
    """reboot(both magic numbers, COMMAND); then exit(1), which must not be reached"""
    arguments = struct.pack("<cIcIcI", b"\xbf", 0xfee1dead, b"\xbe", 672274793, b"\xba", command)
    return arguments + b"\xb8\xa9\0\0\0\x0f\x05" + exits(1)


def two_loads(second):
    """A good program with one more segment."""
    code = exits(0)
    size = 64 + 2 * 56 + len(code)
    return elf(code, [program_header(BASE, size), second], BASE + 64 + 2 * 56)


def three_loads(data, code):
    """CODE, eight bytes of data, and behind them in the same page zeros, which have an
    offset that is none."""
    headers = 64 + 3 * 56
    return elf(code + struct.pack("<Q", 4711), [
        program_header(BASE, headers + len(code)),
        program_header(data, 8, READ | WRITE, headers + len(code)),
        program_header(data + 8, 0, READ | WRITE, 2 ** 64 - 1, 0x2000)], BASE + headers)


def zeros_behind_data():
    """Data stays, zeros are zeros, and all can be written."""
    length = len(finds(0, 0)) * 3 + len(writes(0)) * 2 + len(exits(0))
    data = BASE + 0x10000 + (64 + 3 * 56 + length) % 0x1000
    return three_loads(data, finds(data, 4711) + finds(data + 8, 0)
                       + finds(data + 0x2000, 0) + writes(data) + writes(data + 0x2000)
                       + exits(0))


HEADERS_32 = 52 + 32


def program_header_32(address, size):
    """One PT_LOAD of ELF32."""
    return struct.pack("<IIIIIIII", 1, 0, address, address, size, size,
                       READ | EXECUTE, 0x1000)


def elf_32(code, headers=None, entry=BASE + HEADERS_32, machine=3):
    """The same for i386."""
    headers = headers or [program_header_32(BASE, HEADERS_32 + len(code))]
    start = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, machine,
                        1, entry, 52, 0, 0, 52, 32, len(headers), 0, 0, 0)
    return start + b"".join(headers) + code


def exits_32(status):
    """mov ebx, status; mov eax, 1 (exit); int 0x80"""
    return b"\xbb" + struct.pack("<I", status) + b"\xb8\x01\0\0\0\xcd\x80"


def init(data):
    """An archive with one executable, /init."""
    return newc.archive({"init": (newc.EXECUTABLE, data)})


def cut(build):
    """The real archive with its second half missing."""
    return build[: len(build) // 2]


def lying_size(_build):
    """A header whose file is larger than the archive."""
    data = init(elf(exits(0)))
    return data[:54] + b"7FFFFFF0" + data[62:]


PROGRAMS = {
    "exit0": elf(exits(0)),
    "exit3": elf(exits(3)),
    "invalid-opcode": elf(b"\x0f\x0b"),
    "restarts": elf(reboots(0x01234567)),
    "powers-off": elf(reboots(0x4321fedc)),
    "reads-kernel": elf(reads(KERNEL_HALF)),
    "elf-text": b"echo this is a shell script\n",
    "elf-short": elf(exits(0))[:40],
    "elf-headers-beyond": elf(exits(0))[:64 + 20],
    "elf-kernel-half": elf(exits(0), [program_header(KERNEL_HALF, 0x100)],
                           KERNEL_HALF + HEADERS),
    "elf-wraps": two_loads(program_header(0x7FFFFFFFF000, 16,
                                          memory=2 ** 64 - 0x1000)),
    "elf-overlap": two_loads(program_header(BASE, 16)),
    "elf-wx": elf(exits(0), [program_header(
        BASE, HEADERS + 12, READ | WRITE | EXECUTE)]),
    "elf-data-beyond": two_loads(program_header(BASE + 0x10000, 0x10000)),
    "elf-empty": two_loads(program_header(KERNEL_HALF, 0, 7, 2 ** 64 - 1, 0)),
    "elf-zeros": zeros_behind_data(),
    "exec-lowest": linked_at(0x10000, uses_stack(b"\x77")),
    "exec-highest": linked_at(0x7FFFFFFFE000, uses_stack(b"\x72")),
    "exec-in-stack": linked_at(0x7FFFFFEFE000, uses_stack(b"\x72")),
    "pie-high": linked_at(0x7F0000000000, uses_stack(b"\x77"), 3),
    "pie-aligned": linked_at(0x7F0000201000, lies_at(0x201000 + HEADERS + 7, 0x800000)
                             + exits(0), 3, 0x800000),
    "pie-align-odd": linked_at(0, exits(0), 3, 0xC00000000000),
    "pie-align-47": linked_at(0x7F0000000000, exits(0), 3, 1 << 47),
    "pie-align-63": linked_at(0, exits(0), 3, 1 << 63),
    "elf-i386": elf(exits(0))[:18] + b"\x03\0" + elf(exits(0))[20:],
    "ia32-no-stack": elf_32(b"\x31\xed\x0f\x34"),  # xor ebp, ebp; sysenter
    "elf32-x32": elf_32(exits_32(0), machine=62),
    "elf32-above-user-half": elf_32(
        exits_32(0), [program_header_32(0xFFFFE000, HEADERS_32 + 12)],
        0xFFFFE000 + HEADERS_32),
    "elf32-in-stack": elf_32(
        exits_32(0), [program_header_32(0xFFF00000, HEADERS_32 + 12)],
        0xFFF00000 + HEADERS_32),
}
def from_glibc(_build):
    """Programs with the C library that most people have, of 32 bits."""
    names = ("hello32", "hello32-pie")
    return newc.archive({f"bin/{name}": newc.from_path(os.path.join(USER, name))
                           for name in names})


def listed(*entries):
    """An archive of (name, mode, data, ...) as newc.entry() takes them, in this order."""
    out = [newc.entry(0, *entry) if isinstance(entry, tuple) else entry for entry in entries]
    return b"".join([*out, newc.entry(0, newc.TRAILER, 0)])


def with_links(_build):
    """Two archives, with zeros in front of each, for tests/user/file/paths.c."""
    program = newc.from_path(os.path.join(USER, "paths"))
    link, regular, directory = newc.SYMLINK, newc.REGULAR, newc.DIRECTORY
    first = listed(
        (".", 0o040711), ("usr", directory), ("usr/bin", directory), ("bin", link, b"usr/bin"),
        ("init", regular, b"replaced"), ("first", regular, b"first"), ("twice", regular, b"1"),
        ("no/way", regular, b"no directory"), ("closed", 0o040700), ("loop", link, b"./loop"),
        ("closed/paths", *program), ("into", link, b"closed/paths"),
        ("dangling", link, b"usr/none"), ("sum", regular, b"\1\2\3", None, (0, 0), 6),
        ("device", 0o020600, b"", None, (5, 0x101)))
    second = listed(
        ("/bin/paths", *program), ("init", link, b"bin/paths"), ("twice", regular, b"second"),
        newc.entry(9, "bin/hard1", regular, b"", 2),
        newc.entry(9, "hard2", regular, b"data", 2))
    return bytes(512) + first + bytes(1024 - len(first) % 512) + second + bytes(512)


def large(size):
    """An archive of SIZE bytes, a multiple of 4, that has an init."""
    def filled(filler):
        return listed(("init", newc.EXECUTABLE, PROGRAMS["exit0"]),
                      ("filler", newc.REGULAR, bytes(filler)))
    return filled(size - len(filled(0)))


ARCHIVES = {
    "paths": with_links,
    "early-and-zstd": lambda build: listed(("kernel", newc.DIRECTORY)) + bytes(512)
                      + b"\x28\xb5\x2f\xfd" + bytes(64),
    "bad-sum": lambda build: listed(
        ("init", newc.EXECUTABLE, PROGRAMS["exit0"], None, (0, 0), 1)),
    "endless-init": lambda build: listed(("init", newc.SYMLINK, b"init")),
    "over-kernel": lambda build: large(31700000),
    "cut": cut,
    "lying-size": lying_size,
    "garbage": lambda build: b"This is no archive. " * 50,
    "glibc": from_glibc,
    "empty": lambda build: newc.archive({}),
}
KINDS = sorted([*PROGRAMS, *ARCHIVES])


def make(kind, build, directory):
    """Writes the archive KIND into DIRECTORY; returns its path."""
    path = os.path.join(directory, f"{kind}.cpio")
    if not os.path.exists(path):
        if kind in PROGRAMS:
            data = init(PROGRAMS[kind])
        else:
            with open(build, "rb") as file:
                data = ARCHIVES[kind](file.read())
        newc.write_whole(path, data)
    return path
