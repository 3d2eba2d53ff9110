#!/usr/bin/env python3
"""Figures: what a system call costs, what the user PGD shows, what booting takes.

Called by `make bench`, never by a test.  Every boot runs under QEMU's -icount,
where the TSC counts guest instructions and a run repeats to the last one, so
the figures do not depend on how busy this machine is.  CR3 writes are counted
by logging each execution of the image's CR3-writing instructions.  Ends with 1
and a line that names them if figures are over their aims.  It takes some ten
minutes on a busy core; each boot is bounded.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import qemu  # noqa: E402

BUILD = os.path.join(os.path.dirname(HERE), "build")
KERNEL = os.path.join(BUILD, "postern.elf")
INITRAMFS = os.path.join(BUILD, "initramfs.cpio")
MKINITRAMFS = os.path.join(HERE, "mkinitramfs")
MEASURE_KERNEL = os.path.join(BUILD, "measure", "postern.elf")
TIMEOUT = 120
LONG_TIMEOUT = 900  # all suites, or one instruction at a time: for a hang
# What begins or ends a stretch for somebody else, who is the interesting one.
EVERYWHERE = ("insn.h", "sched.h", "spinlock.h", "percpu.h", "to_user.h")
WARM_UP = 100  # tests/user/time/cost.c begins with so many turns at most

INTEL = "max,vendor=GenuineIntel"

over = []  # what is over its aim
labels = []  # of all rows

# Aims are parts of Linux's figure.  Of a signal handler's way both copy the same frame;
# of a 32-bit call the way through the vDSO page is the same for both.

# label, CPU, program, its path, Linux's figure, instructions of it that clear a
# page, the aim's part of the rest, turns of the two runs that count CR3 writes
PATHS = (
    ("INT 0x80", "max", "/bin/cost", "int80", 377, 0, 0.37, (1, 1000)),
    ("32-bit SYSCALL, vDSO page's part", "max", "/bin/cost32", "sysinfo", 358, 0, 0.54, (1, 1000)),
    ("SYSENTER, vDSO page's part", INTEL, "/bin/cost32", "sysinfo", 377, 0, 0.545, (1, 1000)),
    ("page fault, page cleared", "max", "/bin/cost", "fault", 3142, 512, 0.2, (1, 1000)),
    ("timer interrupt", "max", "/bin/cost", "timer", 3532, 0, 0.135, (1, 3)),
    ("signal to self, with its return", "max", "/bin/cost", "signal", 3726, 0, 0.32, (1, 1000)),
    ("#UD to a handler and back", "max", "/bin/cost", "ud2", 3255, 0, 0.306, (1, 1000)),
    ("INT3 to a handler and back", "max", "/bin/cost", "int3", 3301, 0, 0.29, (1, 1000)),
)

# label, path, Linux's figure, aim, turns of the two runs that count CR3 writes.  What we want
# in the end is 2000 of the ping-pong: until then its aim is what must not be lost again.
PROCESSES = (
    ("sched_yield round, two processes", "switch", 3924, 800, (1, 1000)),
    ("mmap and munmap of one page", "mmap", 10398, 1200, (1, 1000)),
    ("fork, exit, wait", "fork", 80719, 20000, (1, 50)),
    ("fork, exec, exit, wait", "exec", 216263, 60000, (1, 50)),
)

# label, path, aim, Linux's figure: of the kernel that zeroes no memory when it is given
# (init_on_alloc=0), on a CPU that does not count the bytes of a copy (no ERMS).
FILES = (
    ("open, read 4 KiB, close", "open", 4000, 6979),
    ("stat", "stat", 2450, 2986),
    ("stat of a path of five parts", "path", 3550, 3988),
)

# What is measured alone and in a crowd (label, path), the crowd, how often its size doubles
# that of alone, and why it may grow faster than by LOG_STEP instructions each time.
CROWDS = (
    ("runnable", 14, 3, (("a switch of a round of yields", "switch"),), None),
    ("sleepers", 200, 8, (("sched_yield round", "switch"), ("timer interrupt", "timer"),
                          ("fork, exit, wait", "fork")), None),
    ("mappings", 500, 7, (("page fault", "fault"),), None),
    ("mappings", 500, 7, (("mmap and munmap", "mmap"),), "nodes of a tree, each summed up"),
    ("mappings", 500, 7, (("fork, exit, wait", "fork"),), "each area is copied"),
    ("threads", 500, 9, (("page fault", "fault"), ("mmap and munmap", "mmap")), None),
    ("threads", 500, 9, (("fork, exit, wait", "fork"),), "the pages of their stacks are shared"),
)
LOG_STEP = 100

# label, path, the most instructions (None: MORE than with pti=on), the most CR3 writes.
# LOOP: instructions of a turn that are the program's own, SYSCALL included.
DEFERRED = (
    ("getpid", "getpid", 45, 0),
    ("clock_gettime", "clock", 90, 0),
    ("an unknown number", "unknown", 40, 0),
    ("close: it must switch", "close", None, 2),
)
MORE, LOOP = 12, 4


def boot(cmdline, cpus=1, extra=(), cpu="max", kernel=KERNEL, timeout=TIMEOUT,
         initramfs=INITRAMFS, one_insn=False):
    """One boot at 512 MiB under icount; its output, or the end with a line."""
    machine = qemu.Machine(kernel=kernel, initramfs=initramfs, cpus=cpus, cpu=cpu,
                           cmdline=f"norandmaps {cmdline}", icount=True, one_insn=one_insn,
                           extra=list(extra))
    result = qemu.run(machine, timeout)
    if result.timed_out or result.status != qemu.PASSED:
        sys.exit(f"bench: '{cmdline}' ended with {qemu.meaning(result.status)}:\n"
                 + result.output[-1500:])
    return result.output


def number(pattern, text):
    """The number that a line of the kernel's or a program's gives."""
    match = re.search(pattern, text)
    if not match:
        sys.exit(f"bench: found no line like '{pattern}'")
    return float(match[1])


def instructions_like(program, pattern):
    """Addresses of the instructions of a program that match."""
    listing = subprocess.run(["objdump", "-d", program], check=True, text=True,
                             capture_output=True).stdout
    return {int(at, 16) for at in re.findall(rf"^\s*([0-9a-f]+):.*{pattern}", listing, re.M)}


def cr3_writers():
    """Addresses of the instructions in the image that write CR3."""
    return instructions_like(KERNEL, r"\bmov\s+%\w+,%cr3")


def executions(cmdline, addresses, cpu="max"):
    """Which of these instructions are executed in a boot, in order."""
    ranges = ",".join(f"{at:#x}+1" for at in sorted(addresses))
    with tempfile.NamedTemporaryFile(prefix="postern-bench-") as log:
        boot(cmdline, cpu=cpu, timeout=LONG_TIMEOUT, one_insn=True,
             extra=["-d", "exec,nochain", "-dfilter", ranges, "-D", log.name])
        with open(log.name, encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith("Trace"):
                    yield int(line.split("/")[1], 16)


def cr3_writes(pti, program, cpu="max"):
    """How many times CR3 is written while init is that program."""
    return sum(1 for _ in executions(f"pti={pti} init={program}", cr3_writers(), cpu))


def cr3_writes_each(pti, program, path, turns, cpu="max"):
    """Per turn: the difference of two runs that differ in turns alone."""
    few, many = turns
    # The program warms up with as many turns, up to WARM_UP.
    more = many + min(many, WARM_UP) - few - min(few, WARM_UP)
    return (cr3_writes(pti, f"{program} -- {path} {many}", cpu) -
            cr3_writes(pti, f"{program} -- {path} {few}", cpu)) / more


def row(label, value, digits, aim, linux, more=""):
    """One line of the table; aim: the most that it should be, or "-"."""
    print(f"  {label:32}{value:10.{digits}f}{aim:>8}{linux:>11}{more}", flush=True)
    labels.append(label)
    if aim != "-" and round(value, digits) > aim:
        over.append(f"{label} {value:.{digits}f} (aim {aim})")


def heading(label, columns=("", "", "")):
    """A line above some rows."""
    more = f"{columns[3]:>12}" if len(columns) > 3 else ""
    print(f"{label:34}{columns[0]:>10}{columns[1]:>8}{columns[2]:>11}{more}")


def instructions(pti, program, path, cpu="max", more="mitigations=off"):
    """Instructions that one turn takes."""
    arguments = f"pti={pti} {more} init={program} -- {path}"
    return number(rf"cost: {path}: ([\d.]+) TSC", boot(arguments, cpu=cpu))


def system_calls():
    """Instructions and CR3 writes per getppid(), both ways."""
    ticks = {}
    heading("per null system call", ("Postern", "aim", "Linux 6.1"))
    for pti, aim, linux in (("on", 90, 319), ("off", 82, 311)):
        ticks[pti] = instructions(pti, "/bin/cost", "syscall")
        row(f"instructions, pti={pti}", ticks[pti], 1, aim, linux)
    row("instructions, PTI's part", ticks["on"] - ticks["off"], 1, 8, 8)
    for pti, aim, linux in (("on", 2, 2), ("off", 0, 0)):
        row(f"CR3 writes, pti={pti}",
            cr3_writes_each(pti, "/bin/cost", "syscall", (1, 1000)), 2, aim, linux)


def other_paths():
    """Instructions and CR3 writes of the other ways in and out, pti=on.

    Of a page fault, the aim's part is without the 512 words that are cleared.
    """
    heading("per ..., pti=on", ("Postern", "aim", "Linux 6.1", "CR3 writes"))
    for label, cpu, program, path, linux, clearing, part, turns in PATHS:
        ticks = instructions("on", program, path, cpu)
        writes = cr3_writes_each("on", program, path, turns, cpu)
        aim = int((linux - clearing) * part) + clearing
        row(label, ticks, 1, aim, linux, f"{writes:12.2f}")


def pipes():
    """Instructions of bytes that go through pipes, pti=on."""
    heading("pipes, pti=on", ("Postern", "aim", "Linux 6.1"))
    for label, path, aim, linux in (("a byte in, and out", "pipe", 600, 2293),
                                    ("ping-pong over two pipes", "ping", 2300, 12353)):
        row(label, instructions("on", "/bin/cost", path), 1, aim, linux)


def files():
    """Instructions of what a program does with files in memory, pti=on."""
    heading("files in memory, pti=on", ("Postern", "aim", "Linux 6.1"))
    for label, path, aim, linux in FILES:
        row(label, instructions("on", "/bin/cost", path), 1, aim, linux)


def processes():
    """The same of what processes do; a round of yields is two switches."""
    heading("processes, pti=on", ("Postern", "aim", "Linux 6.1", "CR3 writes"))
    for label, path, linux, aim, turns in PROCESSES:
        ticks = instructions("on", "/bin/cost", path)
        writes = cr3_writes_each("on", "/bin/cost", path, turns)
        row(label, ticks, 1, aim, linux, f"{writes:12.2f}")


def memory():
    """Frames that a sleeping process and thread have, made by fork and clone."""
    heading("memory", ("frames", "", "bytes"))
    output = boot("pti=on init=/bin/cost -- frames")
    for label in ("a process", "a thread"):
        frames_each = number(rf"cost: {label}: ([\d.]+) frames", output)
        row(f"{label}, asleep", frames_each, 1, "-",
            f"{number(rf'cost: {label}: .* frames, ([0-9]+) bytes', output):.0f}")


def scale():
    """The same paths alone and in a crowd: what grows with the logarithm at most."""
    heading("scale: alone, in a crowd", ("alone", "crowd", "growth"))
    for crowd, size, doublings, paths, why in CROWDS:
        for label, path in paths:
            alone = instructions("on", "/bin/cost", path)
            output = boot("pti=on mitigations=off init=/bin/cost -- "
                          f"{crowd} {size} {path}", timeout=LONG_TIMEOUT)
            here = number(rf"cost: {path}: ([\d.]+) TSC", output)
            if crowd == "runnable":  # a round of all of them, and of two
                alone, here = alone / 2, here / (size + 2)
            text = f"{label}, {size} {crowd}"
            print(f"  {text:42}{alone:10.1f}{here:10.1f}{here - alone:10.1f}"
                  f"{'  ' + why if why else ''}", flush=True)
            if not why and here > alone + doublings * LOG_STEP:
                over.append(f"{text}: {here:.1f} (aim {alone + doublings * LOG_STEP:.1f})")


def deferred():
    """The same per call with pti=deferred: an aim is of the whole, or beside pti=on."""
    heading("per system call, pti=deferred", ("Postern", "aim", "pti=on", "CR3 writes"))
    for label, path, most, most_writes in DEFERRED:
        on, here = (instructions(pti, "/bin/cost", path) - LOOP for pti in ("on", "deferred"))
        writes = cr3_writes_each("deferred", "/bin/cost", path, (1, 1000))
        row(label, here, 1, most if most else on + MORE, f"{on:.1f}", f"{writes:12.2f}")
        if round(writes, 2) > most_writes:
            over.append(f"{label}: CR3 writes {writes:.2f} (aim {most_writes})")


def speculation():
    """What mitigations=on costs: instructions, which say nothing of VERW's or IBPB's time.

    VERW stands where a NOP is without it.  IBPB is not in it where the emulator
    has no such MSR: the boot's line says so.
    """
    heading("mitigations, pti=on", ("off", "on", "cost"))
    for label, path in (("null system call: VERW", "syscall"), ("INT 0x80: VERW", "int80"),
                        ("two switches: return stack, IBPB", "switch")):
        off, on = (instructions("on", "/bin/cost", path, more=f"mitigations={value}")
                   for value in ("off", "on"))
        print(f"  {label:32}{off:10.1f}{on:8.1f}{on - off:11.1f}", flush=True)


def roots():
    """What a root for each CPU costs: a switch copies the user half."""
    heading("roots", ("process", "cpu", "cost"))
    for label, pti, path, unit in (("two switches", "on", "switch", 1),
                                   ("two switches, pti=deferred", "deferred", "switch", 1),
                                   ("fork, exit, wait: thousands", "on", "fork", 1000)):
        process, cpu = (instructions(pti, "/bin/cost", path,
                                     more=f"mitigations=off roots={value}") / unit
                        for value in ("process", "cpu"))
        print(f"  {label:32}{process:10.1f}{cpu:8.1f}{cpu - process:11.1f}", flush=True)


def guest(name, way):
    """What one of tests/guest/bench/ says of its work, (times, instructions) each, and the
    exceptions that its table has caused."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as directory:
        archive = os.path.join(directory, "guest.cpio")
        subprocess.run([MKINITRAMFS, archive,
                        f"bin/guest={BUILD}/user/bench-{name}.elf"], check=True)
        output = boot(f"pti=on guest={way} init=/bin/guest", cpu="max,-smap",
                      initramfs=archive)
    work = [(int(times, 16), int(ticks, 16)) for times, ticks in
            re.findall(r"bench: .*: (\w{8}) times, (\w{8}) ticks", output)]
    return work, sum(number(rf"guest: .*?(\d+) {what}", output) for what in
                     ("faults on its tables", "beside them", "first loads"))


def guests():
    """What it costs to overlay a guest's table (docs/overlay.md), by what lies beside it.

    The last column is the other way: each load traps, nothing is overlaid.  A load of SS
    must trap, and says what that costs; data are then as far from the table as those of
    the guest whose table is alone on its page.
    """
    heading("guest kernels: loads and data", ("guest=all", "", "guest=one", "loads trap"))
    plain = guest("alone", "all")[0][2][1]
    for name, where in (("middle", "table among the data"), ("alone", "table on its own page"),
                        ("huge", "table over four pages")):
        ways = [guest(name, way) for way in ("all", "one")]
        (loads, _), (times, ticks), _ = ways[0][0]
        trapping = loads * ticks / times + plain
        counts = [work[0][1] + work[2][1] for work, _ in ways]
        print(f"  {where}\n    exceptions{ways[0][1]:30.0f}{ways[1][1]:19.0f}{loads:12}\n"
              f"    instructions{counts[0]:28}{counts[1]:19}{trapping:12.0f}", flush=True)


def loading_tr():
    """LTR and what each way does around it: instructions, which say nothing of the time
    of LGDT's and INVLPG's effects.  Each CPU does it once, at boot."""
    output = boot("selftest=ltr")
    heading("LTR, once a CPU", ("Postern", "aim", ""))
    for way, aim in (("remap", 480), ("reload", 360)):
        row(f"instructions, ltr={way}", number(rf"\bby {way}: (\d+) TSC ticks", output), 0,
            aim, "")


def frames():
    """Frames visible through the user PGD's kernel half."""
    heading("frames visible in the user PGD")
    for cpus in (1, 2, 4):
        shown = number(r"total: \d+ pages, (\d+) frames",
                       boot("pti=on init=/init", cpus))
        row(f"CPUs: {cpus}", shown, 0, 8 + 5 * (cpus - 1), 529 + 15 * (cpus - 1))
    for cpus in (1, 4):
        shown = number(r"total: \d+ pages, (\d+) frames",
                       boot("pti=on roots=cpu init=/init", cpus))
        row(f"CPUs: {cpus}, roots=cpu", shown, 0, 8, "-")


def booting():
    """Kernel instructions from the first one to init's, at 512 MiB."""
    ticks = number(r"boot: (\d+) TSC ticks", boot("pti=on init=/init"))
    heading("boot at 512 MiB, without firmware")
    row("million instructions to init", ticks / 1e6, 2, 30, 1700)


def place(address):
    """The function and line at an address, past what is inlined everywhere."""
    lines = subprocess.run(["addr2line", "-f", "-i", "-s", "-e", MEASURE_KERNEL, address],
                           check=True, text=True, capture_output=True).stdout.split("\n")
    names = list(zip(lines[0::2], lines[1::2]))
    for function, line in names:
        if not line.startswith(EVERYWHERE):
            return f"{function} ({line.split()[0]})"
    return names[-1][0]


def long_work():
    """The longest stretches, by the build that measures them, over all suites and two storms.

    On one CPU: under -icount the TSC counts what the others execute, too.
    """
    longest = {}
    for cmdline in ("selftest", "init=/bin/storm -- processes 4",
                    "init=/bin/storm -- threads 40"):
        output = boot(cmdline, kernel=MEASURE_KERNEL, timeout=LONG_TIMEOUT)
        for kind, ticks, begin, end, task in re.findall(
                r"^stretch: ([^:]*): (\d+), from (0x\w+)[^,]* to (0x\w+)[^,]*, (.*?)\r?$", output, re.M):
            longest.setdefault(kind, []).append((int(ticks), begin, end, task))
    heading("longest stretches of instructions", ("Postern", "aim", ""))
    for kind, aim in (("interrupts off", 50000), ("no scheduling point", 1000000)):
        found = sorted(longest.get(kind, []), reverse=True)
        if not found:
            sys.exit(f"bench: found no stretch of '{kind}'")
        row(kind, found[0][0], 0, aim, "")
        for ticks, begin, end, task in found[:3]:
            print(f"    {ticks:10}  {place(begin)} to {place(end)}, in {task}")


def main():
    """All of it, in the order of the README."""
    begin = time.monotonic()
    system_calls()
    other_paths()
    pipes()
    files()
    processes()
    memory()
    scale()
    deferred()
    speculation()
    roots()
    guests()
    loading_tr()
    frames()
    booting()
    long_work()
    print(f"bench: took {time.monotonic() - begin:.0f} s")
    with open(os.path.join(os.path.dirname(BUILD), "README.md"), encoding="utf-8") as file:
        sample = file.read().split("## Tested with")[0]
    unknown = [label for label in labels if not re.search(rf"(?m)^  {re.escape(label)} ", sample)]
    if unknown:
        sys.exit("bench: found rows that the README's sample has not: " + "; ".join(unknown))
    if over:
        sys.exit("bench: over the aim: " + "; ".join(over))


if __name__ == "__main__":
    main()
