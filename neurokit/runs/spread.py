"""Forward gradients over a team of processes that exchange slopes, not gradients.

Every process holds the same weights and the same generator, so that it draws the same directions as all others. What
it does not know is how the loss changes along those that it did not try, or on samples that it did not see: one
number a direction (and layer, under Layerwise). Data-parallel backpropagation would exchange the gradient of every
parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from neurokit.errors import RunError, explain
from neurokit.gradients.alternating import AlternatingReadout
from neurokit.gradients.closed_form import ClosedFormReadout
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.local_loss import LocalLoss
from neurokit.gradients.tangent import Way, layers, tangent
from neurokit.runs.team import Team


@dataclass(frozen=True)
class _Spread(ForwardGradient):
    """What both ways to divide the work share: all directions drawn, slopes measured, the gradient put together."""

    team: Team = field(default_factory=Team)

    def _groups(self, model: nn.Module, trained: Sequence[str]) -> list[tuple[str, ...]]:
        return [group for names in layers(model) if (group := tuple(n for n in names if n in trained))]

    def _all_directions(
        self, model: nn.Module, groups: list[tuple[str, ...]], generator: torch.Generator
    ) -> dict[str, Tensor]:
        parameters = dict(model.named_parameters())
        directions: dict[str, Tensor] = {}
        for names in self.scope.together(groups):
            directions |= self._drawn({name: parameters[name] for name in names}, generator)
        return directions

    def _slopes(self, model: nn.Module, batch: Batch, directions: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The loss of `batch`, and its derivatives along `directions` in the order of the scope's rows."""
        output, moved = tangent(model, batch.inputs, directions, Way(self.scope, self.compiled))
        assert moved is not None, "some parameter is trained"
        residual = output - batch.target
        slopes = (moved.reshape(len(moved), -1) @ residual.reshape(-1)) * (2 / residual.numel())
        return residual.square().mean(), slopes

    def _gradient(
        self, slopes: list[list[Tensor]], groups: list[tuple[str, ...]], directions: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """`slopes[i]` are those of group i, in parts that follow one another."""
        return {
            name: torch.tensordot(torch.cat(parts), directions[name], dims=1) / self.directions
            for group, parts in zip(groups, slopes, strict=True)
            for name in group
        }


@dataclass(frozen=True)
class SpreadDirections(_Spread):
    """ForwardGradient with its K directions divided among the members of `team`; each sees the whole batch.

    A member exchanges the slopes of its own directions in every iteration: K / size numbers, under Layerwise for every
    layer. The result is that of one process to the rounding of a matrix product over other numbers of rows. Raises
    RunError where there are fewer directions than members.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.directions < self.team.size:
            raise RunError(
                explain(
                    "directions to spread",
                    self.directions,
                    f"at least {self.team.size}, one a process",
                    "draw more of them, start fewer processes, or spread the data",
                )
            )

    @torch.no_grad()
    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        groups = self._groups(model, trained)
        directions = self._all_directions(model, groups, generator)
        shares = self.team.shares(self.directions)
        own = {name: v[shares[self.team.rank]] for name, v in directions.items()}
        loss, slopes = self._slopes(model, batch, own)
        rows = len(slopes) // len(next(iter(own.values())))  # of one direction: one a layer, or one
        lengths = [rows * (share.stop - share.start) for share in shares]
        parts = [self.scope.share(part, len(groups)) for part in self.team.gather(slopes, lengths)]
        by_group = [list(group) for group in zip(*parts, strict=True)]
        return Estimate(float(loss), self._gradient(by_group, groups, directions))


@dataclass(frozen=True)
class SpreadData(_Spread):
    """ForwardGradient with the samples of a batch divided among the members of `team`; each tries all K directions.

    A member exchanges its share of the loss and of the slopes in every iteration: K + 1 numbers, under Layerwise K for
    every layer and one. The result is that of one process to the rounding of the sum over samples. Raises RunError
    where a batch has fewer samples than there are members.
    """

    @torch.no_grad()
    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        samples = len(batch.target)
        if samples < self.team.size:
            raise RunError(
                explain(
                    "samples of a batch to spread",
                    samples,
                    f"at least {self.team.size}, one a process",
                    "raise batch_size, start fewer processes, or spread the directions",
                )
            )
        groups = self._groups(model, trained)
        directions = self._all_directions(model, groups, generator)
        mine = self.team.shares(samples)[self.team.rank]
        # An input that all samples share has a leading axis of one.
        part = Batch(tuple(x[mine] if len(x) == samples else x for x in batch.inputs), batch.target[mine])
        loss, slopes = self._slopes(model, part, directions)
        numbers = torch.cat([slopes, loss[None]]) * (len(part.target) / samples)
        summed = torch.stack(self.team.gather(numbers, [len(numbers)] * self.team.size)).sum(dim=0)
        shared = self.scope.share(summed[:-1], len(groups))
        return Estimate(float(summed[-1]), self._gradient([[slope] for slope in shared], groups, directions))


def spread(estimator: Estimator, kind: type[SpreadDirections] | type[SpreadData], team: Team) -> Estimator:
    """`estimator` with the work of its forward gradient divided among `team`; itself for a team of one.

    Raises RunError for an estimator that would have to exchange gradients.
    """
    if team.size == 1:
        return estimator
    if isinstance(estimator, ClosedFormReadout | AlternatingReadout | LocalLoss):
        return replace(estimator, estimator=spread(estimator.estimator, kind, team))
    if type(estimator) is not ForwardGradient:
        raise RunError(
            explain(
                f"the estimator of {team.size} processes",
                type(estimator).__name__,
                "a ForwardGradient, whose slopes are all that has to be exchanged",
                "train in one process, or choose the method rfg-layerwise or rfg-global",
            )
        )
    return kind(estimator.scope, estimator.directions, estimator.distribution, estimator.compiled, team)
