"""deploy: a network of spike times -> a Graph of Loihi's current-based neurons, and its Program.

With `alpha = e^(-dt / tau_syn)`, `beta = e^(-dt / tau_mem)` and weights `w g` (`g` of `neurokit.events.grid.sampled`)

    i[t] = alpha i[t-1] + g (W s[t] + R r[t-1]);  m[t] = beta m[t-1] + i[t];  r[t] = m[t] > threshold;  m <- m (1 - r)

is the voltage of the continuous network at the grid times: what a layer receives in its step t moves its membrane in
that step as the continuous voltage one `dt` later. So step t of layer l = 1, 2, ... stands for the time `(t + l) dt`,
and a window of `horizon / dt - layers + 1` steps covers the trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from neurokit.compilers.frontend.first_spike_coding import first_spike_output, latency_input
from neurokit.compilers.quantization.quantize import quantize
from neurokit.compilers.quantization.scales import Plan
from neurokit.errors import OutOfRange, explain
from neurokit.events.events import Events
from neurokit.events.grid import GridEventProp, require_grid, sampled
from neurokit.events.network import SpikeTimeNetwork
from neurokit.ir.graph import Dense, Graph, Recurrent, Spiking
from neurokit.ir.program import Program
from neurokit.ir.spike_time_grid import Latency
from neurokit.neurons.models import CubaLIF, ToZero


@dataclass(frozen=True, eq=False)
class Deployment:
    """A network of spike times as a Graph, on a grid of `dt`, with the scales of all that must stay exact.

    Input `x` takes one time a line, Output `time` answers with the first spike of every neuron of the last layer, and
    one step after the horizon for those without; spiking layers are called `layers.0`, `layers.1`, ...
    """

    graph: Graph
    plan: Plan
    grid: Latency
    horizon: float

    def program(self, provenance: Mapping[str, str] | None = None) -> Program:
        """The integer network: 12-bit decays, 8-bit weights, every state proved to fit. Raises what quantize does."""
        made = {"exact.dt": repr(self.grid.dt), "exact.horizon": repr(self.horizon), **(provenance or {})}
        return quantize(self.graph, plan=self.plan, provenance=made)

    def samples(self, events: Events) -> dict[str, Float[np.ndarray, "batch lines"]]:
        """Input events as samples of Graph and Program; of lines that are silent, or begin too late, the latest time.

        Raises OutOfRange for a line that the network does not have, or that spikes more than once.
        """
        lines, most = self.graph.inputs[0].size, self.graph.inputs[0].high
        events.require_lines(lines, "the deployed network")
        counts = events.counts(lines)
        if bool((counts > 1).any()):
            sample, line = (counts > 1).nonzero()[0].tolist()
            raise OutOfRange(
                explain(f"spikes of input line {line}, sample {sample}", int(counts[sample, line]), "at most 1",
                        "spread them over several lines")
            )  # fmt: skip
        return {"x": events.first(lines, most).clamp(max=most).detach().cpu().numpy().astype(np.float64)}


def deploy(network: SpikeTimeNetwork, dt: float) -> Deployment:
    """Turn a network of CurrentLIF layers, recurrent or not, into a Graph with steps of `dt`, in the neurons' time.

    Its spikes are those of `GridEventProp(dt)`, the network in which training can be aware of the grid. Raises
    UnsupportedNode for other neurons and for single-spike populations, OutOfRange for a horizon that is not a whole
    number of steps or is too short for the layers.
    """
    grid, layers = GridEventProp(dt).grid, network.stack()
    steps = grid.count(network.horizon) - len(layers) + 1
    if steps < 1:
        raise OutOfRange(
            explain("horizon / dt", steps + len(layers) - 1, f"at least {len(layers)}, one step a layer", "lower dt")
        )
    given = latency_input("x", network.inputs, grid, steps)
    nodes, source = list(given.nodes), given.speaker
    for number, layer in enumerate(layers):
        name = f"layers.{number}"
        neuron = require_grid(layer, name)
        alpha, beta, gain = sampled(neuron, dt)
        size = layer.population.size
        nodes.append(Dense(f"{name}.current", source, gain * _array(layer.weight).T, np.zeros(size)))
        echo = None if layer.recurrent is None else Recurrent(gain * _array(layer.recurrent).T)
        chip = CubaLIF(neuron.threshold, ToZero(), True, alpha, beta)
        nodes.append(Spiking(name, f"{name}.current", chip, echo))
        source = name
    answer = first_spike_output("time", source, layers[-1].population.size, grid, steps, len(layers))
    graph = Graph((*nodes, *answer.nodes), steps)
    return Deployment(graph, Plan({**given.scales, **answer.scales}, {}), grid, network.horizon)


def _array(tensor: torch.Tensor) -> Float[np.ndarray, "m n"]:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)
