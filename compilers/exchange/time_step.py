"""Time steps: how the differential equations of NIR become steps of a network, and back.

A leaky state with the time constant `tau`, driven by `x`, `tau dv/dt = x - v`, becomes `v <- keep v + gain x`. NIR
does not say how, so whoever reads or writes it must. Times are in any one unit, seconds say. Where a synapse feeds a
membrane the synapse steps first, and the membrane sees its new value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from neurokit.errors import OutOfRange, explain
from neurokit.neurons.models import decay


class TimeStep(Protocol):
    """A scheme with its step."""

    @property
    def name(self) -> str:
        """The word for this scheme in files."""
        ...

    @property
    def dt(self) -> float: ...

    def keep(self, tau: float) -> float:
        """What is left after a step; raises OutOfRange where the scheme has no step for this time constant."""
        ...

    def tau(self, keep: float) -> float:
        """The time constant of which `keep` is left; raises OutOfRange where there is none."""
        ...


_SHORTER = "take a smaller dt or Exponential; a dialect that fixes both has not written this file: read it as plain"


@dataclass(frozen=True)
class Euler:
    """Forward Euler: `keep = 1 - dt / tau`, `gain = dt / tau`; snnTorch (dt = 1e-4) and norse (dt = 1e-3) step so."""

    dt: float
    name: str = "euler"

    def __post_init__(self) -> None:
        _require_positive("Euler.dt", self.dt)

    def keep(self, tau: float) -> float:
        if not tau >= self.dt:  # also for NaN
            raise OutOfRange(explain("tau", tau, f"at least dt = {self.dt:g}", _SHORTER))
        return 1 - self.dt / tau

    def tau(self, keep: float) -> float:
        _require_fraction(keep, zero=True)
        return self.dt / (1 - keep)


@dataclass(frozen=True)
class Exponential:
    """Exact for a drive that is constant in a step: `keep = exp(-dt / tau)`, `gain = 1 - keep`; as sinabs (dt = 1)."""

    dt: float
    name: str = "exponential"

    def __post_init__(self) -> None:
        _require_positive("Exponential.dt", self.dt)

    def keep(self, tau: float) -> float:
        return decay(tau, self.dt)

    def tau(self, keep: float) -> float:
        _require_fraction(keep, zero=False)
        return -self.dt / math.log(keep)


#: By the word in files.
SCHEMES: dict[str, type[Euler] | type[Exponential]] = {"euler": Euler, "exponential": Exponential}


def _require_positive(subject: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise OutOfRange(explain(subject, value, "a finite number > 0", "give it in the unit of the time constants"))


def _require_fraction(keep: float, *, zero: bool) -> None:
    if not (0 < keep < 1 or (zero and keep == 0)):
        legal = "0 <= keep < 1" if zero else "0 < keep < 1"
        remedy = "use IF or LIF where a state keeps all or nothing" + ("" if zero else ", or the scheme Euler")
        raise OutOfRange(explain("what a state keeps in a step", keep, f"{legal}: a time constant exists", remedy))
