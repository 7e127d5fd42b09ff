"""balance: give every column of an input the same number of integers, whatever its unit and wherever it lies.

An Input of a Program has 12 bits for the widest of its columns. One in other units, metres beside milliseconds, would
be left with few of them, and one far from zero, a temperature of 300..301 K, with none. So before scales are chosen the
Input of the Graph takes an offset and a scale for every column, and the layers that read it take the inverse:

    W x + b = (W s) x' + (b + W o),    x' = (x - o) / s

The scales make all columns reach as far, so that a column's unit does not matter. A column that reaches half as far as
the widest or more keeps the common unit, which costs it a bit at most and leaves its weights as they are. An offset is
taken where a column's range is twice its half-width or more away from zero. The common unit is the Graph's own, but for
ranges beyond 2**32 or below 2**-32: a power of two brings these near one, so that no square of them overflows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from neurokit.errors import OutOfRange, explain
from neurokit.ir.fixed_point import Widths
from neurokit.ir.graph import Conv2d, Dense, Graph, GraphNode, Input, Sparse, Spiking, Sum
from neurokit.ir.signals import consumers
from neurokit.ir.sparse import times

#: Beyond this, and below its inverse, what an Input emits takes a common power of two.
FAR = 2.0**32
#: The least that a column may reach, but for none at all: integers of it are numbers of float64 with all their digits.
LEAST = 2.0**-1000
#: By how much rounding, which saturates the largest weights, may bring currents down at most: more than
#: `GRID_UTILIZATIONS` says.
SLACK = 4


class Columns(NamedTuple):
    """What is taken off the columns of an Input, in units of what it emits, and by what the rest is divided."""

    offset: Float64[np.ndarray, " size"]
    scale: Float64[np.ndarray, " size"]


def columns_of(graph: Graph) -> dict[str, Columns]:
    """Offsets and scales of the Inputs that need them, by name; those that a convolution reads keep one common unit."""
    readers = consumers(graph.nodes)
    found = {}
    for node in graph.inputs:
        each = all(isinstance(graph[name], Dense | Sparse) for name in readers[node.name])
        low, high = node.emitted
        middle, half = _middle_and_half(node)
        offset = np.where(each & (np.abs(middle) / 2 >= half), middle, 0.0)
        reach = np.maximum(np.abs(low - offset), np.abs(high - offset))
        widest = float(reach.max())
        if widest == 0:  # every column is constant
            continue
        power = 1.0 if 1 / FAR <= widest <= FAR else 2.0 ** math.floor(math.log2(widest))
        scale = np.where(each & (reach > 0) & (reach < widest / 2), reach / (widest / power), power)
        if offset.any() or (scale != 1).any():
            found[node.name] = Columns(offset, scale)
    return found


def in_real_numbers(graph: Graph) -> Graph:
    """An equal Graph whose Inputs emit real values as they are: scales and offsets go into the layers behind them.

    An Input that a convolution reads keeps its own.
    """
    found = {}
    for node in graph.inputs:
        readers = consumers(graph.nodes)[node.name]
        plain = np.all(node.scale == 1) and not np.any(node.offset)
        if plain or not all(isinstance(graph[name], Dense | Sparse) for name in readers):
            continue
        scale, offset = (np.broadcast_to(value, (node.size,)) for value in (node.scale, node.offset))
        found[node.name] = Columns(-offset / scale, 1 / scale)
    nodes = [
        replace(node, scale=1.0, offset=0.0) if isinstance(node, Input) and node.name in found else node
        for node in balance(graph, found).nodes  # where scale * (1 / scale) may be rounded
    ]
    return replace(graph, nodes=tuple(nodes))


def balance(graph: Graph, columns: Mapping[str, Columns]) -> Graph:
    """An equal Graph whose Inputs have these offsets and scales."""
    nodes: list[GraphNode] = []
    for node in graph.nodes:
        if isinstance(node, Input) and node.name in columns:
            offset, scale = columns[node.name]
            nodes.append(replace(node, offset=node.offset + node.scale * offset, scale=node.scale * scale))
        elif isinstance(node, Dense) and node.source in columns:
            offset, scale = columns[node.source]
            nodes.append(replace(node, weight=node.weight * scale, bias=node.bias + node.weight @ offset))
        elif isinstance(node, Sparse) and node.source in columns:
            offset, scale = columns[node.source]
            weight = node.weight.holding(node.weight.values * scale[node.weight.columns])
            nodes.append(replace(node, weight=weight, bias=node.bias + node.matrix @ offset))
        elif isinstance(node, Conv2d) and node.source in columns:
            nodes.append(replace(node, kernel=node.kernel * columns[node.source].scale[0]))  # one for all
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def require_reach(graph: Graph, widths: Widths) -> None:
    """Raise OutOfRange for an Input whose range drives neurons farther than any threshold lets integers go.

    The unit of a membrane is a whole fraction of the threshold, so a current of more thresholds than a message has
    integers fits nowhere. Likewise for a range so small that float64 has no digits for its integers.
    """
    readers = consumers(graph.nodes)
    for node in graph.inputs:
        half = _middle_and_half(node)[1]
        small = (half > 0) & (half < LEAST)
        if small.any():
            legal = f"a range of what is emitted that is empty or at least {2 * LEAST:.2g} wide"
            _refuse(node, int(np.argmax(small)), legal, "measure it in a smaller unit")
    for layer in graph.nodes:
        if not isinstance(layer, Dense | Sparse | Conv2d) or not isinstance(source := graph[layer.source], Input):
            continue
        driven = [graph[name] for name in readers[layer.name]]
        driven += [graph[name] for each in driven if isinstance(each, Sum) for name in readers[each.name]]
        thresholds = [float(each.neuron.threshold) for each in driven if isinstance(each, Spiking)]
        if not thresholds:
            continue
        middle, half = _middle_and_half(source)
        limit = SLACK * widths.limit("message") * min(thresholds)
        with np.errstate(over="ignore", invalid="ignore"):
            spread, centre = times(abs(layer.matrix), half), np.abs(layer.weigh(middle))
        bad = ~(spread <= limit) | (~(centre <= limit) & (np.abs(layer.line_bias) <= limit))  # NaN is bad, too
        if bad.any():
            line, most = int(np.argmax(bad)), limit / min(thresholds)
            weight = times(layer.matrix[line : line + 1].T, np.ones(1))
            with np.errstate(over="ignore"):
                column = int(np.argmax(np.abs(weight) * np.maximum(*np.abs(source.emitted))))
            legal = f"one under which layer {layer.name!r} drives its neurons with at most {most:.2g} thresholds"
            remedy = "declare the range in which samples lie, in the unit that the weights were trained for"
            _refuse(source, column, legal, remedy)


def _refuse(source: Input, column: int, legal: str, remedy: str) -> None:
    low, high = (np.broadcast_to(end, (source.size,))[column] for end in (source.low, source.high))
    raise OutOfRange(explain(f"input {source.name!r}: range of column {column}", f"{low:g}..{high:g}", legal, remedy))


def _middle_and_half(node: Input) -> tuple[Float64[np.ndarray, " size"], Float64[np.ndarray, " size"]]:
    """Middle and half-width of what every column emits, which do not overflow where the width would."""
    low, high = node.emitted
    return low / 2 + high / 2, high / 2 - low / 2
