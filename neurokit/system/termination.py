"""Ends a command soon after it is asked to, whatever it computes, and removes what it had under way.

Python acts on a signal between two instructions of its own. In the middle of a long product of matrices or a compiled
loop none comes for minutes, and a thread that waited for the signal could be kept from running as long. So a command
has a guard: a small process that the kernel's signal handler tells of every SIGTERM and SIGINT (`signal.set_wakeup_fd`,
which needs no interpreter). A command that has not ended by itself in time is killed by its guard, with the processes
that it has forked into its own process group. However the command ends, by SIGKILL too, the guard removes its temporary
files and folders.

    SIGTERM     the command ends by itself, or is killed, within GRACE_S; `NEUROKIT_GRACE_S` says otherwise
    SIGINT      likewise within INTERRUPT_S, or when its iteration is over where that is worth waiting for (`patience`);
                a second one is a SIGTERM

    python -I -S termination.py PARENT GRACE_S      is the guard; imports the standard library alone
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from types import FrameType

#: Seconds from SIGTERM, and from the first SIGINT, to the kill.
GRACE_S, INTERRUPT_S = 0.6, 5.0
#: Of Linux's prctl(2): the signal that a process gets when the one that started it ends.
_PR_SET_PDEATHSIG = 1
#: Where the guard of this process listens; None without one.
_guard: int | None = None
_owner = 0


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Have a guard until the block ends, in which SIGTERM raises KeyboardInterrupt.

    In another thread than the main one, where SIGTERM is ignored or somebody else's, and where no process can be
    started, there is none.
    """
    global _guard, _owner
    mine = threading.current_thread() is threading.main_thread() and _guard is None
    if not mine or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    grace = os.environ.get("NEUROKIT_GRACE_S", str(GRACE_S))
    command = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(os.getpid()), grace]
    hearing, telling = os.pipe()
    try:
        # In a session of its own, Ctrl-C at the terminal does not end it.
        helper = subprocess.Popen(command, stdin=hearing, stdout=subprocess.DEVNULL, start_new_session=True)
    except OSError:
        os.close(telling)
        yield
        return
    finally:
        os.close(hearing)
    os.set_blocking(telling, False)
    _guard, _owner = telling, os.getpid()
    woken = signal.set_wakeup_fd(telling, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        if os.getpid() == _owner:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.set_wakeup_fd(woken)
            _guard = None
            os.close(telling)
            with contextlib.suppress(subprocess.TimeoutExpired):
                helper.wait(1)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _forget() -> None:
    """In a forked child signals are its own, and end it as they end any process."""
    global _guard
    if _guard is not None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(_guard)
        _guard = None


os.register_at_fork(after_in_child=_forget)


def end_with_torchrun() -> None:
    """In a member that torchrun has started: let Linux send it SIGTERM when torchrun ends, or do so if it has ended."""
    if sys.platform != "linux" or "TORCHELASTIC_RUN_ID" not in os.environ:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # An orphan's parent is the first process, which in a container may be torchrun itself.
    if os.getppid() == 1 and b"torch" not in Path("/proc/1/cmdline").read_bytes():
        os.kill(os.getpid(), signal.SIGTERM)


def hold(path: Path) -> None:
    """Let the guard, if there is one, remove this file or folder when this process ends, unless it is released."""
    _tell(hold=os.path.abspath(path))


def release(path: Path) -> None:
    """Take a file or folder back from the guard; safe for one that it does not have."""
    _tell(release=os.path.abspath(path))


def patience(waits: bool) -> None:
    """Whether the first SIGINT is to wait for what is under way, which remembers it and is worth finishing."""
    _tell(patient=waits)


def _tell(**order: object) -> None:
    if _guard is not None:
        with contextlib.suppress(BrokenPipeError, BlockingIOError):  # without it, files may stay when we are killed
            os.write(_guard, json.dumps(order).encode() + b"\n")


# -- the guard's side


def guard(parent: int, grace_s: float) -> None:
    """Read signals and orders from standard input until `parent` has ended; end it if it is asked to and does not."""
    held: dict[str, None] = {}
    waits, asked, over, line = False, 0, float("inf"), bytearray()
    try:
        ends = [os.pidfd_open(parent)] if hasattr(os, "pidfd_open") and os.getppid() == parent else []
    except OSError:
        ends = []  # it has ended already, or an old kernel: then the end of the pipe says so
    while True:
        patience_s = None if over == float("inf") else max(0.0, over - time.monotonic())
        ready, _, _ = select.select([0, *ends], [], [], patience_s)
        heard = os.read(0, 65536) if 0 in ready else b""
        for byte in heard:
            if byte in (signal.SIGTERM, signal.SIGINT):  # control characters, which no order has
                asked += byte == signal.SIGINT
                hurry = byte == signal.SIGTERM or asked > 1
                if hurry or not waits:
                    over = min(over, time.monotonic() + (grace_s if hurry else max(grace_s, INTERRUPT_S)))
            elif byte == ord("\n"):
                order = json.loads(line)
                line.clear()
                waits = order.get("patient", waits)
                held |= {order["hold"]: None} if "hold" in order else {}
                held.pop(order.get("release", ""), None)
            else:
                line.append(byte)
        if not heard and ready:  # it has closed the pipe, or ended and left nothing unread
            break
        if time.monotonic() >= over:
            _kill(parent)
            sys.stderr.write("neurokit was asked to end, and was killed in the middle of a computation.\n")
            over = float("inf")
            if not ends:
                break
    # A name of shared memory is a pattern: that of all segments of one worker.
    for path in (found for name in held for found in (glob(name) if name.startswith("/dev/shm/nk") else [name])):
        with contextlib.suppress(OSError):
            os.unlink(path) if os.path.islink(path) or not os.path.isdir(path) else shutil.rmtree(path)


def _kill(parent: int) -> None:
    """Kill a process and its descendants of the same process group; others have their own who end them."""
    family: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            # Python's tracker of shared memory stays, removes what is left, and ends by itself.
            tracker = b"resource_tracker" in path.with_name("cmdline").read_bytes()
            if int(fields[2]) == os.getpgid(parent) and not tracker:
                family.setdefault(int(fields[1]), []).append(int(path.parent.name))
    condemned = [parent]
    for member in condemned:
        condemned += family.get(member, [])
    for member in condemned:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)


if __name__ == "__main__":
    guard(int(sys.argv[1]), float(sys.argv[2]))
