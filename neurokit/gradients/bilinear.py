"""Closed-form fits of a bilinear form: ridge regression with Kronecker structure, and its best factors."""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor


def solve(
    left: Float64[Tensor, "N a"], right: Float64[Tensor, "P b"], target: Float64[Tensor, "N P"], ridge: float
) -> Float64[Tensor, "a b"]:
    """The `M` that minimises `mean((left M right^T - target)**2) + ridge * |M|**2`."""
    return solve_normal(gram(left), gram(right), left.T @ target @ right / target.numel(), ridge)


def solve_normal(
    left: Float64[Tensor, "a a"], right: Float64[Tensor, "b b"], moment: Float64[Tensor, "a b"], ridge: float
) -> Float64[Tensor, "a b"]:
    """The `M` with `left M right + ridge M = moment`, by the eigenvectors of the Gram matrices on both sides."""
    (va, ua), (vb, ub) = torch.linalg.eigh(left), torch.linalg.eigh(right)
    # Eigenvalues of a Gram matrix are >= 0; rounding may say otherwise.
    curvature = torch.outer(va.clamp(min=0), vb.clamp(min=0)) + ridge
    form: Tensor = ua @ ((ua.T @ moment @ ub) / curvature) @ ub.T
    return form


def factor(
    form: Float64[Tensor, "a b"], left: Float64[Tensor, "N a"], right: Float64[Tensor, "P b"], rank: int
) -> tuple[Float64[Tensor, "rank a"], Float64[Tensor, "rank b"]]:
    """`(F, G)` with `F^T G` the best approximation of `form` of that rank, in what it does to `left` and `right`.

    Minimises `|left (F^T G - form) right^T|` (truncated singular value decomposition after whitening; Eckart and
    Young 1936), exact when `rank` is at least that of `form`. Each row of F has the same mean square over the data as
    its row of G, so that both can be quantised equally well.
    """
    (ra, ia), (rb, ib) = _roots(gram(left)), _roots(gram(right))
    u, s, vt = torch.linalg.svd(ra @ form @ rb, full_matrices=False)
    kept = min(rank, len(s))
    weight = s[:kept].sqrt()[:, None]
    f, g = form.new_zeros(rank, form.shape[0]), form.new_zeros(rank, form.shape[1])
    f[:kept] = weight * (u[:, :kept].T @ ia)
    g[:kept] = weight * (vt[:kept] @ ib)
    return f, g


def gram(x: Float64[Tensor, "N a"]) -> Float64[Tensor, "a a"]:
    """`x^T x / N`."""
    return x.T @ x / len(x)


def _roots(matrix: Float64[Tensor, "a a"]) -> tuple[Float64[Tensor, "a a"], Float64[Tensor, "a a"]]:
    """Symmetric square root of a Gram matrix and its inverse, lifted off zero so that silent features do no harm."""
    values, vectors = torch.linalg.eigh(matrix)
    lifted = (values.clamp(min=0) + 1e-10 * values[-1]).sqrt()
    return (vectors * lifted) @ vectors.T, (vectors / lifted) @ vectors.T
