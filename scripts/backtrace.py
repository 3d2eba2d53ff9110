"""File and line behind the names of a back-trace that the kernel has printed.

Owns what a line of one looks like to the host.  Used by scripts/run and tests/run.py, which
have the ELF at hand; without addr2line, or for another text, a line stays as it is.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(HERE, "gdb"))

FRAME = re.compile(r"^  (0x[0-9a-f]+) [\w.]+\+(0x[0-9a-f]+)(?: \[cpu \d+\])?$")
EVENT = re.compile(r"^  <[^>]+>$")
INTERRUPTED = re.compile(r"^ RIP 0x[0-9a-f]+ ")
END = re.compile(r"^  (user: |start$|\?$)")


class Places:
    """Lines of output, in their order, with a place behind each frame; use with `with`."""

    def __init__(self, elf):
        self.elf = elf
        self.process = None
        self.exact = False  # the next frame is an instruction, not a return address

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()

    def ask(self, address):
        """addr2line's answer, of one process for all addresses."""
        if not self.process:
            self.process = subprocess.Popen(["addr2line", "-e", self.elf], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL)
        self.process.stdin.write(f"{address:#x}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split(" (")[0].strip()

    def place(self, address):
        """`file:line` from the root of the tree, or nothing."""
        from headers import N  # reads the kernel's, which only a frame needs
        if N["CEA_BASE"] <= address < N["CEA_SLOT_END"]:
            address = N["CEA_BASE"] + (address - N["CEA_BASE"]) % N["CEA_STRIDE"]
        try:
            answer = self.ask(address)
        except OSError:
            return ""
        if "?" in answer:
            return ""
        *directories, file = os.path.relpath(os.path.join(ROOT, answer), ROOT).split("/")
        half = len(directories) // 2
        if directories[:half] == directories[half:]:  # NASM's lines: the directory twice
            directories = directories[half:]
        return "/".join([*directories, file])

    def line(self, text):
        """The line, with the place behind it if it is a frame's."""
        frame = FRAME.match(text)
        if frame:
            behind_call = not self.exact and int(frame[2], 16) > 0
            text = f"{text} {self.place(int(frame[1], 16) - behind_call)}".rstrip()
        if EVENT.match(text) or INTERRUPTED.match(text):
            self.exact = True
        elif frame or END.match(text):
            self.exact = False
        return text
