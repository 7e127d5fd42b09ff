"""Stack: spiking layers around torch's own Linear and Conv2d, under a constant current, read out linearly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import GraphError, explain
from neurokit.ir.convolution import Convolution
from neurokit.networks.answer_units import InUnits
from neurokit.networks.input_units import ReadsUnits
from neurokit.networks.spike import drawing, firing
from neurokit.neurons.models import IF, Neuron, trainables
from neurokit.neurons.readouts import MemMean, ReadoutRule
from neurokit.neurons.surrogates import Gaussian, Surrogate


class Stack(InUnits, ReadsUnits):
    """A spiking network of convolutional and full layers over a window of `steps` time steps.

        a_1[t] = layer_1(x)                      the same current in every step (direct coding)
        a_l[t] = layer_l(s_{l-1}[t])             for deeper layers, in the same step
        u_l, s_l[t] = neuron.step(u_l, a_l[t])   states start at zero
        y = readout(sum_t w[t] s_L[t] / sum_t w[t]),   w from the rule

    Inputs and outputs are lines, `(*batch, lines)`; between a Conv2d and what follows, lines are in the order channel,
    row, column, as `nn.Flatten` makes them. The layers are the caller's own modules and are trained as they are.

    image    `(channels, rows, columns)` of the input, which a first Conv2d needs; `(lines, 1, 1)` of any other
    layers   one or more of `nn.Linear` and `nn.Conv2d` with zero padding by numbers; neurons follow each of them
    readout  an `nn.Linear`

    Raises GraphError for other layers, layers that do not follow one another, and neurons with Trainable values.
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        layers: Sequence[nn.Module],
        readout: nn.Linear,
        *,
        steps: int = 32,
        neuron: Neuron = IF(),  # noqa: B008 (frozen)
        rule: ReadoutRule = MemMean(),  # noqa: B008 (frozen)
        surrogate: Surrogate = Gaussian(),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__()
        if trainables(neuron):
            raise GraphError(explain("Stack.neuron", neuron, "one with numbers", "give numbers in place of Trainable"))
        if steps < 1 or not layers:
            raise GraphError(explain("Stack: (steps, layers)", (steps, len(layers)), "at least 1 of each", "add them"))
        self.image, self.steps = image, steps
        self.layers, self.readout = nn.ModuleList(layers), readout
        self.neuron, self.rule, self.surrogate = neuron, rule, surrogate
        self.images = [image]  #: of the input and of the answer of every layer; `(lines, 1, 1)` of a Linear's
        for i, layer in enumerate(layers):
            self.images.append(answer(f"Stack.layers[{i}]", layer, self.images[-1]))
        answer("Stack.readout", readout, self.images[-1])

    def features(self, x: Float[Tensor, "*batch lines"]) -> Float[Tensor, "*batch width"]:
        """Time-weighted mean of the last layer's spikes, each in [0, 1]."""
        x = self.read(x)
        batch, fire = x.shape[:-1], firing(drawing(self.surrogate, None))
        current = self._layer(0, x.reshape(-1, x.shape[-1]))
        states: list[Any] = [self.neuron.start(0.0) for _ in self.layers]
        total = torch.zeros_like(current[..., :1])
        for weight in self.rule.weights(self.steps).tolist():
            a = current
            for i in range(len(self.layers)):
                a = self._layer(i, a) if i else a
                _, a, states[i] = self.neuron.step(states[i], a, fire)
            total = torch.add(total, a, alpha=weight)
        return (total / self.rule.normaliser(self.steps)).reshape(*batch, -1)

    def forward(self, x: Float[Tensor, "*batch lines"]) -> Float[Tensor, "*batch outputs"]:
        """The readout of the features of `x`."""
        return self.in_units(self.readout(self.features(x)))

    def _layer(self, i: int, lines: Float[Tensor, "batch lines"]) -> Float[Tensor, "batch out"]:
        layer = self.layers[i]
        shaped = lines.reshape(-1, *self.images[i]) if isinstance(layer, nn.Conv2d) else lines
        a: Tensor = layer(shaped).flatten(1)
        return a


def answer(subject: str, layer: nn.Module, image: tuple[int, int, int]) -> tuple[int, int, int]:
    """`(channels, rows, columns)` of what a layer makes of an image; `(lines, 1, 1)` of a Linear.

    Raises GraphError for another kind of layer, or one that does not take this image.
    """
    if isinstance(layer, nn.Linear):
        if layer.in_features != math.prod(image):
            raise GraphError(
                explain(
                    f"{subject}.in_features", layer.in_features, f"{math.prod(image)} lines", "match the layer before"
                )
            )
        return layer.out_features, 1, 1
    if isinstance(layer, nn.Conv2d):
        return geometry(subject, layer, image).output(tuple(layer.weight.shape))
    raise GraphError(explain(subject, type(layer).__name__, "nn.Linear or nn.Conv2d", "leave it out or replace it"))


def geometry(subject: str, layer: nn.Conv2d, image: tuple[int, int, int]) -> Convolution:
    """How a Conv2d slides over an image; raises GraphError for padding other than by numbers of zeros."""
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        said = (layer.padding, layer.padding_mode)
        raise GraphError(explain(f"{subject}: padding", said, "numbers of zeros", "give padding=(rows, columns)"))
    pairs = {name: tuple(getattr(layer, name)) for name in ("stride", "padding", "dilation")}
    return Convolution(image, groups=layer.groups, **pairs)
