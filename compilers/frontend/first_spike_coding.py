"""latency: single spikes in and first spikes out, as ordinary nodes of a Graph.

A Graph's Input is held over the window and its Readout is a weighted sum over time. Here they become times of
spikes by populations that every target has: for an input, a clock of one neuron a step, each on from its step, and a
neuron a line that finds the line's time passed; and, for inputs and outputs alike, neurons that pass on the first spike
that they receive and no other. All their weights are whole numbers that `quantize`, given the plan, keeps as they are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from neurokit.compilers.quantization.scales import InputScale, NeuronScale, ReadoutScale, Scale
from neurokit.ir.graph import Dense, GraphNode, Input, Output, Readout, Recurrent, Spiking, Sum
from neurokit.ir.spike_time_grid import PARTS, Latency
from neurokit.neurons.models import LIF, CubaLIF, ToZero
from neurokit.neurons.readouts import MemMean

#: Fires in the step in which its current is above 1; remembers nothing.
_NOW = LIF(threshold=1.0, beta=0.0, reset=ToZero(), strict=True)
#: Fires while all that it has ever received is above 1.
_EVER = CubaLIF(threshold=1.0, alpha=1.0, beta=0.0, reset=ToZero(), strict=True)
#: The largest weight of a synapse, to be multiplied by a power of two.
_MANTISSA = 127


class Part(NamedTuple):
    """Nodes, the name of the one that stands for them, and the scales at which `quantize` keeps them exact."""

    nodes: tuple[GraphNode, ...]
    speaker: str
    scales: dict[str, Scale]


def latency_input(name: str, size: int, grid: Latency, steps: int) -> Part:
    """An Input of times, and spikes: every line once, in the step `grid.steps(time)` of a window of `steps`.

    Times are real, in 0..`(steps + 1) dt`; those beyond the last step give no spike. In step t the neurons 0..t of the
    clock fire, and a line is due when their number, `t + 1`, less `time / dt`, is above 1 less half a 64th.
    """
    held = Input(name, size, 0.0, (steps + 1) * grid.dt)
    first = np.zeros(steps)
    first[0] = 2.0
    start = Dense(f"{name}.start", name, np.zeros((steps, size)), first)
    clock = Spiking(f"{name}.clock", start.name, _NOW, Recurrent(2.0 * np.eye(steps, k=-1)))
    count = Dense(f"{name}.count", clock.name, np.ones((size, steps)), np.zeros(size))
    # Between half a part and one part: on the integers, rounded to parts of a step, one part.
    late = 33 / 64 / PARTS
    time = Dense(f"{name}.time", name, -np.eye(size) / grid.dt, np.full(size, late))
    due = Sum(f"{name}.due", (count.name, time.name))
    passed = Spiking(f"{name}.passed", due.name, _NOW)
    once = first_spikes(f"{name}.spike", passed.name, size, steps)
    scales: dict[str, Scale] = {
        name: InputScale(grid.dt / PARTS),
        start.name: NeuronScale(1),
        count.name: NeuronScale(PARTS),
        time.name: NeuronScale(PARTS),
        **once.scales,
    }
    return Part((held, start, clock, count, time, due, passed, *once.nodes), once.speaker, scales)


def first_spikes(name: str, source: str, size: int, steps: int) -> Part:
    """The first spike of every line of `source` in a window, in its step; all others are lost.

    A spike adds 2 to a current that never decays, and a neuron that fires takes more from it than a window can add.
    """
    exponent = max(0, math.ceil(math.log2(2 * steps / _MANTISSA)))
    off = math.ceil(2 * steps / 2**exponent) * 2**exponent
    received = Dense(f"{name}.received", source, 2.0 * np.eye(size), np.zeros(size))
    once = Spiking(name, received.name, _EVER, Recurrent(-float(off) * np.eye(size)))
    return Part((received, once), name, {received.name: NeuronScale(1)})


def first_spike_output(name: str, source: str, size: int, grid: Latency, steps: int, late: int) -> Part:
    """An Output: the time of the first spike of every line of `source`, whose step t stands for the time (t + late) dt.

    A line without a spike answers `(steps + late) dt`. MemMean weighs the one spike in step t by `steps - t`.
    """
    once = first_spikes(f"{name}.first", source, size, steps)
    told = Dense(f"{name}.told", once.speaker, np.eye(size), np.zeros(size))
    rule = MemMean()
    left = Readout(f"{name}.left", told.name, rule)
    answer = Output(name, left.name, -grid.dt * rule.normaliser(steps), (steps + late) * grid.dt)
    return Part((*once.nodes, told, left, answer), name, {**once.scales, told.name: ReadoutScale(1.0)})
