"""Spiking neurons, each defined once.

A neuron is a small frozen object. Its `step` is a pure function written with nothing but `+`, `-`, `*` and a
`fire` function that the caller brings, so the same lines run on torch tensors (where `fire` carries a
surrogate derivative), on NumPy floats (the Graph), on NumPy integers (the Program) and inside a Lava process
model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

#: Turns the distance to threshold into spikes: 1 where it is >= 0, else 0, in the array type it was given.
Fire = Callable[[Any], Any]


class Reset(Protocol):
    """What happens to the membrane of a neuron that has just fired."""

    def __call__(self, u: Any, s: Any, threshold: Any) -> Any: ...


@dataclass(frozen=True)
class Subtract:
    """Soft reset, `u <- u - s * threshold`: the overshoot is kept, so a constant current is coded without loss."""

    def __call__(self, u: Any, s: Any, threshold: Any) -> Any:
        return u - s * threshold


@dataclass(frozen=True)
class ToZero:
    """Hard reset, `u <- u * (1 - s)`: the overshoot is lost."""

    def __call__(self, u: Any, s: Any, threshold: Any) -> Any:
        return u - s * u


@dataclass(frozen=True)
class IF:
    """Integrate-and-fire neuron without leak.

    In every time step, from the membrane `u` left by the step before (0 at first) and the input current `a`:

        u <- u + a
        s = 1 if u >= threshold else 0
        u <- reset(u, s, threshold)

    `threshold` is in the units of the current: real in a Graph, an integer > 0 in a Program.

    Source: Eq. (1)-(3) of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057) with U_0 = 0.
    """

    threshold: float = 1.0
    reset: Reset = Subtract()

    def __post_init__(self) -> None:
        if not np.isfinite(self.threshold) or self.threshold <= 0:
            from neurokit.errors import OutOfRange, explain

            raise OutOfRange(
                explain("IF.threshold", self.threshold, "a finite number > 0", "choose a positive threshold")
            )

    def step(self, u: Any, a: Any, fire: Fire) -> tuple[Any, Any, Any]:
        """One time step. Returns `(membrane before the reset, spikes, membrane after it)`, all shaped like `u`."""
        before = u + a
        s = fire(before - self.threshold)
        return before, s, self.reset(before, s, self.threshold)


def heaviside(x: np.ndarray) -> np.ndarray:
    """`fire` for NumPy: 1 where `x >= 0`, else 0, in the dtype of `x`."""
    return (x >= 0).astype(x.dtype)
