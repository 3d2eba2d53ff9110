"""The state tables in the comments of entry/, against the states of the paths.

A table's rows are the steps of one kind of path; a line of code whose comment
begins with a step's number begins that step, which lasts to the next such line
or to an instruction behind which nothing follows.  A column says what holds at
each instruction of the step ("kernel"), or what the step makes of it ("->kern").
Called by scripts/check_entry.py.
"""
import os
import re

from headers import ROOT
from hints import output

# File -> whose paths its table describes.
TABLES = {
    "trampoline.asm": lambda state: state.origin == "user" and state.shadow and
                      not state.deferred,
    "shared/shared.asm": lambda state: state.origin == "user" and not state.deferred,
    "interrupt.asm": lambda state: state.origin == "user" and state.shadow and
                     not state.deferred,
    "paranoid.asm": lambda state: state.origin == "kernel" and state.shadow,
    "deferred/deferred_trampoline.asm": lambda state: state.origin == "user" and state.deferred,
    "deferred/deferred.asm": lambda state: state.origin == "user" and state.deferred,
    "direct.asm": lambda state: state.origin == "user" and not state.shadow,
}
COLUMNS = ("CR3", "GS", "RSP")
ROW = re.compile(r"^;  (\d+[a-z]?) (.*)$")
MARKER = re.compile(r";\s*(\d+[a-z]?)\b(?:,.*)?$")
STACKS = {"entry": "entry stack", "espfix": "entry stack", "ist": "IST", "task": "task",
          "handler": "IST kernel stack", "kernel": "kernel stack", "pti": "PTI"}
SHORT = {"kern": "kernel", "task stack": "task", "IST page": "IST"}
ENDS = ("jmp", "sysretq", "iretq", "ret")


def rows(lines):
    """Step -> its CR3, GS and RSP."""
    found, starts, step = {}, None, None
    for line in lines:
        if re.match(r";  .* CR3 +GS +RSP", line):
            starts = [line.index(word) for word in COLUMNS]
            continue
        match = ROW.match(line)
        step = match[1] if match else step
        if not starts or not line.startswith(";  ") or not step:
            starts = None if not line.startswith("; ") else starts
            continue
        cells = [re.split(r"\s\s+", line[start:].strip())[0].split(" ->")[0]
                 for start in starts]
        cells[1] = cells[1].split()[0] if cells[1] else ""
        if all(cells) and re.match(r"(->)?(user|kern|any|found)", cells[0]) and \
                step not in found:
            found[step] = [SHORT.get(cell, cell) for cell in cells]
    return found


def steps(paths, line_table, path, lines):
    """(step, [its instructions]) in the order of the addresses."""
    marks = {i + 1: m[1] for i, line in enumerate(lines)
             for m in [MARKER.search(line)] if m and not line.startswith(";")}
    places = {int(at, 16): int(line) for line, at in
              re.findall(rf"^(?:\S*/)?{re.escape(os.path.basename(path))}\s+(\d+)\s+(0x[0-9a-f]+)", line_table, re.M)}
    starts = {at: marks[line] for at, line in places.items() if line in marks}
    for line in marks.keys() - set(places.values()):
        # A macro's instructions have lines of their own: they follow what stands above.
        above = max((before for before in places.values() if before < line), default=0)
        last = max((at for at, before in places.items() if before == above), default=0)
        if last in paths.code:
            starts.setdefault(paths.code[last].next, marks[line])
    step, found = None, []
    for address, insn in sorted(paths.code.items()):
        if address in starts and paths.before.get(address):
            step = starts[address]
            found.append((step, []))
        if step:
            found[-1][1].append(insn)
        if insn.name in ENDS:
            step = None
    return found


def seen(state, column):
    """What a state has in a column, in the table's words."""
    if column != "RSP":
        return state.cr3 if column == "CR3" else state.gs
    value = state.reg("rsp")
    if value and value[0] == "at":
        return STACKS.get(value[1].rstrip("*"))
    return "scratch" if value and value[0] == "cr3" else "user"


def agrees(cell, column, before, after):
    """Does a cell say what the states before and after the step's instructions do?"""
    was = {seen(state, column) for state in before}
    became = {seen(state, column) for state in after}
    if cell.startswith("->"):
        want = SHORT.get(cell[2:], cell[2:])
        if want == "found":
            return any((state.cr3, state.gs) == state.found for state in after)
        return want in became and was != {want}
    if cell == "any":
        return was == {"user", "kernel"}
    allowed = {SHORT.get(word, word) for word in
               re.sub(r"[()]", "", cell).split(" or ")}
    return was <= allowed


def compare(paths, elf, directory=os.path.join(ROOT, "entry")):
    """The lines in which a comment and the code differ."""
    line_table = output("readelf", "-W", "--debug-dump=decodedline", elf)
    for path, wanted in TABLES.items():
        with open(os.path.join(directory, path), encoding="utf-8") as file:
            lines = file.read().splitlines()
        table, met = rows(lines), set()
        for step, insns in steps(paths, line_table, path, lines):
            before = [s for i in insns for s in paths.before[i.address] if wanted(s)]
            after = [s for i in insns for s in paths.after[i.address] if wanted(s)]
            if not before or step not in table:
                continue
            met.add(step)
            for column, cell in zip(COLUMNS, table[step]):
                if not agrees(cell, column, before, after):
                    was = sorted({str(seen(s, column)) for s in before})
                    became = sorted({str(seen(s, column)) for s in after})
                    yield (f"entry/{path}: step {step} at {insns[0].address:#x}: the table "
                           f"says {column} '{cell}', the code has {was}, then {became}")
        for step in sorted(table.keys() - met):
            yield f"entry/{path}: step {step} of the table marks no line of code"
