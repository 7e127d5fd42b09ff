"""dequantize: the real network that a Program's integers stand for, as a Graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from neurokit import graph as g
from neurokit import program as p
from neurokit.compilers.quantization.synapses import QuantizedLayer, entries, with_entries
from neurokit.wiring import consumers


def dequantize(
    graph: g.Graph,
    program: p.Program,
    layers: Mapping[str, QuantizedLayer],
    only: Collection[str] | None = None,
) -> g.Graph:
    """`graph` with the weights and biases that `program` has, in real numbers; of all layers, or `only` of some.

    Its answers differ from the Program's by the rounding of inputs and by the floors after a sum alone. Where there are
    none (inputs on the Program's grid, exponents of zero, no shifts) every spike is the same, and answers differ by
    the rounding of float64.
    """
    readers = consumers(graph.nodes)
    nodes: list[g.GraphNode] = []
    for node in graph.nodes:
        integer = program[node.name]
        if not isinstance(node, g.Dense | g.Sparse | g.Conv2d) or (only is not None and node.name not in only):
            nodes.append(node)
            continue
        assert isinstance(integer, p.Synapses), "the Program was made of this Graph"
        layer = layers[node.name]
        weight = entries(integer) * layer.unit
        reader = program[readers[node.name][0]]
        if isinstance(reader, p.Readout):
            half = 2 ** (reader.shift - 1) if reader.shift else 0
            bias = (reader.offset - half) * layer.bias_unit
            bias = bias.reshape(len(node.bias), -1)[:, 0]  # of a convolution one a channel, which all its lines have
        elif layer.free:
            half = 2 ** (-integer.exponent - 1) if integer.exponent < 0 else 0
            bias = (integer.bias - half) * layer.bias_unit
        else:
            bias = node.bias  # it went into an Output's offset, or is the integer's to rounding
        nodes.append(with_entries(node, weight, bias))
    return replace(graph, nodes=tuple(nodes))
