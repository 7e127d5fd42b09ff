"""LavaNetwork: a Program's Lava processes, built, run and owned as a context manager, in this very interpreter.

Lava 0.10 hangs for ever when one of its processes raises, is killed or sleeps, and then hangs again in `stop`. So this
class drives Lava's Runtime itself: it waits by polling, looks after the children, and always ends them by a kill, which
is safe because they hold nothing but tapes, and those are memory-mapped files. It relies on private attributes of
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

from lava.magma.core.process.message_interface_enum import ActorType
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal
from lava.magma.runtime.runtime import Runtime

from neurokit.compilers.to_lava import Wiring, to_lava
from neurokit.errors import LavaFailure, LavaTimeout
from neurokit.lava.differences import same
from neurokit.lava.forms import Form
from neurokit.lava.host import Host
from neurokit.lava.interrupts import interrupts_held
from neurokit.lava.layout import Record
from neurokit.lava.tape import Tapes
from neurokit.lava.weights import rewrite
from neurokit.program import Program

#: Seconds between two looks at a running network: short at first, for short runs, then long.
_SHORTEST_NAP, _LONGEST_NAP = 1e-4, 5e-3
#: Seconds between two looks at the health of every child, and for a failed child's traceback to arrive.
_CHECK_UP, _GRACE = 0.05, 2.0


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
        self._given = directory  #: where tapes are to lie, if not in a folder of the network's own
        self._runtime: Any = None
        self._wiring: Wiring | None = None
        self._directory: Path | None = None

    def start(self) -> Tapes:
        self._directory = Path(tempfile.mkdtemp(prefix="neurokit-lava-"))
        where = self._directory if self._given is None else self._given
        layout = self.layout
        self._wiring = to_lava(layout.program, where, record=layout.record, period=layout.period, form=layout.form)
        self._start()
        return self._wiring.tapes

    def stop(self) -> None:
        """End all children and remove all files. Safe to call at any time and any number of times."""
        with interrupts_held():
            if self._runtime is not None:
                runtime, self._runtime = self._runtime, None
                _end(runtime)
        self._wiring = self._tapes = self._open = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def make_steps(self, chip_steps: int) -> None:
        """Make steps for a host that is elsewhere, has the tapes, and holds the deadline."""
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
        self._raise_if_failed()
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
        self._runtime = _CarefulRuntime(executable, ActorType.MultiProcessing)
        executable.assign_runtime_to_all_processes(self._runtime)
        try:
            self._runtime.initialize()
        except Exception as error:
            if hasattr(error, "trace"):  # Lava's way of sending a child's traceback
                raise LavaFailure(f"a Lava process could not be made: {error!r}.", error.trace) from error
            raise

    def _wait(self, deadline: float, deadline_s: float) -> None:
        """Wait until the run is over; raise LavaFailure or LavaTimeout when it will not be."""
        nap, check_up = _SHORTEST_NAP, 0.0
        while not all(port.probe() for port in self._runtime.service_to_runtime):
            now = time.monotonic()
            if now > deadline:
                raise LavaTimeout(f"Lava did not finish within {deadline_s:g} s; {self._where()}.")
            if now > check_up:
                self._raise_if_failed()
                check_up = now + _CHECK_UP
            time.sleep(nap)
            nap = min(2 * nap, _LONGEST_NAP)
        replies = [port.recv() for port in self._runtime.service_to_runtime]
        if not all(enum_equal(reply, MGMT_RESPONSE.DONE) for reply in replies):
            self._raise_traceback()
            raise LavaFailure(f"Lava's runtime answered {replies} to a run; {self._where()}.")
        self._runtime._is_running = False

    def _raise_if_failed(self) -> None:
        actors = self._runtime._messaging_infrastructure.actors
        dead = [actor for actor in actors if not actor.is_alive()]
        if dead:
            self._raise_traceback()
            codes = ", ".join(str(actor.exitcode) for actor in dead)
            raise LavaFailure(f"{len(dead)} of {len(actors)} Lava processes died (exit {codes}); {self._where()}.")

    def _raise_traceback(self) -> None:
        """Raise LavaFailure with the traceback of a child that failed, if one arrives soon.

        When one child fails, Lava ends others at once, so their deaths may be seen before that traceback.
        """
        over = time.monotonic() + _GRACE
        while time.monotonic() < over:
            for actor in self._runtime._messaging_infrastructure.actors:
                if actor.exception is not None:
                    error, child_traceback = actor.exception
                    raise LavaFailure(f"a Lava process failed: {error!r}; {self._where()}.", child_traceback)
            time.sleep(_CHECK_UP)

    def _where(self) -> str:
        return f"form {self.form.name!r}, after {self.chip_steps} chip steps"


class _CarefulRuntime(Runtime):  # type: ignore[misc]  # Lava has no types
    """Lava's Runtime, which keeps count of its children even when it is interrupted while it makes them."""

    def _build_message_infrastructure(self) -> None:
        with interrupts_held():
            super()._build_message_infrastructure()

    def _build_processes(self) -> None:
        with interrupts_held():
            super()._build_processes()

    def _build_runtime_services(self) -> None:
        with interrupts_held():
            super()._build_runtime_services()


def _end(runtime: Any) -> None:
    """Kill the children of a Lava Runtime, whatever state it is in, and give back what it holds."""
    infrastructure = runtime._messaging_infrastructure
    if infrastructure is not None:
        for actor in infrastructure.actors:
            if not actor._is_done:
                actor.kill()
        for actor in infrastructure.actors:
            actor.join()
        runtime.join()
        if hasattr(infrastructure.smm._manager, "shutdown"):  # it has, once it was started and until it is shut down
            infrastructure.smm.shutdown()
    for queue in vars(runtime).pop("exception_q", []):  # still there when the start failed; Lava leaves both ends open
        queue.close()
        queue._writer.close()
    if runtime._watchdog_manager is not None:
        runtime._watchdog_manager.stop()
    runtime._is_running = runtime._is_started = False
