"""Forward gradients over a group of processes that exchange slopes, not gradients.

Every process holds the same weights and the same generator, so that it draws the same directions as all others. What
it does not know is how the loss changes along those that it did not try, or on samples that it did not see: one
number a direction (and layer, under Layerwise). Data-parallel backpropagation would exchange the gradient of every
parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from neurokit.errors import RunError, explain
from neurokit.gradients.alternating import AlternatingReadout
from neurokit.gradients.closed_form import ClosedFormReadout
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.local_loss import LocalLoss
from neurokit.gradients.slopes import slopes
from neurokit.gradients.tangent import JVPConfig
from neurokit.networks.mlp import MLP
from neurokit.networks.noise import noise_from
from neurokit.neurons.surrogates import WeakGaussian
from neurokit.training.runs.process_group import ProcessGroup


@dataclass(frozen=True)
class SpreadDirections(ForwardGradient):
    """ForwardGradient with its K directions divided among the members of `group`; each sees the whole batch.

    A member exchanges the slopes of its own directions in every iteration: K / size numbers, under Layerwise for every
    layer. The result is that of one process to the rounding of a matrix product over other numbers of rows. Raises
    RunError where there are fewer directions than members.
    """

    group: ProcessGroup = field(default_factory=ProcessGroup)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.directions < self.group.size:
            raise RunError(
                explain(
                    "directions to spread",
                    self.directions,
                    f"at least {self.group.size}, one a process",
                    "draw more of them, start fewer processes, or spread the data",
                )
            )

    @torch.no_grad()
    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        groups = self.groups(model, trained)
        directions = self.draw(model, groups, generator)
        shares = self.group.shares(self.directions)
        own = {name: v[shares[self.group.rank]] for name, v in directions.items()}
        with noise_from(generator, model):
            loss, found = slopes(model, batch, own, JVPConfig(self.scope, self.compiled))
        rows = len(found) // len(next(iter(own.values())))  # of one direction: one a layer, or one
        lengths = [rows * (share.stop - share.start) for share in shares]
        parts = [self.scope.share(part, len(groups)) for part in self.group.gather(found, lengths)]
        by_group = [torch.cat(group) for group in zip(*parts, strict=True)]
        return Estimate(loss, self.combine(by_group, groups, directions))


@dataclass(frozen=True)
class SpreadData(ForwardGradient):
    """ForwardGradient with the samples of a batch divided among the members of `group`; each tries all K directions.

    A member exchanges its share of the loss and of the slopes in every iteration: K + 1 numbers, under Layerwise K for
    every layer and one. The result is that of one process to the rounding of the sum over samples; a random surrogate,
    whose noise every member draws for its own samples, gives another of the same distribution. Raises RunError where a
    batch has fewer samples than there are members.
    """

    group: ProcessGroup = field(default_factory=ProcessGroup)

    @torch.no_grad()
    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        samples = len(batch.target)
        if samples < self.group.size:
            raise RunError(
                explain(
                    "samples of a batch to spread",
                    samples,
                    f"at least {self.group.size}, one a process",
                    "raise batch_size, start fewer processes, or spread the directions",
                )
            )
        groups = self.groups(model, trained)
        directions = self.draw(model, groups, generator)
        mine = self.group.shares(samples)[self.group.rank]
        # An input that all samples share has a leading axis of one.
        part = Batch(tuple(x[mine] if len(x) == samples else x for x in batch.inputs), batch.target[mine])
        with noise_from(self._own_noise(model, generator), model):
            loss, found = slopes(model, part, directions, JVPConfig(self.scope, self.compiled))
        numbers = torch.cat([found, found.new_tensor([loss])]) * (len(part.target) / samples)
        summed = torch.stack(self.group.gather(numbers, [len(numbers)] * self.group.size)).sum(dim=0)
        shared = self.scope.share(summed[:-1], len(groups))
        return Estimate(float(summed[-1]), self.combine(shared, groups, directions))

    def _own_noise(self, model: nn.Module, generator: torch.Generator) -> torch.Generator:
        """A member's own source of noise, where there is some: shares differ, and `generator` must not."""
        if not any(isinstance(part.surrogate, WeakGaussian) for part in model.modules() if isinstance(part, MLP)):
            return generator
        seed = int(torch.randint(2**62, (1,), generator=generator))
        return torch.Generator().manual_seed(seed + self.group.rank)


def spread(estimator: Estimator, kind: type[SpreadDirections] | type[SpreadData], group: ProcessGroup) -> Estimator:
    """`estimator` with the work of its forward gradient divided among `group`; itself for a group of one.

    Raises RunError for an estimator that would have to exchange gradients.
    """
    if group.size == 1:
        return estimator
    if isinstance(estimator, ClosedFormReadout | AlternatingReadout | LocalLoss):
        return replace(estimator, estimator=spread(estimator.estimator, kind, group))
    if type(estimator) is not ForwardGradient:
        raise RunError(
            explain(
                f"the estimator of {group.size} processes",
                type(estimator).__name__,
                "a ForwardGradient, whose slopes are all that has to be exchanged",
                "train in one process, or choose the method rfg-layerwise or rfg-global",
            )
        )
    return kind(estimator.scope, estimator.directions, estimator.distribution, estimator.compiled, group)
