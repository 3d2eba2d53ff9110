"""The table of `make strategies`, and what is counted out of logs and pages for it.

Knows nothing of how a figure was had: scripts/strategies.py.  tests/test_strategies.py
tries it.
"""
from headers import N

LABEL, COLUMN = 42, 13

COSTS = (("null call (getppid)", "syscall"), ("getpid", "getpid"),
         ("a call that must switch (close)", "close"), ("page fault, page cleared", "fault"),
         ("timer interrupt", "timer"), ("signal to self, with its return", "signal"),
         ("two switches between processes", "switch"))


# ---- Counting --------------------------------------------------------------------------

def segments(executed, mark, clock, writers):
    """Writes of CR3 in each run: between its last two readings of the clock, or of all of
    them where a loop reads it.  EXECUTED: addresses in order; the rest: what they are."""
    inside, run = False, []
    for address in executed:
        if address in mark:
            if inside:
                yield writes_in(run, clock, writers)
            inside, run = not inside, []
        elif inside:
            run.append(address)


LOOP = 8  # more readings than any run has that does not loop around them


def writes_in(run, clock, writers):
    """Of one run."""
    readings = [i for i, address in enumerate(run) if address in clock]
    if len(readings) < 2:
        raise ValueError(f"found {len(readings)} readings of the clock in a run")
    first = readings[0] if len(readings) > LOOP else readings[-2]
    return sum(address in writers for address in run[first:readings[-1]])


def is_of_other(word, poison, own):
    """Is this word, or half of it, another task's than that named OWN?"""
    return any(half >> 8 == poison and half & 0xff != own
               for half in (word & 0xffffffff, word >> 32))


def area_of(page):
    """The CPU in whose entry area a stack's page lies, or None."""
    if not N["CEA_BASE"] <= page < N["CEA_SLOT_END"]:
        return None
    cpu, offset = divmod(page - N["CEA_BASE"], N["CEA_STRIDE"])
    stacks = {N["CEA_ENTRY_STACK"]} | \
        {N["CEA_IST"] + i * N["CEA_IST_STRIDE"] for i in range(N["NR_IST"])}
    return cpu if offset in stacks else None


# ---- The table --------------------------------------------------------------------------

def cost(figures, path):
    """Instructions and writes of CR3."""
    return f"{figures['ticks', path]:.1f}, {figures['cr3', path]:g}"


def rows(short=False):
    """(label, function of a way's figures that gives the cell); None: a heading."""
    out = [("instructions, writes of CR3", None)]
    out += [(f"  {label}", lambda f, path=path: cost(f, path)) for label, path in COSTS]
    if not short:
        out += [("with PCIDs, in Bochs: instructions", None)]
        out += [(f"  {label}", lambda f, path=path: f"{f['pcid', path]:.1f}")
                for label, path in COSTS]
    out += [("shown by the tables loaded in ring 3", None)]
    out += [(f"  frames, CPUs: {cpus}", lambda f, cpus=cpus: str(f["frames", cpus]))
            for cpus in ((1,) if short else (1, 4, 64))]
    out += [("  bytes of code", lambda f: str(f["text"])),
            ("  hidden addresses in visible bytes", lambda f: str(f["hidden"]))]
    if not short:
        out += [("words of residue", None),
                ("  registers of other tasks", lambda f: str(f["registers"])),
                ("  on another CPU's entry and IST stacks", lambda f: str(f["stacks"])),
                ("injection", None),
                ("  boundaries of all paths", lambda f: str(f["boundaries"])),
                ("  NMI, #MC, #DB delivered in one call", lambda f: str(f["delivered"]))]
    return out


def lines(ways, wanted):
    """The lines; WAYS: (arguments, figures), each a column headed by its arguments."""
    heads = [arguments.split() for arguments, _ in ways]
    for depth in range(max(map(len, heads))):
        cells = [head[depth] if depth < len(head) else "" for head in heads]
        yield (" " * LABEL + "".join(f"{cell:>{COLUMN + 2}}" for cell in cells)).rstrip()
    for label, cell in wanted:
        if cell is None:
            yield label
            continue
        cells = [cell_text(cell, figures) for _, figures in ways]
        yield f"{label:{LABEL}}" + "".join(f"{text:>{COLUMN + 2}}" for text in cells)


def cell_text(cell, figures):
    """A cell, or a question mark."""
    try:
        return cell(figures)
    except KeyError:
        return "?"


def missing(ways, wanted):
    """A line for each figure that is not there."""
    return [f"strategies: {arguments}: found no figure for '{label.strip()}'"
            for arguments, figures in ways for label, cell in wanted
            if cell and cell_text(cell, figures) == "?"]
