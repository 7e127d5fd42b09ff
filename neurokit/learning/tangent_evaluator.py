"""TangentEvaluator: an Evaluator on the twin whose slopes are those of the tangent network, in fixed point.

What a network with tangent neurons on Lava or on a chip finds, this finds too, integer for integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

from neurokit.errors import UnsupportedNode
from neurokit.learning.directions import Directions
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.queries import Answer, CurrentSlopes, Query, Slopes
from neurokit.learning.tangent_program import TangentProgram
from neurokit.learning.tangent_reference import Moves
from neurokit.learning.tangent_twin import TangentTwin
from neurokit.learning.task import Task
from neurokit.simulator.plastic_weights import Plastic, Weights, with_weights

#: Tangent spikes that are held at a time.
_ROOM = 2**21


@dataclass(frozen=True, eq=False)
class TangentEvaluator:
    """An Evaluator: slopes by `tangents`, losses by `copies` of the same Program on a nominal device.

    Slopes along currents it refuses, with UnsupportedNode: tangent neurons in fixed point receive synapses alone.
    """

    copies: PerturbedBatchEvaluator
    tangents: TangentProgram
    twin: TangentTwin = field(default_factory=TangentTwin)

    @property
    def tensors(self) -> tuple[Plastic, ...]:
        """What can be perturbed."""
        return self.copies.tensors

    def answer(
        self,
        weights: Weights,
        queries: Sequence[Query],
        directions: Directions,
        step: int,
        rows: Int64[np.ndarray, " b"],
    ) -> list[Answer]:
        """As `PerturbedBatchEvaluator.answer`.

        Raises OutOfRange when the Program with `weights`, or its tangents, cannot be proved.
        """
        if any(isinstance(query, CurrentSlopes) for query in queries):
            why = "its tangent neurons receive synapses alone"
            raise UnsupportedNode(
                "query", "CurrentSlopes", "TangentEvaluator", why, "Ask `PerturbedBatchEvaluator`, or for Slopes."
            )
        return [
            self._slopes(weights, query, directions, step, rows)
            if isinstance(query, Slopes)
            else self.copies.answer(weights, [query], directions, step, rows)[0]
            for query in queries
        ]

    def _slopes(
        self, weights: Weights, query: Slopes, directions: Directions, step: int, rows: Int64[np.ndarray, " b"]
    ) -> Float64[np.ndarray, " K"]:
        moves = moves_of(self.tensors, query.layers, directions, step)
        moved = self.tangents.moved(with_weights(self.copies.program, self.tensors, weights, proved=False))
        values, truth = presented(self.copies.program.encode(self.copies.task.inputs), self.copies.task, rows)
        (output,) = moved.program.outputs
        lines = sum(moved.program.ports[node.name].size for node in moved.program.spiking)
        chunk = max(1, _ROOM // max(1, truth[..., 0].size * lines * moved.program.steps))
        found = []
        for k in range(0, directions.count, chunk):
            pushed = self.twin.jvp(moved, values, {name: move[k : k + chunk] for name, move in moves.items()})
            answers, derivatives = output.decode(pushed.values[output.name]), pushed.derivatives[output.name]
            found.append(mean_slopes(self.copies.task, truth, answers, derivatives))
        return np.concatenate(found)


def moves_of(tensors: Sequence[Plastic], layers: Sequence[str], directions: Directions, step: int) -> Moves:
    """The directions of a step for the tensors of `layers`, in their units."""
    return {
        t.name: directions.of(step, t.channel, t.shape).astype(np.int64) * t.unit for t in tensors if t.layer in layers
    }


def presented(
    encoded: dict[str, np.ndarray], task: Task, rows: Int64[np.ndarray, " b"]
) -> tuple[dict[str, Int64[np.ndarray, "samples size"]], np.ndarray]:
    """The samples `rows` of a task, one row for each answer, `(samples, size)` by Input name; and the truth."""
    truth = task.truth[rows]
    batch = truth.shape[:-1]
    found = {}
    for name, x in encoded.items():
        own = x[rows] if name in task.sampled else x
        found[name] = np.ascontiguousarray(np.broadcast_to(own, (*batch, x.shape[-1]))).reshape(-1, x.shape[-1])
    return found, truth


def mean_slopes(
    task: Task,
    truth: np.ndarray,
    answers: Float64[np.ndarray, "samples size"],
    derivatives: Float64[np.ndarray, "K samples size"],
) -> Float64[np.ndarray, " K"]:
    """Directional derivatives of the loss from those of the answers."""
    slopes = task.objective.slopes(answers.reshape(truth.shape), truth)
    tangents = derivatives.reshape(len(derivatives), *truth.shape)
    return np.asarray((tangents * slopes).reshape(len(tangents), -1).mean(axis=1))
