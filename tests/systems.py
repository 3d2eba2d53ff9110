#!/usr/bin/env python3
"""The README's commands in minimal roots of other systems (`make systems`).

    tests/systems.py [--short]

debootstrap makes the roots of SYSTEMS from the archive that apt here is set up
for, its signatures checked.  In each, `make` is installed, and nothing else; then
the commands of the README are called in a copy of this tree, and scripts/deps
installs what they want.  --short is what .ci/run asks tests/run.py for: the first
system, `make run` and `make selftest`.

A root as debootstrap left it, and the packages, are kept in build/systems/; what
was tried stays there too, with a log of each command, until the next run.  Mounts
are in a namespace of the command's own, and processes end with it.  Needs root.
Prints `ok N - sentence` lines; what cannot be tried here is skipped, with the
reason.  Exits with 0 if nothing failed.
"""
import os
import re
import shutil
import subprocess
import sys

import boots
from boots import bounded

SYSTEMS = (("debian13", "trixie"), ("debian12", "bookworm"))
CACHE = os.path.join(boots.BUILD, "systems")
PACKAGES = os.path.join(CACHE, "packages")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LEFT_OUT = ("build", ".git", "__pycache__", "compile_commands.json")
# Command and its limit in seconds, for hangs.
INSTALL = ("apt-get update && apt-get install -y --no-install-recommends make", 600)
SHORT = (("make run", 1200), ("make selftest", 900))
WHOLE = (("make run", 1200), ("make test", 5400))
ROOT_SECONDS, TAIL = 900, 25
# What debootstrap and apt say of things that are no fault of ours.
NO_ANSWER = "the archive of Debian does not answer"
NOT_HERE = (("Failed getting release file", NO_ANSWER),
            ("Couldn't download packages", NO_ANSWER),
            ("Failed to fetch", NO_ANSWER),
            ("signed by unknown key", "debian-archive-keyring lacks the system's key"),
            ("No such script", "debootstrap does not know the system yet"))
# $1 is the root, $2 the packages' place, $3 the command.
ENTER = r"""
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
mount -t tmpfs tmpfs "$1/tmp" && mount --bind "$2" "$1/var/cache/apt/archives" &&
exec chroot "$1" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	DEBIAN_FRONTEND=noninteractive http_proxy="$http_proxy" \
	/bin/sh -c "cd /postern && $3"
"""


class Skip(Exception):
    """It cannot be tried here."""


class Failed(Exception):
    """What went wrong, and the end of its output."""


def words(*argv):
    """What a small program prints, or ''."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=300)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def archive():
    """Debian's archive, as apt's own sources name it."""
    query = ("apt-get", "indextargets", "--format", "$(REPO_URI)",
             "Origin: Debian", "Label: Debian")
    found = words(*query)
    if not found:  # apt has no lists yet
        words("apt-get", "update")
        found = words(*query)
    if not found:
        raise Skip("apt here names no archive of Debian")
    return found.splitlines()[0]


def proxy():
    """The proxy that apt uses, if any."""
    match = re.search(r'"(.*)"', words("apt-config", "shell", "P", "Acquire::http::Proxy")
                      .replace("'", '"'))
    return match[1] if match else os.environ.get("http_proxy", "")


def needed():
    """What making a root wants; Skip if it is not there."""
    if os.geteuid() != 0:
        raise Skip("making a root needs root")
    deps = bounded.run([os.path.join(boots.ROOT, "scripts/deps"), "systems"], 600)
    if deps.status:
        raise Skip("debootstrap cannot be installed")
    if bounded.run(["unshare", "--mount", "--pid", "--fork", "true"], 60).status:
        raise Skip("no namespace of mounts can be made")


def skip_if_not_here(output):
    """Skip if a command failed for want of something outside."""
    for text, reason in NOT_HERE:
        if text in output:
            raise Skip(reason)


def make_base(codename, base, environment):
    """debootstrap's root, whole or not at all."""
    partial = base + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    result = bounded.run(["debootstrap", "--variant=minbase", f"--keyring={KEYRING}",
                          codename, partial, archive()], ROOT_SECONDS, env=environment)
    if result.status or result.timed_out:
        skip_if_not_here(result.output)
        raise Failed("debootstrap failed", result.output)
    os.rename(partial, base)


def ignored(_directory, names):
    """What is no part of the tree."""
    return [name for name in names if name in LEFT_OUT]


def make_root(name, codename, environment):
    """A fresh root with a copy of the tree; its path."""
    root, base = os.path.join(CACHE, name), os.path.join(CACHE, f"{name}.base")
    os.makedirs(PACKAGES + "/partial", exist_ok=True)
    if not os.path.isdir(base):
        make_base(codename, base, environment)
    shutil.rmtree(root, ignore_errors=True)
    if bounded.run(["cp", "-a", base, root], 300).status:
        raise Failed("the root cannot be copied", "")
    for file in ("/etc/resolv.conf", "/etc/hosts"):
        if os.path.isfile(file):
            shutil.copy(file, root + file)
    # A root that is thrown away need not be synced; apt's checks are as here.
    with open(root + "/etc/dpkg/dpkg.cfg.d/unsafe", "w", encoding="utf-8") as file:
        file.write("force-unsafe-io\n")
    kept = re.findall(r"^Acquire::Check-.*$", words("apt-config", "dump"), re.M)
    with open(root + "/etc/apt/apt.conf.d/90outside", "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in kept))
    shutil.copytree(boots.ROOT, root + "/postern", ignore=ignored, symlinks=True)
    return root


def call(root, command, seconds, environment):
    """One command in the root; its output.  Failed if it fails, or warns."""
    result = bounded.run(["unshare", "--mount", "--pid", "--fork", "--kill-child",
                          "/bin/sh", "-c", ENTER, "sh", root, PACKAGES, command],
                         seconds, env=environment, stdin=subprocess.DEVNULL)
    with open(f"{root}.{command.split()[-1]}.log", "w", encoding="utf-8") as file:
        file.write(result.output)
    if result.timed_out:
        raise Failed(f"no end after {result.seconds:.0f} s", result.output)
    if result.status:
        skip_if_not_here(result.output)
        raise Failed(f"status {result.status}", result.output)
    warnings = [line for line in result.output.splitlines() if "warning:" in line]
    if warnings:
        raise Failed("a warning", "\n".join(warnings))
    return result


class Tap:
    """Numbered lines."""

    def __init__(self):
        self.lines = self.failed = self.skipped = 0

    def line(self, good, text, details=""):
        """One result, and what is to be known of a failure."""
        self.lines += 1
        self.failed += not good
        for line in details.splitlines()[-TAIL:]:
            print(f"# {line}")
        print(f"{'ok' if good else 'not ok'} {self.lines} - {text}", flush=True)

    def skip(self, text, reason):
        """One that was not tried."""
        self.skipped += 1
        self.line(True, f"{text} # SKIP {reason}")


def try_system(tap, name, codename, commands):
    """All of one system; what follows a failure is not tried."""
    environment = {**os.environ, "http_proxy": proxy()}
    what = "a minimal root"
    try:
        root = make_root(name, codename, environment)
        for command, seconds in (INSTALL, *commands):
            what = f"`{command}`"
            result = call(root, command, seconds, environment)
            last = (result.output.strip().splitlines() or [""])[-1]
            tap.line(True, f"{name}: {what} in {result.seconds:.0f} s: {last.strip()}")
    except Failed as error:
        tap.line(False, f"{name}: {what}: {error.args[0]}", error.args[1])


def main(argv):
    """Each system."""
    short = argv == ["--short"]
    if argv and not short:
        sys.exit("systems: found an argument, expected --short or none")
    tap = Tap()
    for name, codename in SYSTEMS[:1] if short else SYSTEMS:
        try:
            needed()
            try_system(tap, name, codename, SHORT if short else WHOLE)
        except Skip as reason:
            tap.skip(f"{name}: the commands of the README", reason)
    print(f"1..{tap.lines}")
    if not short:
        print(f"{tap.lines - tap.failed - tap.skipped} passed, {tap.failed} failed, "
              f"{tap.skipped} skipped")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
