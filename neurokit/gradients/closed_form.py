"""ClosedFormReadout: the readouts solved for, the hidden layers trained (variable projection)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import GraphError, OutOfRange, UnsupportedNode, explain
from neurokit.gradients import bilinear
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.tangent import features
from neurokit.networks.deeponet import DeepONet


@dataclass(frozen=True)
class ClosedFormReadout(Estimator):
    """Variable projection (VP) for DeepONet, around any estimator.

    In every step both readouts and the bias are set to the ridge solution of the batch, which is the bilinear form

        u(g, x) = [phi(g), 1] M [psi(x), 1]^T,  M = argmin mean((u - target)**2) + ridge |M|**2

    factored into the network's p features; the wrapped `estimator` gives the gradient of the hidden layers at that
    readout, which is the gradient of the minimised loss (the readout's own share vanishes at the minimum). `conclude`
    solves M again on all training data. This is a different algorithm from training all layers by the wrapped
    estimator, and results must be labelled so.

    Raises OutOfRange unless `ridge` is finite and > 0, UnsupportedNode for other networks, GraphError for
    data that is not every function at every location.

    Source: Golub and Pereyra 1973, doi:10.1137/0710036.
    """

    estimator: Estimator
    ridge: float = 1e-6

    def __post_init__(self) -> None:
        if not math.isfinite(self.ridge) or self.ridge <= 0:
            raise OutOfRange(explain("ClosedFormReadout.ridge", self.ridge, "a finite number > 0", "use 1e-6"))

    def trained(self, model: nn.Module) -> tuple[str, ...]:
        names = self.estimator.trained(_require_deeponet(model))
        return tuple(name for name in names if name != "bias" and ".readout." not in name)

    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        solve_readout(_require_deeponet(model), batch, self.ridge)
        return self.estimator.estimate(model, batch, generator, trained)

    def conclude(self, model: nn.Module, everything: Batch) -> None:
        solve_readout(_require_deeponet(model), everything, self.ridge)


@torch.no_grad()
def solve_readout(model: DeepONet, batch: Batch, ridge: float) -> None:
    """Set both readouts and the bias of `model` to the closed-form solution for `batch`, hidden layers as they are."""
    form, left, right = solve_form(model, batch, ridge)
    f, g = bilinear.factor(form, left, right, model.branch.outputs)
    for part, rows in ((model.branch, f), (model.trunk, g)):
        part.readout.weight.copy_(rows[:, :-1])
        part.readout.bias.copy_(rows[:, -1])
    model.bias.zero_()  # the constant is in the corner of M


@torch.no_grad()
def solve_form(
    model: DeepONet, batch: Batch, ridge: float
) -> tuple[Float[Tensor, "a b"], Float[Tensor, "N a"], Float[Tensor, "P b"]]:
    """The bilinear form M of `batch` and the features on both of its sides, each extended by a column of ones."""
    branch, trunk = batch.inputs
    if branch.shape[1:-1] != (1,) or trunk.shape[:-2] != (1,) or batch.target.shape[2:] != (1,):
        raise GraphError(
            explain(
                "shapes of branch, trunk and target",
                (tuple(branch.shape), tuple(trunk.shape), tuple(batch.target.shape)),
                "(N, 1, m), (1, P, d) and (N, P, 1): every function at every location",
                "bring the data as OperatorData, or train the readouts with the hidden layers",
            )
        )
    left = _extended(features(model.branch, branch[:, 0]))
    right = _extended(features(model.trunk, trunk[0]))
    return bilinear.solve(left, right, batch.target[..., 0].double(), ridge), left, right


def _extended(phi: Float[Tensor, "N a"]) -> Float[Tensor, "N a1"]:
    phi = phi.double()
    return torch.cat([phi, phi.new_ones(len(phi), 1)], dim=1)


def _require_deeponet(model: nn.Module) -> DeepONet:
    if not isinstance(model, DeepONet):
        raise UnsupportedNode(
            "model", type(model).__name__, "ClosedFormReadout", "only DeepONet has a bilinear readout",
            "Use the wrapped estimator alone.",
        )  # fmt: skip
    return model
