"""Layers of CurrentLIF neurons through numba's kernels: the same Log and the same slopes as the loops in torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.errors import OutOfRange
from neurokit.events.events import Events, Log, SimulationWindow, too_many
from neurokit.events.lif import CurrentLIF
from neurokit.events.neuron import EventNeuron

_HAS_NUMBA = find_spec("numba") is not None


class Layer(Protocol):
    """What kernels read of a SpikeTimeLayer."""

    @property
    def neuron(self) -> EventNeuron: ...

    @property
    def weight(self) -> Tensor: ...

    @property
    def recurrent(self) -> Tensor | None: ...

    @property
    def every(self) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class LayerSlopes:
    """Slopes of a loss by what one layer is given: its weights and the times of its inputs."""

    weight: Float[Tensor, "m n"]
    recurrent: Float[Tensor, "n n"] | None
    input_times: Float[Tensor, "batch events"]


def has_kernels(layer: Layer, events: Events) -> bool:
    """Whether kernels run this layer: numba, CurrentLIF neurons, float64 on a CPU."""
    known = type(layer.neuron) is CurrentLIF
    plain = all(x.device.type == "cpu" and x.dtype == torch.float64 for x in (layer.weight, events.time))
    return _HAS_NUMBA and known and plain


def simulate(layer: Layer, inputs: Events, trial: SimulationWindow) -> Log:
    """As `events.simulate` for a layer that has kernels."""
    from neurokit.events.kernels import current_lif

    neuron, lines = neuron_of(layer), len(layer.weight)
    *flat, offsets, final, stopped = current_lif.forward(
        *(_array(inputs.time), _array(inputs.line), _array(layer.every), lines, trial.horizon),
        *(current_lif.kind_of(*neuron.rates), *neuron.rates, neuron.threshold, trial.single_spike, trial.limit),
    )
    if stopped >= 0:
        own = flat[1][offsets[stopped] : offsets[stopped + 1]] >= lines
        raise OutOfRange(too_many(trial, stopped, int(own.sum())))
    rows = [torch.from_numpy(array) for array in current_lif.padded(*flat, offsets, neuron.threshold)]
    time, source, place, spiker, own_at, real = rows
    return Log(time, source, place, spiker, None, torch.from_numpy(final), lines, (own_at, real))


def back(
    layer: Layer,
    log: Log,
    inputs: Events,
    by_time: Float[Tensor, "batch k"],
    by_final: Float[Tensor, "batch n 2"],
    horizon: float,
) -> LayerSlopes:
    """EventProp through a layer that has kernels. Raises TangentCrossing where a spike time has no derivative."""
    from neurokit.events.kernels import current_lif, current_lif_adjoint

    neuron, lines = neuron_of(layer), len(layer.weight)
    source, current = log.source.numpy(), np.ascontiguousarray(log.spiker[..., 1].numpy())
    a, b = neuron.rates
    least = current_lif_adjoint.least_slope(source, current, lines, b * neuron.threshold)
    if least <= 0:
        neuron.divisor(torch.tensor(least))  # raises unless a floor bounds it
    every = _array(layer.every)
    slope, by_input = np.zeros_like(every), np.zeros(tuple(inputs.time.shape))
    run = current_lif_adjoint.adjoint if layer.recurrent is None else current_lif_adjoint.adjoint_recurrent
    run(
        *(log.time.numpy(), source, log.input.numpy(), current, every, horizon),
        *(current_lif.kind_of(a, b), a, b, neuron.threshold, neuron.slope_floor),
        *(_array(by_time), _array(by_final), slope, by_input),
    )
    found = torch.from_numpy(slope)
    recurrent = None if layer.recurrent is None else found[lines:]
    return LayerSlopes(found[:lines], recurrent, torch.from_numpy(by_input))


def neuron_of(layer: Layer) -> CurrentLIF:
    """The neuron of a layer of which was asked before whether it is one that kernels know."""
    neuron = layer.neuron
    assert isinstance(neuron, CurrentLIF), "asked before"
    return neuron


def _array(x: Tensor) -> np.ndarray:
    array: np.ndarray = np.ascontiguousarray(x.detach().numpy())
    return array
