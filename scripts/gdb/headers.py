"""Numbers from the kernel's own headers, so that none is typed twice.

The ELF's debug information has types and fields but no macros; this reads the
`#define NAME expression` lines of layout.h, x86.h and a few more with a tiny
evaluator.  Knows nothing of gdb.  Used by all the modules beside it.
"""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = ("kernel/base/layout.h", "kernel/base/deferred.h", "kernel/base/x86.h",
         "kernel/base/hints.h", "mm/pagetable.h", "arch/gdt.h")

DEFINE = re.compile(r"^#define ([A-Z][A-Za-z0-9_]*)[ \t]+(.+)$", re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
SUFFIX = re.compile(r"\b(0x[0-9a-fA-F]+|\d+)[uUlL]+\b")
U64 = 2 ** 64 - 1


class Numbers(dict):
    """Name -> value; an expression is evaluated when it is first asked for."""

    def __init__(self, texts):
        super().__init__(BIT=lambda n: 1 << n)
        self.expressions = {}
        for text in texts:
            text = COMMENT.sub("", text).replace("\\\n", " ")
            self.expressions.update(DEFINE.findall(text))

    def __missing__(self, name):
        if name not in self.expressions:
            raise KeyError(f"found no #define of {name} in {' '.join(FILES)}")
        expression = SUFFIX.sub(r"\1", self.expressions[name]).replace("/", "//")
        # C's integer operators mean the same in Python, but for "/" and size.
        self[name] = eval(expression, {"__builtins__": {}}, self) & U64
        return self[name]

    def names(self, prefix):
        """The names that begin so, without the prefix, as name -> value."""
        return {name[len(prefix):]: self[name] for name in self.expressions
                if name.startswith(prefix)}


def read(path):
    """A header's text."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


N = Numbers(map(read, FILES))


def area(cpu):
    """The address of a CPU's cpu_entry_area."""
    return N["CEA_BASE"] + cpu * N["CEA_STRIDE"]
