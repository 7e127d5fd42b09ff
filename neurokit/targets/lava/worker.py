"""The worker: an interpreter of its own in which Lava runs one Job. Started by `supervisor.supervise`.

    python -m neurokit.targets.lava.worker DIRECTORY SHM_PREFIX

It is the leader of its own session and process group. Its standard input is a pipe whose other end the parent holds
and never writes to: when it closes, the parent is gone, and the worker has itself and its traces removed. It is started
before its Job is written, so that there is someone to do that at any time.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from multiprocessing import shared_memory
from pathlib import Path

from neurokit.errors import LavaFailure
from neurokit.targets.lava.children import reaped_here
from neurokit.targets.lava.job import JOB, Answer, Failure, Job, Timing

_STDIN = 0
#: Of Linux's prctl(2): the signal that a process gets when the thread that forked it ends.
_PR_SET_PDEATHSIG = 1
#: Seconds between two looks for the Job.
_NAP = 0.002


def answer(job: Job) -> Answer:
    """Build the network, run the samples through it, and end it."""
    from neurokit.targets.lava.network import LavaNetwork

    started = time.perf_counter()
    with LavaNetwork(job.program, job.form, record=job.record) as network:
        built = time.perf_counter()
        # The parent holds the deadline and will kill this process; in here there is none.
        raw, trace = network.run(job.inputs, deadline_s=float("inf"))
        over = time.perf_counter()
    return Answer(raw, trace, Timing(built - started, over - built, network.chip_steps, built), version("lava-nc"))


def main(directory: Path, shm_prefix: str, solve: Callable[[Job], Answer] = answer) -> None:
    """Answer the Job in `directory` with `solve`, leave there an answer or an error, and wait to be killed."""
    reaped_here()  # a parent that ignores SIGCHLD has passed that on to this interpreter
    # Names that the parent can recognise, should this group be killed before it can clean up. A private name, but
    # Lava pins Python to 3.10.
    assert "_SHM_NAME_PREFIX" in vars(shared_memory)
    vars(shared_memory)["_SHM_NAME_PREFIX"] = shm_prefix
    # Everything temporary goes to the job's folder, under a relative name: Python's multiprocessing makes a socket in
    # it, whose path may not exceed some 100 characters.
    os.chdir(directory)
    tempfile.tempdir = os.curdir
    if sys.platform == "linux":
        _bind_children()
    watch = threading.Thread(target=_die_with_parent, args=(directory, shm_prefix), daemon=True)
    watch.start()
    while not (directory / JOB).exists():
        time.sleep(_NAP)
    try:
        job = Job.load(directory)
        solve(job).save(directory, job.program)
    except LavaFailure as error:
        Failure(str(error), error.child_traceback).save(directory)
    except Exception as error:
        Failure(f"the Lava worker failed: {error!r}", traceback.format_exc()).save(directory)
    # Until the parent has read it and kills this group, there must be someone to clean up after the parent.
    watch.join()


def _bind_children() -> None:
    """Let what this thread forks from now on be killed by Linux when this process dies, whatever it dies of."""
    libc, group = ctypes.CDLL(None), os.getpgid(0)

    def bind() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        parent = os.getppid()
        if parent == 0 or os.getpgid(parent) != group:  # it died in between, and another has adopted this one
            os._exit(1)

    os.register_at_fork(after_in_child=bind)


def _die_with_parent(directory: Path, shm_prefix: str) -> None:
    while os.read(_STDIN, 1):
        pass
    command = [sys.executable, "-m", "neurokit.targets.lava.cleaner", str(os.getpgid(0)), str(directory), shm_prefix]
    subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
