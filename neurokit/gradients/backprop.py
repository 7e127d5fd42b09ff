"""Backprop: the surrogate gradient by reverse-mode automatic differentiation through time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.networks.noise import noise_from


@dataclass(frozen=True)
class Backprop(Estimator):
    """Exact gradient of the network with the surrogate in place of the step's derivative.

    The reset is differentiated too. Memory grows with the number of time steps.
    """

    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        parameters = dict(model.named_parameters())
        with torch.set_grad_enabled(True), noise_from(generator, model):
            loss = (model(*batch.inputs) - batch.target).square().mean()
            gradient = torch.autograd.grad(loss, [parameters[name] for name in trained])
        return Estimate(float(loss), dict(zip(trained, gradient, strict=True)))
