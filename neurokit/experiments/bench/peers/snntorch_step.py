"""snnTorch: `Leaky` with beta 1 and reset by subtraction, which it does in the next step and detaches."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import snntorch
import torch
from snntorch import surrogate
from torch import nn

VERSION = snntorch.__version__


def build(widths: Sequence[int], batch: int, steps: int) -> Callable[[], float]:
    """One training step of a network of these widths, read out by the mean of its last spikes."""
    layers = nn.ModuleList(nn.Linear(m, n) for m, n in pairwise(widths[:-1]))
    neurons = nn.ModuleList(
        snntorch.Leaky(beta=1.0, threshold=1.0, reset_mechanism="subtract", spike_grad=surrogate.atan(alpha=2.0))
        for _ in layers
    )
    readout = nn.Linear(widths[-2], widths[-1])
    parameters = [*layers.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3)
    x, y = torch.randn(batch, widths[0]), torch.randn(batch, widths[-1])

    def step() -> float:
        membranes = [neuron.reset_mem() for neuron in neurons]
        current, total = layers[0](x), 0
        for _ in range(steps):
            a = current
            for i, neuron in enumerate(neurons):
                if i:
                    a = layers[i](a)
                a, membranes[i] = neuron(a, membranes[i])
            total = total + a
        loss = nn.functional.mse_loss(readout(total / steps), y)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(loss.detach())

    return step
