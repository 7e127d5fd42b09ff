"""What neurons are in fixed point: decays, and the bits of their states."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neurokit.errors import OutOfRange, explain

#: A leaky neuron's threshold is what 17 bits hold, in units of its current.
LEAKY_THRESHOLDS = range(1, 2**17)
#: Bits that Loihi keeps below the synaptic input where states decay.
FRACTION_BITS = 6
#: Bits of a decay.
DECAY_BITS = 12


@dataclass(frozen=True)
class Decay12:
    """What is left of an integer after a step, `numerator / 4096`, rounded toward zero as Loihi does.

        u * decay = sign(u) * floor(|u| * numerator / 4096)

    It stands in for the real factor of a neuron's `step`: of Python integers and of NumPy's, in their own dtype, whose
    range is never left. Raises OutOfRange unless the numerator is an integer in 0..4096; 4096 keeps all.
    """

    numerator: int

    #: NumPy leaves a product with this to `__rmul__`.
    __array_ufunc__: ClassVar[None] = None

    def __post_init__(self) -> None:
        require_in("Decay12.numerator", self.numerator, range(2**DECAY_BITS + 1), "round it")
        object.__setattr__(self, "numerator", int(self.numerator))

    @classmethod
    def nearest(cls, factor: float) -> Decay12:
        """The nearest to a real factor in [0, 1]; raises OutOfRange for another."""
        if not (math.isfinite(factor) and 0 <= factor <= 1):
            raise OutOfRange(explain("Decay12.nearest: factor", factor, "0..1", "use `neurokit.neurons.models.decay`"))
        return cls(round(factor * 2**DECAY_BITS))

    def __float__(self) -> float:
        return float(self.numerator / 2**DECAY_BITS)

    def __rmul__(self, u: Any) -> Any:
        # In two parts, so that no product is larger than u itself.
        high, low = abs(u) >> DECAY_BITS, abs(u) & (2**DECAY_BITS - 1)
        return np.sign(u) * (high * self.numerator + (low * self.numerator >> DECAY_BITS))


def require_in(subject: str, value: int, legal: range, remedy: str) -> None:
    """Raise OutOfRange unless `value` is an integer in `legal`."""
    if not isinstance(value, (int, np.integer)) or value not in legal:
        raise OutOfRange(explain(subject, value, f"an integer in {legal[0]}..{legal[-1]}", remedy))
