"""The inner product of several factors over their last axis, and its derivative; leading axes broadcast.

An axis along which a factor has size one is not repeated: a grid of factors costs what its matrix products cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def contract(*factors: Float[Tensor, "*axes p"]) -> Float[Tensor, "*batch 1"]:
    """`y = sum_k f_1[k] f_2[k] ... f_n[k]` for every combination of leading axes after broadcasting."""
    batch = torch.broadcast_shapes(*(f.shape[:-1] for f in factors))  # type: ignore[no-untyped-call]
    terms = [term for f in factors for term in _term(f, len(batch))]
    y: Tensor = torch.einsum(*terms, _long(batch))
    return y.reshape(*batch, 1)


def pull(
    error: Float[Tensor, "*batch 1"], factors: Sequence[Float[Tensor, "*axes p"]], index: int
) -> Float[Tensor, "*axes p"]:
    """Derivative of the loss with respect to `factors[index]`, given that with respect to `contract(*factors)`.

    `error` has the shape of the answer; the result sums over every axis along which the factor was repeated.
    """
    axes, factor = error.ndim - 1, factors[index]
    padded = (1,) * (axes + 1 - factor.ndim) + factor.shape[:-1]
    terms = [term for i, f in enumerate(factors) if i != index for term in _term(f, axes)]
    long = _long(error.shape[:-1])
    squeezed = error.reshape([error.shape[a] for a in long])
    gradient: Tensor = torch.einsum(squeezed, long, *terms, [*_long(padded), axes])
    return gradient.reshape(factor.shape)


def _term(factor: Tensor, axes: int) -> tuple[Tensor, list[int]]:
    """A factor without its axes of size one, and the labels of those that are left; the summed axis is last."""
    shape = (1,) * (axes + 1 - factor.ndim) + factor.shape[:-1]
    long = _long(shape)
    return factor.reshape([*(shape[a] for a in long), factor.shape[-1]]), [*long, axes]


def _long(shape: Sequence[int]) -> list[int]:
    return [axis for axis, size in enumerate(shape) if size > 1]
