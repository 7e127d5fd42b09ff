"""CubaLIF: the current-based leaky integrate-and-fire neuron, Loihi's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from neurokit.neurons.parameters import Fraction, Span
from neurokit.neurons.protocol import Fire, Neuron, StockForm, Subtract, Value


class CubaState(NamedTuple):
    """What a CubaLIF keeps: the synaptic current and the membrane."""

    i: Any
    u: Any


@dataclass(frozen=True)
class CubaLIF(Neuron):
    """Current-based leaky integrate-and-fire neurons.

    `i <- alpha i + a; u <- beta u + i`, then as IF.
    `alpha` and `beta` are what is left of the synaptic current and of the membrane after a step, as on Loihi; 0 and 1
    are IF. Both may be Trainable. Raises OutOfRange as LIF.

    Source: Davies et al. 2018, doi:10.1109/MM.2018.112130359 (neuron model), with the input of the step included.
    """

    alpha: Value = 0.5
    beta: Value = 0.9

    spans: ClassVar[Mapping[str, Span]] = {
        **Neuron.spans,
        "alpha": Fraction("the synaptic current", "tau_syn"),
        "beta": Fraction("the membrane", "tau_mem"),
    }

    def start(self, zero: Any) -> CubaState:
        return CubaState(zero, zero)

    def step(self, state: CubaState, a: Any, fire: Fire) -> tuple[Any, Any, CubaState]:
        """One time step. Returns `(membrane before the reset, spikes, state after it)`."""
        i = state.i * self.alpha + a
        before = state.u * self.beta + i
        s, after = self._spike(before, fire)
        return before, s, CubaState(i, after)

    def registers(self, before: Any, after: Any, a: Any) -> dict[str, Any]:
        return {"synaptic current": after.i, "membrane": before}

    def current_based(self) -> tuple[Value, Value]:
        return self.alpha, self.beta

    def stock_form(self) -> StockForm:
        if isinstance(self.reset, Subtract):
            return StockForm("a CubaLIF with reset Subtract() needs microcode, which Intel has not published")
        return StockForm()
