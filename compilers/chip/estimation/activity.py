"""Activity: which lines emit and which neurons are awake in every step, measured on samples by the twin.

One sample runs alone, from rest. Chip steps count from 0; a synapse takes one step and a neuron none, as in
`neurokit.compilers.lava.schedule`: an Input emits from step 0 on, the neurons that receive it through a Dense answer
from step 1 on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from neurokit.compilers.chip.estimation.routes import bias_lines
from neurokit.compilers.chip.populations import Population, populations
from neurokit.compilers.lava.schedule import split
from neurokit.errors import NeurokitError, OutOfRange, explain
from neurokit.ir.interpreter import apply
from neurokit.ir.program import Program, ProgramNode, Readout, Spiking, Sum, Synapses
from neurokit.ir.result import Trace
from neurokit.ir.signals import Signal
from neurokit.ir.target import Target

#: Bytes of states that a target may record at a time.
CHUNK_BYTES = 2**26
#: Bytes that a neuron's spike and membrane take in one step of a Trace.
TRACE_BYTES = 9


@dataclass(frozen=True, eq=False)
class Raster:
    """Yes or no for every sample, step and line, from chip step `start` on; a bit each."""

    start: int
    lines: int
    bits: UInt8[np.ndarray, "samples steps bytes"]

    @classmethod
    def of(cls, start: int, dense: Bool[np.ndarray, "samples steps lines"]) -> Raster:
        return cls(start, dense.shape[-1], np.packbits(dense, axis=-1))

    def dense(self, samples: slice = slice(None)) -> UInt8[np.ndarray, "samples steps lines"]:
        """Zeros and ones of some samples."""
        return np.unpackbits(self.bits[samples], axis=-1, count=self.lines)


@dataclass(frozen=True, eq=False)
class Activity:
    """What happened in `samples` samples of `steps` chip steps each.

    sent   by source: lines that send a message, spikes and graded spikes alike
    awake  by population: neurons that something reaches in a step, or whose state is not 0 as it begins
    """

    samples: int
    steps: int
    sent: Mapping[str, Raster]
    awake: Mapping[str, Raster]


def measure(program: Program, samples: Mapping[str, np.ndarray], target: Target | None = None) -> Activity:
    """Run samples on a target that records (by default the twin) and keep what the estimate needs, a bit a number.

    `samples` are real values, `(*batch, size)` per input, whose leading axes broadcast; every combination counts as
    one sample. Raises what the target raises.
    """
    if target is None:
        from neurokit.simulator import Twin

        target = Twin()
    program.encode(samples)  # refuses bad samples before they are reshaped
    batch = np.broadcast_shapes(*(np.shape(array)[:-1] for array in samples.values()))
    count = int(np.prod(batch, dtype=np.int64))
    flat = {
        name: np.broadcast_to(array, (*batch, np.shape(array)[-1])).reshape(count, -1)
        for name, array in samples.items()
    }
    made = populations(program)
    width = sum(wire.size for wire in program.ports.values())
    chunk = max(1, CHUNK_BYTES // (TRACE_BYTES * program.steps * width))
    parts = []
    for start in range(0, count, chunk):
        some = {name: array[start : start + chunk] for name, array in flat.items()}
        trace = target.run(program, some, record=True).trace
        if trace is None:
            raise NeurokitError(f"target {target.name!r} recorded nothing, although it was asked to")
        parts.append(_Window(program, made, program.encode(some), trace).activity())
    return _joined(parts)


def starts(program: Program) -> dict[str, int]:
    """Chip step at which every node first emits."""
    start: dict[str, int] = {}
    for node in program.nodes:
        came = [0]
        for source in node.sources:
            through = 0 if isinstance(program[source], (Synapses, Sum)) else 1
            came.append(start[source] + (1 if isinstance(node, Synapses) else through))
        start[node.name] = max(came)
        if isinstance(node, Synapses):
            start[node.name] += split(program, node)
        if isinstance(node, Readout):
            start[node.name] += program.steps - 1
    return start


def _joined(parts: Sequence[Activity]) -> Activity:
    def join(rasters: Sequence[Raster]) -> Raster:
        return Raster(rasters[0].start, rasters[0].lines, np.concatenate([raster.bits for raster in rasters]))

    first = parts[0]
    return Activity(
        samples=sum(part.samples for part in parts),
        steps=first.steps,
        sent={name: join([part.sent[name] for part in parts]) for name in first.sent},
        awake={name: join([part.awake[name] for part in parts]) for name in first.awake},
    )


class _Window:
    """The activity of one batch, from its encoded inputs and its Trace."""

    def __init__(
        self, program: Program, made: Sequence[Population], encoded: Mapping[str, np.ndarray], trace: Trace
    ) -> None:
        self.program, self.made, self.trace = program, made, trace
        self.values: dict[str, np.ndarray] = {name: x[:, None] for name, x in encoded.items()}
        self.samples = len(next(iter(encoded.values())))
        self.start = starts(program)
        self.steps = 1 + max(self.start[p.name] + len(self.window(p.name)) - 1 for p in made)

    def window(self, name: str) -> range:
        """Local time of what a node emits."""
        return range(1 if self.program.ports[name].signal is Signal.TOTAL else self.program.steps)

    def receives(self, name: str) -> int:
        """Chip step at which a population receives local time 0 of its sources."""
        readout = isinstance(self.program[name], Readout)
        return self.start[name] - (self.program.steps - 1 if readout else 0)

    def activity(self) -> Activity:
        received = {p.source for population in self.made for p in population.projections}
        sent = {node.name: self.emitted(node) for node in self.program.inputs}
        for population in self.made:
            node = self.program[population.name]
            sent[node.name] = self.emitted(node)
            if node.name not in received and not isinstance(node, Spiking):  # the host reads it where it is
                sent[node.name] = Raster.of(self.start[node.name], np.zeros_like(sent[node.name].dense(), dtype=bool))
        for population in self.made:
            for p in population.projections:
                if p.biases:
                    offset = p.lines == 0  # what a readout adds once, in its last step
                    first = self.receives(population.name) - 1 + (self.program.steps - 1 if offset else 0)
                    steps = 1 if offset else self.program.steps
                    always = np.ones((self.samples, steps, p.biases), dtype=bool)
                    sent[bias_lines(p.layer)] = Raster.of(first, always)
        awake = {population.name: Raster.of(0, self.awake(population, sent)) for population in self.made}
        return Activity(self.samples, self.steps, sent, awake)

    def emitted(self, node: ProgramNode) -> Raster:
        """The messages of a node: whatever of it is not 0."""
        value = self.value(node) != 0
        steps = len(self.window(node.name))
        return Raster.of(self.start[node.name], np.broadcast_to(value, (self.samples, steps, value.shape[-1])))

    def value(self, node: ProgramNode) -> Int64[np.ndarray, "samples steps_or_1 size"]:
        """What a node emits over its window; one step of it where it is held or total."""
        if node.name not in self.values:
            trace = self.trace
            if isinstance(node, Spiking):
                found = trace.spikes[node.name]
            elif self.program.ports[node.name].signal is Signal.TOTAL:
                found = trace.totals[node.name][:, None]
            else:
                sources = [self.value(self.program[source]) for source in node.sources]
                if isinstance(node, Synapses) and node.delay:
                    late = np.zeros_like(sources[0])
                    late[:, node.delay :] = sources[0][:, : -node.delay]
                    sources = [late]
                found = apply(node, self.program.widths, *(source.astype(np.int64) for source in sources))
            self.values[node.name] = found
        return self.values[node.name]

    def awake(self, population: Population, sent: Mapping[str, Raster]) -> Bool[np.ndarray, "samples chip_steps size"]:
        awake = np.zeros((self.samples, self.steps + 1, population.size), dtype=bool)
        for p in population.projections:
            for source in [p.source] * (p.lines > 0) + [bias_lines(p.layer)] * (p.biases > 0):
                raster = sent[source]
                if source == population.name:
                    first = raster.start + 1
                elif source == p.source:
                    first = self.receives(population.name) + p.delay
                else:
                    first = raster.start + 1
                received = raster.dense()
                if source != p.source or not (p.one_to_one or p.reach is not None):
                    received = received.any(axis=-1, keepdims=True)
                elif p.reach is not None:
                    received = (p.reach.astype(np.int32) @ received.reshape(-1, p.lines).T).T.reshape(
                        *received.shape[:2], -1
                    )
                fits = max(0, min(received.shape[1], awake.shape[1] - first))
                awake[:, first : first + fits] |= received[:, :fits] > 0
        node = self.program[population.name]
        if isinstance(node, Spiking):
            before, fired = self.trace.states[node.name], self.trace.spikes[node.name]
            kept = node.fine.reset(before, fired.astype(before.dtype), node.fine.threshold) != 0
            end = self.start[node.name] + 1 + kept.shape[1]
            awake[:, self.start[node.name] + 1 : end] |= kept[:, : awake.shape[1] - self.start[node.name] - 1]
            awake[:, end:] |= kept[:, -1:]  # until the next sample resets it
        elif isinstance(node, Readout):
            weights = node.rule.weights(self.program.steps)[:, None]
            kept = np.cumsum(self.value(self.program[node.source]) * weights, axis=1)[:, :-1] != 0
            first = self.receives(node.name) + 1
            awake[:, first : first + kept.shape[1]] |= kept
        return awake[:, :-1]


def require(activity: Activity, program: Program) -> None:
    """Raise OutOfRange unless the activity can be that of the Program."""
    expected = {node.name for node in program.inputs} | {made.name for made in populations(program)}
    missing = expected - set(activity.sent)
    if missing or activity.samples < 1:
        raise OutOfRange(
            explain(
                "Activity",
                f"of {activity.samples} samples, without {sorted(missing) or 'nothing'}",
                "measured on this Program, on one sample at the least",
                "call `measure(program, samples)`",
            )
        )
