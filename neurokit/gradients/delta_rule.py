"""The delta rule: from the errors of linear maps to the gradients of their weights, without autograd.

Behind its neurons every network is linear in the output of each of its parts, so the derivative of the loss with
respect to those outputs, and with it the readouts' gradient, is exact and crosses no neuron and no time step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.networks.contraction import contract, pull
from neurokit.networks.operator_network import OperatorNetwork


class Errors(NamedTuple):
    """Loss of a batch, its derivatives by every part's output, and those by the parameters behind them all."""

    loss: float
    outputs: list[Float[Tensor, "*axes outputs"]]
    behind: dict[str, Tensor]


@torch.no_grad()
def errors(model: nn.Module, outputs: Sequence[Tensor], target: Tensor) -> Errors:
    """Errors of the mean square of `answer - target`, from the outputs of the model's parts."""
    if isinstance(model, OperatorNetwork):
        residual = contract(*outputs) + model.bias - target
        error = residual * (2 / residual.numel())
        pulled = [pull(error, outputs, i) for i in range(len(outputs))]
        return Errors(float(residual.square().mean()), pulled, {"bias": error.sum().reshape(1)})
    residual = outputs[0] - target
    return Errors(float(residual.square().mean()), [residual * (2 / residual.numel())], {})


def rule(error: Float[Tensor, "*axes out"], x: Float[Tensor, "*axes in"]) -> tuple[Tensor, Tensor]:
    """Gradients `error^T x` of the weight and `sum error` of the bias of a linear map, over all leading axes."""
    error = error.reshape(-1, error.shape[-1])
    return error.T @ x.reshape(-1, x.shape[-1]), error.sum(0)
