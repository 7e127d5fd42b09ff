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
from collections.abc import Mapping
from multiprocessing.util import get_temp_dir
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Int64
from lava.magma.core.process.message_interface_enum import ActorType
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal
from lava.magma.runtime.runtime import Runtime

from neurokit.compilers.to_lava import Wiring, to_lava
from neurokit.errors import LavaFailure, LavaTimeout
from neurokit.integers import Decay12
from neurokit.lava.forms import Form, StockForm
from neurokit.lava.interrupts import interrupts_held
from neurokit.program import Program, Spiking, decays
from neurokit.result import Trace

#: Seconds between two looks at a running network: short at first, for short runs, then long.
_SHORTEST_NAP, _LONGEST_NAP = 1e-4, 5e-3
#: Seconds between two looks at the health of every child, and for a failed child's traceback to arrive.
_CHECK_UP, _GRACE = 0.05, 2.0


class LavaNetwork:
    """A Program as Lava processes.

    >>> with LavaNetwork(program, StockForm(), record=True) as network:      # doctest: +SKIP
    ...     raw, trace = network.run(program.encode(samples))

    `form` chooses the models, `record` keeps spikes, states and totals, `period` is the number of chip steps from one
    sample to the next (default: the shortest; a chip wants a power of two). The samples of a run, and of all runs,
    stream through one running network: nothing is built or set again between them.

    Raises UnsupportedNode or OutOfRange (see `schedule`) on entering when Lava cannot run the Program exactly.
    """

    def __init__(
        self, program: Program, form: Form | None = None, *, record: bool = False, period: int | None = None
    ) -> None:
        self.program = program
        self.form: Form = StockForm() if form is None else form
        self.record = record
        self.period = period
        self.chip_steps = 0  #: executed so far
        self._runs = 0
        self._runtime: Any = None
        self._wiring: Wiring | None = None
        self._directory: Path | None = None

    def __enter__(self) -> LavaNetwork:
        self._directory = Path(tempfile.mkdtemp(prefix="neurokit-lava-"))
        try:
            self._wiring = to_lava(
                self.program, self._directory, record=self.record, period=self.period, form=self.form
            )
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def run(
        self, values: Mapping[str, Int64[np.ndarray, "samples size"]], *, deadline_s: float = 600.0
    ) -> tuple[dict[str, Int64[np.ndarray, "samples size"]], Trace | None]:
        """Stream encoded samples through the network; raw outputs by Output name, and the Trace if recording.

        Raises LavaFailure with the child's traceback when a process fails, LavaTimeout after `deadline_s` seconds; in
        both cases, and on Ctrl-C, the network is stopped and cannot run again.
        """
        wiring = self._require_running()
        samples = len(next(iter(values.values())))
        windows = samples + wiring.schedule.drain
        for name, tape in wiring.inputs.items():
            # While the last samples drain, the last one is presented again: nothing outside the proven range.
            x = np.concatenate([values[name], np.repeat(values[name][-1:], wiring.schedule.drain, axis=0)])
            tape.write(self._runs, wiring.played(name, x))
        wires, steps = self.program.wires, self.program.steps
        for name, tape in wiring.totals.items():
            tape.blank(self._runs, (windows, 1, wires[name].size))
        for name, tape in [*wiring.spikes.items(), *wiring.states.items(), *wiring.residues.items()]:
            tape.blank(self._runs, (windows, steps, wires[name].size))
        chip_steps = wiring.schedule.chip_steps(samples)
        try:
            self._runtime.start(RunSteps(num_steps=chip_steps, blocking=False))
            self._wait(time.monotonic() + deadline_s, deadline_s)
        except BaseException:
            self.stop()
            raise
        self.chip_steps += chip_steps
        return self._collect(wiring, samples)

    def stop(self) -> None:
        """End all children and remove all files. Safe to call at any time and any number of times."""
        with interrupts_held():
            if self._runtime is not None:
                runtime, self._runtime = self._runtime, None
                _end(runtime)
        self._wiring = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _require_running(self) -> Wiring:
        if self._wiring is None or self._runtime is None:
            raise LavaFailure(
                "this LavaNetwork is not running: enter it with `with`, and do not use it after a failure."
            )
        return self._wiring

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
        return f"form {self.form.name!r}, run {self._runs} of this network, after {self.chip_steps} chip steps"

    def _collect(self, wiring: Wiring, samples: int) -> tuple[dict[str, np.ndarray], Trace | None]:
        run, self._runs = self._runs, self._runs + 1
        totals = {name: tape.read(run)[:samples, 0].astype(np.int64) for name, tape in wiring.totals.items()}
        raw = {output.name: totals[output.source] for output in self.program.outputs}
        if not self.record:
            return raw, None
        spikes = {name: tape.read(run)[:samples].astype(np.uint8) for name, tape in wiring.spikes.items()}
        states = {name: self._membrane(wiring, name, run, spikes[name]) for name in wiring.states}
        return raw, Trace(spikes=spikes, states=states, totals=totals)

    def _membrane(self, wiring: Wiring, name: str, run: int, spikes: np.ndarray) -> np.ndarray:
        """The membrane before the reset, `(samples, steps, size)`, in the Program's units."""
        node = self.program[name]
        assert isinstance(node, Spiking)
        u = wiring.states[name].read(run)[: len(spikes)].astype(np.int64)
        if name in wiring.residues:  # a hard reset wipes the membrane, which is what had decayed plus what came
            v = wiring.residues[name].read(run)[: len(spikes)].astype(np.int64)
            before = np.pad(v, ((0, 0), (1, 0), (0, 0)))[:, :-1] * Decay12(decays(node.neuron)[1]) + u
            if (v != before * (1 - spikes)).any():
                raise LavaFailure(f"population {name!r}: its membrane is not what its current and its leak make of it.")
            u = before
        unit = 1 if node.leaky else self.form.membrane_unit
        assert not (u % unit).any()
        return np.asarray(u // unit)


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
