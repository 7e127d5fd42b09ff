"""Rounded: gradients of spike times where the integers are, for networks that become Programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from neurokit.compilers.quantize import Quantization
from neurokit.exact.estimator import ExactGradient, Loss, SpikeTimeEstimator
from neurokit.exact.events import Events
from neurokit.exact.grid import GridEventProp, require_grid, sampled
from neurokit.exact.network import SpikeTimeNetwork
from neurokit.program import Spiking


@dataclass(frozen=True, eq=False)
class Rounded(SpikeTimeEstimator):
    """The gradient that `grid` finds at the weights of a Program, for the unrounded weights (straight-through).

        W_hat = nearest(g W) / g,   W <- W - Adam(dL/dW at W_hat)

    `nearest` rounds to the levels that `quantization` chose for the layer (`Deployment.quantization`), g is the gain of
    `neurokit.exact.grid.sampled`. To compile what was trained with the same levels, deploy it with
    `Deployment.keeping(quantization)`.

    Source: Bengio, Leonard, Courville 2013 (arXiv 1308.3432); weights kept unrounded: Courbariaux, Bengio, David 2015
    (arXiv 1511.00363).
    """

    grid: GridEventProp
    quantization: Quantization

    def estimate(self, network: SpikeTimeNetwork, events: Events, loss: Loss) -> ExactGradient:
        with self.rounding(network):
            return self.grid.estimate(network, events, loss)

    @contextmanager
    def rounding(self, network: SpikeTimeNetwork) -> Iterator[None]:
        """Inside, the weights of `network` are on their levels; afterwards they are as they were."""
        before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
        self.snap(network)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in network.named_parameters():
                    weight.copy_(before[name])

    @torch.no_grad()
    def snap(self, network: SpikeTimeNetwork) -> None:
        """Round the weights of `network` to their levels, in place."""
        for number, layer in enumerate(network.stack()):
            name = f"layers.{number}"
            gain = sampled(require_grid(layer, name), self.grid.dt)[2]
            quantized = self.quantization.layers[f"{name}.current"]
            layer.weight.copy_(torch.from_numpy(quantized.weight(gain * _array(layer.weight).T).T / gain))
            if layer.recurrent is not None:
                population = self.quantization.program[name]
                assert isinstance(population, Spiking), "deployed as one"
                assert population.recurrent is not None
                level = population.scale * 2.0**population.recurrent.exponent / gain
                layer.recurrent.copy_((layer.recurrent / level).round().clamp(-128, 127) * level)


def _array(weight: torch.Tensor) -> Float[np.ndarray, "m n"]:
    return np.asarray(weight.detach().double().cpu().numpy())
