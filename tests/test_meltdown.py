"""Tests scripts/meltdown.py's screen, and what scripts/outside.py says of addresses,
without a machine.  Called by tests/run.py.
"""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "scripts")]
import meltdown  # noqa: E402
import outside  # noqa: E402
import stub  # noqa: E402
import tapunit  # noqa: E402
from headers import N  # noqa: E402

BOOT = "secret: two wet owls hide brass keys (drawn now, told to no program)\r\n"
INSIDE = "meltdown: a far return reads its stack with the kernel's rights here\r\n"
TOTAL = "meltdown: total: {} hidden pages answer, 24 of the gate\r\n"
READ = "meltdown: secret: two wet owls hide brass keys\r\n"


def pane(pti, *texts):
    """A pane that has been fed."""
    made = meltdown.Pane(pti)
    for text in texts:
        made.feed(text)
    return made


class Panes(unittest.TestCase):
    """What a machine's output becomes."""

    def test_a_letter_is_shown_before_its_line_is_whole(self):
        """A letter of the secret is shown before its line is whole."""
        self.assertEqual(pane("off", BOOT, "meltdown: secr", "et: two w").secret, "two w")

    def test_the_verdicts(self):
        """What is as it should be, and what is not."""
        for pti, texts, good in (
                ("off", (BOOT, INSIDE, READ, TOTAL.format(2511)), True),
                ("off", (BOOT, INSIDE, READ.replace("two", "six"), TOTAL.format(2511)), False),
                ("off", (BOOT, INSIDE, "meltdown: secret: not found\n", TOTAL.format(0)), False),
                ("off", (BOOT, INSIDE, READ), False),
                ("on", (BOOT, INSIDE, "meltdown: secret: not found\n", TOTAL.format(0)), True),
                ("on", (BOOT, INSIDE, "meltdown: secret: not found\n", TOTAL.format(1)), False),
                ("on", (BOOT, INSIDE, READ, TOTAL.format(0)), False),
                ("on", (BOOT, "panic: found that\n"), False)):
            with self.subTest(pti=pti, texts=texts):
                self.assertEqual(pane(pti, *texts).verdict()[1], good)

    def test_the_map_of_both_ways(self):
        """The map's lines, of the program and from outside."""
        inside = pane("on", "meltdown: map: ffffc90000000000 task stacks        36 of  2048, x\n")
        self.assertEqual(inside.map, {"task stacks": (36, "2048")})
        self.assertEqual(pane("on", "meltdown: map: task stacks: 37\n").map,
                         {"task stacks": (37, None)})

    def test_the_screen_fits_a_terminal(self):
        """The screen leaves a line of the terminal, and is no wider."""
        rows = [f"meltdown: map: ffffc90000000000 {name:15} 1000000 of 1000000, a to b\n"
                for name in meltdown.ROWS]
        for way in (INSIDE, "meltdown: in ring 3, to be read from outside\n"):
            lines = meltdown.screen([pane(pti, BOOT, way, *rows, READ, TOTAL.format(9 ** 9))
                                     for pti in ("off", "on")])
            self.assertLess(len(lines), meltdown.LINES)
            self.assertLessEqual(max(map(len, lines)), meltdown.WIDTH)


class Held:
    """A stub of two CPUs whose second one is in user mode after some runs."""

    def __init__(self, runs):
        self.runs, self.ran, self.cpu = runs, 0, 0

    def ask(self, text):
        """Selects a CPU, or reads CS."""
        if text.startswith("Hg"):
            self.cpu = int(text[2:], 16) - 1
        return ["3300000000000000" if self.cpu and self.ran >= self.runs else "1000000000000000"]

    def run_for(self, _):
        """Time passes."""
        self.ran += 1


class Rings(unittest.TestCase):
    """The choice of the CPU through whose tables is read."""

    def test_a_program_that_is_still_in_the_kernel_is_waited_for(self):
        """A CPU comes to ring 3 later: the machine runs on until then."""
        for runs in (0, 3):
            held = Held(runs)
            self.assertEqual(outside.Outside(held).wait_for_ring_3(2), [1])
            self.assertEqual((held.ran, held.cpu), (runs, 1))

    def test_a_machine_without_ring_3_has_a_bound(self):
        """No CPU ever comes: one line."""
        with self.assertRaisesRegex(stub.Lost, "no CPU in ring 3"):
            outside.Outside(Held(10 ** 9)).wait_for_ring_3(2)


class Regions(unittest.TestCase):
    """The names of addresses."""

    def test_each_region_by_an_address_in_it(self):
        """Each region has its name."""
        for name, address in (("direct map", N["DIRECT_MAP_BASE"]), ("LDT", N["PROCESS_ENTRY_BASE"]),
                              ("task stacks", N["VMAP_BASE"] + 5), ("entry areas", N["CEA_BASE"]),
                              ("IDT, entry text", N["CEA_ENTRY_TEXT"]),
                              ("cpu vaults", N["VAULT_BASE"]), ("elsewhere", N["DIRECT_MAP_END"]),
                              ("kernel image", N["KERNEL_BASE"] + 0x100000)):
            self.assertEqual(outside.region(address), name)


if __name__ == "__main__":
    tapunit.main("__main__")
