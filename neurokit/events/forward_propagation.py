"""ForwardPropagation: the Jacobian of all spike times and states, carried forward with the dynamics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.events.estimator import ExactGradient, Loss, SpikeTimeEstimator, slopes_of
from neurokit.events.events import Events, Log
from neurokit.events.network import SpikeTimeLayer, SpikeTimeNetwork


class Sensitivity(NamedTuple):
    """Derivatives by everything that may change, the last axis: of a layer's event times and of its final states."""

    times: Float[Tensor, "batch k parameters"]
    final: Float[Tensor, "batch n components parameters"]


@dataclass(frozen=True)
class ForwardPropagation(SpikeTimeEstimator):
    """The implicit function theorem at every spike, event by event as they happen, any recurrent connectivity.

    With x the state of the neuron that spikes, `dt/dw = (dt/dx) . dx/dw` at that time, and jumps act on dx/dw as in
    EventProp. Time and memory grow with the number of parameters; the gain is the full Jacobian, `jacobian`.

    Source: Lee, Haghighatshoar and Karbasi 2023, "Exact gradient computation for spiking neural networks".
    """

    def jacobian(self, network: SpikeTimeNetwork, events: Events) -> list[Sensitivity]:
        """Of every layer, by all parameters in the order of `network.parameters()`, flat, then by the input times."""
        events = network.accept(events)
        with torch.no_grad():
            return self._jacobian(network, events, network.log(events))

    def estimate(self, network: SpikeTimeNetwork, events: Events, loss: Loss) -> ExactGradient:
        events = network.accept(events)
        with torch.no_grad():
            logs = network.log(events)
            slopes = slopes_of(network, logs, loss)
            batch, count = events.time.shape
            total = sum(p.numel() for p in network.parameters())
            whole = events.time.new_zeros(batch, total + count)
            sensitivities = self._jacobian(network, events, logs)
            for sensitivity, by_time, by_final in zip(sensitivities, slopes.times, slopes.finals, strict=True):
                whole += torch.einsum("bk,bkp->bp", by_time, sensitivity.times)
                whole += torch.einsum("bns,bnsp->bp", by_final, sensitivity.final)
            parameters = dict(network.named_parameters())
            parts = torch.split(whole[:, :total].sum(0), [p.numel() for p in parameters.values()])
            gradient = {
                name: direct + part.view_as(parameter)
                for (name, parameter), part, direct in zip(parameters.items(), parts, slopes.parameters, strict=True)
            }
        return ExactGradient(slopes.loss, gradient, whole[:, total:])

    def _jacobian(self, network: SpikeTimeNetwork, events: Events, logs: list[Log]) -> list[Sensitivity]:
        batch, count = events.time.shape
        total = sum(p.numel() for p in network.parameters())
        by_input = events.time.new_zeros(batch, count, total + count)
        by_input[:, torch.arange(count), total + torch.arange(count)] = 1.0
        found: list[Sensitivity] = []
        offset = 0
        for layer, log in zip(network.stack(), logs, strict=True):
            found.append(_forward(layer, log, by_input, offset, network.horizon))
            offset += sum(p.numel() for p in layer.parameters())
            place, _ = log.spike_places()
            by_input = found[-1].times.gather(1, place[..., None].expand(-1, -1, total + count))
        return found


def _forward(
    layer: SpikeTimeLayer, log: Log, by_input: Float[Tensor, "batch e p"], offset: int, horizon: float
) -> Sensitivity:
    """Through one layer, whose weights are the parameters from `offset` on."""
    neuron, size, lines = layer.population.neuron, layer.population.size, log.lines
    every = layer.every
    batch, events = log.time.shape
    x = neuron.rest(batch, size, every)
    dx = every.new_zeros(*x.shape, by_input.shape[-1])
    rows, neurons = torch.arange(batch, device=every.device), torch.arange(size, device=every.device)
    now, times = log.time.new_zeros(batch, 1), every.new_zeros(batch, events, by_input.shape[-1])
    for k in range(events):
        source, time = log.source[:, k], log.time[:, k : k + 1]
        own, given = source >= lines, (source >= 0) & (source < lines)
        dx = neuron.flow_jacobian(x, time - now) @ dx
        x = neuron.flow(x, time - now)
        winner = torch.where(own, source - lines, 0)
        dt = torch.zeros_like(times[:, k])
        dt[given] = by_input[rows[given], log.input[given, k]]
        if bool(own.any()):
            crossing = neuron.crossing(x[rows, winner][own][:, None])[:, 0]
            dt[own] = (crossing[..., None] * dx[rows, winner][own]).sum(1)
        times[:, k] = dt
        spiked = (own[:, None] & (neurons == winner[:, None]))[..., None]
        after = torch.where(spiked, neuron.reset(x), x)
        moved = neuron.reset_jacobian(x) @ _shifted(dx, neuron.velocity(x), dt)
        dx = torch.where(spiked[..., None], _shifted(moved, neuron.velocity(after), -dt), dx)
        x = after
        pulsed = (given if layer.recurrent is None else source >= 0)[:, None, None]
        w = every[torch.where(pulsed[:, 0, 0], source, 0)]
        after = torch.where(pulsed, neuron.kick(x, w), x)
        by_state, by_weight = neuron.kick_jacobian(x, w)
        moved = _shifted(by_state @ _shifted(dx, neuron.velocity(x), dt), neuron.velocity(after), -dt)
        first = offset + torch.where(pulsed[:, 0, 0], source, 0) * size
        for n in range(size):
            moved[rows, n, :, first + n] += by_weight[:, n]
        dx = torch.where(pulsed[..., None], moved, dx)
        x, now = after, time
    return Sensitivity(times, neuron.flow_jacobian(x, horizon - now) @ dx)


def _shifted(
    dx: Float[Tensor, "batch n s p"], velocity: Float[Tensor, "batch n s"], dt: Float[Tensor, "batch p"]
) -> Float[Tensor, "batch n s p"]:
    """From derivatives at a fixed time to those at an event that moves by dt, or back with -dt."""
    return dx + velocity[..., None] * dt[:, None, None]
