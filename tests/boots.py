"""Makes one boot of the matrix and judges it.

Owns the verdict on a boot: QEMU's status, the KTAP stream, the lines that must
and must not be there.  Called by tests/run.py, from several threads.
"""
import dataclasses
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import bochs  # noqa: E402
import bounded  # noqa: E402
import firmware  # noqa: E402
import initrds  # noqa: E402
import ktap  # noqa: E402
import qemu  # noqa: E402

BUILD = os.path.join(ROOT, "build")
KERNEL = os.path.join(BUILD, "postern.elf")
DEBUG_KERNEL = os.path.join(BUILD, "debug/postern.elf")
ISO = os.path.join(BUILD, "postern.iso")
INITRAMFS = os.path.join(BUILD, "initramfs.cpio")
TAP = re.compile(r"^(ok|not ok)\b(?: (\d+))?(?: (?:- )?(.*?))?"
                 r"(?: ?# (SKIP)\b ?(.*))?$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)$")


@dataclasses.dataclass
class Outcome:
    """What a job of the runner came to."""
    name: str
    cases: list
    problems: list      # of the job as a whole: they count as one failed case
    seconds: float
    log: str
    cpu: float = 0.0    # seconds of processor time: on a busy machine, what to compare
    kernel: str = KERNEL  # what was booted

    def count(self, verdict):
        """Cases that ended so; problems count as one failure."""
        number = sum(case.verdict == verdict for case in self.cases)
        return number + (verdict == ktap.FAILED and bool(self.problems))


def initramfs(kind, directory):
    """The path of the initramfs KIND, made if need be; empty for none."""
    if kind in ("", "none"):
        return ""
    return INITRAMFS if kind == "build" else \
        initrds.make(kind, INITRAMFS, directory)


def make_iso(boot, directory, kernel):
    """An ISO with this boot's arguments in its GRUB line."""
    path = os.path.join(directory, f"{boot.name}.iso")
    made = subprocess.run(
        [os.path.join(ROOT, "scripts/mkiso"), kernel,
         initramfs(boot.initramfs, directory) or os.devnull, path, boot.cmdline],
        capture_output=True, text=True, check=False)
    if made.returncode:
        raise OSError(f"mkiso: {made.stderr.strip()}")
    return path


def ignore(_chunk):
    """For who does not look at the output as it comes."""


def start(boot, directory, scale, extra, on_output, kernel):
    """Boots; returns bounded.Result."""
    timeout = boot.timeout * scale
    if boot.boot == "bochs":
        return bochs.run(make_iso(boot, directory, kernel), timeout, boot.cpus, boot.cpu,
                         int(boot.mem.removesuffix("M")))
    m = qemu.Machine(boot=boot.boot, kernel=kernel, iso=ISO, machine=boot.machine,
                     cpus=boot.cpus, mem=boot.mem, cpu=boot.cpu, icount=boot.icount,
                     fw_initramfs=initramfs(boot.fw_initramfs, directory),
                     extra=list(extra))
    if boot.firmware:
        m.machine += ",acpi=off"
        m.extra += firmware.options(boot.firmware, directory)
    if boot.boot == "direct":
        m.initramfs = initramfs(boot.initramfs, directory)
    if boot.args_by == "append":
        m.cmdline = boot.cmdline
    elif boot.args_by == "fw_cfg":
        m.fw_cmdline = boot.cmdline
    else:
        m.iso = make_iso(boot, directory, kernel)
    with tempfile.TemporaryFile(dir=directory) as typed:
        typed.write(boot.typed)
        typed.seek(0)
        return qemu.run(m, timeout, on_output, stdin=typed)


def tap_cases(text):
    """Cases of plain `ok N name` lines, as user programs print them."""
    cases = []
    for raw in text.splitlines():
        match = TAP.match(ktap.clean(raw))
        if not match:
            continue
        verdict = ktap.PASSED if match[1] == "ok" else ktap.FAILED
        reason = match[5] or ""
        if match[4] and verdict == ktap.PASSED:
            verdict = ktap.SKIPPED if reason else ktap.FAILED
            reason = reason or "skipped without a reason"
        cases.append(ktap.Case(match[3] or f"case {match[2]}", verdict, reason))
    return cases


def tap_problems(lines, cases):
    """A program that was cut short printed no plan: Bochs has no status to say so."""
    plans = [int(plan[1]) for plan in map(TAP_PLAN.match, lines) if plan]
    if not cases:
        yield "found no 'ok' lines"
    elif plans != [len(cases)]:
        yield f"found {len(cases)} 'ok' lines, and the plans {plans}"


def unexpected_lines(boot, lines):
    """Lines that tell of trouble nobody provoked."""
    for line in lines:
        if any(p.search(line) for p in boot.unexpected) and \
                not any(p.search(line) for p in boot.expected):
            yield line


def line_problems(boot, lines):
    """What is wrong with the lines that are no KTAP."""
    for pattern in boot.must:
        if not any(pattern.search(line) for line in lines):
            yield f"found no line with '{pattern.pattern}'"
    behind = iter(lines)
    for pattern in boot.in_order:
        if not any(pattern.search(line) for line in behind):
            yield f"found no line with '{pattern.pattern}' behind those of the ones before"
            break
    for pattern in boot.must_not:
        for line in lines:
            if pattern.search(line):
                yield f"found a line that must not be: {line}"
                break
    troubles = list(unexpected_lines(boot, lines))
    for line in troubles[:3]:
        yield f"unexpected: {line}"
    if len(troubles) > 3:
        yield f"and {len(troubles) - 3} more unexpected lines"


def end_problems(boot, result):
    """What is wrong with how the emulator ended."""
    if result.timed_out:
        yield f"found no end after {result.seconds:.0f} s"
    elif result.too_long:
        yield f"found more than {bounded.OUTPUT_LIMIT >> 20} MiB of output"
    elif boot.boot == "bochs":  # which has no status: 0 for an end by the guest
        if result.status:
            yield "Bochs ended, but not by the guest"
    elif result.status != boot.status:
        yield (f"found QEMU status {result.status} "
               f"({qemu.meaning(result.status)}), expected {boot.status}")


def judge(boot, result):
    """The verdict on a boot that has ended: its cases and its problems."""
    stream = ktap.Stream()
    lines = [ktap.clean(raw) for raw in result.output.splitlines()]
    others = [line for line in lines if not stream.feed(line)]
    problems = list(end_problems(boot, result))
    if problems and result.status == qemu.FAILED and stream.count(ktap.FAILED):
        problems = []  # the failed cases say why
    problems += line_problems(boot, others)
    if boot.stream == "ktap":
        stream.finish()
        problems += stream.errors[:5]
        if stream.suites < boot.suites:
            problems.append(f"found {stream.suites} suites, "
                            f"expected at least {boot.suites}")
        return stream.cases, problems
    if stream.started != (boot.stream == "cut"):
        problems.append(f"found {'a' if stream.started else 'no'} KTAP stream, "
                        f"expected {boot.stream}")
    if boot.stream == "tap":
        cases = tap_cases(result.output)
        return cases, problems + list(tap_problems(lines, cases))
    return ([] if problems else [ktap.Case("boot", ktap.PASSED)]), problems


def run(boot, directory, logs, scale=1.0, extra=(), on_output=ignore, kernel=""):
    """Boots, writes the log, judges.

    EXTRA is for QEMU's command line; what on_output raises ends the boot.  KERNEL
    is the image if it is not the build's.
    """
    log = os.path.join(logs, f"{boot.name}.log")
    kernel = kernel or (DEBUG_KERNEL if boot.debug else KERNEL)
    try:
        result = start(boot, directory, scale, extra, on_output, kernel)
    except (OSError, ValueError) as error:
        return Outcome(boot.name, [], [str(error)], 0.0, "")
    os.makedirs(logs, exist_ok=True)
    with open(log, "w", encoding="utf-8") as file:
        file.write(result.output)
    cases, problems = judge(boot, result)
    return Outcome(boot.name, cases, problems, result.seconds, log, result.cpu, kernel)
