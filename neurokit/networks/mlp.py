"""MLP: a stack of spiking layers under a constant current, read out linearly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from numbers import Integral
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import GraphError, explain
from neurokit.networks.answer_units import InUnits
from neurokit.networks.input_units import ReadsUnits
from neurokit.networks.spike import drawing, firing
from neurokit.neurons.models import IF, Neuron, trainables
from neurokit.neurons.readouts import MemMean, ReadoutRule
from neurokit.neurons.surrogates import Gaussian, Surrogate, WeakGaussian


class MLP(InUnits, ReadsUnits):
    """Spiking multi-layer perceptron over a window of `T = steps` time steps.

        a_1[t] = W_1 x + b_1                     the same current in every step (direct coding)
        a_l[t] = W_l s_{l-1}[t] + b_l            for deeper layers, in the same step
        u_l, s_l[t] = neuron.step(u_l, a_l[t])   states start at zero
        phi = sum_t w[t] s_L[t] / sum_t w[t]     features, w from the readout rule
        y = V phi + c

    Weights and biases start uniform in +-1/sqrt(fan_in), drawn from `seed`. `hidden` are the widths of the spiking
    layers, one or more. Trainable values of the neuron are trained with the weights, one a layer. Raises GraphError
    for a network without neurons.
    """

    def __init__(
        self,
        *,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        steps: int = 32,
        neuron: Neuron = IF(),  # noqa: B008 (frozen)
        readout: ReadoutRule = MemMean(),  # noqa: B008 (frozen)
        surrogate: Surrogate | WeakGaussian = Gaussian(),  # noqa: B008 (frozen)
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        for name, value in (("inputs", inputs), ("outputs", outputs), ("steps", steps), ("layers", len(hidden))):
            require_positive(f"MLP.{name}", value)
        for i, width in enumerate(hidden):
            require_positive(f"MLP.hidden[{i}]", width)
        self.inputs, self.outputs, self.widths, self.steps = inputs, outputs, tuple(hidden), steps
        self.neuron, self.rule, self.surrogate = neuron, readout, surrogate
        self.noise: torch.Generator | None = None  # where a random surrogate draws from; see `noise_from`
        self.compiled = False  # whether features come from kernels; see `neurokit.networks.compiled`
        sizes = (inputs, *hidden)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # nn.Linear draws U(+-1/sqrt(fan_in)) for weights and biases from this stream
            self.hidden = nn.ModuleList(nn.Linear(m, n, dtype=dtype) for m, n in pairwise(sizes))
            self.readout = nn.Linear(sizes[-1], outputs, dtype=dtype)
        learned = {name: neuron.spans[name].raw(value.start) for name, value in trainables(neuron).items()}
        self.neurons = nn.ModuleList(
            nn.ParameterDict({name: nn.Parameter(torch.tensor(raw, dtype=dtype)) for name, raw in learned.items()})
            for _ in hidden
        )

    @property
    def drawn_surrogate(self) -> Surrogate:
        """The surrogate; a random one draws from the generator of `noise_from`."""
        return drawing(self.surrogate, self.noise)

    def learned(self, layer: int) -> dict[str, Tensor]:
        """Trained values of the neurons of a layer as they are now, by field."""
        raw = self.neurons[layer]
        assert isinstance(raw, nn.ParameterDict), "made so"
        return {name: self.neuron.spans[name].value(parameter) for name, parameter in raw.items()}

    def neuron_at(self, layer: int) -> Neuron:
        """The neuron of a layer, trained values in it."""
        learned: dict[str, Any] = self.learned(layer)
        return replace(self.neuron, **learned) if learned else self.neuron

    def features(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch width"]:
        """Time-weighted mean of the last layer's spikes, each in [0, 1]."""
        x = self.read(x)
        if self.compiled:
            from neurokit.networks import compiled

            if compiled.has_kernels(self, x):
                return compiled.features(self, x)
        fire = firing(self.drawn_surrogate)
        current = self.hidden[0](x)
        neurons = [self.neuron_at(i) for i in range(len(self.hidden))]
        states: list[Any] = [neuron.start(0.0) for neuron in neurons]
        total = torch.zeros_like(current[..., :1])
        for weight in self.rule.weights(self.steps).tolist():
            a = current
            for i, layer in enumerate(self.hidden):
                if i:
                    a = layer(a)
                _, a, states[i] = neurons[i].step(states[i], a, fire)
            total = torch.add(total, a, alpha=weight)
        return total / self.rule.normaliser(self.steps)

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        """The readout of the features of `x`."""
        return self.in_units(self.readout(self.features(x)))

    def spikes(self, x: Float[Tensor, "*batch inputs"]) -> list[Float[Tensor, "*batch steps width"]]:
        """Spike trains of every layer, 0 and 1, time on the axis before the neurons'. Needs no gradient."""
        trains: list[list[Tensor]] = [[] for _ in self.hidden]
        fire = firing(self.drawn_surrogate)
        with torch.no_grad():
            x = self.read(x)
            neurons = [self.neuron_at(i) for i in range(len(self.hidden))]
            states: list[Any] = [neuron.start(0.0) for neuron in neurons]
            for _ in range(self.steps):
                a = x
                for i, layer in enumerate(self.hidden):
                    _, a, states[i] = neurons[i].step(states[i], layer(a), fire)
                    trains[i].append(a)
        return [torch.stack(train, dim=-2) for train in trains]


def require_positive(subject: str, value: int) -> None:
    """Raise GraphError unless `value` is a whole number, 1 or more."""
    if not isinstance(value, Integral) or value < 1:
        raise GraphError(explain(subject, value, "an integer >= 1", "give the network something to compute with"))
