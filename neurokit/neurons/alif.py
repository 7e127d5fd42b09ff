"""ALIF: the leaky integrate-and-fire neuron whose threshold adapts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from neurokit.neurons.parameters import Fraction, Positive, Span
from neurokit.neurons.protocol import Fire, Neuron, StockForm, Value


class AlifState(NamedTuple):
    """What an ALIF keeps: the membrane, and by how much its threshold is raised."""

    u: Any
    b: Any


@dataclass(frozen=True)
class ALIF(Neuron):
    """Leaky integrate-and-fire neurons with an adaptive threshold.

    Parameters
    ----------
    threshold : float > 0 or Trainable
        Of a neuron that has not fired, in units of the current; an integer in 1..131071 in a Program.
    reset : Subtract or ToZero
        What a spike takes from the membrane; Subtract takes `threshold` alone.
    strict : bool
        Whether a membrane at the threshold does not fire yet; always so in a Program.
    beta : float in [0, 1] or Trainable
        Share of the membrane that is left after a step, `decay(tau_mem, dt)`; a Decay12 in a Program.
    rho : float in [0, 1] or Trainable
        Share of the adaptation that is left after a step, `decay(tau_adapt, dt)`; a Decay12 in a Program.
    rise : float > 0 or Trainable
        By how much a spike raises the threshold of later steps, in units of the current; in a Program an integer in
        1..8388607, in 64ths of the current as the states are.

    Raises
    ------
    OutOfRange
        For other values.

    Notes
    -----
    In every time step, from membrane `u` and adaptation `b` (both 0 at first) and the input current `a`:

        u <- beta u + a
        s = 1 if u >= threshold + b else 0        (strict: u > threshold + b)
        u <- reset(u, s, threshold)
        b <- rho b + rise s

    A neuron under a constant current fires less and less often. `b` stays below `rise / (1 - rho)`, or
    `steps * rise` where nothing of it decays. The current of a step counts in the same step.

    References
    ----------
    Bellec et al. 2018, arXiv 1803.09574; Bellec et al. 2020, doi:10.1038/s41467-020-17236-y, where `b` is written as a
    factor times a trace of spikes: `rise` is the factor.
    """

    beta: Value = 0.9
    rho: Value = 0.95
    rise: Value = 0.2

    spans: ClassVar[Mapping[str, Span]] = {
        **Neuron.spans,
        "beta": Fraction("the membrane", "tau_mem"),
        "rho": Fraction("the adaptation", "tau_adapt"),
        "rise": Positive("by which a spike raises the threshold"),
    }

    def start(self, zero: Any) -> AlifState:
        return AlifState(zero, zero)

    def step(self, state: AlifState, a: Any, fire: Fire) -> tuple[Any, Any, AlifState]:
        """One time step. Returns `(membrane before the reset, spikes, state after it)`."""
        before = state.u * self.beta + a
        s, after = self._spike(before, fire, state.b)
        return before, s, AlifState(after, state.b * self.rho + s * self.rise)

    def registers(self, before: Any, after: Any, a: Any) -> dict[str, Any]:
        return {"synaptic current": a, "membrane": before, "adaptive threshold": after.b + self.threshold}

    def stock_form(self) -> StockForm:
        return StockForm("its threshold adapts, and Lava's own neurons have a fixed one")
