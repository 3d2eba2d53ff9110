#!/usr/bin/env python3
"""The names of Linux's system calls, for the line that says which is missing.

    scripts/call_names.py CC...      prints the table, as NASM assembles it

Called by the Makefile.  The names and numbers are those of Linux's headers
(linux-libc-dev: asm/unistd_64.h and asm/unistd_32.h), as the compiler CC finds them; the
table's reader is kernel/missing/missing.c.
"""
import re
import subprocess
import sys

DEFINED = re.compile(r"^#define __NR_(\w+) (\d+)$", re.M)
HIGHEST = 2000  # above it, numbers are other architectures' or marks


def names(compiler, header):
    """Number -> name."""
    text = subprocess.run([*compiler, "-E", "-dM", "-include", header, "-x", "c", "/dev/null"],
                          check=True, capture_output=True, text=True).stdout
    found = {int(number): name for name, number in DEFINED.findall(text)}
    found = {number: name for number, name in found.items() if number < HIGHEST}
    if not found:
        sys.exit(f"call_names: found no names in {header}, expected __NR_read and others")
    return found


def table(label, found):
    """One zero-ended word for each number."""
    print(f"\tglobal\t{label}, {label}_end\n{label}:")
    for number in range(max(found) + 1):
        print(f"\tdb\t'{found[number]}', 0" if number in found else "\tdb\t0")
    print(f"{label}_end:")


def main(argv):
    """Prints both tables."""
    print("\tsection\t.rodata progbits alloc noexec nowrite align=1")
    for bits in (64, 32):
        table(f"call_names_{bits}", names(argv, f"asm/unistd_{bits}.h"))


if __name__ == "__main__":
    main(sys.argv[1:])
