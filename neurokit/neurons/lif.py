"""LIF: the leaky integrate-and-fire neuron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from neurokit.neurons.parameters import Fraction, Span
from neurokit.neurons.protocol import Fire, Neuron, StockForm, Subtract, Value


@dataclass(frozen=True)
class LIF(Neuron):
    """Leaky integrate-and-fire neurons.

    A discrete RC circuit: `u <- beta u + a`, then as IF.
    `beta` is the share of the membrane that is left after a step, `decay(tau_mem, dt)` of a time constant; 1 is IF. It
    may be Trainable. Raises OutOfRange for a threshold that is not finite and > 0, or `beta` outside [0, 1].
    """

    beta: Value = 0.9

    spans: ClassVar[Mapping[str, Span]] = {
        **Neuron.spans,
        "beta": Fraction("the membrane", "tau_mem"),
    }

    def step(self, u: Any, a: Any, fire: Fire) -> tuple[Any, Any, Any]:
        """One time step. Returns `(membrane before the reset, spikes, membrane after it)`, all shaped like `u`."""
        before = u * self.beta + a
        return before, *self._spike(before, fire)

    def current_based(self) -> tuple[Value, Value]:
        return 0, self.beta

    def stock_form(self) -> StockForm:
        if isinstance(self.reset, Subtract):
            return StockForm("one synapse resets it after a decay, exactly for few thresholds alone", always=False)
        return StockForm()
