"""Backprop: the surrogate gradient by reverse-mode differentiation through time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from neurokit.gradients.delta_rule import errors, parts, rule
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.tangent import features_and_gain, has_kernel
from neurokit.networks.deeponet import DeepONet
from neurokit.networks.mlp import MLP
from neurokit.networks.noise import noise_from
from neurokit.networks.seponet import SepONet


@dataclass(frozen=True)
class Backprop(Estimator):
    """Exact gradient of the network with the surrogate in place of the step's derivative.

    The reset is differentiated too. In general it is automatic differentiation, whose memory grows with the number of
    time steps. `compiled` lets networks with one hidden layer do without: under a held current, features `phi(z)` have
    the elementwise derivative G(z), one forward recurrence, and the chain rule is two matrix products,
    `dL/dW = (dL/dphi * G)^T x`. That is where numba has a kernel (CPU, IF with attached reset and fixed threshold,
    Gaussian surrogate); the numbers are the same to rounding.
    """

    compiled: bool = True

    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        if self.compiled and _is_held(model, batch):
            return _through_gain(model, batch, trained)
        parameters = dict(model.named_parameters())
        with torch.set_grad_enabled(True), noise_from(generator, model):
            loss = (model(*batch.inputs) - batch.target).square().mean()
            gradient = torch.autograd.grad(loss, [parameters[name] for name in trained])
        return Estimate(float(loss), dict(zip(trained, gradient, strict=True)))


def _is_held(model: nn.Module, batch: Batch) -> bool:
    """Whether every part has one layer of neurons with a kernel; a subclass may compute something else."""
    if type(model) not in (MLP, DeepONet, SepONet):
        return False
    return all(
        type(part.mlp) is MLP and len(part.mlp.hidden) == 1 and has_kernel(part.mlp, part.x)
        for part in parts(model, batch.inputs)
    )


@torch.no_grad()
def _through_gain(model: nn.Module, batch: Batch, trained: Sequence[str]) -> Estimate:
    pieces = parts(model, batch.inputs)
    outputs, features, gains = [], [], []
    for _, mlp, x in pieces:
        phi, gain = features_and_gain(mlp, mlp.hidden[0](x), compiled=True)
        outputs.append(mlp.readout(phi))
        features.append(phi)
        gains.append(gain)
    loss, of_outputs, gradient = errors(model, outputs, batch.target)
    for (prefix, mlp, x), error, phi, gain in zip(pieces, of_outputs, features, gains, strict=True):
        for name, (weight, bias) in {
            "readout": rule(error, phi),
            "hidden.0": rule(error @ mlp.readout.weight * gain, x),
        }.items():
            gradient |= {f"{prefix}{name}.weight": weight, f"{prefix}{name}.bias": bias}
    return Estimate(loss, {name: gradient[name] for name in trained})
