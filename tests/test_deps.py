"""Tests how the project finds its tools: scripts/deps.

Run by tests/run.py as `deps`; by hand: python3 tests/test_deps.py
"""
import os
import shutil

import tapunit
from test_tools import SCRIPTS, InDirectory, write

OS_RELEASE = 'ID=debian\nVERSION_ID="12"\n'


class Deps(InDirectory):
    """scripts/deps in a world of our own: PATH, files, apt-get, id, sudo."""

    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.root, "bin")
        for tool in ("sh", "mktemp", "rm", "tail", "env"):
            os.makedirs(self.bin, exist_ok=True)
            os.symlink(shutil.which(tool), os.path.join(self.bin, tool))
        write(self.root, "etc/os-release", OS_RELEASE)
        self.tool("id", "echo 0")

    def tool(self, name, script):
        """A stand-in program."""
        write(self.root, f"bin/{name}", f"#!/bin/sh\n{script}\n", 0o755)

    def deps(self, group="run"):
        """Runs scripts/deps there."""
        return self.run_script(os.path.join(SCRIPTS, "deps"), group,
                               PATH=self.bin, DEPS_ROOT=self.root)

    def provide(self):
        """A shell command that makes everything of the table exist."""
        with open(os.path.join(SCRIPTS, "deps"), encoding="utf-8") as file:
            rows = [line.split() for line in file if line.count("/") > 3
                    or line.startswith(("run ", "gdb ", "test ", "check "))]
        items = [row[1] for row in rows if len(row) == 3]
        for item in items:
            if item.startswith("/"):
                write(self.root, item[1:], "")
            else:
                self.tool(item, "exit 0")

    def apt(self, install="exit 0"):
        """An apt-get that notes how it was called."""
        self.tool("apt-get", f'echo "$@" >>{self.root}/calls\n'
                             f'case "$*" in *install*) {install};; esac')

    def calls(self):
        """What apt-get was called with."""
        path = os.path.join(self.root, "calls")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_nothing_missing(self):
        """deps: silent, and no apt, when all is there"""
        self.provide()
        self.apt()
        self.assertEqual(self.deps("check"), (0, ""))
        self.assertEqual(self.calls(), "")

    def test_one_missing(self):
        """deps: installs what is missing, and only that"""
        self.provide()
        self.apt(f"echo >{self.bin}/nasm; /bin/chmod +x {self.bin}/nasm")
        os.unlink(os.path.join(self.bin, "nasm"))
        status, output = self.deps()
        self.assertEqual((status, output),
                         (0, "deps: installing nasm\ndeps: done\n"))
        self.assertIn("--no-install-recommends nasm\n", self.calls())

    def test_gdb_alone(self):
        """deps: the first make gdb installs gdb and what make run needs, nothing else"""
        self.provide()
        for tool in ("gdb", "bochs-bin", "patch", "clang"):
            os.unlink(os.path.join(self.bin, tool))
        self.apt(f"echo >{self.bin}/gdb; /bin/chmod +x {self.bin}/gdb")
        self.assertEqual(self.deps("gdb"), (0, "deps: installing gdb\ndeps: done\n"))

    def test_install_fails(self):
        """deps: says so when the installation fails, or did not help"""
        for install, text in (("echo E: no; exit 100", "E: no"),
                              ("exit 0", "yet still missing")):
            self.apt(install)
            status, output = self.deps()
            self.assertEqual(status, 1)
            self.assertIn(text, output)

    def test_package_names(self):
        """deps: installs wherever the packages have Debian's names"""
        for release in ("ID=debian\nVERSION_ID=12\n", "ID=debian\nVERSION_ID=\"13\"\n",
                        "ID=debian\nVERSION_CODENAME=forky\n",
                        "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\n",
                        "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"):
            self.setUp()
            self.provide()
            self.apt(f"echo >{self.bin}/nasm; /bin/chmod +x {self.bin}/nasm")
            os.unlink(os.path.join(self.bin, "nasm"))
            write(self.root, "etc/os-release", release)
            self.assertEqual(self.deps(),
                             (0, "deps: installing nasm\ndeps: done\n"), release)

    def test_other_system(self):
        """deps: elsewhere it names what is missing, and stops"""
        self.apt()
        for release in ("ID=fedora\nVERSION_ID=40\n", "ID=notdebian\n", "",
                        "ID=rocky\nID_LIKE=\"rhel centos fedora\"\n"):
            write(self.root, "etc/os-release", release)
            status, output = self.deps()
            self.assertEqual((status, self.calls()), (1, ""))
            self.assertIn(" nasm ", output)
        os.unlink(os.path.join(self.root, "etc/os-release"))
        self.assertEqual(self.deps()[0], 1)

    def test_no_root(self):
        """deps: without root and sudo it says what root would do"""
        self.apt()
        self.tool("id", "echo 1000")
        status, output = self.deps()
        self.assertEqual((status, self.calls()), (1, ""))
        self.assertIn("needs root or sudo", output)

    def test_sudo(self):
        """deps: uses sudo when not root"""
        self.apt()
        self.tool("id", "echo 1000")
        self.tool("sudo", f'echo sudo >>{self.root}/calls; exec "$@"')
        self.deps()
        self.assertIn("sudo", self.calls())


if __name__ == "__main__":
    tapunit.main("__main__")
