"""The cleaner: ends what a killed parent has left, from outside of it.

    python -m neurokit.targets.lava.cleaner GROUP DIRECTORY SHM_PREFIX

A worker that is left alone starts it. It is a process of its own, because whoever is part of the group would either be
killed before the files are gone, or see them written anew after that. Imports the standard library alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

from neurokit.targets.lava.shared_memory import unlink_all

#: Seconds to wait for killed processes to go, and between two looks at them.
_GRACE, _NAP = 10.0, 0.005


def clean(group: int, directory: Path, shm_prefix: str) -> None:
    """Kill a process group, wait until it is gone, and remove its folder and its shared memory."""
    over = time.monotonic() + _GRACE
    while time.monotonic() < over:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            break
        time.sleep(_NAP)
    shutil.rmtree(directory, ignore_errors=True)
    unlink_all(shm_prefix)


if __name__ == "__main__":
    clean(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
