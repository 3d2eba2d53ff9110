"""A machine held by QEMU's gdb stub and QMP, without gdb.

Owns the two sockets and the process.  Registers are the `g` packet's, by name.
Used by scripts/outside.py, and by tests/inject/run.py and what it is made of.
"""
import json
import os
import socket
import struct
import time

import bounded
import qemu

GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10",
           "r11", "r12", "r13", "r14", "r15")
# Name -> size, in the order of QEMU's `g` packet (gdb-xml/i386-64bit.xml).
LAYOUT = [(name, 8) for name in (*GENERAL, "rip")] + [
    (name, 4) for name in ("eflags", "cs", "ss", "ds", "es", "fs", "gs")] + [
    (name, 8) for name in ("fs_base", "gs_base", "k_gs_base",
                           "cr0", "cr2", "cr3", "cr4", "cr8", "efer")] + [
    (f"st{i}", 10) for i in range(8)] + [
    (name, 4) for name in ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg",
                           "fooff", "fop")] + [
    (f"xmm{i}", 16) for i in range(16)] + [("mxcsr", 4)]
NUMBER = {name: i for i, (name, _) in enumerate(LAYOUT)}
SIZE = dict(LAYOUT)
MACHINE_CHECK = "4 0xbd80000000000134 0x5 0x1234000 0x8c"
STOP_SECONDS = 10
BATCH = 32  # packets sent before their replies are read


class Lost(Exception):
    """The machine did not stop where it should have, or has ended."""


class Stub:
    """The gdb stub's packets; use through Machine."""

    def __init__(self, path, deadline):
        self.socket = connect(path, deadline)
        self.buffer = b""
        self.physical = None
        # Only who has asked for this may name single registers.  A machine that ran
        # says that it has stopped, besides the answers.
        self.send("?")
        self.send("qXfer:features:read:target.xml:0,fff")
        while not self.receive().startswith(("l<", "m<")):
            pass

    def send(self, text):
        """One packet; the reply is fetched later."""
        data = text.encode("latin1")
        self.socket.settimeout(STOP_SECONDS)
        self.socket.sendall(b"+$" + data + b"#%02x" % (sum(data) & 0xff))

    def receive(self, seconds=STOP_SECONDS):
        """The next reply."""
        deadline = time.monotonic() + seconds
        while True:
            start = self.buffer.find(b"$")
            end = self.buffer.find(b"#", start) if start >= 0 else -1
            if end >= 0 and len(self.buffer) >= end + 3:
                text = self.buffer[start + 1:end].decode("latin1")
                self.buffer = self.buffer[end + 3:]
                return text
            left = deadline - time.monotonic()
            if left <= 0:
                raise Lost("found no stop in time")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 16)
            except socket.timeout:
                continue
            except OSError:
                data = b""
            if not data:
                raise Lost("found the machine ended")
            self.buffer += data

    def ask(self, *texts):
        """Several packets at once; their replies."""
        replies = []
        for i in range(0, len(texts), BATCH):
            for text in texts[i:i + BATCH]:
                self.send(text)
            replies += [self.receive() for _ in texts[i:i + BATCH]]
        for text, reply in zip(texts, replies):
            if reply.startswith("E"):
                raise Lost(f"{text}: found {reply}")
        return replies

    def address_mode(self, physical):
        """How the addresses of memory packets are meant."""
        if self.physical != physical:
            self.ask(f"Qqemu.PhyMemMode:{int(physical)}")
            self.physical = physical

    def read(self, address, size, physical=False):
        """Memory, as the selected CPU sees it."""
        self.address_mode(physical)
        return bytes.fromhex(self.ask(f"m{address:x},{size:x}")[0])

    def write(self, address, data, physical=False):
        """The same."""
        self.address_mode(physical)
        self.ask(f"M{address:x},{len(data):x}:{data.hex()}")

    def registers(self):
        """All of the selected CPU's."""
        data, out, at = bytes.fromhex(self.ask("g")[0]), {}, 0
        for name, size in LAYOUT:
            out[name] = int.from_bytes(data[at:at + size], "little")
            at += size
        return out

    def set_registers(self, **values):
        """Some of them."""
        self.ask(*(f"P{NUMBER[name]:x}={value.to_bytes(SIZE[name], 'little').hex()}"
                   for name, value in values.items()))

    def stopped_cpu(self, seconds):
        """Waits for a stop: which CPU."""
        reply = self.receive(seconds)
        if not reply.startswith("T"):
            raise Lost(f"found the machine ended: {reply}")
        return int(reply.split("thread:")[1].split(";")[0].split(".")[-1], 16) - 1

    def run_for(self, seconds):
        """Lets all CPUs run for some time, and stops them."""
        self.send("vCont;c")
        time.sleep(seconds)
        self.socket.sendall(b"\x03")
        self.stopped_cpu(STOP_SECONDS)


def connect(path, deadline):
    """A socket on which QEMU listens, as soon as it does."""
    while True:
        end = socket.socket(socket.AF_UNIX)
        try:
            end.connect(path)
            return end
        except OSError:
            end.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class Monitor:
    """QMP."""

    def __init__(self, path, deadline):
        self.file = connect(path, deadline).makefile("rw", encoding="utf-8")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        """Runs one; events in between are of no interest."""
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise Lost("found the machine ended")
            answer = json.loads(line)
            if "error" in answer:
                raise Lost(f"{name}: found {answer['error']}")
            if "return" in answer:
                return answer["return"]


class Machine(Stub):
    """A booted kernel, stopped; use with `with`."""

    def __init__(self, directory, kernel, cpus, cpu, cmdline, initramfs=""):
        deadline = time.monotonic() + STOP_SECONDS
        places = {name: os.path.join(directory, name) for name in ("gdb", "qmp", "com1")}
        for path in places.values():
            if os.path.exists(path):
                os.unlink(path)
        m = qemu.Machine(kernel=kernel, cpus=cpus, cpu=cpu, cmdline=cmdline,
                         initramfs=initramfs, extra=[
            "-S", "-chardev", f"socket,path={places['gdb']},server=on,wait=off,id=gdb",
            "-gdb", "chardev:gdb", "-qmp", f"unix:{places['qmp']},server=on,wait=off"])
        argv = qemu.command(m)
        argv[argv.index("-serial") + 1] = f"file:{places['com1']}"
        self.serial = places["com1"]
        self.process = bounded.start(argv)
        self.monitor = Monitor(places["qmp"], deadline)
        super().__init__(places["gdb"], deadline)
        self.points = set()
        self.target = 0  # CPU

    def __enter__(self):
        return self

    def __exit__(self, *_):
        bounded.end(self.process)
        self.process.stdout.close()

    def console(self):
        """What it has printed."""
        with open(self.serial, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop_at(self, *addresses):
        """Exactly these breakpoints from now on."""
        wanted = set(addresses)
        self.ask(*(f"z0,{at:x},1" for at in self.points - wanted),
                 *(f"Z0,{at:x},1" for at in wanted - self.points))
        self.points = wanted

    def select(self, cpu):
        """Whose registers and memory are read."""
        self.ask(f"Hg{cpu + 1:x}")

    def go(self, seconds=STOP_SECONDS):
        """Continues until the target stops at one of the points; its RIP.

        Another CPU that comes by is sent on.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.send("vCont;c")
            cpu = self.stopped_cpu(deadline - time.monotonic())
            if cpu == self.target:
                self.select(cpu)
                return self.rip()
            self.step(cpu)  # breakpoints do not count for a step

    def step(self, cpu=None):
        """One instruction of one CPU, without interrupts; its RIP."""
        cpu = self.target if cpu is None else cpu
        self.send(f"vCont;s:{cpu + 1:x}")
        self.stopped_cpu(STOP_SECONDS)
        self.select(cpu)
        return self.rip()

    def rip(self):
        """Of the selected CPU."""
        return struct.unpack("<Q", bytes.fromhex(self.ask(f"p{NUMBER['rip']:x}")[0]))[0]

    def nmi(self):
        """To every CPU."""
        self.monitor.command("inject-nmi")

    def machine_check(self):
        """To the target."""
        self.monitor.command("human-monitor-command",
                             **{"command-line": f"mce {self.target} {MACHINE_CHECK}"})
