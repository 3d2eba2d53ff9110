#!/usr/bin/env python3
"""Checks the rules of style that a script can check.

Called by `make check`.  No conditional compilation in .c and .asm, in headers
only the guard; at most 500 lines a file and 60 a function; no trailing
whitespace; no work left marked.  Prints `file:line: what` for each violation,
then the number of files checked; exits with 1 if there was one.

    scripts/check_style.py [ROOT]
"""
import os
import re
import sys

FILE_LINES, FUNCTION_LINES = 500, 60
TOPS = ("arch", "boot", "entry", "kernel", "mm", "scripts", "tests", "user")
SUFFIXES = (".c", ".h", ".asm", ".inc", ".py", ".sh", ".cfg", ".ld")
CONDITIONAL = re.compile(r"^\s*[#%]\s*(?:if|ifdef|ifndef|elif|else|endif)\w*\b")
GUARD = re.compile(r"^[#%]ifndef (\w+)\n[#%]define \1\b")
MARK = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")


def conditionals(path, lines):
    """#if and %if lines; a header may have its guard, first and last."""
    found = [(number, line) for number, line in enumerate(lines, start=1)
             if CONDITIONAL.match(line)]
    if path.endswith((".h", ".inc")) and len(found) >= 2:
        number, _ = found[0]
        if GUARD.match("\n".join(lines[number - 1:number + 1]) + "\n"):
            found = found[1:-1]
    for number, line in found:
        yield number, f"conditional compilation: {line.strip()}"


def without_text(line):
    """A line of C without its strings, characters and one-line comments."""
    line = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', '""', line)
    return re.sub(r"//.*|/\*.*?\*/", "", line)


def functions(lines):
    """(first line, length) of each C function: a brace at the left margin, or
    one that ends a line which begins there and has a parameter list."""
    depth, first = 0, None
    for number, raw in enumerate(lines, start=1):
        line = without_text(raw)
        if depth == 0 and (line.startswith("{") or
                           re.match(r"^\w.*\)\s*\{\s*$", line)):
            first = number
        depth += line.count("{") - line.count("}")
        if depth <= 0:
            depth = 0
            if first is not None and "}" in line:
                yield first, number - first + 1
                first = None


def code_sections(lines):
    """Sections of code behind a file's first one: NASM's line numbers, for gdb, are the
    first one's alone."""
    first = None
    for number, line in enumerate(lines, start=1):
        found = re.match(r"\s+section\s+(\S+) progbits alloc exec", line)
        first = first or (found and found[1])
        if found and found[1] != first:
            yield number, f"{found[1]}: a second section of code, expected a file of its own"


def check(path, text):
    """(line, what) of each violation in one file."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) > FILE_LINES:
        yield len(lines), f"{len(lines)} lines, at most {FILE_LINES}"
    for number, line in enumerate(lines, start=1):
        if line != line.rstrip():
            yield number, "trailing whitespace"
        if MARK.search(line):
            yield number, "work left marked in the source"
    if path.endswith((".c", ".h", ".asm", ".inc")):
        yield from conditionals(path, lines)
    if path.endswith(".asm"):
        yield from code_sections(lines)
    if path.endswith((".c", ".h")):
        for first, length in functions(lines):
            if length > FUNCTION_LINES:
                yield first, f"a function of {length} lines, " \
                             f"at most {FUNCTION_LINES}"


def is_source(path):
    """By suffix, or a script by its first line."""
    if path.endswith(SUFFIXES):
        return True
    if "." in os.path.basename(path):
        return False
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def sources(root):
    """Paths from ROOT of all files to check."""
    for top in TOPS:
        for directory, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                path = os.path.join(directory, name)
                if is_source(path):
                    yield os.path.relpath(path, root)


def main(argv):
    """Checks the tree."""
    root = argv[0] if argv else \
        os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    violations, files = [], list(sources(root))
    for path in files:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            for number, what in check(path, file.read()):
                violations.append(f"{path}:{number}: {what}")
    print("\n".join([*violations, f"style: {len(files)} files checked"]))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
