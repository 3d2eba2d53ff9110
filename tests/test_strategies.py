"""Tests the table of `make strategies` and what is counted for it.

Run by tests/run.py as `strategies`; by hand: python3 tests/test_strategies.py
"""
import os
import tempfile
import types
import unittest

import boots  # noqa: F401  sets the path to scripts/
import tapunit
import strategies
import strategies_table as table
from headers import N, area

MARK, CLOCK, WRITER = {1}, {2, 3}, {8, 9}


def figures_of(way=0):
    """Of a way, all of them, each another number."""
    keys = [(kind, path) for kind in ("ticks", "cr3", "pcid") for _, path in table.COSTS]
    keys += [("frames", cpus) for cpus in (1, 4, 64)]
    keys += ["text", "hidden", "registers", "stacks", "boundaries", "delivered"]
    return {key: 1000 * way + i for i, key in enumerate(keys)}


class Counting(unittest.TestCase):
    """Out of logs and pages."""

    def segments(self, *executed):
        """Of a log."""
        return list(table.segments(executed, MARK, CLOCK, WRITER))

    def test_segments(self):
        """strategies: CR3 writes count between the clock's last readings, in marked runs"""
        self.assertEqual(self.segments(8, 2, 9, 1, 8, 2, 9, 8, 3, 8, 1, 9, 1, 2, 2, 1), [2, 0])
        self.assertEqual(self.segments(1, 2, 8, 2, 9, 9, 2, 1), [2])  # a call before the loop
        self.assertEqual(self.segments(1, 8, 2, *[8, 2] * 20, 8, 1), [20])  # it reads in the loop
        self.assertEqual(self.segments(1, 2, 8, 3), [])  # cut short
        with self.assertRaises(ValueError):
            self.segments(1, 8, 1)

    def test_others(self):
        """strategies: a word of another task is told from one's own, in either half"""
        self.assertTrue(table.is_of_other(0x5ec0de07, 0x5ec0de, 6))
        self.assertTrue(table.is_of_other(0x5ec0de0700000000, 0x5ec0de, 6))
        self.assertFalse(table.is_of_other(0x5ec0de065ec0de06, 0x5ec0de, 6))
        self.assertFalse(table.is_of_other(0x5ec0df07, 0x5ec0de, 6))

    def test_areas(self):
        """strategies: entry and IST stacks are known by their CPU, other pages by none"""
        self.assertEqual(table.area_of(area(3) + N["CEA_ENTRY_STACK"]), 3)
        self.assertEqual(table.area_of(area(0) + N["CEA_IST"] + N["CEA_IST_STRIDE"]), 0)
        self.assertIsNone(table.area_of(area(1) + N["CEA_GDT"]))
        self.assertIsNone(table.area_of(N["CEA_ENTRY_TEXT"]))
        self.assertIsNone(table.area_of(N["VAULT_BASE"] + N["CEA_ENTRY_STACK"]))

    def test_ticks(self):
        """strategies: a path of which the program says nothing is missed"""
        text = "".join(f"cost: {path}: {i}.5 TSC ticks each\n"
                       for i, path in enumerate(strategies.PATHS))
        self.assertEqual(strategies.ticks(text)["getpid"], 1.5)
        with self.assertRaisesRegex(strategies.Missing, "no line of cost for close"):
            strategies.ticks(text.replace("cost: close", "cost: clos"))


class Table(unittest.TestCase):
    """What is printed."""

    def test_whole(self):
        """strategies: each figure stands in its way's column, and none is left out"""
        ways = [(f"pti=on way={i}", figures_of(i)) for i in range(3)]
        text = list(table.lines(ways, table.rows()))
        self.assertEqual(table.missing(ways, table.rows()), [])
        self.assertEqual([line.split() for line in text[:2]],
                         [["pti=on"] * 3, ["way=0", "way=1", "way=2"]])
        for i, (_, figures) in enumerate(ways):
            end = table.LABEL + (table.COLUMN + 2) * (i + 1)
            column = " ".join(line[end - table.COLUMN - 2:end] for line in text[2:])
            words = column.replace(",", " ").split()
            for key, value in figures.items():
                self.assertTrue(str(value) in words or f"{value}.0" in words, key)

    def test_missing(self):
        """strategies: a figure that could not be had is a question mark, and a failure"""
        figures = figures_of()
        del figures["cr3", "timer"], figures["frames", 64]
        ways = [("pti=on", figures)]
        text = "\n".join(table.lines(ways, table.rows()))
        self.assertEqual(text.count("?"), 2)
        self.assertEqual(table.missing(ways, table.rows()), [
            "strategies: pti=on: found no figure for 'timer interrupt'",
            "strategies: pti=on: found no figure for 'frames, CPUs: 64'"])

    def test_job_fails(self):
        """strategies: a job that fails leaves a line with its way, and the others go on"""
        def bad(_way, _directory):
            yield "text", 1
            raise strategies.Missing("found nothing")
        figures, problem = strategies.measure(bad, types.SimpleNamespace(arguments="pti=on"))
        self.assertEqual((figures, problem), ({}, "strategies: pti=on: Missing: found nothing"))

    def test_kept(self):
        """strategies: what has been had is there for the next run, of the same image alone"""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "kept")
            strategies.Kept(path).put(strategies.SHORT, "cr3", {("cr3", "fault"): 2.0, "text": 1})
            again = strategies.Kept(path)
            self.assertEqual(again.get(strategies.SHORT, "cr3"), {("cr3", "fault"): 2.0, "text": 1})
            self.assertIsNone(again.get(strategies.SHORT, "residue"))
            self.assertIsNone(again.get(strategies.WAYS[0], "cr3"))
            with open(path, encoding="utf-8") as file:
                text = file.read().replace(again.image, "another")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.assertIsNone(strategies.Kept(path).get(strategies.SHORT, "cr3"))


if __name__ == "__main__":
    tapunit.main("__main__")
