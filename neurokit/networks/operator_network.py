"""OperatorNetwork: what operator networks have in common, the inner product of parts and a bias."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from neurokit.networks.answer_units import InUnits
from neurokit.networks.contraction import contract
from neurokit.networks.mlp import MLP


class OperatorNetwork(InUnits):
    """`u = sum_k part_1[k] part_2[k] ... part_n[k] + bias`, every part an MLP with an input of its own.

    All parts have the same steps, neuron, readout, surrogate and number of outputs.
    """

    bias: nn.Parameter

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, MLP]:
        """The factors by their prefix in the names of parameters, in order."""

    @abstractmethod
    def present(self, inputs: tuple[Float[Tensor, "..."], ...]) -> tuple[Float[Tensor, "..."], ...]:
        """The input of every part, from those of the network; raises GraphError when they do not fit."""

    def forward(self, *inputs: Float[Tensor, "..."]) -> Float[Tensor, "*batch 1"]:
        """Answers for every combination of leading axes after broadcasting; each part computes its own rows once."""
        values = (part(x) for part, x in zip(self.parts.values(), self.present(inputs), strict=True))
        return self.in_units(contract(*values) + self.bias)
