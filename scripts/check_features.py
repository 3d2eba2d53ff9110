#!/usr/bin/env python3
"""Holds the instructions of the image against the list of features that the boot
code asks the CPU for (boot/required.asm).

    scripts/check_features.py ELF...

Each instruction that CPUID tells of must be of a feature that is required, or
that struct cpu_features has (arch/cpu.h) and the code asks for first; and the
boot code executes none of them before its check.  Called by `make check`; one
line per violation, exit status 1 if there is any.
"""
import functools
import os
import re
import sys

import imagechecks

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "gdb"))
from hints import output, read_at, symbols  # noqa: E402

ROW = re.compile(rb"..(\w+)[^\0]*\0", re.S)  # word, bit, name
INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\t[0-9a-f ]+\t(?:(?:rep|repz|lock|data16|cs|ds) )*"
                         r"(\w+)(.*)$")
CHECK = "boot_check_cpu"

# Instructions, and the feature that CPUID tells of them by (SDM vol. 2, 3).
FEATURES = [(re.compile(rf"(?:{names})[bwlq]?$"), feature) for names, feature in (
    ("cmov.*", "CMOV"), ("rdmsr|wrmsr", "MSR"), ("rdtsc", "TSC"), ("rdtscp", "RDTSCP"),
    ("fx(?:save|rstor)(?:64)?", "FXSR"), ("emms", "MMX"), ("f.*", "FPU"),
    ("cmpxchg8b", "CX8"), ("cmpxchg16b", "CX16"), ("sysenter|sysexit", "SEP"),
    ("(?:ld|st)mxcsr|sfence|prefetch.*", "SSE"), ("[lm]fence|movnti", "SSE2"),
    ("clflush", "CLFSH"), ("clflushopt|clwb", "CLFLUSHOPT"), ("syscall|sysret", "SYSCALL"),
    ("swapgs|iretq|movabs", "LM"), ("monitor|mwait", "MONITOR"), ("invpcid", "invpcid"),
    ("clac|stac", "smap"), ("x(?:save|rstor).*|xsetbv|xgetbv", "xsave"),
    ("rd(?:fs|gs)base|wr(?:fs|gs)base", "fsgsbase"), ("rdrand", "rdrand"),
    ("rdseed", "rdseed"), ("rdpkru|wrpkru", "pku"), ("popcnt|crc32", "SSE4.2"),
    ("[xe]?movbe", "MOVBE"), ("lahf|sahf", "LAHF_LM"), ("lzcnt", "LZCNT"),
    ("andn|bextr|bls.*|bzhi|mulx|pdep|pext|rorx|s[ah][lr]x", "BMI"), ("ad[co]x", "ADX"))]
VECTOR = re.compile(r"%([xyz])?mm\d")
VECTORS = {"x": "SSE", None: "MMX"}


def required(elf):
    """The features of the list in the image, as the manuals name them."""
    at = symbols(elf)
    start, end = at["features"][0], at["features_end"][0]
    return [name.decode() for name in ROW.findall(read_at(elf, start, end - start))]


def optional():
    """The fields of struct cpu_features that are features."""
    with open(os.path.join(HERE, "../arch/cpu.h"), encoding="utf-8") as file:
        body = file.read().split("struct cpu_features {")[1].split("};")[0]
    return re.findall(r"\w+", " ".join(re.findall(r"\tbool ([^;]*);", body)))


def feature_of(name, operands):
    """The feature that an instruction needs, or None."""
    vector = VECTOR.search(operands)
    if vector:
        return VECTORS.get(vector[1], "AVX") if name[0] != "v" else "AVX"
    return feature_named(name)


@functools.cache
def feature_named(name):
    """The same of those that need it whatever their operands are."""
    return next((feature for pattern, feature in FEATURES if pattern.match(name)), None)


def disassemble(elf, *options):
    """(address, name, operands) of the instructions of an image."""
    text = output("objdump", "-w", *options, elf)
    return [(int(m[1], 16), m[2], m[3]) for m in map(INSTRUCTION.match, text.splitlines()) if m]


def in_the_image(elf):
    """Instructions whose feature nobody asks for."""
    known = {*required(elf), *optional()}
    sections = [f"-j{name}" for name in (".text", ".entry_text", ".trampoline", ".deferred_text")]
    for at, name, operands in disassemble(elf, "-d", *sections):
        feature = feature_of(name, operands)
        if feature and feature not in known:
            yield (f"{at:#x}: found {name}, expected {feature} in boot/required.asm "
                   f"or in struct cpu_features")


def before_the_check(elf):
    """Instructions of a feature that stand in front of the boot code's check, or in it."""
    addresses = symbols(elf)
    check = addresses[CHECK][0]
    begin = min(check, addresses["boot_pvh_entry"][0])
    for at, name, operands in disassemble(elf, "-D", "-j.boot", "-Mi386"):
        if at < begin:
            continue
        if name == "call" and int(operands.split()[0], 16) == check:
            return
        feature = feature_of(name, operands)
        if feature:
            yield f"{at:#x}: found {name}, expected the check of {feature} in front of it"
    yield f"found no call of {CHECK}, expected one in boot/start32.asm"


if __name__ == "__main__":
    sys.exit(imagechecks.run(sys.argv[1:], (in_the_image, before_the_check)))
