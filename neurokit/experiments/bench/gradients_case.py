"""subject: the network and the loss of which the referee compares gradients, in continuous and in discrete time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.errors import OutOfRange, explain
from neurokit.events.events import Events
from neurokit.events.grid import sampled
from neurokit.events.lif import CurrentLIF
from neurokit.events.network import Outcome, Population, SpikeTimeNetwork
from neurokit.networks.mlp import MLP
from neurokit.neurons.models import CubaLIF, ToZero
from neurokit.neurons.surrogates import Surrogate


@dataclass(frozen=True)
class Subject:
    """The network and its task: every input of `bits` bits, hidden layers of `width`, `steps` steps of tau / `per_tau`.

    The target is one random number for each input.
    """

    bits: int = 3
    width: int = 8
    steps: int = 30
    per_tau: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < (name != "seed"):
                raise OutOfRange(explain(f"Subject.{name}", value, "at least 1", "raise it"))

    @property
    def dt(self) -> float:
        """A step, in units of the time constants."""
        return 1 / self.per_tau

    def network(self) -> SpikeTimeNetwork:
        """In continuous time; the last input line is the bias."""
        populations = [Population(CurrentLIF(1.0, 1.0), self.width)] * 2
        net = SpikeTimeNetwork(self.bits + 1, populations, (self.steps + 1) * self.dt)
        generator = torch.Generator().manual_seed(self.seed)
        first, second = net.stack()
        with torch.no_grad():
            # A line that pulses in every step adds 1 / dt of its weight to the current.
            first.weight.normal_(1.2 * self.dt, 0.8 * self.dt, generator=generator)
            second.weight.normal_(3.0 / self.width, 6.0 / self.width, generator=generator)
        return net

    def inputs(self) -> Float[Tensor, "batch bits"]:
        """All words of so many bits."""
        return torch.tensor(list(itertools.product((0.0, 1.0), repeat=self.bits)), dtype=torch.float64)

    def events(self) -> Events:
        """The same as spikes: a line that is on spikes at the beginning of every step."""
        on = torch.cat((self.inputs(), torch.ones(2**self.bits, 1)), 1)[:, None].expand(-1, self.steps, -1)
        time = torch.arange(self.steps, dtype=torch.float64)[None, :, None] * self.dt
        line = torch.arange(self.bits + 1).expand(on.shape)
        return Events.sorted(torch.where(on > 0, time, math.inf).flatten(1), line.flatten(1))

    def targets(self) -> Float[Tensor, "batch 1"]:
        """What the network should answer."""
        return torch.from_numpy(np.random.default_rng(self.seed).normal(size=(2**self.bits, 1)))

    def readout(self) -> Float[Tensor, "1 width"]:
        """Weights of the readout, about 1 / its share of the window that a neuron is on."""
        return torch.from_numpy(np.random.default_rng(self.seed + 1).normal(size=(1, self.width)))

    def loss(self, outcome: Outcome) -> Float[Tensor, ""]:
        """Mean square error; a spike counts as the steps left of the trial, over the sum of MemMean's weights."""
        last = outcome.last
        left = torch.where(last.spikes.real, outcome.horizon - last.spikes.time, 0.0) / self.dt
        normaliser = self.steps * (self.steps + 1) / 2
        answer = (left * self.readout()[0][last.spikes.line]).sum(-1) / normaliser
        return (answer - self.targets()[:, 0]).square().mean()

    def discrete(self, surrogate: Surrogate) -> MLP:
        """The same network in discrete time, with weights that make its membranes sample the continuous voltages."""
        net = self.network()
        alpha, beta, gain = sampled(CurrentLIF(1.0, 1.0), self.dt)
        neuron = CubaLIF(1.0, ToZero(), True, alpha, beta)
        widths = (self.width, self.width)
        model = MLP(
            inputs=self.bits, hidden=widths, outputs=1, steps=self.steps, neuron=neuron, surrogate=surrogate,
            dtype=torch.float64,
        )  # fmt: skip
        first, second = (gain * layer.weight.detach().T for layer in net.stack())
        with torch.no_grad():
            model.hidden[0].weight.copy_(first[:, :-1])
            model.hidden[0].bias.copy_(first[:, -1])
            model.hidden[1].weight.copy_(second)
            model.hidden[1].bias.zero_()
            model.readout.weight.copy_(self.readout())
            model.readout.bias.zero_()
        return model


def set_weights(network: SpikeTimeNetwork, weights: Float[np.ndarray, " parameters"]) -> None:
    """Write a flat vector into the layers, first layer first."""
    with torch.no_grad():
        for layer in network.stack():
            count = layer.weight.numel()
            layer.weight.copy_(torch.from_numpy(weights[:count]).view_as(layer.weight))
            weights = weights[count:]


def flat(parts: Sequence[Tensor]) -> Float[np.ndarray, " parameters"]:
    """Tensors one behind the other, as a vector."""
    return np.asarray(torch.cat([part.detach().flatten() for part in parts]).numpy())
