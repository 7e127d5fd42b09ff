"""lava-dl slayer: CUBA blocks without leak, whole spike trains through every layer at once; its reset is to zero."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import pairwise

import torch
from lava.lib.dl import slayer
from torch import nn

VERSION = version("lava-dl")


def build(widths: Sequence[int], batch: int, steps: int) -> Callable[[], float]:
    """One training step of a network of these widths, read out by the mean of its last spikes."""
    neuron = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.0, "tau_grad": 1.0, "scale_grad": 1.0}
    # The first layer's current is held, so it is computed once; blocks have no bias.
    first = nn.Linear(widths[0], widths[1])
    node = slayer.neuron.cuba.Neuron(**neuron)
    blocks = nn.Sequential(*(slayer.block.cuba.Dense(neuron, m, n) for m, n in pairwise(widths[1:-1])))
    readout = nn.Linear(widths[-2], widths[-1])
    parameters = [*first.parameters(), *blocks.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam([p for p in parameters if p.requires_grad], lr=1e-3)
    x, y = torch.randn(batch, widths[0]), torch.randn(batch, widths[-1])

    def step() -> float:
        spikes = node(first(x)[..., None].expand(-1, -1, steps).contiguous())
        loss = nn.functional.mse_loss(readout(blocks(spikes).mean(-1)), y)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(loss.detach())

    return step
