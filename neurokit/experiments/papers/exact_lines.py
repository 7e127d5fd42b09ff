"""Output times along lines through weight space: continuous for Theta neurons, with jumps for a LIF.

`python -m neurokit.experiments.papers.exact_lines PICTURE.png` draws the picture of docs/exact.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from neurokit.events.events import Events
from neurokit.events.lif import CurrentLIF
from neurokit.events.losses import pseudospikes
from neurokit.events.network import Population, SpikeTimeNetwork
from neurokit.events.theta import Theta
from neurokit.plotting import figures

HORIZON = 3.0


@torch.no_grad()
def output_times(theta: bool, along: Float[np.ndarray, " points"], seed: int) -> Float[np.ndarray, " points"]:
    """First spike of the output of a 2-3-1 network whose weights are `start + along * direction`, both random.

    A LIF that is silent counts as spiking at the horizon, as it does in losses; Theta neurons have pseudospikes.
    """
    neuron = Theta() if theta else CurrentLIF(1.0, 1.0)
    net = SpikeTimeNetwork(2, [Population(neuron, 3), Population(neuron, 1)], HORIZON, gain=2.0, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    start = [p.clone() for p in net.parameters()]
    direction = [torch.rand(p.shape, generator=generator, dtype=p.dtype) * 4 for p in net.parameters()]
    events = Events.latencies(torch.tensor([[0.2, 0.9]], dtype=torch.float64))
    times = []
    for step in along:
        for p, p0, d in zip(net.parameters(), start, direction, strict=True):
            p.copy_(p0 + float(step) * d)
        outcome = net(events)
        times.append(float(pseudospikes(outcome) if theta else outcome.last.spikes.first(1, HORIZON)))
    return np.array(times)


def draw(path: Path, seeds: int = 4, points: int = 241) -> None:
    """Both kinds of neuron, a line a seed."""
    along = np.linspace(-1, 1, points)
    figure = figures.new(9.0, 3.4)
    for place, theta in enumerate((True, False)):
        axes = figure.add_subplot(1, 2, place + 1)
        for seed in range(seeds):
            axes.plot(along, output_times(theta, along, seed), ".", ms=1.5, color=f"C{seed}")
        axes.axhline(HORIZON, color="#999999", lw=0.8, ls="--")
        axes.set(
            title="Theta, with pseudospikes" if theta else "CurrentLIF", xlabel="along a line through weight space"
        )
        axes.set_ylabel("first spike of the output")
    figures.save(figure, path)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
