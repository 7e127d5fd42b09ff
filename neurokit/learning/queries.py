"""What a rule asks of an evaluator, and what it makes of the answers: the interface between both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64, Int64

from neurokit.learning.directions import Directions
from neurokit.simulator.plastic_weights import Plastic, Weights


@dataclass(frozen=True)
class Losses:
    """Asks for K losses, with the tensors of `layers` moved along direction k by `amplitude` units each.

    Copy k runs with `weights + amplitude * unit * d_k`, saturated to the legal integers. With the amplitude 0 it asks
    for the one loss of the weights as they are. Answer: `(K,)`, or `(1,)` for the amplitude 0.
    """

    layers: tuple[str, ...]
    amplitude: int


@dataclass(frozen=True)
class Slopes:
    """Asks for K directional derivatives of the loss: of the weights of `layers` along `unit * d_k`. Answer: `(K,)`."""

    layers: tuple[str, ...]


@dataclass(frozen=True)
class CurrentLosses:
    """Asks for the effect of K perturbations of the currents of `layers`, held over the window.

    Every line of every sample has signs of its own. `amplitude` is a share of the neurons' threshold, or of the largest
    weight before a readout, rounded to an integer current of at least 1. Answer: for each tensor the estimate of the
    loss's gradient in units of the tensor, formed where the activity is; see `NodePerturbation`.
    """

    layers: tuple[str, ...]
    amplitude: float


@dataclass(frozen=True)
class CurrentSlopes:
    """Asks for the slopes of every sample's loss along K perturbations of the currents of `layers`, by true tangents.

    Every line of every sample has signs of its own, behind spikes in every step; see `neurokit.learning.perturbations`.
    Answer: as that of CurrentLosses.
    """

    layers: tuple[str, ...]


Query = Losses | Slopes | CurrentLosses | CurrentSlopes
#: Losses or slopes `(K,)`, or the gradient by tensor.
Answer = Float64[np.ndarray, " K"] | Mapping[str, Float64[np.ndarray, "..."]]


class Evaluator(Protocol):
    """Something that runs perturbed copies of one Program on a batch: the twin, a target, Lava."""

    @property
    def tensors(self) -> tuple[Plastic, ...]:
        """What can be perturbed."""
        ...

    def answer(
        self,
        weights: Weights,
        queries: Sequence[Query],
        directions: Directions,
        step: int,
        rows: Int64[np.ndarray, " b"],
    ) -> list[Answer]:
        """One answer a query, all on the same samples `rows`. Raises UnsupportedNode or GraphError for a query that it
        cannot answer.
        """
        ...


@dataclass(frozen=True)
class Directional:
    """An estimate of the gradient as K numbers a tensor: `gradient = sum_k scalars[k] d_k`, in loss per unit."""

    step: int
    directions: Directions
    scalars: Mapping[str, Float64[np.ndarray, " K"]]

    def power(self, tensor: Plastic) -> float:
        """Mean square of the estimate's entries, expected from the scalars alone."""
        return float((self.scalars[tensor.name] ** 2).sum()) * self.directions.distribution.power

    def integers(self, tensor: Plastic, scale: float, limit: int) -> Int64[np.ndarray, "..."]:
        """`sum_k q[k] d_k`: K integers cross the channel, directions are generated behind it."""
        q = self.sent(tensor, scale, limit)
        return combined(q, self.directions.of(self.step, tensor.channel, tensor.shape))

    def gradient_of(self, tensor: Plastic) -> Float64[np.ndarray, "..."]:
        """The estimate in real numbers."""
        drawn = self.directions.of(self.step, tensor.channel, tensor.shape).astype(np.float64)
        return np.asarray(np.tensordot(self.scalars[tensor.name], drawn, axes=1))

    def sent(self, tensor: Plastic, scale: float, limit: int) -> Int64[np.ndarray, " K"]:
        """The integers `q[k] = rint(scale * scalars[k])`, within +-limit."""
        return _integers(scale * self.scalars[tensor.name], limit)


@dataclass(frozen=True)
class Local:
    """An estimate that was formed where the weights are, entry by entry, in loss per unit."""

    step: int
    gradient: Mapping[str, Float64[np.ndarray, "..."]]

    def power(self, tensor: Plastic) -> float:
        return float((self.gradient[tensor.name] ** 2).mean())

    def gradient_of(self, tensor: Plastic) -> Float64[np.ndarray, "..."]:
        """The estimate in real numbers."""
        return self.gradient[tensor.name]

    def integers(self, tensor: Plastic, scale: float, limit: int) -> Int64[np.ndarray, "..."]:
        return _integers(scale * self.gradient[tensor.name], limit)


Estimate = Directional | Local


def _integers(values: Float64[np.ndarray, "..."], limit: int) -> Int64[np.ndarray, "..."]:
    """Nearest integers within +-limit: a trace that holds no more saturates, as on the chip."""
    return np.asarray(np.clip(np.rint(values), -limit, limit), np.int64)


def combined(q: Int64[np.ndarray, " K"], directions: np.ndarray) -> Int64[np.ndarray, "*shape"]:
    """`sum_k q[k] d_k`, exactly."""
    # Sums stay far below 2**53, where float64 is exact and has BLAS.
    flat = q.astype(np.float64) @ directions.reshape(len(directions), -1).astype(np.float64)
    return np.asarray(flat.astype(np.int64).reshape(directions.shape[1:]))
