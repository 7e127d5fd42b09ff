"""SpikeTimeNetwork: layers of event-based neurons, chained by their spikes in the order of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.events import compiled as kernels
from neurokit.events.events import Events, Log, SimulationWindow, simulate
from neurokit.events.neuron import EventNeuron, State


def require_count(subject: str, value: object) -> None:
    """Raise OutOfRange unless `value` is a whole number, 1 or more."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise OutOfRange(explain(subject, value, "a whole number, at least 1", "raise it"))


@dataclass(frozen=True)
class Population:
    """A layer: `size` neurons, all to all recurrent or not, each silent after its first spike or not."""

    neuron: EventNeuron
    size: int
    recurrent: bool = False
    single_spike: bool = False

    def __post_init__(self) -> None:
        require_count("Population: size", self.size)


class SpikeTimeLayer(nn.Module):
    """The weights of one Population: `weight` (inputs, size) and, where it is recurrent, `recurrent` (size, size).

    `recurrent[i, j]` leads from neuron i to neuron j; delays are zero. Both are drawn from N(0, gain^2 / inputs).
    """

    def __init__(self, inputs: int, population: Population, gain: float, generator: torch.Generator) -> None:
        super().__init__()
        self.population = population

        def draw(*shape: int) -> nn.Parameter:
            drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
            return nn.Parameter(drawn * gain / math.sqrt(shape[0]))

        self.weight = draw(inputs, population.size)
        self.recurrent = draw(population.size, population.size) if population.recurrent else None

    @property
    def neuron(self) -> EventNeuron:
        """The neuron of the population."""
        return self.population.neuron

    @property
    def every(self) -> Float[Tensor, "sources size"]:
        """Weights from the inputs and, where it is recurrent, then from its own neurons."""
        return self.weight if self.recurrent is None else torch.cat((self.weight, self.recurrent))


@dataclass(frozen=True, eq=False)
class Activity:
    """What a layer did: its spikes, the states of its neurons at the horizon, and what it is made of.

    `voltage` is (batch, n), the membrane voltage at the horizon.
    """

    log: Log
    layer: SpikeTimeLayer

    @cached_property
    def spikes(self) -> Events:
        return self.log.spikes()

    @property
    def final(self) -> State:
        return self.log.final

    @property
    def voltage(self) -> Float[Tensor, "batch n"]:
        return self.layer.population.neuron.voltage(self.final)

    @property
    def size(self) -> int:
        return self.layer.population.size


@dataclass(frozen=True, eq=False)
class Outcome:
    """A trial of a network, which losses are functions of: the activity of every layer, and the horizon."""

    layers: tuple[Activity, ...]
    horizon: float

    @property
    def last(self) -> Activity:
        """The output layer."""
        return self.layers[-1]


class SpikeTimeNetwork(nn.Module):
    """Event-based layers in a row; a trial lasts from 0 to `horizon`.

    inputs       lines of the input
    populations  the layers, the last one the output
    horizon      end of a trial, in the neurons' unit of time
    gain         standard deviation of initial weights times the root of the number of lines they come from
    seed         of the initial weights, float64 (`.to(torch.float32)` or `.to("cuda")` as for any module)
    limit        events that a sample may have in a layer; more raise OutOfRange
    compiled     use numba's kernels where there are some (float64 on a CPU, CurrentLIF) and nothing is recorded by
                 autograd: the same spikes and gradients to rounding, sooner

    Raises GraphError for no layer, OutOfRange for a horizon that is not finite and > 0, and for numbers below one.
    """

    def __init__(
        self,
        inputs: int,
        populations: Sequence[Population],
        horizon: float,
        *,
        gain: float = 1.0,
        seed: int = 0,
        limit: int = 20_000,
        compiled: bool = True,
    ) -> None:
        super().__init__()
        if not populations:
            raise GraphError(explain("SpikeTimeNetwork: layers", 0, "at least 1", "give a Population"))
        if not (math.isfinite(horizon) and horizon > 0):
            raise OutOfRange(explain("SpikeTimeNetwork: horizon", horizon, "finite and > 0", "choose such a time"))
        require_count("SpikeTimeNetwork: inputs", inputs)
        require_count("SpikeTimeNetwork: limit", limit)
        generator = torch.Generator().manual_seed(seed)
        widths = [inputs, *(population.size for population in populations)]
        self.layers = nn.ModuleList(
            SpikeTimeLayer(width, population, gain, generator)
            for width, population in zip(widths, populations, strict=False)
        )
        self.inputs, self.horizon, self.limit, self.compiled = inputs, horizon, limit, compiled

    def stack(self) -> list[SpikeTimeLayer]:
        """The layers from input to output."""
        return [layer for layer in self.layers if isinstance(layer, SpikeTimeLayer)]

    def runs_compiled(self, layer: SpikeTimeLayer, events: Events) -> bool:
        """Whether kernels run this layer on these events here and now."""
        recorded = torch.is_grad_enabled() and (layer.weight.requires_grad or events.time.requires_grad)
        return self.compiled and not recorded and kernels.has_kernels(layer, events)

    def log(self, events: Events, *, keep_states: bool = False) -> list[Log]:
        """Run a batch and keep what happened to each layer; states, if asked for, of neurons that are not affine.

        Raises OutOfRange as `accept`.
        """
        events = self.accept(events)
        logs: list[Log] = []
        for number, layer in enumerate(self.stack()):
            population = layer.population
            trial = SimulationWindow(self.horizon, f"layers.{number}", population.single_spike, self.limit)
            keep = keep_states and not population.neuron.affine
            if self.runs_compiled(layer, events):
                logs.append(kernels.simulate(layer, events, trial))
            else:
                logs.append(simulate(population.neuron, layer.weight, layer.recurrent, events, trial, keep_states=keep))
            events = logs[-1].spikes()
        return logs

    def accept(self, events: Events) -> Events:
        """`events` with their times in the type of the weights.

        Raises OutOfRange for events on lines that are none of the network's, or on another device.
        """
        events.require_lines(self.inputs, "SpikeTimeNetwork")
        weight = self.stack()[0].weight
        if {events.time.device, events.line.device} != {weight.device}:
            found, legal = f"{events.time.device} and {events.line.device}", f"{weight.device}, where the network is"
            raise OutOfRange(explain("Events: devices of time and line", found, legal, "move them with .to"))
        if events.time.dtype == weight.dtype:
            return events
        return Events._in_order(events.time.to(weight.dtype), events.line)

    def forward(self, events: Events) -> Outcome:
        """Run a batch; recorded by autograd where gradients are on."""
        return self.outcome(self.log(events))

    def outcome(self, logs: Sequence[Log]) -> Outcome:
        """The logs of all layers as what losses are functions of."""
        pairs = zip(logs, self.stack(), strict=True)
        return Outcome(tuple(Activity(log, layer) for log, layer in pairs), self.horizon)
