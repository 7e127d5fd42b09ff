"""Task: the samples that a deployed network learns from, and what it is to make small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from jaxtyping import Float64, Int64

from neurokit.data.data import Data
from neurokit.errors import GraphError, explain
from neurokit.learning.counter_rng import CounterRNG, Purpose


class Objective(Protocol):
    """A loss that is a mean over entries of the answers."""

    def entries(self, answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """The loss of every entry; leading axes of `answers` broadcast."""
        ...

    def slopes(self, answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Derivative of an entry's loss with regard to its answer."""
        ...


@dataclass(frozen=True)
class MeanSquare:
    """`(answer - truth)**2 / unit**2`: the mean square error in a unit of one's own."""

    unit: float = 1.0

    def entries(self, answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return np.asarray(((answers - truth) / self.unit) ** 2)

    def slopes(self, answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return np.asarray(2 * (answers - truth) / self.unit**2)


@dataclass(frozen=True)
class RelativeSquare:
    """`(answer - truth)**2 / mean(truth of the sample**2)`: its mean is the mean squared relative L2 error."""

    def entries(self, answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return np.asarray((answers - truth) ** 2 / self._square(truth))

    def slopes(self, answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return np.asarray(2 * (answers - truth) / self._square(truth))

    def _square(self, truth: np.ndarray) -> np.ndarray:
        return np.asarray((truth**2).mean(axis=tuple(range(1, truth.ndim)), keepdims=True))


@dataclass(frozen=True, eq=False)
class Task:
    """Inputs by name, whose leading axes broadcast to those of `truth`, and the truth `(samples, ..., outputs)`.

    `sampled` are the inputs that have a row for every sample; the others are shared by all. Raises GraphError when
    their lengths differ.
    """

    inputs: Mapping[str, Float64[np.ndarray, "*batch size"]]
    truth: Float64[np.ndarray, "samples *rest"]
    sampled: tuple[str, ...]
    objective: Objective = MeanSquare()

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", MappingProxyType(dict(self.inputs)))
        for name in self.sampled:
            if len(self.inputs[name]) != len(self.truth):
                legal = f"{len(self.truth)}, one for each answer"
                raise GraphError(explain(f"task: rows of {name!r}", len(self.inputs[name]), legal, "align them"))

    @classmethod
    def of(cls, data: Data, objective: Objective | None = None) -> Task:
        """The task of a data set; the objective is the mean square in units of the answers' root mean square."""
        unit = float(np.sqrt((data.answers**2).mean()))
        return cls(data.inputs, data.answers, data.sampled, objective or MeanSquare(unit))

    def __len__(self) -> int:
        return len(self.truth)

    def batch(self, size: int, seed: int, step: int) -> Int64[np.ndarray, " size"]:
        """Rows of the samples of a step, drawn with replacement from counters."""
        return CounterRNG(seed).below(len(self), Purpose.BATCH, step, 0, 0, size)
