"""Runs unittest's tests and prints one `ok N - name` line for each.

Called by tests/test_runner.py and tests/test_tools.py, whose output
tests/run.py counts.
"""
import sys
import unittest


class TapResult(unittest.TestResult):
    """Prints as the tests end; what a failed one said stands before its line."""

    def line(self, good, test, note=""):
        """One result; the name is the first line of the test's docstring."""
        name = test.shortDescription() or test.id()
        print(f"{'ok' if good else 'not ok'} {self.testsRun} - {name}{note}",
              flush=True)

    def addSuccess(self, test):
        self.line(True, test)

    def failed(self, test, error):
        """A failure, with its trace as diagnostics."""
        text = self._exc_info_to_string(error, test)
        print("".join(f"# {line}\n" for line in text.splitlines()), end="")
        self.line(False, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.failed(test, err)

    def addSkip(self, test, reason):
        self.line(True, test, f" # SKIP {reason}")


def main(module):
    """Runs the module's tests; the exit status tells of a failure."""
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.testsRun and result.wasSuccessful() else 1)


def print_results(results):
    """Prints (good, sentence, output) as they come, the output's end where it is not
    good, and the plan; the exit status."""
    number = failed = 0
    for good, sentence, text in results:
        number += 1
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {sentence}")
        for line in text.splitlines()[-30:] if not good else []:
            print(f"  # {line}")
        sys.stdout.flush()
    print(f"1..{number}")
    return 1 if failed else 0
