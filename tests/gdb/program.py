"""The program that the gdb test debugs: two system calls in a loop.

Used on both sides of the test: run.py packs it, session.py knows where its
SYSCALL instructions are.  It never ends.  The sleep is there because a task
that wakes up is put on a CPU that its affinity allows.  Two pieces are never
reached but by setting the program counter: TOUCH and SPIN.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import initrds  # noqa: E402

GETPPID, NANOSLEEP = 110, 35
START = initrds.BASE + initrds.HEADERS
GETPPID_SYSCALL = START + 5  # behind a MOV of five bytes
TOUCH = START + 0x40         # a byte at rdi, then as at the start
SPIN = START + 0x50          # a loop of one instruction
NANOSECONDS = 200_000


def mov_eax(value):
    """mov eax, value"""
    return b"\xb8" + struct.pack("<I", value)


def archive():
    """An initramfs with the program as /init."""
    syscall = b"\x0f\x05"
    code = mov_eax(GETPPID) + syscall
    # lea rdi, [rel time]; xor esi, esi; mov eax, 35; syscall; jmp START
    rest = b"\x31\xf6" + mov_eax(NANOSLEEP) + syscall + b"\xeb"
    code += b"\x48\x8d\x3d" + struct.pack("<i", len(rest) + 1) + rest
    code += struct.pack("<b", -(len(code) + 1))
    code += struct.pack("<QQ", 0, NANOSECONDS)
    code = code.ljust(TOUCH - START, b"\x90") + b"\x88\x07\xeb"  # mov [rdi], al; jmp
    code += struct.pack("<b", -(len(code) + 1))
    return initrds.init(initrds.elf(code.ljust(SPIN - START, b"\x90") + b"\xeb\xfe"))
