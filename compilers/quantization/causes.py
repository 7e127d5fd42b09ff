"""Causes: how much of a Program's error each kind of rounding makes, one after the other.

Between the real network and its Program lie networks that round one thing more each:

    weights    the real network with all weights, thresholds and biases rounded
    inputs     and inputs
    currents   and the floors of the currents in every step: here spikes become the Program's
    readouts   and the floors of readouts, up to the first product
    products   and the floors of products and of what reads them: the Program itself

A cause is the distance between the answers of one of them and the next. Causes may make up for each other, so that the
distances add up to the whole as roots of sums of squares only if they are independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
from jaxtyping import Float64

from neurokit.compilers.quantization.calibration import TWIN, Calibration
from neurokit.compilers.quantization.dequantize import dequantize_as
from neurokit.compilers.quantization.search import distance
from neurokit.compilers.quantization.synapses import QuantizedLayer
from neurokit.errors import UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.signals import Signal, consumers
from neurokit.ir.sparse import times

Answers = Mapping[str, Float64[np.ndarray, "*batch size"]]


def causes(
    graph: g.Graph, program: p.Program, layers: Mapping[str, QuantizedLayer], samples: Calibration
) -> dict[str, float]:
    """The distance that each cause moves the answers, relative to the spread of the real network's, by its name.

    Parameters
    ----------
    graph, program, layers
        The real network, its Program, and how the integers of the one became those of the other.
    samples
        What the networks answer.

    Returns
    -------
    dict
        `weights`, `inputs`, `currents`, `readouts`, `products`: see above.
    """
    rounded = dequantize_as(graph, program, layers)
    ranges = {node.name: (node.low, node.high) for node in graph.inputs}
    given = {
        node.name: np.clip(node.decode(node.encode(samples.inputs[node.name])), *ranges[node.name])
        for node in program.inputs
    }
    summed = _sums(program, samples.inputs)
    steps: dict[str, Answers] = {
        "network": samples.answers,
        "weights": reference.run(rounded, samples.inputs).outputs,
        "inputs": reference.run(rounded, given).outputs,
        "currents": _answers(program, summed, frozenset()),
        "readouts": _answers(program, summed, _before_products(program)),
        "products": TWIN.run(program, samples.inputs).outputs,
    }
    found, before = {}, steps.pop("network")
    for cause, answers in steps.items():
        apart = {name: samples.answers[name] + answers[name] - before[name] for name in answers}
        found[cause], before = distance(apart, samples.answers), answers
    return found


def _sums(program: p.Program, inputs: Mapping[str, np.ndarray]) -> dict[str, Float64[np.ndarray, "*batch size"]]:
    """The sums of all readouts before offset and shift."""
    nodes: list[p.ProgramNode] = []
    for node in program.nodes:
        if isinstance(node, p.Readout):
            nodes.append(replace(node, shift=0, scale=1.0, offset=np.zeros(0, dtype=np.int32)))
            nodes.append(p.Output(f"{node.name}, sum", node.name))
        elif program.ports[node.name].signal is not Signal.TOTAL:
            nodes.append(node)
    part = p.Program(tuple(nodes), program.steps, program.widths)
    answers = TWIN.run(part, inputs).outputs
    return {node.source: answers[node.name] for node in part.outputs}


def _before_products(program: p.Program) -> frozenset[str]:
    """The totals that no product is behind."""
    found: set[str] = set()
    for node in program.nodes:
        behind = not isinstance(node, p.Product) and node.sources and found.issuperset(node.sources)
        if isinstance(node, p.Readout) or behind:
            found.add(node.name)
    return frozenset(found)


def _answers(program: p.Program, summed: Answers, floored: frozenset[str]) -> Answers:
    """What the Program answers when only the totals that are named are rounded down."""
    readers = consumers(program.nodes)
    value: dict[str, np.ndarray] = {}
    for node in program.nodes:
        if program.ports[node.name].signal is not Signal.TOTAL:
            continue
        known = [summed[node.name]] if isinstance(node, p.Readout) else [value[source] for source in node.sources]
        exact, lost = _exact(node, *known)
        if isinstance(node, p.Product) and not any(isinstance(program[r], p.Synapses) for r in readers[node.name]):
            lost = np.zeros_like(lost)  # what its floor takes nobody gives back
        value[node.name] = np.floor(exact) if node.name in floored else exact - lost
    return {node.name: value[node.name] for node in program.outputs}


@singledispatch
def _exact(node: Any, *sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A total without its floor, and what was added so that the floor takes nothing on average, in units of it."""
    raise UnsupportedNode(node.name, type(node).__name__, "causes", "it has no rule", "Add one to `_exact`.")


@_exact.register
def _(node: p.Readout, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    offset = node.offset if node.offset.size else 0
    return (total + offset) / 2.0**node.shift, np.full(total.shape[-1], 0.5 if node.shift else 0.0)


@_exact.register
def _(node: p.Synapses, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = 2.0**node.exponent
    return (times(node.matrix, x) + node.line_bias) * scale, np.full(node.shape[0], 0.5 if scale < 1 else 0.0)


@_exact.register
def _(node: p.Sum, *sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = np.sum(np.broadcast_arrays(*sources), axis=0)
    return total, np.zeros(total.shape[-1])


@_exact.register
def _(node: p.Product, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    product = left * right / 2.0**node.shift
    return product, np.where(np.any(product != 0, axis=tuple(range(product.ndim - 1))) & (node.shift > 0), 0.5, 0.0)


@_exact.register
def _(node: p.Output, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return node.decode(y), np.zeros(y.shape[-1])
