"""Estimator: what every way of getting a gradient has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Batch(NamedTuple):
    """Inputs of a network, in the order of its `forward`, and the answers it should give."""

    inputs: tuple[Float[Tensor, "..."], ...]
    target: Float[Tensor, "*batch outputs"]


class Estimate(NamedTuple):
    """The loss of a batch and an estimate of its gradient, by parameter name."""

    loss: float
    gradient: Mapping[str, Tensor]


class Estimator(ABC):
    """A way to get the gradient of the mean square error of a network; a small frozen object."""

    @abstractmethod
    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        """Loss of `batch` and gradient estimate for the parameters named in `trained`.

        All randomness comes from `generator`, a CPU generator.
        """

    def trained(self, model: nn.Module) -> tuple[str, ...]:
        """Names of the parameters that this estimator has the optimiser train: all, unless it says otherwise."""
        return tuple(name for name, _ in model.named_parameters())

    def conclude(self, model: nn.Module, everything: Batch) -> None:  # noqa: B027 (most estimators are done)
        """What is left to do when the iterations are over, given all training data: nothing, unless overridden."""
