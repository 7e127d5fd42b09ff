"""Networks of neurokit as NIR for snnTorch and norse, with the reference's spikes.

python tests/support/peers/offer_nir.py FOLDER
peer/bin/python tests/support/peers/accept_nir.py snntorch FOLDER      in the peer's environment
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from neurokit.compilers.exchange.nir_export import to_nir, write_nir
from neurokit.compilers.exchange.nir_neurons import Gain, InResistance, InThreshold
from neurokit.compilers.exchange.time_step import Euler
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, ToZero
from neurokit.neurons.readouts import Rate

NEURONS: dict[str, Neuron] = {
    "if": IF(1.0, ToZero(), True),
    "lif": LIF(0.8, ToZero(), True, beta=0.9),
    "cubalif": CubaLIF(1.5, ToZero(), True, alpha=0.6, beta=0.8),
}
#: What each reader takes for the step, and where it looks for the gain, of a leaky neuron and of an IF.
READERS: dict[str, tuple[tuple[Euler, Gain], tuple[Euler, Gain]]] = {
    "snntorch": ((Euler(1e-4), InResistance()), (Euler(1.0), InResistance())),
    "norse": ((Euler(1e-3), InThreshold()), (Euler(1.0), InResistance())),
}


def network(neuron: Neuron) -> g.Graph:
    rng = np.random.default_rng(11)
    nodes: list[g.GraphNode] = [g.Input("x", 3, -1.0, 2.0)]
    for i, (size, width) in enumerate([(3, 6), (6, 4)]):
        # Numbers of 32 bits, as the peers' are: rounding is not what is compared.
        weight, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((width, size), (width,)))
        nodes += [g.Dense(f"linear{i}", nodes[-1].name, weight, bias), g.Spiking(f"fire{i}", f"linear{i}", neuron)]
    return g.Graph((*nodes, g.Readout("mean", "fire1", Rate()), g.Output("y", "mean")), steps=40)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    inputs = np.random.default_rng(5).uniform(-1, 2, (8, 3)).astype(np.float32)
    for reader, (leaky, integrating) in READERS.items():
        for name, neuron in NEURONS.items():
            graph = network(neuron)
            time, gain = integrating if isinstance(neuron, IF) else leaky
            trace = reference.run(graph, {"x": inputs}, record=True).trace
            assert trace is not None
            write_nir(to_nir(graph, time, gain=gain), folder / f"{reader}-{name}.nir")
            np.savez_compressed(folder / f"{reader}-{name}.npz", inputs=inputs, spikes=trace.spikes["fire1"])
