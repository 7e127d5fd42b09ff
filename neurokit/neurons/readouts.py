"""Readouts: how a train of currents over the window becomes one number per line.

A readout is a weighted sum over time, `y = sum_t weights[t] * a[t] / normaliser`, with integer weights, so the
same readout is exact in a Program (which leaves the division to the output's codec).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Int


class ReadoutRule(Protocol):
    """A weighting of the time steps of a window."""

    @property
    def name(self) -> str:
        """The word for this rule in files."""
        ...

    def weights(self, steps: int) -> Int[np.ndarray, " steps"]:
        """Integer weight of each of the `steps` time steps."""
        ...

    def normaliser(self, steps: int) -> int:
        """Sum of the weights."""
        ...


@dataclass(frozen=True)
class Rate:
    """Mean over the window: `weights[t] = 1`, normaliser `T`."""

    name: str = "rate"

    def weights(self, steps: int) -> Int[np.ndarray, " steps"]:
        return np.ones(steps, dtype=np.int64)

    def normaliser(self, steps: int) -> int:
        return steps


@dataclass(frozen=True)
class MemMean:
    """Mean over the window of a membrane that integrates and never fires.

    `v[t] = v[t-1] + a[t]`, `y = mean_t v[t] * 2 / (T + 1)`, hence `weights[t] = T - t` for `t = 0..T-1` and the
    normaliser `T (T + 1) / 2`. It resolves T (T + 1) / 2 output levels where `Rate` resolves T, at no cost.
    """

    name: str = "memmean"

    def weights(self, steps: int) -> Int[np.ndarray, " steps"]:
        return np.arange(steps, 0, -1, dtype=np.int64)

    def normaliser(self, steps: int) -> int:
        return steps * (steps + 1) // 2


RULES: dict[str, ReadoutRule] = {rule.name: rule for rule in (Rate(), MemMean())}
