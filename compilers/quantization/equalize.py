"""equalize: give every line of a product's factors the full range of its integer weights.

The lines of `sum_k C[k] * f_1[k] * ... * f_n[k]` may differ in size by orders of magnitude, as the factors of a
singular value decomposition do, while all weights of a layer, and all lines of a shifted total, share one scale.
Multiplying line `k` of the layers by powers of two and dividing `C[k]` by them changes nothing in real arithmetic, not
even in floating point, but lets small lines keep their bits. The idea is that of cross-layer equalisation (Sec. 4.1,
Nagel et al. 2019, arXiv 1906.04721), with powers of two, so that `C` stays exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int

from neurokit.compilers.quantization.scales import Gain
from neurokit.ir.graph import Dense, Graph, GraphNode, Product, Readout
from neurokit.ir.signals import consumers
from neurokit.ir.weight_grid import Grids, grid_of

#: Octaves below what the contraction can still undo at which a line is taken for zero: its 8-bit weights are, too.
LOST = 16


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
    """Powers with which the layers before every tree of Products use the range of their grid in every row.

    The tree's root must be read by one Dense alone, its inner Products by the next one alone. A factor takes part if it
    is a Readout of a Dense and nothing else reads either; the others stay as they are.
    """
    readers = consumers(graph.nodes)
    nodes: dict[str, GraphNode] = {node.name: node for node in graph.nodes}
    found: dict[str, Gain] = {}
    for root in graph.nodes:
        if not isinstance(root, Product) or len(readers[root.name]) != 1:
            continue
        contraction = nodes[readers[root.name][0]]
        if not isinstance(contraction, Dense):
            continue
        layers = [
            dense
            for name in factors(root, nodes, readers)
            if (dense := _layer_of(name, nodes, readers)) is not None and dense.name not in found
        ]
        powers = _gains(layers, grid_of(grids, contraction.name).bits)
        for layer, gain in zip(layers, powers, strict=True):
            found[layer.name] = Gain(gain, np.zeros(layer.weight.shape[1], dtype=np.int64))
        if layers:
            rows = np.zeros(len(contraction.weight), dtype=np.int64)
            found[contraction.name] = Gain(rows, -np.sum(powers, axis=0))
    return found


def factors(root: Product, nodes: Mapping[str, GraphNode], readers: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The leaves of the tree of Products below `root`, from left to right; a Product with other readers is a leaf."""
    leaves: list[str] = []
    for name in root.sources:
        node = nodes[name]
        if isinstance(node, Product) and len(readers[name]) == 1:
            leaves += factors(node, nodes, readers)
        else:
            leaves.append(name)
    return leaves


def _layer_of(factor: str, nodes: Mapping[str, GraphNode], readers: Mapping[str, tuple[str, ...]]) -> Dense | None:
    """The Dense behind a factor that is a Readout, if nothing else reads either."""
    readout = nodes[factor]
    if not isinstance(readout, Readout) or len(readers[factor]) != 1 or len(readers[readout.source]) != 1:
        return None
    dense = nodes[readout.source]
    return dense if isinstance(dense, Dense) else None


def _gains(layers: Sequence[Dense], bits: int) -> list[Int[np.ndarray, " lines"]]:
    """Exponents that bring every row into the top octave, as far as the contraction's weights can follow exactly.

    What they cannot follow is taken off the layers' gains, evenly. A line lost in all the others keeps its size: its
    rows would only make the proved reach of every total larger.
    """
    wanted = [_octaves(layer.weight) for layer in layers]
    most = bits - 2  # C spans 2**0 .. 2**(bits - 2)
    whole = np.sum(wanted, axis=0) if wanted else np.zeros(0)
    lost = whole > most + LOST
    excess = np.maximum(whole - most, 0)
    gains = []
    for index, gain in enumerate(wanted):
        left = len(wanted) - index
        others = np.sum(wanted[index + 1 :], axis=0) if left > 1 else np.zeros_like(gain)
        taken = np.minimum(gain, -(-excess // left))
        taken = np.maximum(taken, excess - others)
        excess = excess - taken
        gains.append(np.where(lost, 0, gain - taken))
    return gains


def _octaves(weight: Float64[np.ndarray, "lines in"]) -> Int[np.ndarray, " lines"]:
    """By how many octaves the largest weight of each row is below the largest of all; 64 stands for more."""
    largest = np.abs(weight).max(axis=1)
    most = max(float(largest.max()), float(np.finfo(np.float64).tiny))
    octaves: np.ndarray = np.floor(np.log2(most / np.maximum(largest, most * 2.0**-64))).astype(np.int64)
    return octaves
