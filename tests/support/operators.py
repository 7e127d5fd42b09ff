"""Operator networks as Programs: a branch, a trunk for every coordinate (or one for all), products, and their sum."""

from __future__ import annotations

import numpy as np

from neurokit.compilers.quantization.quantize import quantize
from neurokit.ir.graph import Dense, Graph, GraphNode, Input, Output, Product, Readout, Spiking
from neurokit.ir.program import Program
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean


def operator(trunks: int, coordinates: int = 1, seed: int = 0, rank: int = 4, steps: int = 8) -> Program:
    """A DeepONet has one trunk for `coordinates`; a SepONet `trunks` of them for one each. Weights are random."""
    rng = np.random.default_rng(seed)
    nodes: list[GraphNode] = []
    product = ""
    for part in ("branch", *(f"trunk{i}" for i in range(trunks))):
        size = 5 if part == "branch" else coordinates
        nodes.append(Input(part, size, -1.0, 1.0))
        # The branch is deeper, so that factors have to wait for each other.
        for layer in range(2 if part == "branch" else 1):
            weight = rng.normal(0.0, 1.5 / np.sqrt(size), (6, size))
            nodes.append(Dense(f"{part}.dense{layer}", nodes[-1].name, weight, rng.uniform(0, 0.4, 6)))
            nodes.append(Spiking(f"{part}.spiking{layer}", nodes[-1].name, IF(1.0)))
            size = 6
        weight = rng.normal(0.0, 0.5, (rank, size))
        nodes.append(Dense(f"{part}.out", nodes[-1].name, weight, rng.uniform(-0.1, 0.1, rank)))
        nodes.append(Readout(f"{part}.total", nodes[-1].name, MemMean()))
        if product:
            nodes.append(Product(f"{part}.product", product, f"{part}.total"))
        product = nodes[-1].name
    nodes += [Dense("sum", product, np.ones((1, rank)), np.zeros(1)), Output("y", "sum")]
    return quantize(Graph(tuple(nodes), steps))
