"""ForwardGradient: an unbiased gradient estimate from directional derivatives, without a backward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from neurokit.gradients.directions import Bernoulli, Distribution, require_directions
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.scopes import Global, Scope
from neurokit.gradients.slopes import slopes
from neurokit.gradients.tangent import JVPConfig, layers
from neurokit.networks.noise import noise_from


@dataclass(frozen=True)
class ForwardGradient(Estimator):
    """Randomised forward gradient (RFG) with K = `directions`, `g = 1/K sum_k (grad L . v_k) v_k`.

    The slopes `grad L . v_k` come from one tangent pass that neither builds an autograd graph nor stores time. `scope`
    says which parameters share a direction, `distribution` how the K directions are drawn. `compiled` lets the pass use
    numba's kernels where there are some (CPU, neurons and surrogates of this package); the numbers are the same to
    rounding.

    Raises OutOfRange for less than one direction.

    Source: Eq. (8)-(11), Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057); Baydin et al. 2022 (arXiv 2202.08587).
    """

    scope: Scope = field(default_factory=Global)
    directions: int = 1
    distribution: Distribution = field(default_factory=Bernoulli)
    compiled: bool = True

    def __post_init__(self) -> None:
        require_directions(self, self.directions)

    @torch.no_grad()
    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        groups = self.groups(model, trained)
        directions = self.draw(model, groups, generator)
        with noise_from(generator, model):
            loss, rows = slopes(model, batch, directions, JVPConfig(self.scope, self.compiled))
        return Estimate(loss, self.combine(self.scope.share(rows, len(groups)), groups, directions))

    def groups(self, model: nn.Module, trained: Sequence[str]) -> list[tuple[str, ...]]:
        """Names of the parameters in `trained`, layer by layer."""
        return [group for names in layers(model) if (group := tuple(n for n in names if n in trained))]

    def draw(self, model: nn.Module, groups: list[tuple[str, ...]], generator: torch.Generator) -> dict[str, Tensor]:
        """K directions of every parameter in `groups`, `(K, *shape)`."""
        parameters = dict(model.named_parameters())
        directions: dict[str, Tensor] = {}
        for names in self.scope.together(groups):
            directions |= self._through({name: parameters[name] for name in names}, generator)
        return directions

    def combine(
        self, slopes: Sequence[Tensor], groups: list[tuple[str, ...]], directions: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The gradient estimate from the K slopes of every group."""
        return {
            name: torch.tensordot(slope, directions[name], dims=1) / self.directions
            for group, slope in zip(groups, slopes, strict=True)
            for name in group
        }

    def _through(self, parameters: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Directions through `parameters`: at once where their entries depend on each other, else in place."""
        if not self.distribution.joint:
            return {
                name: self.distribution.draw((self.directions, p.numel()), generator, p).reshape(-1, *p.shape)
                for name, p in parameters.items()
            }
        sizes = [p.numel() for p in parameters.values()]
        v = self.distribution.draw((self.directions, sum(sizes)), generator, next(iter(parameters.values())))
        rows = torch.split(v, sizes, dim=1)
        return {name: row.reshape(-1, *p.shape) for (name, p), row in zip(parameters.items(), rows, strict=True)}
