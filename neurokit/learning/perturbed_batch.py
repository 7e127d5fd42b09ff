"""PerturbedBatchEvaluator: many perturbed copies of one Program at once on the twin, for rules that ask. Nothing is
compiled anew.

Between Input and Output all is integer and equal to `neurokit.ir.interpreter` with the weights of each copy: what the
widths forbid is refused at the first value that leaves them, not proved beforehand, since the weights move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int32, Int64

from neurokit.errors import UnsupportedNode
from neurokit.ir.program import Program
from neurokit.learning.directions import Directions
from neurokit.learning.integer_optimizer import saturated
from neurokit.learning.perturbations import (
    Probe,
    local_gradient,
    static_perturbations,
    threshold_of,
    time_varying_perturbations,
)
from neurokit.learning.queries import Answer, CurrentLosses, CurrentSlopes, Losses, Query, Slopes
from neurokit.learning.slopes import answer_tangents
from neurokit.learning.task import Task
from neurokit.neurons.surrogates import Gaussian, Surrogate
from neurokit.simulator.batched_loops import Loops, loops
from neurokit.simulator.batched_weights import BatchedWeightSimulator, Replaced, Values
from neurokit.simulator.device_mismatch import Device, Nominal
from neurokit.simulator.plastic_weights import Field, Plastic, Weights

#: Bytes of spikes that copies hold at a time.
_ROOM = 2**24


@dataclass(frozen=True, eq=False)
class PerturbedBatchEvaluator:
    """An Evaluator on the twin: K copies of `program` on `device`, on the samples of `task`.

    tensors    what can be perturbed: those of `neurokit.simulator.plastic_weights.plastic`
    surrogate  of the spikes' derivative, for rules that ask for slopes; its width in units of the threshold

    Raises UnsupportedNode as `BatchedWeightSimulator`.
    """

    program: Program
    tensors: tuple[Plastic, ...]
    task: Task
    device: Device = field(default_factory=Nominal)
    surrogate: Surrogate = Gaussian(0.3)  # noqa: RUF009 (frozen)
    loops: Loops = field(default_factory=loops)

    def answer(
        self,
        weights: Weights,
        queries: Sequence[Query],
        directions: Directions,
        step: int,
        rows: Int64[np.ndarray, " b"],
    ) -> list[Answer]:
        """One answer a query, see `queries`. Raises OverflowDetected as `BatchedWeightSimulator.run`."""
        encoded, truth = self._batch(rows)
        drawn = {t.name: directions.of(step, t.channel, t.shape) for t in self.tensors}
        found: list[Answer] = []
        recorded: Values | None = None
        for query in queries:
            if isinstance(query, Losses):
                found.append(self._losses(weights, self._moved(weights, query, drawn), encoded, truth))
            elif isinstance(query, Slopes | CurrentSlopes):
                if recorded is None:
                    recorded = self._forward.run(encoded, _replacing(self.tensors, weights), record=True)
                if isinstance(query, Slopes):
                    found.append(self._slopes(weights, query, drawn, recorded, truth))
                else:
                    found.append(self._current_slopes(weights, query, directions, step, recorded, truth))
            elif isinstance(query, CurrentLosses):
                found.append(self._currents(weights, query, directions, step, encoded, truth))
            else:
                raise UnsupportedNode(
                    "query", type(query).__name__, "the learning twin", "it has no rule", "Ask for losses or slopes."
                )
        return found

    def answers(
        self, weights: Weights, rows: Int64[np.ndarray, " b"] | None = None
    ) -> Float64[np.ndarray, "samples *rest"]:
        """What the network answers with `weights`, in problem units, for some samples or all."""
        encoded, _ = self._batch(np.arange(len(self.task)) if rows is None else rows)
        answers: np.ndarray = self._forward.decode(self._forward.run(encoded, _replacing(self.tensors, weights)))[0]
        return answers

    def loss(self, weights: Weights, rows: Int64[np.ndarray, " b"]) -> float:
        """The loss on the samples `rows`."""
        entries = self.task.objective.entries(self.answers(weights, rows), self.task.truth[rows])
        return float(entries.mean())

    @cached_property
    def _forward(self) -> BatchedWeightSimulator:
        return BatchedWeightSimulator(self.program, self.device, self.loops)

    @cached_property
    def _encoded(self) -> dict[str, np.ndarray]:
        """All samples as integers, encoded once."""
        return self.program.encode(self.task.inputs)

    def _batch(self, rows: Int64[np.ndarray, " b"]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        sampled = self.task.sampled
        return {n: x[rows] if n in sampled else x for n, x in self._encoded.items()}, self.task.truth[rows]

    def _moved(self, weights: Weights, query: Losses, drawn: Mapping[str, np.ndarray]) -> Replaced:
        """The integers of the copies, one copy where nothing moves."""
        moved = []
        for tensor in self.tensors:
            values = weights[tensor.name][None].astype(np.int64)
            if query.amplitude and tensor.layer in query.layers:
                values = values + drawn[tensor.name].astype(np.int64) * (query.amplitude * tensor.unit)
            moved.append((tensor, saturated(tensor, values)[0]))
        return {(tensor.node, tensor.field): values for tensor, values in moved}

    def _losses(
        self, weights: Weights, moved: Replaced, encoded: Mapping[str, np.ndarray], truth: np.ndarray
    ) -> Float64[np.ndarray, " K"]:
        found = []
        copies = max(len(values) for values in moved.values())
        chunk = self._chunk(encoded)
        for k in range(0, copies, chunk):
            part = {key: x[k : k + chunk] if len(x) > 1 else x for key, x in moved.items()}
            answers = self._forward.decode(self._forward.run(encoded, part))
            entries = self.task.objective.entries(answers, truth)
            found.append(entries.reshape(len(entries), -1).mean(axis=1))
        return np.concatenate(found)

    def _slopes(
        self,
        weights: Weights,
        query: Slopes,
        drawn: Mapping[str, np.ndarray],
        recorded: Values,
        truth: np.ndarray,
    ) -> Float64[np.ndarray, " K"]:
        along = {
            (t.node, t.field): drawn[t.name].astype(np.float64) * t.unit
            for t in self.tensors
            if t.layer in query.layers
        }
        replaced = _replacing(self.tensors, weights)
        tangents = answer_tangents(self._forward, recorded, replaced, along, self.surrogate)
        slopes = self.task.objective.slopes(self._forward.decode(recorded)[0], truth)
        return np.asarray((tangents * slopes).reshape(len(tangents), -1).mean(axis=1))

    def _current_slopes(
        self,
        weights: Weights,
        query: CurrentSlopes,
        directions: Directions,
        step: int,
        recorded: Values,
        truth: np.ndarray,
    ) -> dict[str, np.ndarray]:
        probes = time_varying_perturbations(self.program, self.tensors, query.layers, recorded, directions, step)
        replaced = _replacing(self.tensors, weights)
        tangents = answer_tangents(self._forward, recorded, replaced, {}, self.surrogate, probes)
        slopes = self.task.objective.slopes(self._forward.decode(recorded)[0], truth)
        return local_gradient(self.program, self.tensors, recorded, probes, tangents * slopes)

    def _currents(
        self,
        weights: Weights,
        query: CurrentLosses,
        directions: Directions,
        step: int,
        encoded: Mapping[str, np.ndarray],
        truth: np.ndarray,
    ) -> dict[str, np.ndarray]:
        replaced = _replacing(self.tensors, weights)
        plain = self._forward.run(encoded, replaced)
        probes = static_perturbations(self.program, self.tensors, query.layers, plain, directions, step)
        reach = {name: max(1, round(query.amplitude * threshold_of(self.program, name))) for name in probes}
        chunk = self._chunk(encoded)
        change = np.concatenate(
            [
                self._entries(replaced, probes, reach, slice(k, k + chunk), encoded, truth)
                for k in range(0, directions.count, chunk)
            ]
        )
        found: dict[str, np.ndarray] = {}
        for name, probe in probes.items():
            found |= local_gradient(self.program, self.tensors, plain, {name: probe}, change / reach[name])
        return found

    def _entries(
        self,
        replaced: Replaced,
        probes: Mapping[str, Probe],
        reach: Mapping[str, int],
        some: slice,
        encoded: Mapping[str, np.ndarray],
        truth: np.ndarray,
    ) -> np.ndarray:
        """Half of what the loss of every entry differs by, between the currents moved one way and the other."""
        both = []
        for sign in (1, -1):
            extra = {
                layer: probe.signs[some].astype(np.int32) * (sign * reach[layer]) for layer, probe in probes.items()
            }
            answers = self._forward.decode(self._forward.run(encoded, replaced, extra))
            both.append(self.task.objective.entries(answers, truth))
        return np.asarray((both[0] - both[1]) / 2)

    def _chunk(self, encoded: Mapping[str, np.ndarray]) -> int:
        """How many copies fit the memory that is set apart for spikes."""
        samples = max(int(np.prod(x.shape[:-1])) for x in encoded.values())
        lines = sum(self.program.ports[node.name].size for node in self.program.spiking)
        return max(1, _ROOM // max(1, samples * lines * self.program.steps))


def _replacing(tensors: Sequence[Plastic], weights: Weights) -> dict[tuple[str, Field], Int32[np.ndarray, "1 ..."]]:
    """The integers of one copy."""
    return {(t.node, t.field): weights[t.name][None] for t in tensors}
