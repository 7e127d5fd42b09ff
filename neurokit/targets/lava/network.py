"""LavaNetwork: a Program's Lava processes, built, run and owned as a context manager, in this very interpreter.

Lava 0.10 hangs for ever when one of its processes raises, is killed or sleeps, and then hangs again in `stop`. So this
class drives Lava's Runtime itself: it waits by polling, looks after the children, and always ends them by a kill, which
is safe because they hold nothing but buffers, and those are memory-mapped files. It relies on private attributes of
the pinned version of Lava.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import Any

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal

from neurokit.compilers.lava.differences import same
from neurokit.compilers.lava.forms import Form
from neurokit.compilers.lava.layout import Record
from neurokit.compilers.lava.ring_buffers import RingBuffers
from neurokit.errors import LavaFailure, LavaTimeout
from neurokit.ir.program import Program
from neurokit.processes.network.to_lava import Wiring, to_lava
from neurokit.system.termination import hold, release
from neurokit.targets.lava.host import Host
from neurokit.targets.lava.interrupts import interrupts_held
from neurokit.targets.lava.runtime import WatchedRuntime
from neurokit.targets.lava.weights import rewrite

#: Seconds between two looks at a running network: short at first, for short runs, then long.
_SHORTEST_NAP, _LONGEST_NAP = 1e-4, 5e-3
#: Seconds between two looks at the health of every child.
_CHECK_UP = 0.05


class LavaNetwork(Host):
    """A Program as Lava processes; what it can do, stands at `Host`.

    >>> with LavaNetwork(program, StockForm(), record=True) as network:      # doctest: +SKIP
    ...     raw, trace = network.run(program.encode(samples))

    The samples of a run, and of all runs, stream through one running network: nothing is built or set again between
    them.
    """

    def __init__(
        self,
        program: Program,
        form: Form | None = None,
        *,
        record: Record = False,
        period: int | None = None,
        deadline_s: float = 600.0,
        directory: Path | None = None,
    ) -> None:
        super().__init__(program, form, record=record, period=period, deadline_s=deadline_s)
        self._given = directory  #: where buffers are to lie, if not in a folder of the network's own
        self._runtime: Any = None
        self._wiring: Wiring | None = None
        self._directory: Path | None = None

    def start(self) -> RingBuffers:
        self._directory = Path(tempfile.mkdtemp(prefix="neurokit-lava-"))
        hold(self._directory)
        where = self._directory if self._given is None else self._given
        layout = self.layout
        self._wiring = to_lava(layout.program, where, record=layout.record, period=layout.period, form=layout.form)
        self._start()
        return self._wiring.buffers

    def stop(self) -> None:
        """End all children and remove all files. Safe to call at any time and any number of times."""
        with interrupts_held():
            if self._runtime is not None:
                runtime, self._runtime = self._runtime, None
                runtime.end()
        self._wiring = self._tapes = self._open = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            release(self._directory)
            self._directory = None

    def make_steps(self, chip_steps: int) -> None:
        """Make steps for a host that is elsewhere, has the buffers, and holds the deadline."""
        self._go(chip_steps, float("inf"))
        self.chip_steps += chip_steps

    def take(self, program: Program) -> None:
        """Take the weights of a Program that such a host has found to be otherwise the same."""
        changed = [
            ours if same(ours, new) else new for ours, new in zip(self.program.nodes, program.nodes, strict=True)
        ]
        after = replace(program, nodes=tuple(changed))  # what is the same, is the same object
        self._rewrite(self.program, after)
        self.layout = replace(self.layout, program=after)

    def _go(self, chip_steps: int, deadline_s: float) -> None:
        self._runtime.start(RunSteps(num_steps=chip_steps, blocking=False))
        self._wait(time.monotonic() + deadline_s, deadline_s)

    def _rewrite(self, before: Program, after: Program) -> None:
        assert self._wiring is not None
        self._runtime.require_alive(self._where())
        self._runtime._is_started = True  # that is, its children wait for orders, which they do from the beginning
        rewrite(self._wiring, before, after)

    def _start(self) -> None:
        """Let Lava compile the network and start its children."""
        assert self._wiring is not None
        # Made here, the folder of Lava's sockets is this interpreter's to remove at its end. A child that made it takes
        # the folder along only when it ends in good order, and on a busy machine Python terminates it after a second.
        get_temp_dir()
        config = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=self.form.expanded)
        executable = next(iter(self._wiring.labels)).compile(config)
        self._runtime = WatchedRuntime(executable, self._wiring.labels)
        executable.assign_runtime_to_all_processes(self._runtime)
        self._runtime.initialize()

    def _wait(self, deadline: float, deadline_s: float) -> None:
        """Wait until the run is over; raise LavaFailure or LavaTimeout when it will not be."""
        nap, check_up = _SHORTEST_NAP, 0.0
        while not all(port.probe() for port in self._runtime.service_to_runtime):
            now = time.monotonic()
            if now > deadline:
                raise LavaTimeout(f"Lava did not finish within {deadline_s:g} s, {self._where()}.")
            if now > check_up:
                self._runtime.require_alive(self._where())
                check_up = now + _CHECK_UP
            time.sleep(nap)
            nap = min(2 * nap, _LONGEST_NAP)
        replies = [port.recv() for port in self._runtime.service_to_runtime]
        if not all(enum_equal(reply, MGMT_RESPONSE.DONE) for reply in replies):
            self._runtime.raise_traceback(self._where())
            raise LavaFailure(f"Lava's runtime answered {replies} to a run, {self._where()}.")
        self._runtime._is_running = False

    def _where(self) -> str:
        return f"after {self.chip_steps} chip steps of form {self.form.name!r}"
