"""Latency: times of single spikes as steps of a window, the same in training, in a Graph and in a Program."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neurokit.errors import OutOfRange, explain

#: Parts of a step to which times are rounded before they are rounded up to whole steps.
PARTS = 64


@dataclass(frozen=True)
class Latency:
    """A grid of `dt`, in units of the network's time.

    The step of a time t is `ceil(round(64 t / dt) / 64)`: the first grid time that is not before t, where what lies
    within 1/128 of a step of a grid time is on it. Raises OutOfRange unless `dt` is finite and > 0.
    """

    dt: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.dt) and self.dt > 0):
            raise OutOfRange(explain("Latency: dt", self.dt, "finite and > 0", "choose a step, such as tau / 10"))

    def steps(self, time: Any) -> Any:
        """The steps of finite times, as integers; of a torch tensor or a NumPy array."""
        parts = (time * (PARTS / self.dt)).round()
        whole = -((-parts) // PARTS)
        return whole.long() if hasattr(whole, "long") else whole.astype("int64")

    def count(self, horizon: float) -> int:
        """How many steps last until `horizon`; raises OutOfRange unless they are a whole number, 1 or more."""
        count = round(horizon / self.dt)
        if count < 1 or abs(horizon / self.dt - count) > 1e-9 * count:
            raise OutOfRange(
                explain("horizon / dt", horizon / self.dt, "a whole number of steps", "choose a dt that divides it")
            )
        return count
