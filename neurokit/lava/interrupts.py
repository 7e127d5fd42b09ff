"""Holding Ctrl-C back for the moments in which it would lose a child process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Until the block ends, remember a SIGINT instead of raising KeyboardInterrupt; then act on it.

    Between forking a child and writing down that it exists, an exception would leave a child that nobody ends.
    Children forked in the block keep ignoring SIGINT: their parent ends them. Python delivers signals to the main
    thread, so in any other there is nothing to hold.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        held.append(number)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)
