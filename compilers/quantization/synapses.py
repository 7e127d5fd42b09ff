"""The real weights of synapses as one array, and the integer synapses that stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from jaxtyping import Float64

from neurokit.errors import UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir.weight_grid import LayerGrid

Synapses = g.Dense | g.Sparse | g.Conv2d
IntegerSynapses = p.Dense | p.Sparse | p.Conv2d


@dataclass(frozen=True, eq=False)
class QuantizedLayer:
    """How the real numbers of one layer of synapses became integers.

    grid       the integers that its weights may be
    unit       real value of one integer of the weight, for every weight
    bias_unit  real value of one integer of the bias, for every bias; 0 where it stays a real number
    saturated  weights that lay beyond the grid's ends
    free       whether a search may choose the scale
    carried    the real biases that the Program adds somewhere else than at these synapses, None if it adds them there
    """

    name: str
    grid: LayerGrid
    unit: Float64[np.ndarray, "..."]
    bias_unit: Float64[np.ndarray, " _"]
    saturated: int
    free: bool = True
    carried: Float64[np.ndarray, " _"] | None = None

    def weight(self, real: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """The real weights of the grid closest to `real`."""
        return np.asarray(self.grid.nearest(real / self.unit) * self.unit)

    def bias(self, real: Float64[np.ndarray, " _"]) -> Float64[np.ndarray, " _"]:
        """The real biases closest to `real` that the Program can have."""
        unit = np.where(self.bias_unit > 0, self.bias_unit, 1.0)
        return np.where(self.bias_unit > 0, np.rint(real / unit) * unit, real)


@singledispatch
def entries(node: Any) -> Float64[np.ndarray, "..."]:
    """The weights that a layer stores: a matrix, the values of a sparse one, or a kernel."""
    raise UnsupportedNode(
        node.name, type(node).__name__, "quantize", "it has no weights", "Use Dense, Sparse or Conv2d."
    )


@entries.register(g.Dense)
@entries.register(p.Dense)
def _(node: g.Dense | p.Dense) -> Float64[np.ndarray, "..."]:
    return node.weight.astype(np.float64)


@entries.register(g.Sparse)
@entries.register(p.Sparse)
def _(node: g.Sparse | p.Sparse) -> Float64[np.ndarray, "..."]:
    return np.asarray(node.weight.values, dtype=np.float64)


@entries.register(g.Conv2d)
@entries.register(p.Conv2d)
def _(node: g.Conv2d | p.Conv2d) -> Float64[np.ndarray, "..."]:
    return node.kernel.astype(np.float64)


@singledispatch
def integer(node: Any, weight: np.ndarray, bias: np.ndarray, exponent: int, scale: float) -> IntegerSynapses:
    """The Program's node for a Graph's, with integer `weight` in the shape of its entries."""
    raise UnsupportedNode(node.name, type(node).__name__, "quantize", "it has no integer form", "Use a Dense.")


@integer.register
def _(node: g.Dense, weight: np.ndarray, bias: np.ndarray, exponent: int, scale: float) -> IntegerSynapses:
    return p.Dense(node.name, node.source, weight, bias, exponent, scale, node.delay)


@integer.register
def _(node: g.Sparse, weight: np.ndarray, bias: np.ndarray, exponent: int, scale: float) -> IntegerSynapses:
    return p.Sparse(node.name, node.source, node.weight.holding(weight), bias, exponent, scale, node.delay)


@integer.register
def _(node: g.Conv2d, weight: np.ndarray, bias: np.ndarray, exponent: int, scale: float) -> IntegerSynapses:
    return p.Conv2d(node.name, node.source, weight, bias, node.convolution, exponent, scale, node.delay)


@singledispatch
def with_entries(node: Any, weight: np.ndarray, bias: np.ndarray) -> Any:
    """A Graph's node with other weights, in the shape of its entries, and other biases."""
    raise UnsupportedNode(node.name, type(node).__name__, "quantize", "it has no weights", "Use a Dense.")


@with_entries.register
def _(node: g.Dense, weight: np.ndarray, bias: np.ndarray) -> g.Dense:
    return g.Dense(node.name, node.source, weight, bias, node.delay)


@with_entries.register
def _(node: g.Sparse, weight: np.ndarray, bias: np.ndarray) -> g.Sparse:
    return g.Sparse(node.name, node.source, node.weight.holding(weight), bias, node.delay)


@with_entries.register
def _(node: g.Conv2d, weight: np.ndarray, bias: np.ndarray) -> g.Conv2d:
    return g.Conv2d(node.name, node.source, weight, bias, node.convolution, node.delay)
