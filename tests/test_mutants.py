"""Tests that the patches of tests/mutants/ still apply, and say what they are.

Owns the check of their form; what kills each is for `make mutants`.
Run by tests/run.py as `mutants`; by hand: python3 tests/test_mutants.py
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "mutants"))
import patches
import tapunit

HEAD = "A bug that nobody would want to have back.\nKiller: pti-on selftest=pti\n\n"
DIFF = "--- a/linker.ld\n+++ b/linker.ld\n@@ -1,1 +1,1 @@\n"


class Mutants(unittest.TestCase):
    """The patches as they are."""

    def setUp(self):
        self.machines = patches.machines_by_name()

    def test_every_mutant_applies_and_names_its_killer(self):
        """Each of them, with one line for each thing that is wrong."""
        wrong = [f"{mutant.name}: {problem}" for mutant in patches.load_all()
                 for problem in patches.problems(mutant, self.machines)]
        self.assertEqual(wrong, [])

    def test_there_are_at_least_forty(self):
        """There are as many as were promised."""
        self.assertGreaterEqual(len(patches.load_all()), 40)

    def problems(self, text):
        """What is wrong with a patch of this text."""
        head = text.split("\n\n")[0].split("\n")
        killers = [line[8:] for line in head if line.startswith("Killer: ")]
        why = " ".join(line for line in head if not line.startswith("Killer"))
        mutant = patches.Mutant("m", "m.patch", text, why, killers)
        return " ".join(patches.problems(mutant, self.machines))

    def test_a_patch_that_does_not_apply_is_found(self):
        """A patch whose code has changed under it."""
        self.assertIn("does not apply", self.problems(
            HEAD + DIFF + "-this line is not there\n+nor this\n"))

    def test_a_patch_without_header_or_killer_is_found(self):
        """A patch without a header, or whose killer is no machine."""
        with open(os.path.join(patches.ROOT, "linker.ld"), encoding="utf-8") as file:
            good = DIFF + "-" + file.readline() + "+\n"
        self.assertEqual(self.problems(HEAD + good), "")
        self.assertIn("no paragraph", self.problems("Killer: pti-on\n\n" + good))
        self.assertIn("no 'Killer:'", self.problems(HEAD.split("Killer")[0] + "\n" + good))
        self.assertIn("no machine", self.problems(HEAD.replace("pti-on", "vax") + good))
        self.assertIn("found no tests/host/test_vax.c", self.problems(
            HEAD.replace("pti-on selftest=pti", "host vax") + good))


if __name__ == "__main__":
    tapunit.main("__main__")
