"""AlternatingReadout: readouts by alternating least squares, the hidden layers trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from neurokit.errors import GraphError, OutOfRange, UnsupportedNode, explain
from neurokit.gradients import bilinear
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.tangent import features
from neurokit.networks.contraction import contract
from neurokit.networks.operator_network import OperatorNetwork
from neurokit.networks.parts import parts


@dataclass(frozen=True)
class AlternatingReadout(Estimator):
    """Alternating least squares (ALS) for the readouts of an operator network, around any estimator.

    In every step the readouts of all parts are solved for in turn, each the ridge solution for the batch with the
    others held fixed, once around; then the bias is set to its best value. The wrapped `estimator` gives the gradient
    of the hidden layers at these readouts. `conclude` goes around `final_sweeps` times on all training data. For two
    factors ClosedFormReadout finds the joint minimum; for more there is no closed form, and this is the usual way.
    This is a different algorithm from training all layers by the wrapped estimator; results must be labelled so.

    Raises OutOfRange unless `ridge` is finite and > 0 and `final_sweeps` at least 1, UnsupportedNode for other
    networks, GraphError for inputs of which one part's axes are only partly another's.

    Source: Carroll and Chang 1970, doi:10.1007/BF02310791, for each factor linear in its features.
    """

    estimator: Estimator
    ridge: float = 1e-6
    final_sweeps: int = 10

    def __post_init__(self) -> None:
        if not math.isfinite(self.ridge) or self.ridge <= 0:
            raise OutOfRange(explain("AlternatingReadout.ridge", self.ridge, "a finite number > 0", "use 1e-6"))
        if self.final_sweeps < 1:
            raise OutOfRange(explain("AlternatingReadout.final_sweeps", self.final_sweeps, "at least 1", "use 10"))

    def trained(self, model: nn.Module) -> tuple[str, ...]:
        names = self.estimator.trained(_require_operator_network(model))
        return tuple(name for name in names if name != "bias" and ".readout." not in name)

    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        sweep(_require_operator_network(model), batch, self.ridge)
        return self.estimator.estimate(model, batch, generator, trained)

    def conclude(self, model: nn.Module, everything: Batch) -> None:
        sweep(_require_operator_network(model), everything, self.ridge, times=self.final_sweeps)


@torch.no_grad()
def sweep(model: OperatorNetwork, batch: Batch, ridge: float, times: int = 1) -> None:
    """Go `times` around the readouts of `model`, hidden layers as they are.

    Every component `k` ends with the same mean square in all factors, so that all can be quantised equally well.
    """
    pieces = parts(model, batch.inputs)
    target = batch.target[..., 0].double()
    phis = [_extended(features(piece.mlp, piece.x), target.ndim) for piece in pieces]
    maps = [torch.cat([p.mlp.readout.weight, p.mlp.readout.bias[:, None]], 1).double() for p in pieces]
    around = _around_core if _apart(phis) else _around
    maps, bias = around(phis, maps, target, model.bias.double(), ridge, times)
    for piece, m in zip(pieces, maps, strict=True):
        piece.mlp.readout.weight.copy_(m[:, :-1])
        piece.mlp.readout.bias.copy_(m[:, -1])
    model.bias.copy_(bias)


def _around(
    phis: Sequence[Tensor], maps: list[Tensor], target: Tensor, bias: Tensor, ridge: float, times: int
) -> tuple[list[Tensor], Tensor]:
    """`times` sweeps, in the values of every factor at every sample."""
    for _ in range(times):
        for i, phi in enumerate(phis):
            others = [other @ m.T for j, (other, m) in enumerate(zip(phis, maps, strict=True)) if j != i]
            maps[i] = _solve(phi, others, target - bias, ridge)
        maps = _balanced([bilinear.gram(phi.flatten(0, -2)) for phi in phis], maps)
        bias = (target - contract(*(phi @ m.T for phi, m in zip(phis, maps, strict=True)))[..., 0]).mean().reshape(1)
    return maps, bias


def _around_core(
    phis: Sequence[Tensor], maps: list[Tensor], target: Tensor, bias: Tensor, ridge: float, times: int
) -> tuple[list[Tensor], Tensor]:
    """`times` sweeps where every factor has axes of its own, in features instead of samples.

    All that the normal equations take from the samples are the features' Gram matrices and the core, the target's mean
    product with one feature of each factor: `(a_1, .., a_n)`, computed once. Means of features are the Gram matrices'
    last columns, because the last feature is one.
    """
    count = len(phis)
    owned = [[axis for axis, size in enumerate(phi.shape[:-1]) if size > 1] for phi in phis]
    rows = [phi.reshape(-1, phi.shape[-1]) for phi in phis]
    order = [axis for axes in owned for axis in axes]
    core = target.permute(*order, *(axis for axis in range(target.ndim) if axis not in order))
    core = core.reshape([len(x) for x in rows])
    for x in reversed(rows):  # each takes the last axis and puts its features first
        core = (core @ (x / len(x))).movedim(-1, 0)
    grams = [bilinear.gram(x) for x in rows]
    ones = torch.einsum(*(part for i, q in enumerate(grams) for part in (q[:, -1], [i])), list(range(count)))
    for _ in range(times):
        for i in range(count):
            others = [j for j in range(count) if j != i]
            terms = [part for j in others for part in (maps[j], [count, j])]
            moment = torch.einsum(core - bias * ones, list(range(count)), *terms, [i, count])
            right = torch.stack([maps[j] @ grams[j] @ maps[j].T for j in others]).prod(0)
            maps[i] = bilinear.solve_normal(grams[i], right, moment, ridge).T
        maps = _balanced(grams, maps)
        means = torch.stack([m @ q[:, -1] for q, m in zip(grams, maps, strict=True)])
        bias = (target.mean() - means.prod(0).sum()).reshape(1)
    return maps, bias


def _apart(phis: Sequence[Tensor]) -> bool:
    """Whether no two factors vary along the same axis."""
    return bool((torch.tensor([[size > 1 for size in phi.shape[:-1]] for phi in phis]).sum(0) <= 1).all())


def _solve(
    phi: Float64[Tensor, "*axes a"], others: Sequence[Float64[Tensor, "*axes r"]], target: Tensor, ridge: float
) -> Float64[Tensor, "r a"]:
    """The `W` that minimises `mean((sum_k (W phi)_k prod others_k - target)**2) + ridge |W|**2`.

    Factors that live on other axes than `phi` enter by their Gram matrix Q; those that share its axes, by `T`.
    """
    own = [d > 1 for d in phi.shape[:-1]]
    together = apart = phi.new_ones(1, others[0].shape[-1])
    for other in others:
        shared = [d > 1 and mine for d, mine in zip(other.shape[:-1], own, strict=True)]
        if not any(shared):
            apart = apart * other
        elif all(d == 1 or mine for d, mine in zip(other.shape[:-1], own, strict=True)):
            together = together * other
        else:
            raise GraphError(
                explain(
                    "axes of two parts' inputs",
                    (tuple(phi.shape[:-1]), tuple(other.shape[:-1])),
                    "the same, or with none in common",
                    "bring a grid with one axis a part, or aligned points",
                )
            )
    mine = [i for i, is_own in enumerate(own) if is_own]
    rest = [i for i, is_own in enumerate(own) if not is_own]
    table = target.permute(*mine, *rest).reshape(math.prod(target.shape[i] for i in mine), -1)
    grid = [1 if is_own else n for n, is_own in zip(target.shape, own, strict=True)]
    right = apart.expand(*grid, -1).reshape(table.shape[1], -1)
    left = phi.reshape(len(table), -1)
    if together.shape[:-1] == (1,):  # nothing shares the axes: the normal equations are a Kronecker product
        return bilinear.solve(left, right, table, ridge).T
    t = together.expand(*phi.shape[:-1], -1).reshape(len(table), -1)
    y = (t[:, :, None] * left[:, None, :]).reshape(len(table), -1)
    q = (right.T @ right).repeat_interleave(left.shape[1], 0).repeat_interleave(left.shape[1], 1)
    normal = (y.T @ y) * q / table.numel()
    normal.diagonal().add_(ridge)
    moment = (t * (table @ right)).T @ left / table.numel()
    solved: Tensor = torch.linalg.solve(normal, moment.reshape(-1)).reshape(moment.shape)
    return solved


def _balanced(grams: Sequence[Tensor], maps: Sequence[Tensor]) -> list[Tensor]:
    """The same products with every component's mean square spread evenly over its factors."""
    sizes = torch.stack([(m @ q * m).sum(1).clamp(min=0).sqrt() for q, m in zip(grams, maps, strict=True)])
    alive = (sizes > 0).all(0)
    logs = torch.where(alive, sizes, 1.0).log()
    scale = (logs.mean(0) - logs).exp()
    return [m * s[:, None] for m, s in zip(maps, scale, strict=True)]


def _extended(phi: Tensor, axes: int) -> Float64[Tensor, "*axes a"]:
    phi = phi.double()
    phi = torch.cat([phi, torch.ones_like(phi[..., :1])], dim=-1)
    return phi.reshape(*[1] * (axes + 1 - phi.ndim), *phi.shape)


def _require_operator_network(model: nn.Module) -> OperatorNetwork:
    if not isinstance(model, OperatorNetwork):
        raise UnsupportedNode(
            "model", type(model).__name__, "AlternatingReadout", "it is not a product of parts",
            "Use the wrapped estimator alone.",
        )  # fmt: skip
    return model
