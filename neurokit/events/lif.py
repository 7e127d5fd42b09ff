"""CurrentLIF: the leaky integrate-and-fire neuron with exponential synaptic currents, in continuous time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.errors import OutOfRange, TangentCrossing, explain
from neurokit.events.neuron import EventNeuron, State, StateJacobian
from neurokit.neurons.models import Subtract, ToZero

#: Newton's method halves the distance to a tangent crossing at worst: enough for every bit of float64.
MOST_NEWTON_STEPS = 64


@dataclass(frozen=True)
class CurrentLIF(EventNeuron):
    """dI/dt = -I / tau_syn, dV/dt = -V / tau_mem + I; a pulse adds its weight to I; V = threshold resets V.

    Any ratio of the time constants, equal ones included. With a = 1/tau_syn, b = 1/tau_mem the flow is
    `V(s) = V e^(-bs) + I k(s)`, `I(s) = I e^(-as)`, `k(s) = (e^(-as) - e^(-bs)) / (b - a)`. On the way up to its peak V
    is concave, so Newton's method from s = 0 approaches the next spike from below and never passes it.

    State: (V, I), I in the units of V per time. At a crossing V is the threshold exactly, so both resets are the same
    here, and whether they are `attached` changes nothing. A peak that touches the threshold is a spike; its time has an
    infinite derivative, and asking for that raises TangentCrossing. `slope_floor` bounds dV/dt from below where
    gradients divide by it; with 0, the default, they are exact.

    Raises OutOfRange for parameters that are not finite and > 0 (`slope_floor`: >= 0).
    """

    tau_mem: float
    tau_syn: float
    threshold: float = 1.0
    reset_to: Subtract | ToZero = field(default_factory=Subtract)
    slope_floor: float = 0.0
    components = 2
    affine = True

    def __post_init__(self) -> None:
        for name in ("tau_mem", "tau_syn", "threshold"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise OutOfRange(explain(f"CurrentLIF: {name}", value, "finite and > 0", "choose such a number"))
        if not (math.isfinite(self.slope_floor) and self.slope_floor >= 0):
            raise OutOfRange(
                explain("CurrentLIF: slope_floor", self.slope_floor, "finite and >= 0", "use 0 for exact gradients")
            )

    @property
    def rates(self) -> tuple[float, float]:
        """a = 1 / tau_syn and b = 1 / tau_mem."""
        return 1 / self.tau_syn, 1 / self.tau_mem

    def rest(self, batch: int, size: int, like: Tensor) -> State:
        return torch.zeros(batch, size, self.components, dtype=like.dtype, device=like.device)

    def flow(self, x: State, s: Float[Tensor, "batch #n"]) -> State:
        return self._pair_after(x, s)

    def wait(self, x: State) -> Float[Tensor, "batch n"]:
        still = x.detach()
        s, fires = self._solve(still)
        # The one Newton step that is differentiated: it leaves the root where it is and gives it its derivative.
        slope = torch.where(fires, self._slope(self._pair_after(still, s)), torch.ones_like(s))
        if x.requires_grad:
            slope = self.divisor(slope)
            after = self._voltage_after(x, s)
            s = s - (after - after.detach()) / slope
        return torch.where(fires, s, torch.full_like(s, math.inf))

    def kick(self, x: State, w: Float[Tensor, "batch n"]) -> State:
        return torch.cat((x[..., :1], x[..., 1:2] + w[..., None], x[..., 2:]), -1)

    def reset(self, x: State) -> State:
        v = x[..., :1] - self.threshold if isinstance(self.reset_to, Subtract) else torch.zeros_like(x[..., :1])
        return torch.cat((v, x[..., 1:]), -1)

    def crossing(self, x: State) -> State:
        slope = self.divisor(self._slope(x))
        return torch.cat(((-1 / slope)[..., None], torch.zeros_like(x[..., 1:])), -1)

    def voltage(self, x: State) -> Float[Tensor, "batch n"]:
        return x[..., 0]

    def velocity(self, x: State) -> State:
        return torch.stack((self._slope(x), -self.rates[0] * x[..., 1]), -1)

    def flow_jacobian(self, x: State, s: Float[Tensor, "batch #n"]) -> StateJacobian:
        a, b = self.rates
        zero = torch.zeros_like(s)
        rows = torch.stack((torch.exp(-b * s), self._kernel(s), zero, torch.exp(-a * s)), -1)
        return rows.reshape(*s.shape, 2, 2).expand(*x.shape[:-1], 2, 2)

    def kick_jacobian(self, x: State, w: Float[Tensor, "batch n"]) -> tuple[StateJacobian, State]:
        unit = torch.eye(2, dtype=x.dtype, device=x.device)
        return unit.expand(*x.shape[:-1], 2, 2), unit[1].expand(x.shape)

    def _slope(self, x: State) -> Float[Tensor, "batch n"]:
        return x[..., 1] - self.rates[1] * x[..., 0]

    def divisor(self, slope: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """dV/dt at spikes as gradients divide by it. Raises TangentCrossing where that is 0."""
        slope = slope.clamp(min=self.slope_floor) if self.slope_floor else slope
        if bool((slope <= 0).any()):
            raise TangentCrossing(
                explain(
                    "CurrentLIF: dV/dt at a spike",
                    float(slope.min()),
                    "> 0; the voltage touches its threshold and the spike time has no derivative",
                    "move the weights, or bound the slope with slope_floor, which makes gradients approximate",
                )
            )
        return slope

    def _kernel(self, s: Tensor) -> Tensor:
        """k(s), without the cancellation of two nearly equal exponentials."""
        a, b = self.rates
        apart = abs(a - b)
        return torch.exp(-min(a, b) * s) * (-torch.expm1(-apart * s) / apart if apart else s)

    def _pair_after(self, x: State, s: Float[Tensor, "batch #n"]) -> Float[Tensor, "batch n 2"]:
        return torch.stack((self._voltage_after(x, s), x[..., 1] * torch.exp(-self.rates[0] * s)), -1)

    def _voltage_after(self, x: State, s: Float[Tensor, "batch #n"]) -> Float[Tensor, "batch n"]:
        return x[..., 0] * torch.exp(-self.rates[1] * s) + x[..., 1] * self._kernel(s)

    def _peak(self, x: State) -> Float[Tensor, "batch n"]:
        """Time to the peak of a rising voltage under a positive current, inf where it rises towards rest for ever."""
        a, b = self.rates
        rise = self._slope(x) / (x[..., 1] * a)
        if a == b:
            return rise
        inside = (b - a) * rise
        never = inside <= -1
        time = torch.log1p(torch.where(never, torch.zeros_like(inside), inside)) / (b - a)
        return torch.where(never, torch.full_like(time, math.inf), time)

    @torch.no_grad()
    def _solve(self, x: State) -> tuple[Float[Tensor, "batch n"], Tensor]:
        """Time to the next spike, 0 where there is none, and where there is one."""
        fires = x[..., 0] >= self.threshold
        s = torch.zeros_like(x[..., 0])
        rising = ~fires & (x[..., 1] > self.threshold * self.rates[1]) & (self._slope(x) > 0)
        candidates = rising.nonzero(as_tuple=True)
        if not len(candidates[0]):
            return s, fires
        some = x[candidates]
        peak = self._peak(some)
        reaches = torch.isfinite(peak)
        reaches &= self._voltage_after(some, torch.where(reaches, peak, torch.zeros_like(peak))) >= self.threshold
        chosen = tuple(axis[reaches] for axis in candidates)
        if len(chosen[0]):
            s[chosen] = self._newton(some[reaches], peak[reaches])
            fires[chosen] = True
        return s, fires

    def _newton(self, x: Float[Tensor, "k 2"], peak: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
        s = torch.zeros_like(peak)
        for _ in range(MOST_NEWTON_STEPS):
            at = self._pair_after(x, s)
            slope = self._slope(at)
            missing = self.threshold - at[..., 0]
            # Beyond the root, or on the peak, only rounding is left.
            step = torch.where((missing > 0) & (slope > 0), missing / slope, torch.zeros_like(s))
            ahead = torch.minimum(s + step, peak)
            if bool((ahead - s <= torch.finfo(s.dtype).eps * ahead).all()):
                return ahead
            s = ahead
        return s
