"""NoTraining: no training, as a control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from neurokit.gradients.delta_rule import errors
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.tangent import features
from neurokit.networks.parts import parts


@dataclass(frozen=True)
class NoTraining(Estimator):
    """A gradient of zero: every parameter that it is responsible for keeps its value.

    Inside ClosedFormReadout or AlternatingReadout it shows what the readouts achieve alone, on hidden layers as they
    were drawn; what training of the hidden layers adds is the difference. Raises UnsupportedNode for a network without
    a rule.
    """

    @torch.no_grad()
    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        outputs = [part.mlp.readout(features(part.mlp, part.x)) for part in parts(model, batch.inputs)]
        loss = errors(model, outputs, batch.target).loss
        return Estimate(loss, {name: torch.zeros_like(p) for name, p in model.named_parameters() if name in trained})
