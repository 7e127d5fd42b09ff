"""Trainable values of neurons, and where each may lie.

Training moves an unbounded number; the span of a field maps it to the value, which so never leaves the span.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from neurokit.errors import OutOfRange, explain
from neurokit.neurons.fixed_point import Decay12


@dataclass(frozen=True)
class Trainable:
    """A value that training adjusts, one a layer, from `start` on."""

    start: float


class Span(Protocol):
    """An interval, and a smooth map of the real line onto its inside; `meaning` says what lies in it."""

    @property
    def meaning(self) -> str: ...

    def require(self, subject: str, value: Any) -> None:
        """Raise OutOfRange when a number, or the start of a Trainable, is not in the interval."""
        ...

    def raw(self, value: float) -> float:
        """The number that the map takes to `value`."""
        ...

    def value(self, raw: Any) -> Any:
        """The map, on a torch tensor."""
        ...

    def slope(self, value: Any) -> Any:
        """The derivative of the map, where it gives `value`."""
        ...


@dataclass(frozen=True)
class Positive:
    """Numbers > 0 in units of the membrane, by `exp`."""

    meaning: str = "in units of the membrane"

    def require(self, subject: str, value: Any) -> None:
        number = value.start if isinstance(value, Trainable) else value
        if isinstance(number, int | float) and not (math.isfinite(number) and number > 0):
            raise OutOfRange(explain(subject, number, "a finite number > 0", "choose a number above 0"))

    def raw(self, value: float) -> float:
        return math.log(value)

    def value(self, raw: Any) -> Any:
        return raw.exp()

    def slope(self, value: Any) -> Any:
        return value


@dataclass(frozen=True)
class Fraction:
    """Numbers in [0, 1], by the logistic function, which stays inside: a Trainable starts inside too.

    of            what the number is the share of that is left after a step
    tau           name of the time constant that says the same
    """

    of: str = "a state"
    tau: str = "tau"

    @property
    def meaning(self) -> str:
        return f"share of {self.of} that is left after a step"

    def require_decay(self, subject: str, value: Any) -> None:
        """Raise OutOfRange unless a value of a Program is a Decay12."""
        if not isinstance(value, Decay12):
            raise OutOfRange(explain(subject, value, "a Decay12", "use `Decay12.nearest`"))

    def require(self, subject: str, value: Any) -> None:
        if isinstance(value, Trainable):
            if not 0 < value.start < 1:
                raise OutOfRange(explain(subject, value, "a start between 0 and 1", "use `decay(tau, dt)`"))
        elif isinstance(value, int | float) and not 0 <= value <= 1:
            raise OutOfRange(explain(subject, value, "0..1, what is left after a step", "use `decay(tau, dt)`"))

    def raw(self, value: float) -> float:
        return math.log(value / (1 - value))

    def value(self, raw: Any) -> Any:
        return raw.sigmoid()

    def slope(self, value: Any) -> Any:
        return value * (1 - value)
