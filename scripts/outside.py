"""Reads a machine's memory from outside, as a program in ring 3 would if nobody
asked for its rights: through the page tables that its CPU has loaded.

Owns the choice of that CPU, the walk of its tables, and the same lines of output as
user/meltdown.c.  The debugger's stub of QEMU translates without asking for rights,
as speculation does.  Used by scripts/meltdown.py and tests/leak/run.py.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "gdb")]
import stub  # noqa: E402
from headers import N, read  # noqa: E402

PAGE = N["PAGE_SIZE"]
ENTRIES, LEVELS = 512, 4
TRIES, RUN_SECONDS = 100, 0.05
CHUNK = 1024  # bytes of a packet that every QEMU takes
SHOWN, BEHIND_EDGE, RIP_BELOW_TOP = 12, 16, 40  # as user/meltdown.c
MARK = re.search(r'SECRET_MARK "(.*)"', read("kernel/start/secret.h"))[1].encode()

# Name, first address, whether the ledger has pages there; ascending.
REGIONS = [
    ("elsewhere", N["KERNEL_HALF"], False),
    ("direct map", N["DIRECT_MAP_BASE"], False),
    ("elsewhere", N["DIRECT_MAP_END"], False),
    ("task stacks", N["VMAP_BASE"], False),
    ("elsewhere", N["VMAP_END"], False),
    ("LDT", N["PROCESS_ENTRY_BASE"], True),
    ("ESPFIX stacks", N["ESPFIX_BASE"], True),
    ("elsewhere", N["CEA_SLOT_BASE"], False),
    ("IDT, entry text", N["CEA_SHARED_BASE"], True),
    ("entry areas", N["CEA_BASE"], True),
    ("cpu vaults", N["VAULT_BASE"], False),
    ("elsewhere", N["VAULT_BASE"] + (1 << 39), False),
    ("kernel image", N["KERNEL_BASE"], False),
]
GATE = {name for name, _, gate in REGIONS if gate}


def region(address):
    """The name of the region around it."""
    return [name for name, start, _ in REGIONS if start <= address][-1]


def words(data):
    """64-bit words."""
    return [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]


class Outside:
    """A machine that is held by its stub, and one CPU of it."""

    def __init__(self, machine):
        self.stub = machine
        self.tables = {}

    def register(self, name):
        """Of the selected CPU."""
        text = self.stub.ask(f"p{stub.NUMBER[name]:x}")[0]
        return int.from_bytes(bytes.fromhex(text), "little")

    def in_ring_3(self, cpus):
        """The CPUs that are stopped in user mode; the last one stays selected."""
        found = []
        for cpu in range(cpus):
            self.stub.ask(f"Hg{cpu + 1:x}")
            if self.register("cs") & 3 == 3:
                found.append(cpu)
        if found:
            self.stub.ask(f"Hg{found[-1] + 1:x}")
        return found

    def wait_for_ring_3(self, cpus):
        """Runs the machine on until some CPU is stopped in user mode; which are.

        A program that has just said something is still in the kernel, as a rule.
        """
        for _ in range(TRIES):
            if found := self.in_ring_3(cpus):
                return found
            self.stub.run_for(RUN_SECONDS)
        raise stub.Lost("found no CPU in ring 3")

    def table(self, address):
        """The entries of a page table, at a physical address."""
        if address not in self.tables:
            data = b"".join(self.stub.read(address + i, CHUNK, physical=True)
                            for i in range(0, PAGE, CHUNK))
            self.tables[address] = words(data)
        return self.tables[address]

    def leaves(self):
        """(address, size, entry) of all that the loaded kernel half maps."""
        self.tables = {}
        root = self.register("cr3") & N["PTE_ADDR_MASK"]
        for slot in range(ENTRIES // 2, ENTRIES):
            yield from self.below(self.table(root)[slot], slot << 39 | 0xffff << 48, LEVELS)

    def below(self, entry, address, level):
        """The same below one entry of a table of that level."""
        if not entry & N["PTE_P"]:
            return
        if level == 1 or entry & N["PTE_PS"] and level < LEVELS:
            yield address, PAGE << 9 * (level - 1), entry
            return
        for i, lower in enumerate(self.table(entry & N["PTE_ADDR_MASK"])):
            yield from self.below(lower, address | i << 12 + 9 * (level - 2), level - 1)

    def read(self, address, size):
        """Bytes through the loaded tables; None: part of it is not mapped."""
        self.stub.address_mode(False)
        data = b""
        for at in range(address, address + size, CHUNK):
            self.stub.send(f"m{at:x},{min(CHUNK, address + size - at):x}")
            reply = self.stub.receive()
            if reply.startswith("E"):
                return None
            data += bytes.fromhex(reply)
        return data

    # ---- What user/meltdown.c prints ---------------------------------------------

    def secret(self, image):
        """The sentence, looked for in the image from its end."""
        for address in reversed(image):
            place = (self.read(address, PAGE) or b"").find(MARK)
            if place >= 0:
                text = self.read(address + place + len(MARK), 80) or b""
                return text.split(b"\0")[0].decode("ascii", "replace")
        return "not found"

    def stack(self, stacks):
        """Where the first stack has something, at its top."""
        tops = [at + PAGE for at in stacks if at + PAGE not in stacks]
        for top in tops:
            if any(self.read(top - RIP_BELOW_TOP, 2) or b""):
                return top - RIP_BELOW_TOP
        return None

    def bytes_line(self, what, address):
        """First bytes of something."""
        data = self.read(address, SHOWN) if address else None
        if data is None:
            return f"meltdown: bytes: {what:11} no answer"
        return f"meltdown: bytes: {what:11} {address:016x} {data.hex(' ')}"

    def lines(self):
        """All of it."""
        pages = {name: [] for name, _, _ in REGIONS}
        count = dict.fromkeys(pages, 0)
        espfix = set()
        for address, size, entry in self.leaves():
            name = region(address)
            if name == "ESPFIX stacks":
                if entry in espfix:
                    continue  # one page, at many addresses
                espfix.add(entry)
            pages[name].append(address)
            count[name] += size // PAGE
        yield f"meltdown: secret: {self.secret(pages['kernel image'])}"
        for what, name in (("kernel text", "kernel image"), ("direct map", "direct map")):
            yield self.bytes_line(what, pages[name] and pages[name][0] + BEHIND_EDGE)
        yield self.bytes_line("task stack", self.stack(pages["task stacks"]))
        for name, number in count.items():
            yield f"meltdown: map: {name}: {number}"
        gate = sum(number for name, number in count.items() if name in GATE)
        yield (f"meltdown: total: {sum(count.values()) - gate} hidden pages answer, "
               f"{gate} of the gate")
