"""SepONet: a separable operator network, one trunk for every coordinate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import GraphError, explain
from neurokit.networks.mlp import MLP, require_positive
from neurokit.networks.operator_network import OperatorNetwork
from neurokit.neurons.models import IF, Neuron
from neurokit.neurons.readouts import MemMean, ReadoutRule
from neurokit.neurons.surrogates import Gaussian, Surrogate, WeakGaussian


class SepONet(OperatorNetwork):
    """Spiking separable operator network, `G(g)(x) = sum_k branch_k(g) trunk_1k(x_1) ... trunk_dk(x_d) + bias`.

    `branch` sees the function at `sensors` points, trunk i the i-th of `coordinates` numbers; all are MLPs with the
    `hidden` widths and `rank` outputs. Steps, neuron, readout and surrogate are those of all parts. `seed` draws them,
    from independent streams. Raises GraphError for a network without neurons.

    It is called in one of two ways; leading axes broadcast in both:

    - `model(branch, x_1, ..., x_d)` with `x_i (*points_i, 1)`. On a grid, `branch (N, 1, .., 1, m)` and every `x_i`
      along an axis of its own, `(1, .., P_i, .., 1, 1)`, each trunk computes P_i points, not the grid's product.
    - `model(branch, points)` with `points (*points, d)`: `(N, m)` with `(N, d)` answers aligned pairs, `(N, 1, m)`
      with `(1, P, d)` every function at every point.

    Source: Yu, Hooten, Liu, Zhao, Fiorentino, Van Vaerenbergh, Zhang 2024, arXiv 2407.11253.
    """

    def __init__(
        self,
        *,
        sensors: int,
        coordinates: int,
        hidden: Sequence[int] = (32,),
        rank: int = 32,
        steps: int = 32,
        neuron: Neuron = IF(),  # noqa: B008 (frozen)
        readout: ReadoutRule = MemMean(),  # noqa: B008 (frozen)
        surrogate: Surrogate | WeakGaussian = Gaussian(),  # noqa: B008 (frozen)
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        require_positive("SepONet.coordinates", coordinates)
        require_positive("SepONet.rank", rank)
        branch_seed, *trunk_seeds = (int(s) for s in np.random.SeedSequence(seed).generate_state(1 + coordinates))
        shared: dict[str, Any] = {"steps": steps, "neuron": neuron, "readout": readout, "surrogate": surrogate}
        part = partial(MLP, hidden=hidden, outputs=rank, dtype=dtype, **shared)
        self.branch = part(inputs=sensors, seed=branch_seed)
        self.trunks = nn.ModuleList(part(inputs=1, seed=trunk_seed) for trunk_seed in trunk_seeds)
        self.bias = nn.Parameter(torch.zeros(1, dtype=dtype))

    @property
    def parts(self) -> Mapping[str, MLP]:
        trunks = {f"trunks.{i}": trunk for i, trunk in enumerate(self.trunks)}
        return {"branch": self.branch, **trunks}  # a ModuleList forgets what it holds

    def present(self, inputs: tuple[Float[Tensor, "..."], ...]) -> tuple[Float[Tensor, "..."], ...]:
        d, (branch, *points) = len(self.trunks), inputs
        if len(points) == 1 and points[0].shape[-1] == d:
            return branch, *torch.split(points[0], 1, dim=-1)
        if len(points) != d or any(x.shape[-1] != 1 for x in points):
            raise GraphError(
                explain(
                    "SepONet: shapes of the coordinates",
                    [tuple(x.shape) for x in points],
                    f"one array (..., {d}), or {d} arrays (..., 1)",
                    "pass them in one of these ways",
                )
            )
        return branch, *points
