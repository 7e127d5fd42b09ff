"""spike_time_ladder: from spike times in continuous time down to Lava, one stage at a time.

exact       the network from event to event, in float64
graph       the same on the grid: spikes at the first grid time after their crossing, resets there
quantised   8-bit weights and 12-bit decays, otherwise real numbers
reference   the Program: integers
twin, ...   the same integers elsewhere; from here on every number must be equal
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8

from neurokit.compilers.frontend.spike_times import Deployment
from neurokit.events.events import Events
from neurokit.events.network import Activity, SpikeTimeNetwork
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult, Trace
from neurokit.ir.target import Target
from neurokit.targets.verification.ladder import Ladder, ladder


def spike_time_ladder(
    network: SpikeTimeNetwork, deployment: Deployment, program: Program, events: Events, targets: Sequence[Target]
) -> tuple[Ladder, dict[str, RunResult]]:
    """Climb down from `network` to the targets; `deployment` is `deploy(network, dt)`, `program` made of it.

    Spikes of the stage `exact` are counted in the steps that they belong to on the grid, those beyond the window not at
    all, and several in one step once. Raises what `Deployment.samples` and
    `neurokit.targets.verification.ladder.ladder` raise.
    """
    samples = deployment.samples(events)
    above = {"exact": exact_result(network, deployment, events)}
    return ladder(deployment.graph, program, samples, targets, above=above)


@torch.no_grad()
def exact_result(network: SpikeTimeNetwork, deployment: Deployment, events: Events) -> RunResult:
    """What the network does in continuous time, in the terms of its Graph; a silent output as the Graph has it."""
    started = time.perf_counter()
    outcome = network(events)
    never = deployment.horizon + deployment.grid.dt
    first = outcome.last.spikes.first(outcome.last.size, never).numpy(force=True).astype(np.float64)
    rasters = {
        f"layers.{number}": _raster(activity, deployment, number + 1) for number, activity in enumerate(outcome.layers)
    }
    return RunResult(
        target="exact",
        outputs={"time": first},
        raw={"time": first},
        trace=Trace(spikes=rasters, states={}, totals={}),
        steps=0,
        seconds=time.perf_counter() - started,
    )


def _raster(activity: Activity, deployment: Deployment, late: int) -> UInt8[np.ndarray, "batch steps n"]:
    """Spikes by the local step of a layer whose step t stands for the time `(t + late) dt`."""
    spikes, steps = activity.spikes, deployment.graph.steps
    sample, place = spikes.real.nonzero(as_tuple=True)
    line, step = spikes.line[sample, place], (deployment.grid.steps(spikes.time[sample, place]) - late).clamp(min=0)
    here = step < steps
    raster = torch.zeros(len(spikes.time), steps, activity.size, dtype=torch.uint8, device=line.device)
    raster[sample[here], step[here], line[here]] = 1
    return np.asarray(raster.numpy(force=True))
