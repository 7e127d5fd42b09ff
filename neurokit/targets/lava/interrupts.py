"""Holding Ctrl-C and SIGTERM back for the moments in which it would lose a child process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Until the block ends, remember a SIGINT or SIGTERM that would raise KeyboardInterrupt; then act on it.

    Between forking a child and writing down that it exists, an exception would leave a child that nobody ends.
    Children forked in the block keep ignoring SIGINT, for their parent ends them, and end at SIGTERM. Python delivers
    signals to the main thread, so in any other there is nothing to hold.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    parent = os.getpid()

    def remember(number: int, frame: FrameType | None) -> None:
        if os.getpid() != parent and number == signal.SIGTERM:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        held.append(number)

    # What has no handler of Python's acts at once, and raises nothing.
    raising = [number for number in (signal.SIGINT, signal.SIGTERM) if callable(signal.getsignal(number))]
    before = {number: signal.signal(number, remember) for number in raising}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])
