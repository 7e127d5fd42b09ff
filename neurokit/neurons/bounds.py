"""Bounds: a neuron's `step` on integer intervals, for the proof that no state leaves its width.

Interval arithmetic (Moore, Kearfott, Cloud 2009, "Introduction to Interval Analysis", ch. 5) on the very lines of
`step`. All factors of a neuron are >= 0, and its decays rise with what decays, rounding included, so that ends map to
ends. The spike alone has a rule of its own, for plain intervals would forget that only what is above threshold fires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64


@dataclass(frozen=True)
class Bounds:
    """Closed integer bounds of one number for every neuron."""

    low: Int64[np.ndarray, " size"]
    high: Int64[np.ndarray, " size"]

    def __add__(self, other: Any) -> Bounds:
        low, high = ends(other)
        return Bounds(self.low + low, self.high + high)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Bounds:
        low, high = ends(other)
        return Bounds(self.low - high, self.high - low)

    def __mul__(self, factor: Any) -> Bounds:
        assert not isinstance(factor, Bounds), "a neuron multiplies its states by numbers >= 0"
        return Bounds(self.low * factor, self.high * factor)

    __rmul__ = __mul__

    def hull(self, other: Bounds) -> Bounds:
        """The least bounds around both."""
        return Bounds(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def ends(value: Any) -> tuple[Any, Any]:
    """`(low, high)` of Bounds or of a number."""
    return (value.low, value.high) if isinstance(value, Bounds) else (value, value)


def spike(before: Bounds, level: Any, threshold: int, *, strict: bool, soft: bool) -> tuple[Bounds, Bounds]:
    """Bounds of the spikes of membranes `before` with the threshold `level`, and of the membranes after their reset.

    A membrane that does not fire stays, one that fires is lowered, by `threshold <= level` or to zero, but never below
    zero. So the lowest membrane is the one that never fires, and the highest the one driven hardest, or the highest one
    that does not fire.
    """
    lowest, highest = ends(level)
    silent, most = (lowest, highest) if strict else (lowest - 1, highest - 1)
    may, must = before.high > silent, before.low > most
    lowered = before.high - threshold if soft else np.zeros_like(before.high)
    after = Bounds(
        np.where(must, 0, np.minimum(before.low, 0)),
        np.where(may, np.maximum(np.minimum(most, before.high), lowered), before.high),
    )
    return Bounds(must.astype(np.int64), may.astype(np.int64)), after
