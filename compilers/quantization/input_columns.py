"""balance: give every column of an input the same number of integers, whatever its unit and wherever it lies.

An Input of a Program has 12 bits for the widest of its columns. One in other units, metres beside milliseconds, would
be left with few of them, and one far from zero, a temperature of 300..301 K, with none. So before scales are chosen the
Input of the Graph takes an offset and a scale for every column, and the layers that read it take the inverse:

    W x + b = (W s) x' + (b + W o),    x' = (x - o) / s

The scales make all columns reach as far, so that a column's unit does not matter. A column that reaches half as far as
the widest or more keeps the common unit, which costs it a bit at most and leaves its weights as they are. An offset is
taken where a column's range is twice its half-width or more away from zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from neurokit.ir.graph import Dense, Graph, GraphNode, Input, Sparse
from neurokit.ir.signals import consumers


class Columns(NamedTuple):
    """What is taken off the columns of an Input, in units of what it emits, and by what the rest is divided."""

    offset: Float64[np.ndarray, " size"]
    scale: Float64[np.ndarray, " size"]


def columns_of(graph: Graph) -> dict[str, Columns]:
    """Offsets and scales of the Inputs that need them, by name; those that a convolution reads keep their one unit."""
    readers = consumers(graph.nodes)
    found = {}
    for node in graph.inputs:
        if not all(isinstance(graph[name], Dense | Sparse) for name in readers[node.name]):
            continue
        low, high = node.emitted
        middle, half = (low + high) / 2, (high - low) / 2
        offset = np.where(np.abs(middle) >= 2 * half, middle, 0.0)
        reach = np.maximum(np.abs(low - offset), np.abs(high - offset))
        widest = float(reach.max())
        if widest == 0:  # every column is constant
            continue
        scale = np.where((reach > 0) & (reach < widest / 2), reach / widest, 1.0)
        if offset.any() or (scale != 1).any():
            found[node.name] = Columns(offset, scale)
    return found


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
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))
