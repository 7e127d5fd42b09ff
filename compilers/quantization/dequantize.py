"""dequantize: a Program without its rounding, as a Graph: quantised weights and thresholds, real inputs, no floors.

What it answers differs from the trained network by the rounding of weights alone, and from the Program by the rounding
of inputs and sums: between the two it tells both apart. `quantize` adds half a unit before every floor, so that it
rounds to nearest; where there is a floor, half a unit is taken off here.

`dequantize` needs the Program alone and keeps its units; `dequantize_as` says the same in those of the Graph that the
Program was made of, and can leave some layers as they were there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import singledispatchmethod
from typing import Any

import numpy as np

from neurokit.compilers.quantization.synapses import QuantizedLayer, entries, with_entries
from neurokit.errors import UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir.sparse import Csr


def dequantize(program: p.Program) -> g.Graph:
    """The Graph of a Program's integers taken as reals; nodes keep their names.

    Raises UnsupportedNode for a node that it has no rule for.
    """
    made = _Realization(program)
    for node in program.nodes:
        made.lower(node)
    return g.Graph(tuple(made.nodes), program.steps)


def dequantize_as(
    graph: g.Graph, program: p.Program, layers: Mapping[str, QuantizedLayer], only: Collection[str] | None = None
) -> g.Graph:
    """`graph` with the weights and biases that `program` has, in real numbers; of all layers, or `only` of some.

    `layers` say what an integer of each is worth (`Quantization.layers`). Answers of all layers are those of
    `dequantize` to the rounding of float64. Where nothing is rounded but weights (inputs on the Program's grid,
    exponents of zero, no shifts) they are the Program's.
    """
    nodes: list[g.GraphNode] = []
    for node in graph.nodes:
        integer = program[node.name]
        if not isinstance(node, g.Dense | g.Sparse | g.Conv2d) or (only is not None and node.name not in only):
            nodes.append(node)
            continue
        assert isinstance(integer, p.Synapses), "the Program was made of this Graph"
        layer = layers[node.name]
        if layer.carried is not None:
            bias = layer.carried
        elif layer.free:
            bias = (integer.bias - _lost(-integer.exponent) * 2.0**-integer.exponent) * layer.bias_unit
        else:
            bias = node.bias  # it went into an Output's offset, or is the integer's to rounding
        made = with_entries(node, entries(integer) * layer.unit, bias)
        source, read = graph[node.source], program[node.source]
        if isinstance(source, g.Input) and isinstance(read, p.Input) and np.any(read.offset != source.offset):
            moved = np.broadcast_to((read.offset - source.offset) / source.scale, (source.size,))
            made = replace(made, bias=made.bias - made.matrix @ moved)  # integers count from the offset
        nodes.append(made)
    return replace(graph, nodes=tuple(nodes))


def _lost(shift: int) -> float:
    """What was added before a floor after a division by `2**shift`, in units of the quotient."""
    return 0.5 if shift > 0 else 0.0


class _Realization:
    """Nodes as they are made; the Program's value of a node is `unit * value + rest`."""

    def __init__(self, program: p.Program) -> None:
        self.program = program
        self.nodes: list[g.GraphNode] = []
        self.unit: dict[str, float] = {}
        self.rest: dict[str, np.ndarray] = {}

    def add(self, node: g.GraphNode, unit: float = 1.0, rest: float | np.ndarray = 0.0) -> None:
        self.nodes.append(node)
        self.unit[node.name] = unit
        size = self.program.ports[node.name].size if node.name in self.program.ports else np.size(rest)
        self.rest[node.name] = np.broadcast_to(np.asarray(rest, dtype=np.float64), (size,))

    def plain(self, name: str) -> str:
        """The name of a node whose value is the Program's own: `name`, or one line for line behind it."""
        if self.unit[name] == 1.0 and not self.rest[name].any():
            return name
        settled = f"{name} (in units)"
        if settled not in self.unit:
            size = len(self.rest[name])
            scaled = Csr(np.arange(size + 1), np.arange(size), np.full(size, self.unit[name]), size)
            self.add(g.Sparse(settled, name, scaled, self.rest[name]), rest=np.zeros(size))
        return settled

    @singledispatchmethod
    def lower(self, node: Any) -> None:
        raise UnsupportedNode(node.name, type(node).__name__, "dequantize", "it has no rule", "Add one to `lower`.")

    @lower.register
    def _(self, node: p.Input) -> None:
        low, high = node.decode(node.low), node.decode(node.high)
        if len(set(zip(low, high, strict=True))) == 1:  # one constant is no range
            high = np.maximum(high, np.nextafter(low, np.inf))
        self.add(g.Input(node.name, len(node.low), low, high, node.scale, node.offset))

    @lower.register
    def _(self, node: p.Dense) -> None:
        weight, bias = self._through(node, node.weight.astype(np.float64))
        self.add(g.Dense(node.name, node.source, weight, bias, node.delay))

    @lower.register(p.Sparse)
    @lower.register(p.Conv2d)
    def _(self, node: p.Sparse | p.Conv2d) -> None:
        values, bias = self._through(node, node.weight.values.astype(np.float64))
        self.add(g.Sparse(node.name, node.source, node.weight.holding(values), bias, node.delay))

    def _through(self, node: p.Synapses, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Real weights and bias of synapses."""
        scale = 2.0**node.exponent
        bias = node.matrix @ self.rest[node.source] + node.line_bias
        return weight * (scale * self.unit[node.source]), bias * scale - _lost(-node.exponent)

    @lower.register
    def _(self, node: p.Spiking) -> None:
        recurrent = None
        if node.recurrent is not None:
            recurrent = g.Recurrent(node.recurrent.weight * 2.0**node.recurrent.exponent)
        self.add(g.Spiking(node.name, self.plain(node.source), node.neuron.in_reals(), recurrent))

    @lower.register
    def _(self, node: p.Sum) -> None:
        self.add(g.Sum(node.name, tuple(self.plain(source) for source in node.sources)))

    @lower.register
    def _(self, node: p.Readout) -> None:
        scale = 2.0**-node.shift
        offset = node.offset * scale if node.offset.size else 0.0
        unit = node.rule.normaliser(self.program.steps) * scale
        self.add(g.Readout(node.name, self.plain(node.source), node.rule), unit, offset - _lost(node.shift))

    @lower.register
    def _(self, node: p.Product) -> None:
        product = g.Product(node.name, self.plain(node.left), self.plain(node.right))
        lost = np.full(self.program.ports[node.name].size, _lost(node.shift))
        held = self.program.certificate.get(node.name)
        if held is not None:
            lost[(held.low == 0) & (held.high == 0)] = 0.0  # nothing to round
        self.add(product, 2.0**-node.shift, -lost)

    @lower.register
    def _(self, node: p.Output) -> None:
        if isinstance(node.offset, float):
            self.add(g.Output(node.name, self.plain(node.source), node.scale, node.offset))
            return
        size = len(node.offset)  # an Output of a Graph has one offset for all lines
        lines, scale = (
            Csr(np.arange(size + 1), np.arange(size), np.full(size, node.scale), size),
            f"{node.name} (scaled)",
        )
        self.add(g.Sparse(scale, self.plain(node.source), lines, node.offset), rest=np.zeros(size))
        self.add(g.Output(node.name, scale))
