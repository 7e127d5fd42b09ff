"""Where the currents of spiking neurons start: inside the range that neurons tell apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.networks.input_units import Affine
from neurokit.networks.mlp import MLP
from neurokit.neurons.models import IF


@dataclass(frozen=True)
class CurrentSpread:
    """Distribution of the held currents of a layer of integrate-and-fire neurons over the inputs.

    Such a neuron, with soft reset, answers a current `z` with a rate that is 0 below 0, about `z / threshold` from 0 to
    the threshold, and 1 above: what differs only outside that window looks the same to all that follows. Currents are

        z_i(x) = threshold (1/2 + s_i w_i . (x - c_i) / sd(w_i . x)),  s_i ~ U(low, high),
        c_i = mean(x) + scatter (x_j(i) - mean(x)),  j(i) a random input,

    with the mean, the standard deviation and the x_j of the given inputs, and the drawn directions of w_i kept.
    `s = 0.15` puts the window 3.3 standard deviations of the current to either side. With `scatter = 0` every neuron is
    nearly linear over all inputs; with 1, and a larger s, each is linear around an input of its own and constant
    elsewhere, so that together they are a basis of piecewise linear functions.

    low, high  ends of the distribution of s
    scatter    how far the centres are drawn to single inputs

    Raises OutOfRange unless `0 < low <= high`, both finite, and `scatter` is in 0..1.

    Source: scaling a layer by the statistics of its data, Salimans and Kingma 2016 (arXiv 1602.07868) and Mishkin and
    Matas 2015 (arXiv 1511.06422), here to the window of a spiking neuron.
    """

    low: float
    high: float
    scatter: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.low <= self.high and math.isfinite(self.high)):
            raise OutOfRange(
                explain("CurrentSpread: low, high", (self.low, self.high), "0 < low <= high", "use 0.15 for both")
            )
        if not 0 <= self.scatter <= 1:
            raise OutOfRange(explain("CurrentSpread.scatter", self.scatter, "0..1", "use 0 or 1"))


@torch.no_grad()
def spread_currents(part: MLP, x: Float[Tensor, "*batch inputs"], spread: CurrentSpread, seed: int) -> None:
    """Rescale and shift the first layer of `part` so that its currents under the inputs `x` have that `spread`.

    The inputs are in the units of `part`, where it has some; else it reads them as they are from now on, in every fit.

    Raises UnsupportedNode for neurons other than IF, OutOfRange when the current of some neuron is the same for all
    inputs.
    """
    neuron, layer = part.neuron_at(0), part.hidden[0]
    if not isinstance(neuron, IF):
        raise UnsupportedNode(
            "neuron", type(neuron).__name__, "spread_currents", "its window is not 0..threshold",
            "Use IF, or scale the first layer by hand.",
        )  # fmt: skip
    rng, threshold = np.random.default_rng(seed), float(neuron.threshold)
    if part.input_units is None:
        part.input_units = Affine.one(part.inputs)  # other units would undo what is done here
    rows = part.input_units.of(x.reshape(-1, part.inputs).double().cpu().numpy())
    weight = layer.weight.double().cpu().numpy()
    size = (rows @ weight.T).std(axis=0)
    if not (size > 0).all():
        neuron_index = int(np.argmin(size))
        raise OutOfRange(
            explain(f"current of neuron {neuron_index}: its deviation over the inputs", float(size[neuron_index]),
                    "above zero", "bring inputs that differ")
        )  # fmt: skip
    count, mean = len(weight), rows.mean(axis=0)
    weight = weight * (threshold * rng.uniform(spread.low, spread.high, count) / size)[:, None]
    centre = mean + spread.scatter * (rows[rng.integers(len(rows), size=count)] - mean)
    layer.weight.copy_(torch.from_numpy(weight))
    layer.bias.copy_(torch.from_numpy(threshold / 2 - (weight * centre).sum(axis=1)))


def spread_parts(starts: Sequence[tuple[MLP, Float64[np.ndarray, "N m"], CurrentSpread | None]], seed: int) -> None:
    """`spread_currents` of every part over its inputs, each from a stream of its own; None leaves a part as it is."""
    for (part, x, spread), own in zip(starts, np.random.SeedSequence(seed).spawn(len(starts)), strict=True):
        if spread is not None:
            spread_currents(part, torch.from_numpy(x.copy()), spread, int(own.generate_state(1)[0]))
