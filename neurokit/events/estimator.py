"""SpikeTimeEstimator: what the ways to the exact gradient have in common; SpikeTimeBackprop, the one by a tape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.events.events import Events, Log
from neurokit.events.network import Outcome, SpikeTimeNetwork

#: Any differentiable function of spike times, states at the horizon and weights, with one number for an answer.
Loss = Callable[[Outcome], Float[Tensor, ""]]


class ExactGradient(NamedTuple):
    """A loss and its gradient: by parameter name, and by the times of the input events (batch, events)."""

    loss: float
    gradient: Mapping[str, Tensor]
    input_times: Float[Tensor, "batch events"]


class SpikeTimeEstimator(ABC):
    """A way to get the exact gradient of a loss of spike times; a small frozen object.

    A sibling of `neurokit.gradients.estimator.Estimator`: that one differentiates the mean square error of a network
    with one tensor for an answer, this one any function of an Outcome.
    """

    @abstractmethod
    def estimate(self, network: SpikeTimeNetwork, events: Events, loss: Loss) -> ExactGradient:
        """The loss of a batch and its gradient.

        Raises TangentCrossing where a spike time has no derivative, OutOfRange as `SpikeTimeNetwork.accept`.
        """


@dataclass(frozen=True)
class SpikeTimeBackprop(SpikeTimeEstimator):
    """Automatic differentiation through the times of all spikes; memory grows with events times neurons."""

    def estimate(self, network: SpikeTimeNetwork, events: Events, loss: Loss) -> ExactGradient:
        events = network.accept(events)
        with torch.set_grad_enabled(True):
            given = replace(events, time=events.time.detach().requires_grad_())
            value = loss(network(given))
            parameters = dict(network.named_parameters())
            by_times, *slopes = gradients(value, [given.time, *parameters.values()])
        return ExactGradient(float(value), dict(zip(parameters, slopes, strict=True)), by_times)


def gradients(value: Float[Tensor, ""], wanted: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Gradient of `value` by each of `wanted`, zeros by those that it does not depend on."""
    if not value.requires_grad:
        return tuple(torch.zeros_like(x) for x in wanted)
    return torch.autograd.grad(value, wanted, allow_unused=True, materialize_grads=True)


class LossSlopes(NamedTuple):
    """A loss and its direct dependence, all else held: on each layer's event times, final states, and on parameters."""

    loss: float
    times: tuple[Float[Tensor, "batch k"], ...]
    finals: tuple[Float[Tensor, "batch n components"], ...]
    parameters: tuple[Tensor, ...]


def slopes_of(network: SpikeTimeNetwork, logs: Sequence[Log], loss: Loss) -> LossSlopes:
    """How `loss` depends on what it is given, for estimators that bring the rest of the chain rule themselves."""
    parameters = list(network.parameters())
    with torch.set_grad_enabled(True):
        leaves = [replace(log, time=log.time.detach().requires_grad_(), final=log.final.detach().requires_grad_())
                  for log in logs]  # fmt: skip
        value = loss(network.outcome(leaves))
        found = gradients(value, [*(log.time for log in leaves), *(log.final for log in leaves), *parameters])
    count = len(logs)
    return LossSlopes(float(value), found[:count], found[count : 2 * count], found[2 * count :])
