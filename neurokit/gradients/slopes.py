"""slopes: the derivatives of the loss along given directions, in one forward pass."""

from __future__ import annotations

from functools import singledispatch
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.gradients.delta_rule import errors
from neurokit.gradients.estimator import Batch
from neurokit.gradients.tangent import Directions, JVPConfig, jvp, tangent, within
from neurokit.networks.operator_network import OperatorNetwork


class Slopes(NamedTuple):
    """The loss of a batch and its derivatives along all directions, in the rows of `tangent`."""

    loss: float
    rows: Float[Tensor, " rows"]


@singledispatch
@torch.no_grad()
def slopes(model: nn.Module, batch: Batch, directions: Directions, way: JVPConfig) -> Slopes:
    """Mean square error of `batch` and its slopes `dL . v`: the residual's inner products with the rows of `tangent`.

    At least one parameter has a direction. Raises UnsupportedNode for a model without a rule.
    """
    output, moved = tangent(model, batch.inputs, directions, way)
    assert moved is not None, "some parameter has a direction"
    residual = output - batch.target
    rows = (moved.reshape(len(moved), -1) @ residual.reshape(-1)) * (2 / residual.numel())
    return Slopes(float(residual.square().mean()), rows)


@slopes.register
@torch.no_grad()
def _(model: OperatorNetwork, batch: Batch, directions: Directions, way: JVPConfig) -> Slopes:
    """The same sums in another order: no row of the answer's size is made.

    An answer is linear in the output of each part, `dy = sum_k df_i[k] prod_j!=i f_j[k]`, so the residual can be summed
    against the other factors first, once for all directions. On a grid each direction then costs its own part's rows
    alone. No derivative crosses a neuron backwards.
    """
    inputs = zip(model.parts.items(), model.present(batch.inputs), strict=True)
    pushed = [jvp(part, (x,), within(f"{name}.", directions), way) for (name, part), x in inputs]
    loss, of_outputs, behind = errors(model, [value for value, _ in pushed], batch.target)
    rows = [
        None if moved is None else moved.reshape(len(moved), -1) @ error.reshape(-1)
        for (_, moved), error in zip(pushed, of_outputs, strict=True)
    ]
    along = directions.get("bias")
    rows.append(None if along is None else along.reshape(-1) * behind["bias"])
    joined = way.scope.join(*rows)
    assert joined is not None, "some parameter has a direction"
    return Slopes(loss, joined)
