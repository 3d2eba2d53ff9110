"""A program of this machine's, made what Postern boots as init.

Owns its checks, its name and its arguments' form on the boot line.  Called by
scripts/run and scripts/debug; what is wrong with it is one line (knobs.refuse).
"""
import os
import re
import subprocess

import elfcheck
import knobs

MKINITRAMFS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mkinitramfs")
WORDS, WORD_BYTES = 32, 1024  # struct boot_args


def check(who, path):
    """Can Postern run it?"""
    if not path:
        knobs.refuse(who, "found an empty name, expected a static x86-64 Linux program")
    knobs.readable(who, path, "a static x86-64 Linux program")
    if os.path.getsize(path) >= knobs.memory():
        knobs.refuse(who, f"{path}: found {os.path.getsize(path)} bytes, expected fewer than "
                          f"the machine's memory has, MEM={knobs.knob('MEM', '512M')}")
    with open(path, "rb") as file:
        trouble = elfcheck.problem(file.read())
    if trouble:
        knobs.refuse(who, f"{path}: {trouble}")
    if not os.access(path, os.X_OK):
        knobs.refuse(who, f"{path}: found a file that may not be executed, expected chmod +x")


def quoted(who, argument):
    """An argument as a word of the boot line, which has no escapes."""
    if re.search(r'["\n]', argument):
        knobs.refuse(who, "found a double quote or a line end in the argument "
                          f"{argument!r}, expected none: a boot line has no escapes")
    return argument if re.fullmatch(r"\S+", argument) else f'"{argument}"'


def packed(who, argv, directory):
    """(initramfs, words of the boot line) for a program and its arguments.  Its name is
    the file's, with _ for what a boot line cannot pass on."""
    path, *arguments = argv
    check(who, path)
    size = sum(len(os.fsencode(a)) + 1 for a in arguments)
    if len(arguments) > WORDS or size > WORD_BYTES:
        knobs.refuse(who, f"found arguments: {len(arguments)}, of {size} bytes with their ends; "
                          f"expected at most {WORDS}, of {WORD_BYTES} bytes")
    name = re.sub(r"[^!-~]|[\"=]", "_", os.path.basename(path))
    words = [f"init=/bin/{name}"]
    if arguments:
        words += ["--", *(quoted(who, argument) for argument in arguments)]
    initramfs = os.path.join(directory, "initramfs.cpio")
    if subprocess.run([MKINITRAMFS, initramfs, f"bin/{name}={path}"], check=False,
                      env=dict(os.environ, TMPDIR=directory)).returncode:
        knobs.refuse(who, f"{path}: found a file that cannot be packed, expected one that can")
    return initramfs, words
