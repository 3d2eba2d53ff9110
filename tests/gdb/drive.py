"""What the gdb test's checks are made of: commands, expectations, ways to go.

Runs inside gdb.  Used by session.py.  Asks QEMU's monitor and gdb itself, not
the modules of scripts/gdb, for what is expected.
"""
import re

import gdb

import program


class Unexpected(Exception):
    """A check failed: what was found."""


def expect(found, expected, what):
    """Two values that should be equal; both are shown."""
    if found != expected:
        raise Unexpected(f"{what}: found {shown(found)}, expected {shown(expected)}")


def shown(value):
    """Addresses in hexadecimal."""
    return hex(value) if isinstance(value, int) and value > 255 else repr(value)


def expect_match(pattern, text, what):
    """Text that should match; returns the match."""
    found = re.search(pattern, text, re.M)
    if not found:
        raise Unexpected(f"{what}: found {text!r}, expected /{pattern}/")
    return found


def run(command):
    """A command's output."""
    return gdb.execute(command, to_string=True)


def refusal(command):
    """The one line with which a command refuses."""
    try:
        output = run(command)
    except gdb.error as error:
        return str(error)
    raise Unexpected(f"{command}: found {output!r}, expected a refusal")


def value(expression):
    """An expression's value, as a number."""
    return int(gdb.parse_and_eval(f"(unsigned long)({expression})"))


def cpu():
    """Which CPU stopped."""
    return gdb.selected_thread().num - 1


def monitor_base(number, name):
    """Base of GDT, IDT or TR of a CPU, as QEMU has it."""
    text = run("monitor info registers -a").replace("\r", "")
    section = text.split(f"CPU#{number}\n")[1]
    return int(expect_match(rf"^{name} ?= *(?:03e0 )?(\w{{16}}) ", section, name)[1], 16)


def alias(label, number):
    """A trampoline label's address for a CPU; the stride is QEMU's GDTs'."""
    stride = monitor_base(1, "GDT") - monitor_base(0, "GDT")
    return value(f"&{label}") + number * stride


def go_to(place, number=None):
    """Continues to a place; with NUMBER, until that CPU gets there."""
    point = gdb.Breakpoint(place, internal=True)
    try:
        for _ in range(20):
            run("continue")
            if number in (None, cpu()):
                return
        raise Unexpected(f"{place}: CPU {number} did not get there")
    finally:
        point.delete()


def user_syscall_on(number):
    """Brings the program to its SYSCALL instruction on the CPU wanted."""
    go_to("do_syscall")
    vault = f"((struct percpu *){value('$gs_base'):#x})"
    run(f"set variable {vault}->current->affinity.bits[0] = {1 << number}")
    go_to(f"*{program.GETPPID_SYSCALL:#x}", number)


def report(check, *arguments, sentence=None):
    """Runs a check; one line, and what went wrong below it."""
    sentence = sentence or check.__doc__
    try:
        check(*arguments)
        print(f"ok - {sentence}", flush=True)
    except Exception as error:  # whatever it is, the other checks go on
        print(f"not ok - {sentence}\n  # {type(error).__name__}: {error}", flush=True)
