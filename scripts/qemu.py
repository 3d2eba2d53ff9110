#!/usr/bin/env python3
"""The one place that makes a QEMU command line for Postern.

Owns the devices of the virtual machine and the meaning of QEMU's status.
Called by scripts/run, tests/run.py, the gdb scripts and `make bench`; by hand:

    scripts/qemu.py [--boot direct|bios|uefi] [--cpus N] [--mem M] ...
                    [--interactive | --timeout S] [--print] [-- QEMU ARGS...]

Without --interactive the run is bounded, its serial output goes to stdout, and
the exit status is QEMU's (124 if the time ran out).
"""
import argparse
import dataclasses
import functools
import os
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bounded  # noqa: E402

QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
OVMF = "/usr/share/ovmf/OVMF.fd"
PASSED, FAILED = 33, 35  # isa-debug-exit: (value written << 1) | 1

# A direct boot with these is the same to the last instruction from run to run,
# and the TSC counts guest instructions.
ICOUNT = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2020-01-01",
          "-seed", "1"]


@dataclasses.dataclass
class Machine:
    """What to boot, and on what; the fields are tests/machines.cfg's keys."""
    boot: str = "direct"         # direct, bios or uefi
    kernel: str = "build/postern.elf"
    iso: str = "build/postern.iso"
    machine: str = "q35"
    cpus: int = 4
    mem: str = "512M"
    cpu: str = "max"
    accel: str = "tcg"
    cmdline: str = ""            # -append: a direct boot only
    initramfs: str = ""          # -initrd: a direct boot only
    fw_cmdline: str = ""         # appended to the boot arguments by the kernel
    fw_initramfs: str = ""       # wins over every other initramfs
    icount: bool = False
    one_insn: bool = False       # TCG translates one instruction at a time
    host_log: str = ""           # a file for what the kernel says, and nobody else
    interactive: bool = False
    extra: list = dataclasses.field(default_factory=list)


def escaped(text):
    """In QEMU's options a comma in a value is written twice."""
    return text.replace(",", ",,")


def boot_options(m):
    """The part of the command line that says what is booted, and from where."""
    if m.boot == "direct":
        out = ["-kernel", m.kernel]
        out += ["-append", m.cmdline] if m.cmdline else []
        return out + (["-initrd", m.initramfs] if m.initramfs else [])
    if m.boot not in ("bios", "uefi"):
        raise ValueError(f"found boot '{m.boot}', expected direct, bios or uefi")
    if m.cmdline or m.initramfs:
        raise ValueError("an ISO brings its own boot arguments and initramfs; "
                         "use the fw_ ones")
    firmware = ["-bios", OVMF] if m.boot == "uefi" else []
    drive = f"file={escaped(m.iso)},if=none,id=cd,format=raw,readonly=on"
    return firmware + ["-drive", drive,
                       "-device", "ide-cd,drive=cd,bus=ide.0,bootindex=0"]


def fw_cfg_options(m):
    """Files that the kernel reads through QEMU's firmware configuration device."""
    out = []
    if m.fw_cmdline:
        out += ["-fw_cfg", "name=opt/org.postern/cmdline,string="
                + escaped(m.fw_cmdline)]
    if m.fw_initramfs:
        out += ["-fw_cfg", "name=opt/org.postern/initramfs,file="
                + escaped(m.fw_initramfs)]
    return out


def serial_options(m):
    """COM1 on stdio; by hand with the monitor behind Ctrl-A.  Ctrl-C quits, if QEMU has
    the terminal itself."""
    if not m.interactive:
        return ["-serial", "stdio", "-monitor", "none"]
    return ["-chardev", "stdio,id=com1,mux=on,signal=on",
            "-serial", "chardev:com1", "-mon", "chardev=com1"]


def host_log_options(m):
    """The port that kernel/base/ports.h calls PORT_HOST."""
    if not m.host_log:
        return []
    return ["-chardev", f"file,id=host,path={escaped(m.host_log)}",
            "-device", "isa-debugcon,iobase=0xe8,readback=0x50,chardev=host"]


@functools.cache
def has_singlestep():
    """Has this QEMU -singlestep?  From 10.0 on it is a property of the accelerator."""
    found = subprocess.run([QEMU, "-help"], capture_output=True, text=True, check=False)
    return "\n-singlestep" in found.stdout


def command(m):
    """The whole command line, as a list.

    With -icount without x2APIC: QEMU 10.0 ends at a WRMSR of it with "Bad icount read".
    """
    accel, cpu = m.accel, m.cpu + (",-x2apic" if m.icount else "")
    single = m.one_insn and has_singlestep()
    if m.one_insn and not single:
        accel += ",one-insn-per-tb=on"
    return [QEMU, "-nodefaults", "-no-reboot", "-display", "none",
            "-machine", m.machine, "-accel", accel, "-cpu", cpu,
            "-smp", str(m.cpus), "-m", m.mem,
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            *serial_options(m), *host_log_options(m), *boot_options(m), *fw_cfg_options(m),
            *(ICOUNT if m.icount else []), *(["-singlestep"] if single else []), *m.extra]


def meaning(status):
    """What a status of QEMU says of the guest, in words."""
    if status == PASSED:
        return "passed"
    if status == FAILED:
        return "a failed case, a failed init, or a panic"
    if status == 0:
        return "no verdict: quit by hand, powered off, reset, or a triple fault"
    if status < 0:
        return f"ended by signal {-status}"
    return "QEMU itself failed" if status == 1 else "no status of Postern's"


def run(m, timeout, on_output=lambda chunk: None, **options):
    """One bounded boot; OPTIONS are Popen's.  Returns bounded.Result."""
    return bounded.run(command(m), timeout, on_output, **options)


def parse(argv):
    """Machine and options from the command line; one flag per field."""
    own, extra = argv, []
    if "--" in argv:
        own, extra = argv[:argv.index("--")], argv[argv.index("--") + 1:]
    parser = argparse.ArgumentParser(
        description="Boots Postern in QEMU; what follows -- goes to QEMU as it is.")
    for field in dataclasses.fields(Machine):
        flag = "--" + field.name.replace("_", "-")
        if field.name == "extra":
            continue
        if field.type is bool:
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=field.type, default=field.default)
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--print", action="store_true",
                        help="print the command line, do not run it")
    options = parser.parse_args(own)
    names = [f.name for f in dataclasses.fields(Machine) if f.name != "extra"]
    machine = Machine(**{name: getattr(options, name) for name in names})
    machine.extra = extra
    return machine, options


def main(argv):
    """The command line."""
    machine, options = parse(argv)
    try:
        line = command(machine)
    except ValueError as error:
        sys.exit(f"qemu: {error}")
    if options.print:
        print(shlex.join(line))
        return 0
    if machine.interactive:
        os.execvp(line[0], line)

    def show(chunk):
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
    result = bounded.run(line, options.timeout, show)
    if result.timed_out:
        print(f"qemu: no end after {options.timeout:.0f} s", file=sys.stderr)
        return 124
    return result.status if result.status >= 0 else 128 - result.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
