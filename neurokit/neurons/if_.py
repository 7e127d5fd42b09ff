"""IF: the integrate-and-fire neuron without leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from neurokit.neurons.protocol import Fire, Neuron, StockForm, Value


@dataclass(frozen=True)
class IF(Neuron):
    """Integrate-and-fire neurons without leak.

    In every time step, from the membrane `u` left by the step before (0 at first) and the input current `a`:

        u <- u + a
        s = 1 if u >= threshold else 0        (strict: u > threshold)
        u <- reset(u, s, threshold)

    `threshold` is in the units of the current: real in a Graph, an integer > 0 in a Program, or Trainable (one a
    layer). Raises OutOfRange for a threshold that is not finite and > 0.

    Source: Eq. (1)-(3) of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057) with U_0 = 0.
    """

    leaky: ClassVar[bool] = False

    def step(self, u: Any, a: Any, fire: Fire) -> tuple[Any, Any, Any]:
        """One time step. Returns `(membrane before the reset, spikes, membrane after it)`, all shaped like `u`."""
        before = u + a
        return before, *self._spike(before, fire)

    def current_based(self) -> tuple[Value, Value]:
        return 0, 1

    def stock_form(self) -> StockForm:
        return StockForm()
