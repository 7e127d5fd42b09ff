"""parts: the stacks of spiking layers that a network is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import UnsupportedNode
from neurokit.networks.mlp import MLP
from neurokit.networks.operator_network import OperatorNetwork


class Part(NamedTuple):
    """A stack of spiking layers in a network: its prefix in the names of parameters, itself, and its input."""

    prefix: str
    mlp: MLP
    x: Float[Tensor, "*axes inputs"]


def stacks(model: nn.Module) -> Mapping[str, MLP]:
    """The stacks of `model` by their prefix in the names of parameters, in order.

    Raises UnsupportedNode for a network that is neither an MLP nor an OperatorNetwork.
    """
    if isinstance(model, MLP):
        return {"": model}
    if isinstance(model, OperatorNetwork):
        return {f"{name}.": part for name, part in model.parts.items()}
    raise UnsupportedNode(
        "model",
        type(model).__name__,
        "what looks at a network's parts",
        "it is no MLP and no OperatorNetwork",
        "Use one of these; Backprop(compiled=False) trains any network.",
    )


def parts(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[Part]:
    """The same with what `inputs` present to each of them."""
    found = stacks(model)
    presented = model.present(inputs) if isinstance(model, OperatorNetwork) else inputs
    return [Part(prefix, mlp, x) for (prefix, mlp), x in zip(found.items(), presented, strict=True)]
