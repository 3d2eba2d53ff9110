"""The patches of tests/mutants/: their headers, and whether they apply.

Owns the form of a mutant.  NAME.patch opens with a paragraph that says which bug
it brings back; the lines of it that begin with `Killer:` name the tests that are
expected to find it, the quickest first.  A killer is

    MACHINE [WORDS]     a section of tests/machines.cfg or programs.cfg; WORDS stand
                        in the place of its `selftest` or `init` arguments
    PROGRAM [WORDS]     scripts/NAME.py, a static check of the image, or
                        tests/inject/run.py ... --elf; the image comes last
    host NAME           a host test, tests/host/test_NAME.c
    debug MACHINE [WORDS]   the same boot of the debug build

Used by tests/mutants/run.py and, in `make check`, by tests/test_mutants.py.
"""
import dataclasses
import fnmatch
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import machines  # noqa: E402

MAX_CHANGED = 24  # lines taken away or added: a mutant is small
OWN_WORDS = re.compile(r"^(selftest|init)(=|$)")
FILE = re.compile(r"^\+\+\+ b/(\S+)", re.M)


@dataclasses.dataclass
class Mutant:
    """One patch."""
    name: str
    path: str
    text: str
    why: str
    killers: list

    @property
    def files(self):
        """Paths from the root of the tree of what it changes."""
        return FILE.findall(self.text)

    @property
    def host_tests(self):
        """Programs in the build's folder that its killers are."""
        return [host_program(k) for k in self.killers if k.startswith("host ")]

    @property
    def debug(self):
        """Does it need the debug build, too?"""
        return any(k.startswith("debug ") for k in self.killers)

    @property
    def changed(self):
        """How many lines it takes away or adds."""
        return len(re.findall(r"^[-+](?![-+]{2} [ab]/)", self.diff, re.M))

    @property
    def diff(self):
        """The patch without its header."""
        start = self.text.find("\n--- a/")
        return "" if start < 0 else self.text[start + 1:]


def host_program(killer):
    """The program of a killer `host NAME`, in the build's folder."""
    return "host/test_" + killer.split()[1]


def load(path):
    """Reads one patch."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head = text.split("\n\n", 1)[0].split("\n")
    killers = [line.split(":", 1)[1].strip() for line in head
               if line.startswith("Killer:")]
    why = " ".join(line for line in head if not line.startswith("Killer:"))
    name = os.path.basename(path).removesuffix(".patch")
    return Mutant(name, path, text, why, killers)


def load_all(glob="*"):
    """All mutants whose name matches, by name."""
    names = sorted(name for name in os.listdir(HERE) if name.endswith(".patch"))
    return [load(os.path.join(HERE, name)) for name in names
            if fnmatch.fnmatch(name.removesuffix(".patch"), glob)]


def apply(mutant, root, *options):
    """Applies it to the tree at ROOT; what patch(1) complains of, or ''."""
    done = subprocess.run(["patch", "-p1", "-s", "-f", "-F0", "-r-", "-d", root, *options],
                          input=mutant.diff, capture_output=True, text=True,
                          check=False)
    return (done.stdout + done.stderr).strip() if done.returncode else ""


def is_program(killer):
    """Not a boot."""
    return killer.startswith(("scripts/", "tests/"))


def boot_of(killer, boots_by_name):
    """The boot that a killer names, with its words, for all rounds; ValueError if there
    is none."""
    name, *words = killer.removeprefix("debug ").split()
    if name not in boots_by_name:
        raise ValueError(f"found no machine '{name}' in tests/machines.cfg")
    boot = dataclasses.replace(boots_by_name[name], name="mutant", suites=1)
    if words:
        line = boot.cmdline.removesuffix(" -- few")
        rest = [w for w in line.split() if not OWN_WORDS.match(w)]
        boot.cmdline = " ".join([*rest, *words])
        init = any(w.startswith("init=") for w in words)
        boot.stream = "tap" if init else "ktap"
    return boot


def machines_by_name():
    """The boots of tests/machines.cfg."""
    return {boot.name: boot for boot in machines.load()}


def problems(mutant, boots_by_name):
    """What is wrong with the patch, apart from what it does."""
    if len(mutant.why) < 25:
        yield "found no paragraph that says what bug it brings back"
    if not mutant.killers:
        yield "found no 'Killer:' line in its first paragraph"
    for killer in mutant.killers:
        if is_program(killer):
            if not os.path.isfile(os.path.join(ROOT, killer.split()[0])):
                yield f"found no {killer}"
            continue
        if killer.startswith("host "):
            source = f"tests/{host_program(killer)}.c"
            if not os.path.isfile(os.path.join(ROOT, source)):
                yield f"found no {source}"
            continue
        try:
            boot_of(killer, boots_by_name)
        except ValueError as error:
            yield str(error)
    if not mutant.files:
        yield "found no file that it changes"
    elif mutant.changed > MAX_CHANGED:
        yield f"found {mutant.changed} changed lines, expected at most {MAX_CHANGED}"
    for path in mutant.files:
        if path.endswith(".py"):
            yield f"found a change of {path}, expected one of what is built"
    complaint = apply(mutant, ROOT, "--dry-run")
    if complaint:
        yield "does not apply: " + complaint.splitlines()[0]
