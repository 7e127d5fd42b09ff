"""Graph: a spiking network as frozen nodes in discrete time and float64, free of any framework.

Nodes are ordinary operations on named sources, in topological order; a branch is a node that two nodes read,
a merge a Sum or a Product. Every spiking layer lives in its own local time `t = 0..T-1`: that a hop costs a
step on a chip is a matter of a Program's latency, not of the mathematics. The one way back in time is a population's
Recurrent synapses, from its spikes of the step before.
"""

from neurokit.ir.graph.network import Graph, GraphNode
from neurokit.ir.graph.nodes import Input, Output, Product, Readout, Spiking, Sum
from neurokit.ir.graph.synapses import Conv2d, Dense, Recurrent, Sparse, Synapses

__all__ = [
    "Conv2d",
    "Dense",
    "Graph",
    "GraphNode",
    "Input",
    "Output",
    "Product",
    "Readout",
    "Recurrent",
    "Sparse",
    "Spiking",
    "Sum",
    "Synapses",
]
