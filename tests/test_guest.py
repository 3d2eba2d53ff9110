"""Tests the comparison of guests' transcripts (tests/guest/run.py) without a machine.
Called by tests/run.py.
"""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "guest"), HERE, os.path.join(os.path.dirname(HERE), "scripts")]
import bad  # noqa: E402
import bounded  # noqa: E402
import run  # noqa: E402
import tapunit  # noqa: E402

SCREEN = "\x1b[H\x1b[J\x1b[1;1H"
LINES = "guest: a kernel\r\nCS reads back as 0008\r\na fault:\r\n  trap 0d\r\n{}guest: all said\r\n"


class Facts(unittest.TestCase):
    """Lines of the console."""

    def test_a_trap_belongs_to_the_line_before(self):
        """facts: what clears the screen is dropped, an indented line belongs to the one before"""
        self.assertEqual(run.facts("Postern: booted\n" + SCREEN + LINES.format("")),
                         ["guest: a kernel", "CS reads back as 0008", "a fault:  trap 0d",
                          "guest: all said"])

    def test_a_transcript_without_its_end_is_none(self):
        """facts: a transcript that was cut short is none"""
        self.assertIsNone(run.facts(LINES.format("")[:-5]))


class Table(unittest.TestCase):
    """Differences and the rows that explain them."""

    def test_a_difference_without_a_row_is_told(self):
        """unexplained: another value, and a line that is lost"""
        self.assertEqual(run.unexplained("m", ["a: 1", "b: 2"], ["a: 1", "b: 3"], []),
                         ["'b: 2' there, 'b: 3' here"])
        for other in (["a: 1"], ["a: 1", "c: 1", "b: 2"]):
            self.assertEqual(len(run.unexplained("m", ["a: 1", "b: 2"], other, [])), 1)

    def test_a_row_explains_its_place_and_its_values_alone(self):
        """unexplained: a row holds for its place, its line there and its line here"""
        table = run.rows("# what\n\nm* | b: 2 | b: [3] * | why\n")
        self.assertEqual(run.unexplained("m1", ["b: 2"], ["b: [3] x"], table), [])
        self.assertEqual(list(run.stale(table, ["m1", "other"])), [])
        for place, one, other in (("x", "b: 2", "b: [3] x"), ("m", "b: 1", "b: [3] x"),
                                  ("m", "b: 2", "b: 3 x")):
            self.assertEqual(len(run.unexplained(place, [one], [other], table)), 1)

    def test_a_row_that_explains_nothing_is_told(self):
        """stale: a row must explain something at each place that it names"""
        table = run.rows("m* | b: 2 | b: 3 | why\n")
        run.unexplained("m1", ["b: 2"], ["b: 3"], table)
        self.assertEqual(list(run.stale(table, ["m1", "m2"])), ["'b: 3' at m2"])
        self.assertEqual(list(run.stale(table, ["else"])), ["'b: 3' at m*"])

    def test_places_are_several_and_versions_may_differ(self):
        """stale: each of several places must be explained, but where versions differ none need"""
        table = run.rows("a b* | x: 2 | x: 3 | why\nc | y | z | why (Bochs 2.7)\n")
        self.assertEqual(run.unexplained("b1", ["x: 2"], ["x: 3"], table), [])
        self.assertEqual(list(run.stale(table, ["a", "b1", "c"])), ["'x: 3' at a"])

    def test_the_judgement_sees_a_short_one(self):
        """judge: a transcript of few lines is not enough"""
        ended = bounded.Result(run.PLACES[0].end, LINES.format(""), 1)
        said = list(run.judge({("guest", run.PLACES[0]): ended}, []))
        self.assertEqual([good for good, _ in said], [False])


class Bad(unittest.TestCase):
    """Guests that must be refused."""

    def test_the_line_must_be_there_once_and_the_end_be_right(self):
        """bad: no line, two lines, another status, another end"""
        row = "name", "found x, expected y", "killed by SIGILL"
        line, end = "guest: at 0: found x, expected y\r\n", "/bin/name: killed by SIGILL\r\n"
        self.assertEqual(bad.problem(row, line + end, bad.FAILED), "")
        for output, status in ((line + end, bad.PASSED), (line + line + end, bad.FAILED),
                               (end, bad.FAILED), (line, bad.FAILED)):
            self.assertTrue(bad.problem(row, output, status))


if __name__ == "__main__":
    tapunit.main("__main__")
