"""Shows a guest's output as it comes, with the selftests folded into one line.

Owns what a person sees of a run.  Called by scripts/run.  Lines of the KTAP
stream are held back; at its end comes a summary, with each failed case in full.
So is what a case has marked as expected: the report of a CPU that it has stopped, say.
The line on the emulator, which is long, is cut; it is for a failure's report.  Of a boot
that ends at a prompt four lines are shown; the rest is in /sys/kernel/postern there.
Everything else passes through, unfinished lines too, so that a program's
prompt is seen before its answer is typed.
"""
import re
import sys

import ktap


EXPECTED = re.compile(r"\s*# expected output (begins: .*|ends)\r?$")
EMULATOR = "emulator: "
BOOTED = "boot: "
NOT_AT_A_PROMPT = re.compile(r"(clock|mitigations|secret|boot): |address map: |  slot |"
                             r"the user PGD's kernel half shows| +\d+ pages? ")


def cut(line):
    """The line on the emulator, in fewer words."""
    name, _, rest = line.rstrip("\r").partition("; ")
    count = len(rest.split(", ")) if rest else 0
    return f"{name}; {count} differences from a processor: make run V=1" if count else name


class Folder:
    """Feed chunks of output; call finish() at the end.

    fold: there are selftests; brief: the kernel's long line is cut; place: what a whole
    line is made into, scripts/backtrace.py's; prompt: the boot is not what one waits for, and
    selftests may come more than once.
    """

    def __init__(self, out=None, fold=True, brief=False, place=str, prompt=False):
        self.out = out or sys.stdout
        self.fold = fold
        self.brief = brief
        self.place = place
        self.prompt = prompt
        self.booting = prompt  # until the prompt's program runs
        self.emulator = ""  # the line that was cut
        self.expected = False  # between a case's two marks
        self.passed = set()    # lines that went by amid the stream
        self.stream = ktap.Stream()
        self.pending = ""   # the unfinished line
        self.shown = 0      # how much of it is on the screen already
        self.note = False   # a progress note is on the screen
        self.done = False

    def clear_note(self):
        """Takes the progress note off the screen."""
        if self.note:
            self.out.write("\r\033[K")
            self.out.flush()
            self.note = False

    def write(self, text):
        """Writes and flushes; a closed pipe at the other end is no error."""
        if text:
            self.clear_note()
        self.out.write(text)
        self.out.flush()

    def feed(self, text):
        """Takes a chunk, which may end anywhere in a line."""
        self.pending += text
        *lines, self.pending = self.pending.split("\n")
        for line in lines:
            self.line(self.place(line))
            self.shown = 0
        self.partial()

    def partial(self):
        """Shows what there is of an unfinished line, unless KTAP is running."""
        if self.booting:
            return
        if self.brief and EMULATOR.startswith(self.pending[:len(EMULATOR)]):
            return
        if self.fold and self.stream.started and not self.done:
            return
        if self.fold and not self.done and "KTAP".startswith(self.pending[:4]):
            return
        self.write(self.pending[self.shown:])
        self.shown = len(self.pending)

    def line(self, line):
        """One whole line: into the stream, or onto the screen."""
        hidden = self.booting and NOT_AT_A_PROMPT.match(line)
        if self.booting and line.startswith(BOOTED):
            self.booting = False
        if self.brief and line.startswith(EMULATOR):
            self.brief, self.emulator = False, line
            hidden = self.prompt
            line = cut(line)
        if hidden:
            return
        if not self.fold or self.done:
            self.write(line[self.shown:] + "\n")
            return
        mark = EXPECTED.match(line) if self.stream.started else None
        if mark:
            self.expected = mark[1] != "ends"
        if not self.stream.feed(line) and not self.expected:
            self.write(line[self.shown:] + "\n")
            self.passed.add(ktap.clean(line))
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
        if self.stream.errors or self.stream.count(ktap.FAILED):
            self.tell_emulator()
        self.write(f"selftest: {self.stream.summary()}\n")
        if self.prompt:
            self.stream, self.done = ktap.Stream(), False

    def tell_emulator(self):
        """For a failure's report: what this machine does otherwise."""
        if self.emulator:
            self.write(self.emulator + "\n")
        self.emulator = ""

    def finish(self):
        """The guest has ended: shows what is left, and a stream cut short."""
        if self.pending and not (self.stream.started and not self.done):
            self.write(self.pending[self.shown:] + ("\n" if self.out.isatty() else ""))
        elif self.pending:
            self.line(self.pending)
        self.pending, self.shown = "", 0
        if self.fold and self.stream.started and not self.done:
            self.stream.finish()
            self.write("".join(line + "\n" for line in self.stream.detail
                               if line not in self.passed))
            self.summarize()
        self.write("")
        self.clear_note()
