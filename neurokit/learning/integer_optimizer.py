"""IntegerOptimizer: how the integers of a network move along an estimate, with what a chip or its host can hold.

The host divides the estimate by its running root mean square, which it knows from the scalars alone, and sends integers
q. Behind the channel all is integer, in every entry of a tensor; with f bits of fraction and momentum of shift m:

    G = sum_k q[k] d_k                                 directions generated from counters, never stored
    v <- v - ((v + 2**(m - 1)) >> m) + G               with momentum, else v = G
    w <- saturate(w - unit * round(v / 2**(f + m)))    the rounding is an object, see below

so that `rate` is how many units a weight moves in a step, root mean square. Where weights saturate is counted.

The decay of v rounds to nearest: a floor would leave up to 2**m - 1 in every entry for good, all of one sign, which
pushes weights for as long as a run lasts. What is left is +-2**(m - 1), beneath the fraction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Int32, Int64

from neurokit.errors import OutOfRange, explain
from neurokit.learning.counter_rng import CounterRNG, Purpose
from neurokit.learning.queries import Estimate
from neurokit.simulator.plastic_weights import Field, Plastic, Weights


class Moved(NamedTuple):
    """The integer steps of a tensor, and what is left of a residue."""

    steps: Int64[np.ndarray, "..."]
    residue: Int64[np.ndarray, "..."] | None


class Rounding(Protocol):
    """How `v / 2**shift` becomes an integer."""

    def round(
        self,
        v: Int64[np.ndarray, "..."],
        shift: int,
        residue: Int64[np.ndarray, "..."] | None,
        step: int,
        channel: int,
    ) -> Moved: ...


@dataclass(frozen=True)
class Stochastic:
    """`floor((v + r) / 2**shift)`, r uniform in `0..2**shift - 1` for every entry: right on average.

    Nothing but the 8-bit weight is kept. r comes from counters; source: Gupta et al. 2015 (arXiv 1502.02551).
    """

    seed: int = 0

    def round(
        self, v: Int64[np.ndarray, "..."], shift: int, residue: np.ndarray | None, step: int, channel: int
    ) -> Moved:
        r = CounterRNG(self.seed).below(2**shift, Purpose.ROUNDING, step, channel, 0, v.size).reshape(v.shape)
        return Moved((v + r) >> shift, None)


@dataclass(frozen=True)
class SharedDither:
    """As Stochastic, but one r for the whole tensor: what Lava's model of the learning engine draws.

    `lava.magma.core.model.py.connection` (lava-nc 0.10.0) compares the fraction of every weight of a layer with one
    random number of the learning epoch. Each weight is right on average, but all of them err together.
    """

    seed: int = 0

    def round(
        self, v: Int64[np.ndarray, "..."], shift: int, residue: np.ndarray | None, step: int, channel: int
    ) -> Moved:
        r = CounterRNG(self.seed).below(2**shift, Purpose.ROUNDING, step, channel, 0, 1)[0]
        return Moved((v + r) >> shift, None)


@dataclass(frozen=True)
class Residue:
    """`floor((v + residue) / 2**shift)`, and what that drops is the next residue: `shift` bits more in every synapse.

    The network computes with 8-bit weights still, but learning keeps a second integer beside each (on Loihi, a tag):
    declare it where results are told.
    """

    def round(
        self, v: Int64[np.ndarray, "..."], shift: int, residue: np.ndarray | None, step: int, channel: int
    ) -> Moved:
        whole = v if residue is None else v + residue
        return Moved(whole >> shift, whole & (2**shift - 1))


class Schedule(Protocol):
    """A factor of the rate along a run."""

    def factor(self, step: int, steps: int) -> float: ...


@dataclass(frozen=True)
class Constant:
    """1 throughout."""

    def factor(self, step: int, steps: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Halving:
    """`2**-floor(halvings * step / steps)`: a shift that grows, which a chip without a multiplier can hold."""

    halvings: int = 6

    def factor(self, step: int, steps: int) -> float:
        return float(2.0 ** -(self.halvings * step // steps))


@dataclass(frozen=True)
class Cosine:
    """From 1 to `last` along half a cosine; the host holds it."""

    last: float = 0.02

    def factor(self, step: int, steps: int) -> float:
        return self.last + (1 - self.last) * (1 + math.cos(math.pi * step / steps)) / 2


#: Arrays by the name of a tensor, or one number each: all that a learner remembers.
State = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class IntegerOptimizer:
    """The update; see the equations above.

    rate       units that an entry of a weight moves in a step, root mean square, before the schedule
    fine_rate  the same of biases and offsets, whose unit is finer; None is `rate`
    momentum   shift m of the momentum's decay `1 - 2**-m`; 0 is none
    fraction   bits f below one unit in what is sent
    memory     decay of the host's running mean square
    limit      largest |q| that is sent; beyond it q saturates (a trace of Loihi's learning engine holds 127)

    Raises OutOfRange for numbers that make no update.
    """

    rate: float = 0.05
    fine_rate: float | None = None
    schedule: Schedule = Constant()
    momentum: int = 0
    rounding: Rounding = field(default_factory=Stochastic)
    fraction: int = 12
    memory: float = 0.98
    limit: int = 2**15 - 1

    def __post_init__(self) -> None:
        for name, value, legal, right in (
            ("rate", self.rate, "> 0", self.rate > 0),
            ("fine_rate", self.fine_rate, "> 0 or None", self.fine_rate is None or self.fine_rate > 0),
            ("momentum", self.momentum, "0..10", 0 <= self.momentum <= 10),
            ("fraction", self.fraction, "0..16", 0 <= self.fraction <= 16),
            ("memory", self.memory, "0 <= memory < 1", 0 <= self.memory < 1),
            ("limit", self.limit, "1..32767", 1 <= self.limit < 2**15),
        ):
            if not right:
                raise OutOfRange(explain(f"IntegerOptimizer.{name}", value, legal, "choose such a number"))

    def start(self, tensors: Sequence[Plastic]) -> State:
        """What is remembered before the first step: for each tensor `{}`."""
        return {tensor.name: {} for tensor in tensors}

    def scale(self, tensors: Sequence[Plastic], estimate: Estimate, state: State, share: float) -> dict[str, float]:
        """The host's part: by tensor, the factor that makes integers of an estimate; `share` is the schedule's.

        Updates the running mean squares in `state`.
        """
        found = {}
        for tensor in tensors:
            kept = state[tensor.name]
            weight = self.memory * kept.get("weight", 0.0)  # of what was seen before: the mean starts unbiased
            power = (weight * kept.get("power", 0.0) + (1 - self.memory) * estimate.power(tensor)) / (
                weight + 1 - self.memory
            )
            kept["weight"], kept["power"] = weight + 1 - self.memory, power
            rate = self.rate if tensor.field is Field.WEIGHT or self.fine_rate is None else self.fine_rate
            found[tensor.name] = rate * share * 2**self.fraction / math.sqrt(power) if power > 0 else 0.0
        return found

    def apply(
        self,
        tensor: Plastic,
        values: Int32[np.ndarray, "..."],
        total: Int64[np.ndarray, "..."],
        state: dict[str, Any],
        step: int,
    ) -> tuple[Int32[np.ndarray, "..."], int]:
        """The chip's part: new integers of a tensor from `total` = G, and how many of them saturated."""
        shift = self.fraction
        if self.momentum:
            before = state.get("velocity", np.zeros(tensor.shape, np.int64))
            half = 1 << self.momentum - 1
            total = state["velocity"] = before - ((before + half) >> self.momentum) + total
            shift += self.momentum
        steps, residue = self.rounding.round(total, shift, state.get("residue"), step, tensor.channel)
        if residue is not None:
            state["residue"] = residue
        return saturated(tensor, values - tensor.unit * steps)

    def step(
        self, tensors: Sequence[Plastic], weights: Weights, estimate: Estimate, state: State, share: float
    ) -> tuple[dict[str, Int32[np.ndarray, "..."]], Mapping[str, int]]:
        """Both parts: the weights after the step, and how many entries saturated by tensor."""
        scales = self.scale(tensors, estimate, state, share)
        made, bound = {}, {}
        for tensor in tensors:
            total = estimate.integers(tensor, scales[tensor.name], self.limit)
            made[tensor.name], bound[tensor.name] = self.apply(
                tensor, weights[tensor.name], total, state[tensor.name], estimate.step
            )
        return made, bound


def saturated(tensor: Plastic, values: Int64[np.ndarray, "..."]) -> tuple[Int32[np.ndarray, "..."], int]:
    """`values` within the legal integers of a tensor, and how many were beyond."""
    kept = np.clip(values, tensor.low, tensor.high)
    return kept.astype(np.int32), int((kept != values).sum())
