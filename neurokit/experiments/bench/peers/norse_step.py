"""norse: `IAF`, whole spike trains through every layer at once; its reset is to zero."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import pairwise

import norse.torch as norse
import torch
from norse.torch.functional.iaf import IAFFeedForwardState
from torch import nn

VERSION = version("norse")


def build(widths: Sequence[int], batch: int, steps: int) -> Callable[[], float]:
    """One training step of a network of these widths, read out by the mean of its last spikes."""
    layers = nn.ModuleList(nn.Linear(m, n) for m, n in pairwise(widths[:-1]))
    neuron = norse.IAF(norse.IAFParameters(alpha=torch.as_tensor(5.0)))
    readout = nn.Linear(widths[-2], widths[-1])
    parameters = [*layers.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3)
    x, y = torch.randn(batch, widths[0]), torch.randn(batch, widths[-1])
    rest = torch.zeros(())

    def step() -> float:
        current = layers[0](x)
        spikes, _ = neuron(current.expand(steps, *current.shape), IAFFeedForwardState(rest))
        for layer in layers[1:]:
            spikes, _ = neuron(layer(spikes), IAFFeedForwardState(rest))
        loss = nn.functional.mse_loss(readout(spikes.mean(0)), y)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(loss.detach())

    return step
