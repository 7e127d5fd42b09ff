"""ObservedLIF: a CurrentLIF that also carries the integral and the maximum of its voltage, for losses of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.errors import GraphError, explain
from neurokit.events.lif import CurrentLIF
from neurokit.events.network import Activity
from neurokit.events.neuron import EventNeuron, State, StateJacobian


@dataclass(frozen=True)
class ObservedLIF(CurrentLIF):
    """A CurrentLIF with state (V, I, J, M): J the integral of V since the beginning, M the maximum of V, at least 0.

    `J(s) = J + (V - V(s) + I (1 - e^(-as)) / a) / b`, `M(s) = max(M, V at its peak or at s, whichever is earlier)`. The
    place of the maximum moves with the weights, but to first order that does not change its value (envelope theorem).
    With a threshold out of reach it is a readout neuron. A maximum makes the flow's derivative depend on the state, so
    EventProp stores states of such a layer.
    """

    components = 4
    affine = False

    def flow(self, x: State, s: Float[Tensor, "batch #n"]) -> State:
        a, b = self.rates
        s = s.expand(x.shape[:-1])
        pair = self._pair_after(x, s)
        charge = -torch.expm1(-a * s) * x[..., 1] / a
        integral = x[..., 2] + (x[..., 0] - pair[..., 0] + charge) / b
        highest = self._highest(x, s)
        # Not torch.maximum: where both are equal V has been the maximum so far, and it is V that moves.
        maximum = torch.where(highest >= x[..., 3], highest, x[..., 3])
        return torch.cat((pair, integral[..., None], maximum[..., None]), -1)

    def velocity(self, x: State) -> State:
        return EventNeuron.velocity(self, x)

    def flow_jacobian(self, x: State, s: Float[Tensor, "batch #n"]) -> StateJacobian:
        return EventNeuron.flow_jacobian(self, x, s)

    def kick_jacobian(self, x: State, w: Float[Tensor, "batch n"]) -> tuple[StateJacobian, State]:
        return EventNeuron.kick_jacobian(self, x, w)

    def _highest(self, x: State, s: Float[Tensor, "batch n"]) -> Float[Tensor, "batch n"]:
        """The highest voltage in the next s."""
        still = x.detach()
        rising = self._slope(still) > 0
        peaks = rising & (still[..., 1] > 0)
        safe = torch.where(peaks[..., None], still, still.new_tensor([0.0, 1.0, 0.0, 0.0]))
        peak = torch.where(peaks, self._peak(safe), torch.inf)
        until = torch.where(rising, torch.where(peak < s, peak, s), torch.zeros_like(s))
        return self._voltage_after(x, until)


def voltage_integral(activity: Activity) -> Float[Tensor, "batch n"]:
    """Integral of the voltage over the trial. Raises GraphError for a layer that is not of ObservedLIF neurons."""
    return _observed(activity)[..., 2]


def voltage_maximum(activity: Activity) -> Float[Tensor, "batch n"]:
    """Maximum of the voltage over the trial, at least 0. Raises GraphError as `voltage_integral`."""
    return _observed(activity)[..., 3]


def _observed(activity: Activity) -> State:
    neuron = activity.layer.population.neuron
    if not isinstance(neuron, ObservedLIF):
        raise GraphError(
            explain("neurons of an observed layer", type(neuron).__name__, "ObservedLIF", "build the layer of those")
        )
    return activity.final
