"""LocalLoss: every hidden layer learns from a loss of its own, read out of its own spikes."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import UnsupportedNode, explain
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.tangent import layers
from neurokit.networks.mlp import MLP


class LocalReadouts(nn.Module):
    """`network`, and a local readout for every hidden layer but the last, which has the network's own.

    `stages[l - 1]` is the network cut off behind layer l of every part: it shares the hidden layers 1..l with the
    network, and its readouts are its own. For an MLP it answers `V_l phi_l + c_l`, with `phi_l` the time-weighted mean
    of the spikes of layer l; for an operator network the contraction of such answers of its parts, plus a bias.
    Answers are the network's. Local readouts serve training only: deploy `network`.

    Local readouts start uniform in +-1/sqrt(fan_in), drawn from `seed`. Raises UnsupportedNode for a network that is
    not made of MLPs, or whose parts differ in depth.

    Source: trained local linear readouts of Nokland and Eidnes 2019, arXiv 1901.06656, and Ren et al. 2022,
    arXiv 2210.03310, on time-averaged spikes.
    """

    def __init__(self, network: nn.Module, *, seed: int = 0) -> None:
        super().__init__()
        depth = _depth(network)
        self.network = network
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stages = nn.ModuleList(_cut(network, length) for length in range(1, depth))

    def forward(self, *inputs: Float[Tensor, "..."]) -> Float[Tensor, "*batch outputs"]:
        """The network's answers."""
        y: Tensor = self.network(*inputs)
        return y


@dataclass(frozen=True)
class LocalLoss(Estimator):
    """Layer-wise local losses for a network in LocalReadouts, around any estimator.

    The loss of layer l is the mean square error of stage l's answers, `L_l = mean((y_l - target)**2)`. It trains
    layer l of every part and the readouts of that stage; the layers below are held fixed in it, and nothing above takes
    part. So no error crosses a layer: the gradient of layer l is that of `L_l` with the spikes of layer l - 1 as
    constants, and `estimator` finds it. The loss reported is the last layer's, that of the network's answers. With one
    hidden layer it is the only one, and LocalLoss does what `estimator` does. Stage l computes the layers below it
    again: n layers cost n (n + 1) / 2 layer passes instead of n.

    Raises UnsupportedNode for a model that is not a LocalReadouts.

    Source: Nokland and Eidnes 2019, arXiv 1901.06656; with forward gradients Ren et al. 2022, arXiv 2210.03310.
    """

    estimator: Estimator

    def trained(self, model: nn.Module) -> tuple[str, ...]:
        names = _names(model)
        return tuple(names[id(p)] for stage in _stages(model) for p in self._own(stage).values())

    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        names, asked = _names(model), set(trained)
        gradient: dict[str, Tensor] = {}
        loss = math.nan
        for stage in _stages(model):
            own = {name: names[id(p)] for name, p in self._own(stage).items() if names[id(p)] in asked}
            loss, found = self.estimator.estimate(stage, batch, generator, tuple(own))
            gradient |= {own[name]: g for name, g in found.items()}
        return Estimate(loss, gradient)

    def conclude(self, model: nn.Module, everything: Batch) -> None:
        self.estimator.conclude(_stages(model)[-1], everything)

    def _own(self, stage: nn.Module) -> dict[str, nn.Parameter]:
        """What a stage trains by its name in it: its last hidden layers and what is behind them."""
        below = {id(p) for mlp in _stacks(stage) for part in (mlp.hidden, mlp.neurons) for p in part[:-1].parameters()}
        parameters = dict(stage.named_parameters())
        return {name: parameters[name] for name in self.estimator.trained(stage) if id(parameters[name]) not in below}


def _stages(model: nn.Module) -> list[nn.Module]:
    """The stages of every depth, the network itself last."""
    if not isinstance(model, LocalReadouts):
        raise UnsupportedNode(
            "model", type(model).__name__, "LocalLoss", "it has no local readouts", "Train LocalReadouts(network)."
        )
    return [*model.stages, model.network]


def _names(model: nn.Module) -> dict[int, str]:
    return {id(parameter): name for name, parameter in model.named_parameters()}


def _cut(network: nn.Module, depth: int) -> nn.Module:
    """The network cut off behind its first `depth` hidden layers, which are shared, with readouts of its own."""
    stage = copy.deepcopy(network)
    for short, whole in zip(_stacks(stage), _stacks(network), strict=True):
        short.widths = whole.widths[:depth]
        short.hidden, short.neurons = whole.hidden[:depth], whole.neurons[:depth]
        like = whole.readout.weight
        short.readout = nn.Linear(whole.widths[depth - 1], whole.outputs, dtype=like.dtype, device=like.device)
    return stage


def _stacks(network: nn.Module) -> list[MLP]:
    return [module for module in network.modules() if isinstance(module, MLP)]


def _depth(network: nn.Module) -> int:
    layers(network)  # refuses what is not made of MLPs
    depths = {len(mlp.hidden) for mlp in _stacks(network)}
    if len(depths) > 1:
        reason = explain("its parts' numbers of hidden layers", sorted(depths), "one number", "build them alike")
        raise UnsupportedNode("network", type(network).__name__, "LocalReadouts", reason, "")
    return depths.pop()
