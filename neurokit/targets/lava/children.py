"""Children of a process that ignores SIGCHLD, as some servers do, and all that a shell starts after `trap '' CHLD`.

There the kernel forgets a child as soon as it ends, and nobody can learn that it did, nor how. Imports no Lava.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from neurokit.errors import LavaFailure


def reaped_here() -> Callable[[], None]:
    """Let this process learn how its children end; the callable puts things back as they were.

    Raises LavaFailure where SIGCHLD is ignored and cannot be changed, which only the main thread can.
    """
    if signal.getsignal(signal.SIGCHLD) is not signal.SIG_IGN:
        return lambda: None
    if threading.current_thread() is not threading.main_thread():
        raise LavaFailure(
            "this process ignores SIGCHLD, so Lava could not be watched here: start the network in the main thread, or "
            "call signal.signal(signal.SIGCHLD, signal.SIG_DFL) there first, or use LavaCPU or LiveNetwork."
        )
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def give_back() -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    return give_back
