"""LiveNetwork: a running Lava network to hold in a notebook or a closed loop, in an interpreter of its own.

Imports no Lava, so it lives beside PyTorch. Arrays cross through the buffers, orders through a socket; see
`live_worker`.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from neurokit.compilers.lava.forms import Form
from neurokit.compilers.lava.layout import Record
from neurokit.compilers.lava.ring_buffers import RingBuffers
from neurokit.errors import LavaFailure, LavaTimeout
from neurokit.ir.program import Program
from neurokit.targets.lava.host import Host
from neurokit.targets.lava.job import Job
from neurokit.targets.lava.job_folder import JobFolder
from neurokit.targets.lava.supervisor import end_of, end_worker, last_words, raise_failure, runs, start_worker, told

#: How its worker is started; the number of a socket, the folder of its job and the prefix of its shared memory follow.
WORKER: tuple[str, ...] = (sys.executable, "-m", "neurokit.targets.lava.live_worker")
#: Seconds between two looks at whether the worker still lives, and for a failed one's last words to arrive.
_CHECK_UP, _GRACE = 0.05, 5.0


class LiveNetwork(Host):
    """A Program as Lava processes in a worker of its own; what it can do, stands at `Host`.

    >>> with LiveNetwork(program, FusedForm(batch=1), record={"hidden"}) as network:      # doctest: +SKIP
    ...     y = network.sample({"x": x})["y"]
    ...     network.feed({"x": x})
    ...     network.advance(3)
    ...     network.spikes("hidden")

    No call outlasts `deadline_s`, whatever Lava does: then LavaTimeout is raised and all processes are gone. The same
    is true after any other failure, at the end of the block, and when this interpreter dies. Raises TargetUnavailable
    without Lava.
    """

    def __init__(
        self,
        program: Program,
        form: Form | None = None,
        *,
        record: Record = False,
        period: int | None = None,
        deadline_s: float = 600.0,
        command: Sequence[str] = WORKER,
    ) -> None:
        super().__init__(program, form, record=record, period=period, deadline_s=deadline_s)
        self._command = command
        self._folder: JobFolder | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._swaps = 0

    @property
    def _directory(self) -> Path:
        assert self._folder is not None
        return self._folder.path

    def start(self) -> RingBuffers:
        from neurokit.targets.lava.target import require_lava

        require_lava()
        self._folder = JobFolder()
        layout = self.layout
        self._line, theirs = socket.socketpair()
        with theirs:
            command = (*self._command, str(theirs.fileno()))
            self._worker = start_worker(self._folder, command, pass_fds=(theirs.fileno(),))
        Job(layout.program, {}, layout.form, layout.record, layout.period).save(self._directory)
        self._wait(self.deadline_s)
        return layout.buffers(self._directory)

    def stop(self) -> None:
        """End the worker and all that belongs to it. Safe to call at any time and any number of times."""
        worker, self._worker = self._worker, None
        folder, self._folder = self._folder, None
        self._tapes = self._open = None
        try:
            if worker is not None:
                end_worker(worker)
        finally:
            if self._line is not None:
                self._line.close()
                self._line = None
            if folder is not None:
                folder.remove()

    def resume(self) -> None:
        """Let the network go on by itself, window after window, until `pause`; returns at once.

        Meanwhile `feed` says what the inputs are to say, and nothing else can be asked of it. What goes wrong in the
        meantime is raised by `pause`. Raises LavaFailure if it runs by itself already, or not at all.
        """
        self._require_running()
        self._order({"resume": True}, self.deadline_s)
        self.free = True

    def pause(self) -> int:
        """Let it stand still when the window is over, with all that it holds; returns `chip_steps`.

        From then on it can be read, fed and advanced as before. Raises LavaFailure if it does not run by itself, and as
        `run`; then it is stopped.
        """
        self._require_running(free=True)
        if not self.free:
            raise LavaFailure("this LiveNetwork stands still already; `resume` lets it run by itself.")
        self.free = False
        try:
            self.chip_steps = self._order({"pause": True}, self.deadline_s)
        except BaseException:
            self._tapes = self._open = None
            self.stop()
            raise
        return self.chip_steps

    def _go(self, chip_steps: int, deadline_s: float) -> None:
        self._order({"advance": chip_steps}, deadline_s)

    def _rewrite(self, before: Program, after: Program) -> None:
        name = f"swap-{self._swaps}.h5"
        self._swaps += 1
        after.save(self._directory / name)
        try:
            self._order({"swap": name}, self.deadline_s)
        except BaseException:
            self.stop()
            raise

    def _order(self, order: dict[str, object], deadline_s: float) -> int:
        """Send an order and wait for its answer: the chip steps made since the start."""
        assert self._line is not None
        with contextlib.suppress(BrokenPipeError):  # the worker is gone; waiting for it says why
            self._line.sendall(json.dumps(order).encode() + b"\n")
        return self._wait(deadline_s)

    def _wait(self, deadline_s: float) -> int:
        """Wait for the worker's answer, or raise."""
        assert self._worker is not None
        assert self._line is not None
        deadline = time.monotonic() + deadline_s
        while not select.select([self._line], [], [], _CHECK_UP)[0]:
            if not runs(self._worker) or told(self._directory):
                self._raise_failure()
            if time.monotonic() > deadline:
                raise LavaTimeout(
                    f"Lava (form {self.form.name!r}) did not answer within {deadline_s:g} s and was stopped, after "
                    f"{self.chip_steps} chip steps."
                )
        answer = b""
        while not answer.endswith(b"\n"):
            part = b""
            with contextlib.suppress(ConnectionResetError):  # it died before it had read the order
                part = self._line.recv(64)
            if not part:
                self._raise_failure()
            answer += part
        return int(answer)

    def _raise_failure(self) -> None:
        assert self._worker is not None
        over = time.monotonic() + _GRACE  # its socket may close before it has written why
        while runs(self._worker) and not told(self._directory) and time.monotonic() < over:
            time.sleep(_CHECK_UP)
        raise_failure(self._directory)
        raise LavaFailure(f"the Lava worker {end_of(self._worker)}.{last_words(self._directory)}")
