"""Reads tests/machines.cfg and the files beside it: the boots that `make test`
makes, as data.

Owns the keys of these files and their checks.  Called by tests/run.py.
A mistake in the file is one line that names the section and the key.
"""
import configparser
import dataclasses
import fnmatch
import glob
import os
import re

import firmware
import initrds

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = [os.path.join(HERE, name) for name in
         ("machines.cfg", "separation.cfg", "panics.cfg", "programs.cfg", "firmware.cfg", "cpus.cfg")]
BOOTS = ("direct", "bios", "uefi", "bochs")
ROUNDS = ("all", "few")
STREAMS = ("ktap", "tap", "cut", "none")
SUITE = re.compile(r"^SELFTEST_SUITE(\w*)\((\w+),", re.M)
WAYS = {"direct": "append", "bios": "fw_cfg", "uefi": "fw_cfg", "bochs": "grub"}


@dataclasses.dataclass
class Boot:
    """One section; the head of tests/machines.cfg says what each key means."""
    name: str
    boot: str = "direct"
    machine: str = "q35"
    cpus: int = 2
    mem: str = "512M"
    cpu: str = "max"
    cmdline: str = ""
    leave_out: str = ""
    rounds: str = "all"
    args_by: str = ""
    initramfs: str = "build"
    fw_initramfs: str = ""
    firmware: str = ""
    timeout: float = 60.0
    status: int = 33
    stream: str = "ktap"
    suites: int = 1
    typed: bytes = b""
    must: list = dataclasses.field(default_factory=list)
    must_not: list = dataclasses.field(default_factory=list)
    in_order: list = dataclasses.field(default_factory=list)
    unexpected: list = dataclasses.field(default_factory=list)
    expected: list = dataclasses.field(default_factory=list)
    quick: bool = False
    debug: bool = False
    icount: bool = False


class Mistake(ValueError):
    """What is wrong in the file, with its place."""


def convert(field, section):
    """The value of one key, as the type of its field."""
    text = section[field.name]
    if field.type is bool:
        return section.getboolean(field.name)
    if field.type is list:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return [re.compile(line) for line in lines]
    if field.type is bytes:
        joined = "".join(line.strip() for line in text.splitlines())
        return joined.encode().decode("unicode_escape").encode("latin-1")
    return field.type(text.strip())


def all_suites():
    """Names of the suites that `selftest` runs, and of those that run by name alone."""
    found = ([], [])
    for path in glob.glob(os.path.join(HERE, "**", "*.c"), recursive=True):
        with open(path, encoding="utf-8") as file:
            for kind, name in SUITE.findall(file.read()):
                found[bool(kind)].append(name)
    return found


def start_of(name, others):
    """The shortest glob that matches it and none of the others."""
    starts = (name[:i] for i in range(1, len(name)))
    return next((s + "*" for s in starts if not any(o.startswith(s) for o in others)), name)


def leave_out(boot):
    """Writes out `selftest` as the suites that the boot does not leave out; the kernel
    takes words of 287 bytes, so short ones."""
    names, by_name = all_suites()
    words, globs = boot.cmdline.split(), boot.leave_out.split()
    unknown = [g for g in globs if not fnmatch.filter(names, g)]
    if unknown or "selftest" not in words:
        raise ValueError(f"leave_out: found {' '.join(unknown) or boot.cmdline}, "
                         "expected names of suites, and `selftest` in cmdline")
    gone = {name for g in globs for name in fnmatch.filter(names, g)}
    kept = {start_of(name, gone.union(by_name)) for name in names if name not in gone}
    words[words.index("selftest")] = "selftest=" + ",".join(sorted(kept))
    boot.cmdline = " ".join(words)


def check(boot):
    """Values that only make sense together."""
    if boot.boot not in BOOTS:
        raise ValueError(f"boot: found {boot.boot}, expected one of {BOOTS}")
    if boot.stream not in STREAMS:
        raise ValueError(f"stream: found {boot.stream}, expected one of {STREAMS}")
    if boot.leave_out:
        leave_out(boot)
    if boot.rounds not in ROUNDS:
        raise ValueError(f"rounds: found {boot.rounds}, expected one of {ROUNDS}")
    if boot.rounds == "few" and boot.stream == "ktap" and " -- " not in boot.cmdline:
        boot.cmdline += " -- few"
    boot.args_by = boot.args_by or WAYS[boot.boot]
    possible = {"direct": ("append", "fw_cfg"), "bochs": ("grub",)}
    if boot.args_by not in possible.get(boot.boot, ("fw_cfg", "grub")):
        raise ValueError(f"args_by: found {boot.args_by} with boot {boot.boot}")
    for kind in (boot.initramfs, boot.fw_initramfs or "none"):
        if kind not in ("build", "none", *initrds.KINDS):
            raise ValueError(f"initramfs: found {kind}, expected build, none "
                             f"or one of {', '.join(initrds.KINDS)}")
    if boot.firmware and (boot.firmware not in firmware.KINDS or boot.boot != "direct"):
        raise ValueError(f"firmware: found {boot.firmware}, expected a direct boot and one "
                         f"of {', '.join(firmware.KINDS)}")
    if boot.debug and boot.boot != "direct":
        raise ValueError(f"debug: found with boot {boot.boot}, expected direct")
    if boot.typed and boot.boot == "bochs":
        raise ValueError("typed: found with bochs, expected with QEMU")
    if boot.boot != "direct" and boot.args_by == "fw_cfg" \
            and boot.initramfs != "build":
        raise ValueError("initramfs: build/postern.iso has its own; "
                         "use args_by = grub, or fw_initramfs")


def load(*paths):
    """All boots of these files, or of FILES, in their order; the defaults of one
    hold for the next."""
    boots, defaults = [], {}
    for path in paths or FILES:
        parser = configparser.ConfigParser(defaults, interpolation=None)
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        defaults = parser.defaults()
        boots += boots_of(parser, path)
    return boots


def boots_of(parser, path):
    """All boots of one file."""
    fields = [f for f in dataclasses.fields(Boot) if f.name != "name"]
    names = {field.name for field in fields}
    boots = []
    for title in parser.sections():
        section = parser[title]
        unknown = set(section) - names
        if unknown:
            raise Mistake(f"{path}: [{title}]: unknown key {sorted(unknown)[0]}")
        try:
            values = {f.name: convert(f, section) for f in fields
                      if f.name in section}
            boots.append(Boot(title, **values))
            check(boots[-1])
        except (ValueError, re.error) as error:
            raise Mistake(f"{path}: [{title}]: {error}") from error
    return boots
