"""Tests that the patches of tests/mutants/ still apply, and say what they are; and
that what runs them takes no failure of its own for a verdict.

Owns the check of their form; what kills each is for `make mutants`.
Run by tests/run.py as `mutants`; by hand: python3 tests/test_mutants.py
"""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "mutants"))

import patches
import boots  # in tests/, whose path patches.py has set
import tapunit
import tree
import trial

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


class Make(unittest.TestCase):
    """tree.make() of a Makefile of one rule."""

    def make(self, recipe, limit=60):
        """What it says."""
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "Makefile"), "w", encoding="utf-8") as file:
                file.write(f"all:\n\t@{recipe}\n")
            return tree.make(directory, ["all"], limit=limit)

    def test_success_is_silent(self):
        """What make prints is no complaint if it succeeds."""
        self.assertEqual(self.make("echo a warning"), "")

    def test_a_failure_has_words(self):
        """A build that fails has the compiler's words, or make's."""
        self.assertIn("no such type", self.make("echo no such type; false"))
        self.assertIn("Error 1", self.make("false"))

    def test_no_end_is_a_failure(self):
        """A make that is ended for its time says nothing: it has failed."""
        self.assertIn("no end", self.make("sleep 60", limit=0.5))

    def test_an_end_by_a_signal_is_a_failure(self):
        """A make that is killed has failed."""
        self.assertIn("status -9", self.make("kill -9 $$PPID"))


class Scripted(trial.Bench):
    """A bench on which each test takes the next of these (what failed, seconds)."""

    def __init__(self, base, mutant):
        super().__init__("")
        self.base, self.mutant, self.limits = list(base), list(mutant), []

    def run(self, killer, _tree, folder, limit):
        if folder == tree.BASE:
            return self.base.pop(0)
        self.limits.append(limit)
        return self.mutant.pop(0)


class Verdicts(unittest.TestCase):
    """What trial.Bench believes."""

    copy = tree.Tree(0)

    def test_a_failed_case_is_believed_at_once(self):
        """A failed case is believed at once, and so is success."""
        tests = Scripted([("", 5)], [("not ok", 2), ("", 5)])
        self.assertEqual(tests.judge("pti-on", self.copy), "not ok")
        self.assertEqual(tests.judge("pti-on", self.copy), "")
        self.assertEqual(tests.limits, [20, 20])

    def test_no_end_is_a_verdict_if_the_machine_is_as_fast_as_it_was(self):
        """No end is a verdict if the kernel without a mutant is as fast as it was."""
        tests = Scripted([("", 5), ("", 4)], [("no end", 20.1)])
        self.assertEqual(tests.judge("pti-on", self.copy), "no end")

    def test_no_end_on_a_machine_that_became_slow_is_tried_again(self):
        """No end on a machine that became slow is tried again, with another limit."""
        tests = Scripted([("", 5), ("", 30)], [("no end", 20.1), ("", 50)])
        self.assertEqual(tests.judge("pti-on", self.copy), "")
        self.assertEqual(tests.limits, [20, 120])

    def test_a_boot_that_was_cut_short_says_where(self):
        """A boot that was cut short says by what, or behind which case."""
        for text, words in (("ok 1 - one\r\npanic: oh\r\n", "panic: oh"),
                            ("ok 1 - one\nok 2 - two\n", "no end, behind 'ok 2 - two'"),
                            ("", "no end")):
            with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                outcome = boots.Outcome("mutant", [], ["no end"], 1, file.name)
                self.assertEqual(trial.what_failed(outcome), words)

    def test_what_fails_without_a_mutant_kills_none(self):
        """A test that fails without a mutant kills none."""
        with self.assertRaisesRegex(trial.BaseFails, "without a mutant, 'pti-on' fails: oh"):
            Scripted([("oh", 5)], []).judge("pti-on", self.copy)


if __name__ == "__main__":
    tapunit.main("__main__")
