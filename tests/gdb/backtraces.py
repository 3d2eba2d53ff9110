"""Checks of `bt` in entry code, instruction by instruction; runs inside gdb.

At each step gdb's frames must lead to the user's registers, or to the start of a
task, as the machine had them before it entered the kernel.  Used by session.py.
"""
import re

import gdb

import program
from drive import Unexpected, cpu, expect, expect_match, go_to, run, user_syscall_on, value

LIMIT = 400  # steps: a way that does not end is a failure
STUB = 8     # bytes
NMI, PAGE_FAULT, TIMER = 2, 14, 0xEC
PUSHF = 0x9c
WITH_LINE = re.compile(r"^#\d+ .* at (\./)?\w+/\S+:\d+$")


def outermost():
    """The last frame; what lies behind it has the address 0."""
    frame = gdb.newest_frame()
    while frame.older() and frame.older().pc():
        frame = frame.older()
    return frame


def number(frame, register):
    """A register of a frame."""
    kind = gdb.lookup_type("unsigned long")
    return int(frame.read_register(register).cast(kind))


class Expected:
    """The user's registers, taken while its frame is the innermost one."""
    NAMES = ("rip", "rsp", "rbp", "rbx", "rdi", "r12", "r15", "cs")

    def __init__(self, rip=None, unknown=()):
        """UNKNOWN: registers that gdb does not follow through C, which may change them."""
        frame = gdb.newest_frame()
        self.values = {name: number(frame, name) for name in self.NAMES if name not in unknown}
        if rip is not None:
            self.values["rip"] = rip

    def check(self):
        """Here and now."""
        where = f"at {value('$pc'):#x}"
        text = run("bt").rstrip()
        *kernel, last = text.splitlines()
        unknown = [line for line in kernel if not WITH_LINE.search(line)]
        # Behind C's PUSHF the compiler's tables are a word off, where a function has no RBP yet.
        if value("*(unsigned char *)($pc - 1)") != PUSHF:
            expect(unknown, [], f"{where}, frames without a source line")
        expect_match(rf"^#\d+ +{self.values['rip']:#018x} in user \(\)$", last,
                     f"{where}, the last line of {text}")
        frame = outermost()
        found = {name: number(frame, name) for name in self.values}
        for name, expected in self.values.items():
            expect(found[name], expected, f"{where}, the user's {name}")


class TaskStart:
    """The kernel thread that was interrupted has no user: an idle CPU's."""

    def check(self):
        """Here and now."""
        text = run("bt")
        expect_match(r"^#\d+ .*\bsched_run \(", text, f"at {value('$pc'):#x}, {text}")
        expect("user ()" in text or "??" in text, False, f"found in {text}")


def step_until(done, expected):
    """stepi until DONE(), each trace checked; returns how many."""
    steps = 0
    while not done():
        expected.check()
        steps += 1
        if steps > LIMIT:
            raise Unexpected(f"found no end after {LIMIT} steps, at {value('$pc'):#x}")
        run("stepi")
    return steps


def at(place):
    """Is the program counter at a place?  An alias stands for CPU 0's."""
    wanted = value(f"&{place}")
    return lambda: value("$pc") == wanted


def in_user():
    """Back in ring 3?"""
    return value("$cs") & 3 == 3


def stub(vector):
    """The address of a stub, as a breakpoint's place."""
    return f"*{value('&entry_stubs') + STUB * vector:#x}"


def syscall(cpu_number):
    """A whole system call, C included, in one CPU's alias."""
    user_syscall_on(cpu_number)
    user = Expected(program.GETPPID_SYSCALL + 2)
    run("stepi")
    count = step_until(in_user, user)
    expect(count > 70, True, f"{count} steps")
    expect(value("$pc"), program.GETPPID_SYSCALL + 2, "back at")


def in_and_out(function, exit_label, expected, done):
    """From a stub to the first instructions of C, and from C's return out."""
    count = step_until(at(function), expected)
    expect(count > 15, True, "steps on the way in")
    go_to(exit_label, cpu())
    count = step_until(done, expected)
    expect(count > 15, True, "steps on the way out")


def page_fault(cpu_number):
    """From the stub into C, and out again by IRET."""
    user_syscall_on(cpu_number)
    run(f"set $rdi = $rsp - {0x4000 * (1 + cpu_number):#x}")
    run(f"set $pc = {program.TOUCH:#x}")
    user = Expected()
    go_to(stub(PAGE_FAULT), cpu_number)
    in_and_out("do_trap", "*&entry_exit_to_user", user, in_user)
    expect(value("$pc"), program.TOUCH, "back at")


def timer_in_user(cpu_number):
    """A timer interrupt of a program that spins."""
    user_syscall_on(cpu_number)
    run(f"set $pc = {program.SPIN:#x}")
    user = Expected()
    for _ in range(20):
        go_to(stub(TIMER), cpu_number)
        if value("*(unsigned long *)($rsp + 8)") & 3 == 3:
            break
    in_and_out("do_trap", "*&entry_exit_to_user", user, in_user)
    expect(value("$pc"), program.SPIN, "back at")
    run(f"set $pc = {program.START:#x}")


def timer_in_kernel(cpu_number):
    """A timer interrupt of an idle CPU: the program sleeps there."""
    user_syscall_on(cpu_number)
    halt = value("(unsigned long)&idle_halt")
    for _ in range(40):  # another may come in the program's call, on its way to sleep
        go_to(stub(TIMER), cpu_number)
        interrupted = value("*(unsigned long *)$rsp")
        if interrupted in (halt, halt + 1):
            break
    in_and_out("do_trap", "*&entry_exit_to_kernel", TaskStart(),
               lambda: value("$pc") == interrupted)


def nmi_in_kernel(cpu_number):
    """An NMI at C's first instruction in a system call: the paranoid way."""
    user_syscall_on(cpu_number)
    user = Expected(program.GETPPID_SYSCALL + 2)
    go_to("*do_syscall", cpu_number)
    interrupted = value("$pc")
    run("monitor nmi")
    go_to(stub(NMI), cpu_number)
    count = step_until(at("do_paranoid"), user)
    expect(count > 60, True, "steps on the way in")
    names = re.findall(r"^#\d+ .*?(\w+) \(", run("bt"), re.M)
    wanted = ["do_paranoid", "do_syscall", "user"]
    expect([name for name in names if name in wanted],
           wanted, "functions passed")
    run("finish")
    count = step_until(lambda: value("$pc") == interrupted, user)
    expect(count > 20, True, "steps on the way out")
