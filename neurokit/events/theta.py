"""Theta: the oscillating quadratic integrate-and-fire neuron, whose spikes appear and vanish only at a trial's end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.errors import OutOfRange, explain
from neurokit.events.neuron import EventNeuron, State


@dataclass(frozen=True)
class Theta(EventNeuron):
    """tau dV/dt = V (V - 1) + drive, spikes at V = inf, goes on from V = -inf; a pulse adds its weight to V.

    In the phase phi, the time since the last spike without pulses, everything is in closed form. With
    r = sqrt(drive - 1/4) the period is P = pi tau / r, and a pulse moves the angle u = pi phi / P in [0, pi] by

        cot u' = cot u - w / r,   that is   u' = atan2(sin u, cos u - (w / r) sin u),

    which is smooth on the closed interval. At phi = P and phi = 0 a pulse has no effect, so that a spike is neither
    made nor undone by one: spike times are smooth functions of weights and of input times, twice differentiable.

    State: phi, in units of time. `tau` in units of time, `drive` > 1/4, `start` the phase at the beginning in periods.

    Source: Klos and Memmesheimer 2025, arXiv 2309.14523. Raises OutOfRange for parameters that do not oscillate.
    """

    tau: float = 6 / math.pi
    drive: float = 1.25
    start: float = 0.5
    components = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tau) and self.tau > 0):
            raise OutOfRange(explain("Theta: tau", self.tau, "finite and > 0", "choose such a time"))
        if not (math.isfinite(self.drive) and self.drive > 0.25):
            raise OutOfRange(explain("Theta: drive", self.drive, "finite and > 0.25", "raise it"))
        if not 0 <= self.start < 1:
            raise OutOfRange(explain("Theta: start", self.start, "0..1, 1 excluded", "choose such a phase"))

    @property
    def period(self) -> float:
        """Time between spikes without pulses."""
        return math.pi * self.tau / self._r

    @property
    def _r(self) -> float:
        return math.sqrt(self.drive - 0.25)

    def rest(self, batch: int, size: int, like: Tensor) -> State:
        return torch.full((batch, size, 1), self.start * self.period, dtype=like.dtype, device=like.device)

    def flow(self, x: State, s: Float[Tensor, "batch #n"]) -> State:
        return x + s[..., None]

    def wait(self, x: State) -> Float[Tensor, "batch n"]:
        # Rounding may carry a phase an ulp beyond the period; the clamp's derivative there would be lost otherwise.
        left = self.period - x[..., 0]
        return torch.where(left >= 0, left, left - left.detach())

    def kick(self, x: State, w: Float[Tensor, "batch n"]) -> State:
        u = x[..., 0] * (math.pi / self.period)
        moved = torch.atan2(torch.sin(u), torch.cos(u) - w / self._r * torch.sin(u))
        return (moved * (self.period / math.pi))[..., None]

    def reset(self, x: State) -> State:
        return x - self.period

    def crossing(self, x: State) -> State:
        return torch.full_like(x, -1.0)

    def voltage(self, x: State) -> Float[Tensor, "batch n"]:
        return torch.tan(x[..., 0] * (math.pi / self.period)).reciprocal() * -self._r + 0.5
