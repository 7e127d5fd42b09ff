"""equalize: give every line of a product's factors the full range of its integer weights.

The lines of `sum_k C[k] * left[k] * right[k]` may differ in size by orders of magnitude, as the factors of a singular
value decomposition do, while all weights of a layer share one scale. Multiplying line `k` of the two layers by powers
of two and dividing `C[k]` by them changes nothing in real arithmetic, not even in floating point, but lets small lines
keep their bits. The idea is that of cross-layer equalisation (Sec. 4.1, Nagel et al. 2019, arXiv 1906.04721), with
powers of two, so that `C` stays exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from neurokit.compilers.quantization.grid import Grids, grid_of
from neurokit.compilers.quantization.scales import Gain
from neurokit.graph import Dense, Graph, GraphNode, Product, Readout
from neurokit.wiring import consumers


def equalize(graph: Graph, powers: Mapping[str, Gain]) -> Graph:
    """An equal Graph, with the layers named in `powers` multiplied by them."""
    nodes: list[GraphNode] = []
    for node in graph.nodes:
        gain = powers.get(node.name)
        if isinstance(node, Dense) and gain is not None:
            factor = np.exp2(gain.rows)
            weight = node.weight * factor[:, None] * np.exp2(gain.columns)[None, :]
            nodes.append(replace(node, weight=weight, bias=node.bias * factor))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def gains(graph: Graph, grids: Grids) -> dict[str, Gain]:
    """Powers with which the layers before every Product use the range of their grid in every row.

    A Product is left alone unless each factor is a Readout of a Dense, nothing else reads those, and one Dense reads
    the product.
    """
    readers = consumers(graph.nodes)
    nodes: dict[str, GraphNode] = {node.name: node for node in graph.nodes}
    found: dict[str, Gain] = {}
    for product in graph.nodes:
        if not isinstance(product, Product) or len(readers[product.name]) != 1:
            continue
        contraction = nodes[readers[product.name][0]]
        left, right = (_layer_of(name, nodes, readers) for name in product.sources)
        if not isinstance(contraction, Dense) or left is None or right is None or left.name == right.name:
            continue
        gain_left, gain_right = _gains(left, right, grid_of(grids, contraction.name).bits)
        for layer, gain in ((left, gain_left), (right, gain_right)):
            found[layer.name] = Gain(gain, np.zeros(layer.weight.shape[1], dtype=np.int64))
        rows = np.zeros(len(contraction.weight), dtype=np.int64)
        found[contraction.name] = Gain(rows, -(gain_left + gain_right))
    return found


def _layer_of(factor: str, nodes: dict[str, GraphNode], readers: dict[str, tuple[str, ...]]) -> Dense | None:
    """The Dense behind a factor that is a Readout, if nothing else reads either."""
    readout = nodes[factor]
    if not isinstance(readout, Readout) or len(readers[factor]) != 1 or len(readers[readout.source]) != 1:
        return None
    dense = nodes[readout.source]
    return dense if isinstance(dense, Dense) else None


def _gains(left: Dense, right: Dense, bits: int) -> tuple[Int[np.ndarray, " lines"], Int[np.ndarray, " lines"]]:
    """Exponents that bring every row into the top octave, as far as the contraction's weights can follow exactly."""
    gains = []
    for layer in (left, right):
        reach = np.maximum(np.abs(layer.weight).max(axis=1), np.finfo(np.float64).tiny)
        gains.append(np.floor(np.log2(reach.max() / reach)).astype(np.int64))
    excess = np.maximum(gains[0] + gains[1] - (bits - 2), 0)  # C spans 2**0 .. 2**(bits - 2)
    taken = np.minimum(gains[0], (excess + 1) // 2)
    taken = np.maximum(taken, excess - gains[1])
    return gains[0] - taken, gains[1] - (excess - taken)
