"""Host: the side of a running network that feeds it, reads it and says how far it may go. Imports no Lava.

Between two calls the network stands still, with all that it holds. Two kinds of network make the steps, each in its own
way: `LavaNetwork` in this interpreter, `LiveNetwork` in one of its own, where it can also be told to go on by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float64, Int64

from neurokit.compilers.lava.bias_digits import count_digits, lines
from neurokit.compilers.lava.differences import changed_synapses
from neurokit.compilers.lava.forms import Form, StockForm
from neurokit.compilers.lava.layout import Layout, Record
from neurokit.compilers.lava.ring_buffers import RingBuffer, RingBuffers
from neurokit.compilers.lava.schedule import Schedule
from neurokit.errors import GraphError, LavaFailure, OutOfRange, explain
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Program, Spiking, Synapses, decays
from neurokit.ir.result import Trace
from neurokit.ir.signals import Signal

Self = TypeVar("Self", bound="Host")


class Host:
    """What both kinds of network share. Lines of a batch are `(batch, size)`, `batch` being the form's.

    form        `StockForm()`, `SoftIFForm()` or `FusedForm()`
    record      True keeps spikes, states and totals of all nodes, a set of names those of some; outputs are always kept
    period      chip steps from one window to the next; default: the shortest (a chip wants a power of two)
    deadline_s  seconds that a single call may take

    `chip_steps` counts the steps since the start. Raises what Layout raises.
    """

    def __init__(
        self,
        program: Program,
        form: Form | None = None,
        *,
        record: Record = False,
        period: int | None = None,
        deadline_s: float = 600.0,
    ) -> None:
        if not deadline_s > 0:
            raise OutOfRange(explain("deadline_s", deadline_s, "a number > 0", "give it some seconds"))
        self.layout = Layout(program, StockForm() if form is None else form, record, period)
        self.deadline_s = deadline_s
        self.chip_steps = 0
        self.free = False  #: whether it runs by itself, between `resume` and `pause` of a LiveNetwork
        self._open: dict[RingBuffer, np.ndarray] | None = None
        self._tapes: RingBuffers | None = None

    # -- what the two kinds do, each in its own way

    def start(self) -> RingBuffers:
        """Build the network and return its buffers, with their files."""
        raise NotImplementedError

    def stop(self) -> None:
        """End it. Safe to call at any time and any number of times."""
        raise NotImplementedError

    def _go(self, chip_steps: int, deadline_s: float) -> None:
        raise NotImplementedError

    def _rewrite(self, before: Program, after: Program) -> None:
        raise NotImplementedError

    # -- its life

    def __enter__(self: Self) -> Self:
        try:
            self._tapes = self.start()
            for node in self.program.inputs:  # behind the samples, bias lines that never change
                frames = self._frames(self._tapes.inputs[node.name], writable=True)
                frames[:, :, self._width(node.name) :] = lines(self.layout.bias_channels(node.name))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tapes = None
        self._open = None
        self.stop()

    @property
    def program(self) -> Program:
        """The Program as it runs now."""
        return self.layout.program

    @property
    def form(self) -> Form:
        return self.layout.form

    @property
    def schedule(self) -> Schedule:
        """When every node emits."""
        return self.layout.plan

    @property
    def batch(self) -> int:
        """Samples in a window."""
        return self.form.batch

    # -- sample by sample

    def run(
        self, values: Mapping[str, Int64[np.ndarray, "samples size"]], *, deadline_s: float | None = None
    ) -> tuple[dict[str, Int64[np.ndarray, "samples size"]], Trace | None]:
        """Stream encoded samples through the network; raw outputs by Output name, and the Trace if recording.

        A batch a window, from the next window on, and on until the last answer is out; in the meantime the last sample
        is presented again. Room is needed for the answer alone. Raises LavaFailure with the child's traceback when a
        process fails, LavaTimeout after `deadline_s` seconds (default: those of the network); in both cases, and on
        Ctrl-C, the network is stopped and cannot run again.
        """
        buffers = self._require_running()
        plan, batch = self.schedule, self.batch
        deadline_s = self.deadline_s if deadline_s is None else deadline_s
        if rest := -self.chip_steps % plan.period:  # steps were made one by one: on to the next window
            self.advance(rest)
        samples = len(next(iter(values.values())))
        count = math.ceil(samples / batch)
        first = self.chip_steps // plan.period
        frames = self._frames(next(iter(buffers.inputs.values())))
        chunk = len(frames) - plan.flush_windows - 1
        order = np.minimum(np.arange((count + plan.flush_windows) * batch), samples - 1)
        pieces: list[dict[tuple[str, str], np.ndarray]] = []
        read = first
        for begin in range(0, count + plan.flush_windows, chunk):
            end = min(begin + chunk, count + plan.flush_windows)
            rows = order[begin * batch : end * batch]
            ring = np.arange(first + begin, first + end) % len(frames)
            for name, x in values.items():
                self._write(name, ring, x[rows].reshape(end - begin, -1))
            self._advance((end - begin) * plan.period, deadline_s)
            done = max(read, first + min(end - plan.flush_windows, count))
            pieces.append(self._collect(np.arange(read, done)))
            read = done
        whole = {key: np.concatenate([piece[key] for piece in pieces])[:samples] for key in pieces[0]}
        raw = {output.name: whole["totals", output.source] for output in self.program.outputs}
        if not self.layout.record:
            return raw, None
        kinds = ("spikes", "states", "totals")
        by_kind = {kind: {name: a for (k, name), a in whole.items() if k == kind} for kind in kinds}
        return raw, Trace(**by_kind)

    def sample(self, inputs: Mapping[str, np.ndarray]) -> dict[str, Float64[np.ndarray, "*batch size"]]:
        """Present real-valued samples, `(size,)` or `(batch, size)` an input; the outputs in problem units.

        The network runs until the answer is out, and then stands still. What was probed can be read with `spikes`,
        `state` and `total` of the last window that reached the node, which presented the same sample. Raises GraphError
        or OutOfRange for a bad sample, otherwise as `run`.
        """
        values = self._encoded(inputs)
        raw, _ = self.run(values)
        single = all(np.ndim(x) == 1 for x in inputs.values())
        rows = {name: y[0] if single else y for name, y in raw.items()}
        return {output.name: output.decode(rows[output.name]) for output in self.program.outputs}

    # -- step by step

    def feed(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Let the inputs say this from the next chip step on: real values, `(size,)` or `(batch, size)`.

        It holds until something else is fed, through all windows; between two windows inputs are silent. What is fed in
        the middle of a window changes what the rest of it receives. Raises GraphError or OutOfRange for a bad sample.
        """
        self._require_running(free=True)
        for name, x in self._encoded(inputs).items():
            self._write(name, slice(None), np.broadcast_to(x, (self.batch, x.shape[-1])).reshape(-1))

    def advance(self, chip_steps: int = 1) -> None:
        """Make `chip_steps` steps and stand still again. Raises as `run`."""
        self._require_running()
        if chip_steps < 1:
            raise OutOfRange(explain("advance: chip_steps", chip_steps, "at least 1", "make a step"))
        self._advance(chip_steps, self.deadline_s)

    def when(self, name: str) -> tuple[int, int]:
        """`(window, t)` of a node at the last step made: `window < 0` before its first, `t >= steps` between two."""
        node_steps = 1 if self.program.ports[name].signal is Signal.TOTAL else self.program.steps
        return self.schedule.cycle(name, node_steps).local(self.chip_steps)

    def spikes(self, name: str) -> np.ndarray:
        """What a recorded spiking layer said at the last step made, `(batch, size)`; zeros between windows."""
        return self._now("spikes", name)

    def state(self, name: str) -> np.ndarray:
        """Its membrane before the reset at that step, `(batch, size)`, in the Program's units; as `spikes`."""
        return self._now("states", name)

    def train(self, name: str) -> np.ndarray:
        """All spikes of a recorded layer in its latest whole window, `(batch, steps, size)`.

        Raises LavaFailure when it has had none yet.
        """
        return self._latest("spikes", name)

    def states(self, name: str) -> np.ndarray:
        """All its membranes before the reset in that window, `(batch, steps, size)`; as `train`."""
        return self._latest("states", name)

    def total(self, name: str) -> np.ndarray:
        """The latest raw total of a recorded readout, product or sum, `(batch, size)`.

        Raises LavaFailure when none is out yet.
        """
        buffer = self._recorded("totals", name)
        late = 1 if self.layout.fused and any(output.source == name for output in self.program.outputs) else 0
        window = (self.chip_steps - self.schedule.start[name] - late) // self.schedule.period
        if window < 0:
            raise LavaFailure(
                f"{name!r} has said nothing yet: advance to chip step {self.schedule.start[name] + late}."
            )
        frames = self._frames(buffer)
        return np.asarray(frames[window % len(frames), 0].reshape(self.batch, -1), dtype=np.int64)

    def output(self, name: str) -> Float64[np.ndarray, "batch size"]:
        """The latest answer of an Output in problem units; as `total`."""
        output = next((o for o in self.program.outputs if o.name == name), None)
        if output is None:
            legal = ", ".join(o.name for o in self.program.outputs)
            raise OutOfRange(explain("output", repr(name), legal, "name one"))
        return output.decode(self.total(output.source))

    # -- new weights

    def swap(self, program: Program) -> None:
        """Go on with the weights and biases of another Program that is otherwise the same; states stay as they are.

        From the next chip step on synapses have the new weights, so samples under way meet both: `run` and `sample`
        leave none under way. The new Program is proved first. In the stock and process forms every changed weight is
        sent by itself (20 to 60 microseconds each).

        Raises GraphError naming the first other difference, and OutOfRange when a proof fails or the new weights need a
        network that is wired otherwise: more digits in a bias, or a stronger inhibition between windows.
        """
        self._require_running()
        before = self.program
        changed = changed_synapses(before, program)
        after = replace(before, nodes=tuple(changed.get(n.name, n) for n in before.nodes), certificate={})
        after = replace(after, certificate=prove(after))
        layout = replace(self.layout, program=after)
        for node in changed.values():
            assert isinstance(node, Synapses)
            old = before[node.name]
            assert isinstance(old, Synapses)
            if not self.layout.fused and count_digits(node.line_bias) > count_digits(old.line_bias):
                legal = f"as many digits to the base 128 as before, {count_digits(old.line_bias)}"
                raise OutOfRange(
                    explain(f"swap: bias of {node.name!r}", node.line_bias, legal, "build another network for it")
                )
        if layout.plan != self.layout.plan:
            legal = f"the schedule of the network, {self.layout.plan}"
            raise OutOfRange(explain("swap: schedule", layout.plan, legal, "build another network for it"))
        self._rewrite(before, after)
        self.layout = layout

    # -- inside

    def _advance(self, chip_steps: int, deadline_s: float) -> None:
        try:
            self._go(chip_steps, deadline_s)
        except BaseException:
            self._tapes, self._open = None, None
            self.stop()
            raise
        self.chip_steps += chip_steps

    def _require_running(self, *, free: bool = False) -> RingBuffers:
        """Its buffers; raises LavaFailure unless it runs, and stands still or may run by itself."""
        if self._tapes is None:
            raise LavaFailure(
                f"this {type(self).__name__} is not running: enter it with `with`, and do not use it after a failure."
            )
        if self.free and not free:
            raise LavaFailure(f"this {type(self).__name__} runs by itself: `pause` it first.")
        return self._tapes

    def _frames(self, buffer: RingBuffer, *, writable: bool = False) -> np.ndarray:
        """A buffer's frames; opened once."""
        if self._open is None:
            self._open = {}
        if buffer not in self._open:
            self._open[buffer] = buffer.open(writable=writable)
        return self._open[buffer]

    def _width(self, name: str) -> int:
        return self.batch * self.program.ports[name].size

    def _encoded(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Real samples as integers, `(samples, size)`: one, or as many as a batch has."""
        values = {name: np.atleast_2d(x) for name, x in self.program.encode(inputs).items()}
        for name, x in values.items():
            if x.ndim != 2 or len(x) not in (1, self.batch):
                legal = f"(size,) or ({self.batch}, size)"
                raise GraphError(explain(f"input {name!r}: shape", np.shape(inputs[name]), legal, "feed one batch"))
        most = max(len(x) for x in values.values())
        return {name: np.broadcast_to(x, (most, x.shape[1])) for name, x in values.items()}

    def _write(self, name: str, ring: Any, x: np.ndarray) -> None:
        buffers = self._require_running(free=True)
        self._frames(buffers.inputs[name], writable=True)[ring, 0, : self._width(name)] = x

    def _collect(self, windows: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        """What was recorded in some windows, samples on the leading axis, by kind and node."""
        buffers = self._require_running()
        found: dict[tuple[str, str], np.ndarray] = {}
        for name, buffer in buffers.totals.items():
            frames = self._frames(buffer)
            found["totals", name] = self._apart(frames[windows % len(frames)])[:, 0].astype(np.int64)
        for name, buffer in buffers.spikes.items():
            frames = self._frames(buffer)
            ring = windows % len(frames)
            s = frames[ring]
            found["spikes", name] = self._apart(s).astype(np.uint8)
            found["states", name] = self._apart(self._membrane(name, ring, s))
        return found

    def _apart(self, x: np.ndarray) -> np.ndarray:
        """`(windows, steps, batch * size)` to `(windows * batch, steps, size)`."""
        windows, steps, lines = x.shape
        size = lines // self.batch  # said, for of no windows no axis could be inferred
        return x.reshape(windows, steps, self.batch, size).swapaxes(1, 2).reshape(windows * self.batch, steps, size)

    def _membrane(self, name: str, ring: np.ndarray, spikes: np.ndarray) -> np.ndarray:
        """The membrane before the reset in some frames, in the Program's units, as far in time as `spikes` go."""
        buffers, node = self._require_running(), self.program[name]
        assert isinstance(node, Spiking)
        steps = spikes.shape[1]
        u = self._frames(buffers.states[name])[ring, :steps].astype(np.int64)
        if name in buffers.residues:  # a hard reset wipes the membrane, which is what had decayed plus what came
            v = self._after_reset(self._frames(buffers.residues[name])[ring, :steps].astype(np.int64), spikes)
            before = np.pad(v, ((0, 0), (1, 0), (0, 0)))[:, :-1] * Decay12(decays(node.neuron)[1]) + u
            if (v != before * (1 - spikes)).any():
                raise LavaFailure(f"population {name!r}: its membrane is not what its current and its leak make of it.")
            u = before
        unit = 1 if node.leaky else self.form.membrane_unit
        assert not (u % unit).any()
        return np.asarray(u // unit)

    def _after_reset(self, probed: np.ndarray, spikes: np.ndarray) -> np.ndarray:
        """The membrane after a hard reset, of what a probe of `v` read in the steps of `spikes`."""
        return probed

    def _recorded(self, kind: str, name: str) -> RingBuffer:
        buffers: Mapping[str, RingBuffer] = getattr(self._require_running(), kind)
        if name not in buffers:
            raise OutOfRange(explain(f"{kind} of", repr(name), f"of {', '.join(buffers) or 'nothing'}", "record it"))
        return buffers[name]

    def _latest(self, kind: str, name: str) -> np.ndarray:
        steps = self.program.steps
        window, t = self.when(name)
        window -= t < steps - 1
        self._recorded("spikes", name)
        if window < 0:
            first = self.schedule.start[name] + steps - 1
            raise LavaFailure(f"{name!r} has not had a window yet: advance to chip step {first}.")
        return self._in_window(kind, name, window, steps)

    def _now(self, kind: str, name: str) -> np.ndarray:
        window, t = self.when(name)
        self._recorded("spikes", name)
        if window < 0 or t >= self.program.steps:
            return np.zeros((self.batch, self.program.ports[name].size), dtype=np.int64)
        return self._in_window(kind, name, window, t + 1)[:, t].astype(np.int64)

    def _in_window(self, kind: str, name: str, window: int, steps: int) -> np.ndarray:
        """The first steps of a window, `(batch, steps, size)`."""
        frames = self._frames(self._recorded("spikes", name))
        ring = np.array([window % len(frames)])
        s = frames[ring, :steps]
        return self._apart(s if kind == "spikes" else self._membrane(name, ring, s))
