"""Backprop: the surrogate gradient by reverse-mode differentiation through time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.networks.compiled import compiled
from neurokit.networks.noise import noise_from


@dataclass(frozen=True)
class Backprop(Estimator):
    """Exact gradient of the network with the surrogate in place of the step's derivative.

    The reset is differentiated too. It is automatic differentiation, of any network that answers with one tensor; its
    memory grows with the number of time steps. With `compiled`, MLPs inside the network use numba's kernels where they
    have some (CPU, neurons and surrogates of this package): the numbers are the same to rounding.
    """

    compiled: bool = True

    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        parameters = dict(model.named_parameters())
        way = compiled(model) if self.compiled else nullcontext()
        with torch.set_grad_enabled(True), noise_from(generator, model), way:
            loss = (model(*batch.inputs) - batch.target).square().mean()
            # What moves no answer, such as a decay of what a window of one step has not built up yet, has a slope of 0.
            wanted = [parameters[name] for name in trained]
            gradient = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
        return Estimate(float(loss), dict(zip(trained, gradient, strict=True)))
