"""replicate: Program -> the Program of a batch, in which every neuron is there `batch` times.

Copies do not see each other: every matrix becomes block-diagonal, line `i` of sample `b` is line `b * size + i`. So a
target that knows no batches, Lava's stock processes, takes several samples through one network side by side.
"""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np

from neurokit.errors import UnsupportedNode
from neurokit.ir.program import Input, Output, Product, Program, Readout, Recurrent, Sparse, Spiking, Sum, Synapses
from neurokit.ir.sparse import Csr, Matrix


def replicate(program: Program, batch: int) -> Program:
    """The Program of `batch` samples side by side; the same one for a batch of 1. Its certificate is left out.

    Raises UnsupportedNode at a node without a rule.
    """
    if batch == 1:
        return program
    return replace(program, nodes=tuple(copies(node, batch) for node in program.nodes), certificate={})


@singledispatch
def copies(node: Any, batch: int) -> Any:
    """`batch` copies of a node as one."""
    raise UnsupportedNode(node.name, type(node).__name__, "a batch", "it has no rule", "Add one to `copies`.")


@copies.register
def _(node: Input, batch: int) -> Input:
    scale, offset = (np.tile(value, batch) if np.ndim(value) else value for value in (node.scale, node.offset))
    return Input(node.name, np.tile(node.low, batch), np.tile(node.high, batch), scale, offset)


@copies.register
def _(node: Synapses, batch: int) -> Sparse:
    weight, bias = _blocks(node.matrix, batch), np.tile(node.line_bias, batch)
    return Sparse(node.name, node.source, weight, bias, node.exponent, node.scale, node.delay)


@copies.register
def _(node: Spiking, batch: int) -> Spiking:
    if node.recurrent is None:
        return node
    weight = np.kron(np.eye(batch, dtype=np.int8), node.recurrent.weight)
    return replace(node, recurrent=Recurrent(weight, node.recurrent.exponent))


@copies.register
def _(node: Readout, batch: int) -> Readout:
    return replace(node, offset=np.tile(node.offset, batch))


@copies.register
def _(node: Output, batch: int) -> Output:
    return replace(node, offset=np.tile(node.offset, batch)) if np.ndim(node.offset) else node


@copies.register(Sum)
@copies.register(Product)
def _(node: Sum | Product, batch: int) -> Sum | Product:
    return node


def _blocks(matrix: Matrix, batch: int) -> Csr:
    """`batch` copies of a matrix along the diagonal; a dense one keeps its zeros, and an empty one gets some."""
    rows, width = matrix.shape
    if isinstance(matrix, np.ndarray) or not matrix.nnz:
        matrix = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
        starts, columns, values = np.arange(rows + 1) * width, np.tile(np.arange(width), rows), matrix.ravel()
    else:
        starts, columns, values = matrix.indptr, matrix.indices, matrix.data
    stored = len(columns)
    return Csr(
        np.append(0, (starts[1:] + np.arange(batch)[:, None] * stored).ravel()),
        (columns + np.arange(batch)[:, None] * width).ravel(),
        np.tile(values, batch),
        batch * width,
    )
