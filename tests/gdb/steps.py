"""Steps the selected CPU and records each instruction; runs inside gdb.

Owns what a row of the record is: address, source line, CR3, RSP, instruction.
Used by session.py.
"""
import os
from dataclasses import dataclass

import gdb

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIMIT = 150  # instructions: a way that does not end is a failure
# Where gdb's name of an instruction is not the source's; VERW may have become a NOP.
SPELLED = {"je": {"jz"}, "jne": {"jnz"}, "sysretq": {"sysret"}, "nop": {"verw"}}


@dataclass
class Row:
    """The machine in front of one instruction."""
    pc: int
    source: str  # file:line, empty if not known
    cr3: int
    rsp: int
    text: str

    @property
    def side(self):
        """Which PGD of the pair is loaded."""
        return "user" if self.cr3 & 1 << 12 else "kernel"


def number(name):
    """A register as a number."""
    return int(gdb.parse_and_eval(f"(unsigned long)${name}"))


def here():
    """The row of the instruction that comes next."""
    pc = number("pc")
    sal = gdb.find_pc_line(pc)
    code = gdb.selected_inferior().architecture().disassemble(pc)[0]["asm"]
    source = f"{sal.symtab.filename}:{sal.line}" if sal.symtab else ""
    return Row(pc, source.removeprefix("./"), number("cr3"), number("rsp"),
               " ".join(code.split()))


def source_line(source):
    """The text of file:line."""
    name, _, line = source.rpartition(":")
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read().splitlines()[int(line) - 1]


class Steps:
    """The rows from here until DONE() says so, that one included."""

    def __init__(self, done, command="stepi"):
        self.rows = [here()]
        while not done():
            if len(self.rows) > LIMIT:
                raise gdb.error(f"found no end after {LIMIT} steps, the last at "
                                f"{self.rows[-1].source or hex(self.rows[-1].pc)}")
            gdb.execute(command, to_string=True)
            self.rows.append(here())

    def show(self, title):
        """Prints the record."""
        print(f"# {title}: {len(self.rows)} instructions")
        for row in self.rows:
            print(f"#   {row.pc:#018x} {row.source or '-':24} cr3 {row.cr3:#08x} "
                  f"{row.side:6} rsp {row.rsp:#018x}  {row.text}")

    def flips(self):
        """Each change of the PGD: (before, instruction, after)."""
        return [(a.side, a.text, b.side) for a, b in zip(self.rows, self.rows[1:])
                if a.side != b.side]

    def lines(self, prefix):
        """The source lines passed in some files, repetitions dropped."""
        lines = [row.source for row in self.rows if row.source.startswith(prefix)]
        return [line for i, line in enumerate(lines) if i == 0 or lines[i - 1] != line]


def without_line(rows):
    """The rows without a source line, or with one of another instruction.

    Assembly's line must have the very instruction that the CPU is at.
    """
    for row in rows:
        name = row.text.split()[0]
        names = {name} | SPELLED.get(name, set())
        if not row.source:
            yield row, "no source line"
        elif row.source.startswith("entry/") and \
                not names & set(source_line(row.source).split()):
            yield row, f"the line is: {source_line(row.source).strip()}"
