"""Shows a guest's output as it comes, with the selftests folded into one line.

Owns what a person sees of a run.  Called by scripts/run.  Lines of the KTAP
stream are held back; at its end comes a summary, with each failed case in full.
Everything else passes through, unfinished lines too, so that a program's
prompt is seen before its answer is typed.
"""
import sys

import ktap


class Folder:
    """Feed chunks of output; call finish() at the end."""

    def __init__(self, out=None, fold=True):
        self.out = out or sys.stdout
        self.fold = fold
        self.stream = ktap.Stream()
        self.pending = ""   # the unfinished line
        self.shown = 0      # how much of it is on the screen already
        self.note = False   # a progress note is on the screen
        self.done = False

    def write(self, text):
        """Writes and flushes; a closed pipe at the other end is no error."""
        if self.note and text:
            self.out.write("\r\033[K")
            self.note = False
        self.out.write(text)
        self.out.flush()

    def feed(self, text):
        """Takes a chunk, which may end anywhere in a line."""
        self.pending += text
        *lines, self.pending = self.pending.split("\n")
        for line in lines:
            self.line(line)
            self.shown = 0
        self.partial()

    def partial(self):
        """Shows what there is of an unfinished line, unless KTAP is running."""
        if self.fold and self.stream.started and not self.done:
            return
        if self.fold and not self.done and "KTAP".startswith(self.pending[:4]):
            return
        self.write(self.pending[self.shown:])
        self.shown = len(self.pending)

    def line(self, line):
        """One whole line: into the stream, or onto the screen."""
        if not self.fold or self.done:
            self.write(line[self.shown:] + "\n")
            return
        if not self.stream.feed(line):
            self.write(line[self.shown:] + "\n")
            return
        self.progress()
        if self.ended():
            self.summarize()

    def ended(self):
        """True when the outermost plan is met: what follows is other output."""
        levels = self.stream.levels
        return len(levels) == 1 and 0 <= levels[0].plan <= levels[0].seen

    def progress(self):
        """On a terminal, says how far the selftests are."""
        if self.out.isatty() and self.stream.levels:
            outer = self.stream.levels[0]
            self.out.write(f"\r\033[Kselftest: {outer.seen} of {outer.plan} suites")
            self.out.flush()
            self.note = True

    def summarize(self):
        """The stream in one line, and what failed in full."""
        self.done = True
        for case in self.stream.cases:
            if case.verdict == ktap.FAILED:
                lines = [f"not ok {case.name} {case.reason}".rstrip(), *case.detail]
                self.write("".join(line + "\n" for line in lines))
        for error in self.stream.errors:
            self.write(f"selftest output is damaged: {error}\n")
        self.write(f"selftest: {self.stream.summary()}\n")

    def finish(self):
        """The guest has ended: shows what is left, and a stream cut short."""
        if self.pending and not (self.stream.started and not self.done):
            self.write(self.pending[self.shown:] + ("\n" if self.out.isatty() else ""))
        elif self.pending:
            self.line(self.pending)
        self.pending, self.shown = "", 0
        if self.fold and self.stream.started and not self.done:
            self.stream.finish()
            self.write("".join(line + "\n" for line in self.stream.detail))
            self.summarize()
        self.write("")
        if self.note:
            self.out.write("\r\033[K")
            self.out.flush()
