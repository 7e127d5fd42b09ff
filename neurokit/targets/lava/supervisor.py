"""The parent's side of a worker: start it, wait no longer than agreed, and leave nothing behind.

Imports no Lava. Whatever the end is (an answer, an error, the deadline, Ctrl-C), the worker's whole process group is
killed and its folder and shared memory are removed. If this process itself is killed, the worker notices and does
the same; if the worker is killed with it, Linux ends what the worker has forked, and the next run does the rest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from neurokit.errors import LavaFailure, LavaTimeout
from neurokit.system.atomic import explained
from neurokit.targets.lava.job import ERROR, RESULT, Answer, Failure, Job
from neurokit.targets.lava.job_folder import JobFolder

#: How a worker is started; the folder of its job and the prefix of its shared memory follow.
WORKER: tuple[str, ...] = (sys.executable, "-m", "neurokit.targets.lava.worker")
#: Lava starts one process per process of the network; more threads in each would only fight for the cores.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: Seconds between two looks at the worker, and how long killed processes may take to go.
_NAP, _GRACE = 0.005, 10.0
#: How much of the worker's log an error quotes, in characters.
_LAST_WORDS = 4000


def supervise(
    job: Job, deadline_s: float, command: Sequence[str] = WORKER, cancelled: Callable[[], bool] = lambda: False
) -> Answer:
    """Run a Job in a worker; `deadline_s` seconds from now, or once it is `cancelled`, it is killed.

    Raises LavaFailure (with the traceback of the Lava process that failed, where it left one) or LavaTimeout.
    """
    folder = JobFolder()
    try:
        directory, deadline = folder.path, time.monotonic() + deadline_s
        worker = start_worker(folder, command)
        try:
            # Written when the worker is there already: if this process is killed meanwhile, the worker removes it.
            job.save(directory)
            while runs(worker) and not told(directory):
                if cancelled():
                    raise LavaFailure("this run was stopped, because another that it belongs to has failed.")
                if time.monotonic() > deadline:
                    raise LavaTimeout(
                        f"Lava (form {job.form.name!r}) had no answer within {deadline_s:g} s and was stopped. Fewer "
                        f"samples or a longer deadline may help.{last_words(directory)}"
                    )
                time.sleep(_NAP)
            end = end_of(worker)
        finally:
            end_worker(worker)
        raise_failure(directory)
        if not (directory / RESULT).exists():
            raise LavaFailure(f"the Lava worker {end}.{last_words(directory)}")
        return Answer.load(directory, job.program)
    finally:
        folder.remove()


def start_worker(folder: JobFolder, command: Sequence[str], pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start a worker in a folder, where it will wait for its Job."""
    path = folder.path / "worker.log"
    with explained(path), path.open("wb") as log:
        return subprocess.Popen(
            [*command, str(folder.path), folder.shm_prefix],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
            env={**os.environ, **_ONE_THREAD, "PYTHONUNBUFFERED": "1"},
        )


def raise_failure(directory: Path) -> None:
    """Raise LavaFailure if the worker of a folder left word of one."""
    failure = Failure.load(directory)
    if failure is not None:
        words = "" if failure.child_traceback else last_words(directory)
        error = LavaFailure(failure.message + words)
        error.child_traceback = failure.child_traceback
        raise error


def runs(worker: subprocess.Popen[bytes]) -> bool:
    """Whether the worker still runs. It is not reaped, so that its process group keeps its number.

    Where this process ignores SIGCHLD, or somebody else in it waits for all children, it may be reaped already.
    """
    try:
        return os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def end_of(worker: subprocess.Popen[bytes]) -> str:
    """How a worker that runs no more has ended, in words; call before `end_worker`."""
    try:
        found = os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return "ended (how is not known, as this process ignores SIGCHLD or something else in it reaps its children)"
    if found is None:
        return "has not ended"
    if found.si_code == os.CLD_EXITED:
        return f"ended with exit code {found.si_status}"
    return f"was killed by {signal.Signals(found.si_status).name} (exit {-found.si_status})"


def told(directory: Path) -> bool:
    """Whether a worker has left what it has to say; it stays until it is killed."""
    return any((directory / name).exists() for name in (RESULT, ERROR))


def end_worker(worker: subprocess.Popen[bytes]) -> None:
    """Kill a worker's whole process group, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):  # reaped already, and it was the last of its group
        os.killpg(worker.pid, signal.SIGKILL)
    over = time.monotonic() + _GRACE
    while (left := _group(worker.pid)) and time.monotonic() < over:
        time.sleep(_NAP)
    assert worker.stdin is not None
    worker.stdin.close()
    worker.wait()
    if left:
        raise LavaFailure(f"processes {left} of the Lava worker survived SIGKILL for {_GRACE:g} s.")


def _group(leader: int) -> list[int]:
    """Members of a process group that still run (a zombie does not)."""
    members = []
    for process in psutil.process_iter(["status"]):
        try:
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == leader:
                members.append(process.pid)
        except ProcessLookupError:
            continue
    return members


def last_words(directory: Path) -> str:
    words = (directory / "worker.log").read_text(encoding="utf-8", errors="replace").strip()
    return f"\n\nThe worker's last words:\n{words[-_LAST_WORDS:]}" if words else ""
