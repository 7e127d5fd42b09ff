"""EventProp: the adjoint of the event-based dynamics, back in time from jump to jump."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.events import compiled
from neurokit.events.compiled import LayerSlopes
from neurokit.events.estimator import ExactGradient, Loss, SpikeTimeEstimator, slopes_of
from neurokit.events.events import Events, Log
from neurokit.events.network import SpikeTimeLayer, SpikeTimeNetwork


@dataclass(frozen=True)
class EventProp(SpikeTimeEstimator):
    """The adjoint method with jumps, for any EventNeuron; memory grows with the number of events.

    lam = dl/dx(t) flows back by the transposed flow. With F the velocity of the state and K a jump of it at an event at
    time t, the state after is `x+ = K(x-)` and at a fixed time

        dx+ = K' (dx- + F(x-) dt) - F(x+) dt,

    so an event passes back `lam- = K'^T lam+` and the slope of its time, `mu = (K' F(x-) - F(x+)) . lam+`. An own spike
    adds `mu * dt/dx-` to lam of the neuron that spiked; an input hands mu to the layer that it came from. States are
    stored only for neurons that are not affine. Layers that have kernels (see SpikeTimeNetwork) go through them.

    Source: Wunderlich and Pehle 2021, DOI 10.1038/s41598-021-91786-z.
    """

    def estimate(self, network: SpikeTimeNetwork, events: Events, loss: Loss) -> ExactGradient:
        events = network.accept(events)
        with torch.no_grad():
            logs = network.log(events, keep_states=True)
            slopes = slopes_of(network, logs, loss)
            names = [name for name, _ in network.named_parameters()]
            gradient = dict(zip(names, slopes.parameters, strict=True))
            layers = network.stack()
            from_above: Tensor | None = None  # by the spikes of the layer at hand
            for number in reversed(range(len(layers))):
                log, by_time = logs[number], slopes.times[number]
                if from_above is not None and from_above.numel():
                    place, real = log.spike_places()
                    by_time = by_time.scatter_add(-1, place, torch.where(real, from_above, 0.0))
                inputs = logs[number - 1].spikes() if number else events
                last = slopes.finals[number]
                if network.runs_compiled(layers[number], inputs):
                    back = compiled.back(layers[number], log, inputs, by_time, last, network.horizon)
                else:
                    back = _back(layers[number], log, inputs, by_time, last, network.horizon)
                gradient[f"layers.{number}.weight"] = gradient[f"layers.{number}.weight"] + back.weight
                if back.recurrent is not None:
                    name = f"layers.{number}.recurrent"
                    gradient[name] = gradient[name] + back.recurrent
                from_above = back.input_times
        assert from_above is not None
        return ExactGradient(slopes.loss, gradient, from_above)


def _back(
    layer: SpikeTimeLayer,
    log: Log,
    inputs: Events,
    by_time: Float[Tensor, "batch k"],
    by_final: Float[Tensor, "batch n components"],
    horizon: float,
) -> LayerSlopes:
    """Through one layer: from slopes by its event times and final state to those by its weights and input times."""
    neuron, size, lines = layer.population.neuron, layer.population.size, log.lines
    every = layer.every
    slope, by_input = torch.zeros_like(every), torch.zeros_like(inputs.time)
    rows = torch.arange(len(log.time), device=every.device)
    zero, lam, later = torch.zeros_like(by_final), by_final, log.time.new_full((len(log.time), 1), horizon)
    for k in reversed(range(log.time.shape[1])):
        source, time = log.source[:, k], log.time[:, k : k + 1]
        own, given = source >= lines, (source >= 0) & (source < lines)
        pulsed = given if layer.recurrent is None else source >= 0
        winner = torch.where(own, source - lines, 0)
        # The states around the event: x before it, y once the spiker is reset, z after the pulse.
        spiked = own[:, None] & (torch.arange(size, device=every.device) == winner[:, None])
        before = zero if log.before is None else log.before[:, k]
        x = torch.where(spiked[..., None], log.spiker[:, k, None], before)
        y = torch.where(spiked[..., None], neuron.reset(x), x)
        w = every[torch.where(pulsed, source, 0)]
        z = torch.where(pulsed[:, None, None], neuron.kick(y, w), y)
        lam = _transposed(neuron.flow_jacobian(z, later - time), lam)
        # The pulse.
        by_state, by_weight = neuron.kick_jacobian(y, w)
        moved = _applied(by_state, neuron.velocity(y)) - neuron.velocity(z)
        mu = torch.where(pulsed, (moved * lam).sum((-1, -2)), 0.0)
        slope.index_add_(0, torch.where(pulsed, source, 0), (by_weight * lam).sum(-1) * pulsed[:, None])
        lam = torch.where(pulsed[:, None, None], _transposed(by_state, lam), lam)
        # The spike: one neuron a sample.
        if bool(own.any()):
            one = x[rows, winner][:, None]
            after, here = y[rows, winner][:, None], lam[rows, winner][:, None]
            reset = neuron.reset_jacobian(one)
            moved = _applied(reset, neuron.velocity(one)) - neuron.velocity(after)
            mu = mu + torch.where(own, (moved * here).sum((-1, -2)), 0.0)
            crossing = torch.zeros_like(here)
            crossing[own] = neuron.crossing(one[own])
            here = _transposed(reset, here) + crossing * (mu + by_time[:, k])[:, None, None]
            lam = lam.clone()
            lam[rows[own], winner[own]] = here[own, 0]
        by_input[rows[given], log.input[given, k]] = (mu + by_time[:, k])[given]
        later = time
    return LayerSlopes(slope[:lines], None if layer.recurrent is None else slope[lines:], by_input)


def _applied(matrix: Float[Tensor, "*n m k"], x: Float[Tensor, "*n k"]) -> Float[Tensor, "*n m"]:
    return (matrix @ x[..., None])[..., 0]


def _transposed(matrix: Float[Tensor, "*n m k"], x: Float[Tensor, "*n m"]) -> Float[Tensor, "*n k"]:
    return (x[..., None, :] @ matrix)[..., 0, :]
