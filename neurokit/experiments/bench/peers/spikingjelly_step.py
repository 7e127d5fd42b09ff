"""SpikingJelly: `IFNode` with soft reset in multi-step mode, whole spike trains through every layer at once."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import pairwise

import torch
from spikingjelly.activation_based import functional, neuron, surrogate
from torch import nn

VERSION = version("spikingjelly")


def build(widths: Sequence[int], batch: int, steps: int) -> Callable[[], float]:
    """One training step of a network of these widths, read out by the mean of its last spikes."""
    layers: list[nn.Module] = []
    for m, n in pairwise(widths[:-1]):
        node = neuron.IFNode(v_threshold=1.0, v_reset=None, surrogate_function=surrogate.ATan(2.0), step_mode="m")
        layers += [nn.Linear(m, n), node]
    first, hidden, readout = layers[0], nn.Sequential(*layers[1:]), nn.Linear(widths[-2], widths[-1])
    parameters = [*first.parameters(), *hidden.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3)
    x, y = torch.randn(batch, widths[0]), torch.randn(batch, widths[-1])

    def step() -> float:
        functional.reset_net(hidden)
        current = first(x)
        spikes = hidden(current.expand(steps, *current.shape))
        loss = nn.functional.mse_loss(readout(spikes.mean(0)), y)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(loss.detach())

    return step
