"""Devices: what a network's integers become on hardware that is not as designed. A fault model, with its parameters.

Loihi 2 is digital and has no mismatch of its own: this stands for a changed or analogue device, where copies of one
Program differ and none can be measured part by part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Float64, Int32

from neurokit.errors import OutOfRange, explain
from neurokit.ir.program import Dense, Spiking


class Device(Protocol):
    """How a device realises thresholds and synapses. Results are integers, of which the twin computes exactly."""

    def thresholds(self, node: Spiking, size: int) -> Int32[np.ndarray, " size"]:
        """The threshold of every neuron, at least 1."""
        ...

    def gains(self, node: Dense) -> Float64[np.ndarray, "out in_plus_1"] | None:
        """Factors of the weights and, in the last column, of the biases; what results is rounded. None for all 1."""
        ...


@dataclass(frozen=True)
class Nominal:
    """The device as designed."""

    def thresholds(self, node: Spiking, size: int) -> Int32[np.ndarray, " size"]:
        return np.full(size, node.threshold, np.int32)

    def gains(self, node: Dense) -> Float64[np.ndarray, "out in_plus_1"] | None:
        return None


@dataclass(frozen=True)
class Mismatch:
    """Thresholds and synapses that deviate, each by a factor of its own, for good.

        threshold_i <- max(1, rint(threshold (1 + sigma_th n_i))),   w_ij <- rint(w_ij (1 + sigma_w n_ij))

    with standard normal n from `seed` and the node's name, beyond three standard deviations drawn again: no gain
    changes its sign. Offsets of readouts, which the host adds, do not deviate.

    threshold   sigma_th, a share
    weight      sigma_w, of every synapse, that of a bias included

    Raises OutOfRange for a sigma outside 0..0.33.
    """

    threshold: float = 0.1
    weight: float = 0.1
    seed: int = 0
    _drawn: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("threshold", "weight"):
            if not 0 <= getattr(self, name) <= 0.33:
                raise OutOfRange(explain(f"Mismatch.{name}", getattr(self, name), "0..0.33", "give a share"))

    def thresholds(self, node: Spiking, size: int) -> Int32[np.ndarray, " size"]:
        factors = 1 + self.threshold * self._normal(node.name, (size,))
        return np.asarray(np.maximum(1, np.rint(node.threshold * factors)), np.int32)

    def gains(self, node: Dense) -> Float64[np.ndarray, "out in_plus_1"] | None:
        return np.asarray(1 + self.weight * self._normal(node.name, (node.shape[0], node.shape[1] + 1)))

    def _normal(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in self._drawn:
            rng = np.random.default_rng([self.seed, *name.encode()])
            values = rng.standard_normal(shape)
            while (beyond := np.abs(values) > 3).any():
                values[beyond] = rng.standard_normal(int(beyond.sum()))
            self._drawn[name] = values
        return self._drawn[name]
