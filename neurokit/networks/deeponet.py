"""DeepONet: an operator network, the inner product of a branch and a trunk of spiking neurons."""

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


class DeepONet(OperatorNetwork):
    """Spiking deep operator network, `G(g)(x) = sum_k branch_k(g) trunk_k(x) + bias`.

    `branch` sees the function at `sensors` points and `trunk` a point of `coordinates` numbers; both are MLPs with
    the `hidden` widths and `features` outputs (the paper's p). Steps, neuron, readout and surrogate are those of
    both. `seed` draws both, from independent streams. Raises GraphError for a network without neurons.

    It is called with `branch (*functions, m)` and `trunk (*points, d)`, whose leading axes broadcast: `(N1, 1, m)` with
    `(1, N2, d)` answers every pair and computes each branch and each trunk once, `(N, m)` with `(N, d)` aligned pairs.

    Source: Eq. (2), Lu, Jin, Pang, Zhang, Karniadakis 2021, doi:10.1038/s42256-021-00302-5.
    """

    def __init__(
        self,
        *,
        sensors: int,
        coordinates: int,
        hidden: Sequence[int] = (32,),
        features: int = 32,
        steps: int = 32,
        neuron: Neuron = IF(),  # noqa: B008 (frozen)
        readout: ReadoutRule = MemMean(),  # noqa: B008 (frozen)
        surrogate: Surrogate | WeakGaussian = Gaussian(),  # noqa: B008 (frozen)
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        require_positive("DeepONet.features", features)
        branch_seed, trunk_seed = (int(s) for s in np.random.SeedSequence(seed).generate_state(2))
        shared: dict[str, Any] = {"steps": steps, "neuron": neuron, "readout": readout, "surrogate": surrogate}
        part = partial(MLP, hidden=hidden, outputs=features, dtype=dtype, **shared)
        self.branch = part(inputs=sensors, seed=branch_seed)
        self.trunk = part(inputs=coordinates, seed=trunk_seed)
        self.bias = nn.Parameter(torch.zeros(1, dtype=dtype))

    @property
    def parts(self) -> Mapping[str, MLP]:
        return {"branch": self.branch, "trunk": self.trunk}

    def present(self, inputs: tuple[Float[Tensor, "..."], ...]) -> tuple[Float[Tensor, "..."], ...]:
        if len(inputs) != 2:
            raise GraphError(explain("DeepONet: inputs", len(inputs), "2: branch and trunk", "pass both"))
        return inputs
