"""deployable: a Graph of another writer in the form that `quantize` takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurokit import graph as g
from neurokit.neurons import IF


def deployable(graph: g.Graph) -> g.Graph:
    """`graph` with the same answers, but for membranes exactly at a threshold.

    IF neurons fire at their threshold, as integers do, not only above it: quantising moves thresholds by more. Between
    spikes and a Readout stands a Dense, the unit matrix.
    """
    nodes: list[g.GraphNode] = []
    for node in graph.nodes:
        if isinstance(node, g.Spiking) and isinstance(node.neuron, IF):
            nodes.append(replace(node, neuron=replace(node.neuron, strict=False)))
        elif isinstance(node, g.Readout) and isinstance(graph[node.source], g.Spiking):
            size = graph.wires[node.source].size
            nodes.append(g.Dense(f"{node.name}.unit", node.source, np.eye(size), np.zeros(size)))
            nodes.append(replace(node, source=nodes[-1].name))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))
