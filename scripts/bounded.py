"""Runs one process for a bounded time and ends exactly that process.

Owns every child that the tools start.  Called by scripts/qemu.py,
scripts/bochs.py and tests/run.py, from several threads at once.  A child gets
its own session, so that it and what it started can be ended together by the
process group's number, and nothing else ever is.
"""
import dataclasses
import os
import selectors
import shutil
import signal
import subprocess
import threading
import time

OUTPUT_LIMIT = 16 << 20  # a kernel that prints in a loop must not fill the disk
GRACE = 2.0              # seconds between SIGTERM and SIGKILL

_live = set()
_lock = threading.Lock()
_closing = threading.Event()


@dataclasses.dataclass
class Result:
    """How a process ended; status is negative after a signal, as in subprocess."""
    status: int
    output: str
    seconds: float
    timed_out: bool = False
    too_long: bool = False
    cpu: float = 0.0  # seconds of processor time, its children's too that it waited for


def exited(process):
    """True if the child has ended; it is not reaped, so its number stays ours."""
    flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
    return os.waitid(os.P_PID, process.pid, flags) is not None


def wait_until(process, deadline):
    """Waits, without reaping, until the child has ended or time is up."""
    while not exited(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def end(process):
    """Ends a child's process group: politely, then not; reaps the child.

    Returns the seconds of processor time that it took.

    The group is signalled only while the child is not yet reaped: afterwards
    its number could belong to a stranger.
    """
    if not exited(process):
        os.killpg(process.pid, signal.SIGTERM)
        wait_until(process, time.monotonic() + GRACE)
    with _lock:
        _live.discard(process)
    os.killpg(process.pid, signal.SIGKILL)  # also what the leader left behind
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def end_all():
    """Starts no more children and ends the live ones, whose threads reap them."""
    _closing.set()
    with _lock:
        for process in _live:
            os.killpg(process.pid, signal.SIGTERM)


def tied(argv):
    """ARGV such that the child dies with us even if we are killed outright."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *argv] if setpriv else list(argv)


def start(argv, stdin=subprocess.DEVNULL, **options):
    """Popen in a session of its own, registered for end_all()."""
    with _lock:
        if _closing.is_set():
            raise KeyboardInterrupt
        process = subprocess.Popen(
            tied(argv), stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, **options)
        _live.add(process)
    return process


def follow(process, deadline, on_output):
    """Reads until the end of output; returns (bytes, timed_out, too_long)."""
    chunks, size = [], 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or _closing.is_set():
                return b"".join(chunks), True, False
            if not selector.select(min(left, 0.5)):
                continue
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                return b"".join(chunks), False, False
            chunks.append(chunk)
            size += len(chunk)
            on_output(chunk)
            if size > OUTPUT_LIMIT:
                return b"".join(chunks), False, True


def run(argv, timeout, on_output=lambda chunk: None, **options):
    """Runs ARGV for at most TIMEOUT seconds; its output is passed on as it comes."""
    began = time.monotonic()
    process = start(argv, **options)
    try:
        data, timed_out, too_long = follow(process, began + timeout, on_output)
        if not timed_out and not too_long:  # output closed: the end is near
            timed_out = not wait_until(process, began + max(timeout, GRACE))
    finally:
        cpu = end(process)
        process.stdout.close()
    return Result(process.returncode, data.decode("utf-8", "replace"),
                  time.monotonic() - began, timed_out, too_long, cpu)
