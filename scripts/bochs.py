#!/usr/bin/env python3
"""Boots an ISO in Bochs without a screen, for a bounded time.

Owns the bochsrc.  Called by tests/run.py; by hand:

    scripts/bochs.py ISO [--cpus N] [--model M] [--mem MIB] [--timeout S]

Bochs has no fw_cfg: boot arguments must be in the ISO (scripts/mkiso).  COM1
goes to a file, which is followed.  The guest ends the run with "Shutdown" on
port 0x8900; Bochs has no status to give, so success must be read from the
output.  The script exits with 0 if the guest ended the run so, else with 1.
"""
import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bounded  # noqa: E402

BOCHS = os.environ.get("BOCHS", "bochs-bin")
ENDED_BY_GUEST = "Shutdown port: shutdown requested"
MAX_CPUS = 8  # cores in Bochs's one package

# A second of the guest is `ips` instructions of all its CPUs: the fewer, the sooner is
# over what waits, as the BIOS and GRUB do; too few, and timers are all that happens.
# The display is a curses one without a terminal: it needs a known TERM only.
# Bochs stops on a guest's panic or triple fault instead of asking what to do.
CONFIG = """\
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1
config_interface: textconfig
display_library: term
cpu: model={model}, count=1:{cpus}:1, ips=20000000, reset_on_triple_fault=0
memory: guest={mem}, host={mem}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
port_e9_hack: enabled=1
com1: enabled=1, mode=file, dev="{com1}"
log: {log}
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""


def prepare(directory, iso, cpus, model, mem):
    """Writes the bochsrc and the debugger's commands; returns Bochs's argv."""
    if not 1 <= cpus <= MAX_CPUS:
        raise ValueError(f"found {cpus} CPUs, expected 1 to {MAX_CPUS} in Bochs")
    paths = {name: os.path.join(directory, name)
             for name in ("bochsrc", "commands", "com1", "log")}
    with open(paths["bochsrc"], "w", encoding="utf-8") as file:
        file.write(CONFIG.format(iso=os.path.abspath(iso), cpus=cpus, mem=mem,
                                 model=model, com1=paths["com1"],
                                 log=paths["log"]))
    with open(paths["commands"], "w", encoding="utf-8") as file:
        file.write("c\n")  # Debian's Bochs starts in its debugger: continue
    with open(paths["com1"], "w", encoding="utf-8"):
        pass
    return [BOCHS, "-q", "-f", paths["bochsrc"], "-rc", paths["commands"]], paths


def read(path):
    """A file's text; Bochs may not have come as far as making it."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def run(iso, timeout, cpus=2, model="corei7_skylake_x", mem=512):
    """One bounded boot; returns bounded.Result with COM1 as its output.

    The status is 0 if the guest ended the run, else 1, and the output then
    ends with the last words of Bochs.
    """
    with tempfile.TemporaryDirectory(prefix="postern-bochs-") as directory:
        argv, paths = prepare(directory, iso, cpus, model, mem)
        result = bounded.run(argv, timeout, cwd=directory,
                             env={**os.environ, "TERM": "vt100"})
        by_guest = ENDED_BY_GUEST in result.output + read(paths["log"])
        last_words = read(paths["log"]) or result.output
        result.output = read(paths["com1"])
    result.status = 0 if by_guest else 1
    if not by_guest:
        result.output += "\n-- from Bochs's log --\n" + telling(last_words)
    return result


def telling(log):
    """Bochs's complaints, which a dump of all registers follows, and its end."""
    lines = log.splitlines()
    complaints = [line for line in lines[:-10] if ">>PANIC<<" in line]
    return "\n".join(complaints[-5:] + lines[-10:]) + "\n"


def main(argv):
    """The command line; prints COM1's output at the end of the run."""
    parser = argparse.ArgumentParser(description="Boots an ISO in Bochs.")
    parser.add_argument("iso")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--model", default="corei7_skylake_x")
    parser.add_argument("--mem", type=int, default=512, help="MiB")
    parser.add_argument("--timeout", type=float, default=120.0)
    options = parser.parse_args(argv)
    if not os.path.isfile(options.iso):
        sys.exit(f"bochs: {options.iso}: not found")
    try:
        result = run(options.iso, options.timeout, options.cpus, options.model,
                     options.mem)
    except ValueError as error:
        sys.exit(f"bochs: {error}")
    sys.stdout.write(result.output)
    if result.timed_out:
        sys.exit(f"bochs: no end after {options.timeout:.0f} s")
    return result.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
