"""fit_events: train a network of spike times on labelled events; first_spikes and accuracy judge it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurokit.errors import OutOfRange, TrainingDiverged, explain
from neurokit.events.estimator import SpikeTimeEstimator
from neurokit.events.eventprop import EventProp
from neurokit.events.events import Events, integers
from neurokit.events.losses import require_labels
from neurokit.events.network import Outcome, SpikeTimeNetwork, require_count

#: A loss of a trial and the labels (batch,) of its samples.
LabelledLoss = Callable[[Outcome, Tensor], Float[Tensor, ""]]


class _Labelled(NamedTuple):
    events: Events
    label: Int[Tensor, " samples"]


class LabelledEvents(_Labelled):
    """Samples as events, and the label of each, an integer >= 0. Raises OutOfRange for any other number of labels."""

    __slots__ = ()

    def __new__(cls, events: Events, label: Int[Tensor, " samples"]) -> LabelledEvents:
        label, samples = integers("LabelledEvents: label", label), len(events.time)
        if label.shape != (samples,):
            legal = f"({samples},), one a sample"
            raise OutOfRange(explain("LabelledEvents: shape of label", tuple(label.shape), legal, "give them all"))
        if bool((label < 0).any()):
            raise OutOfRange(explain("LabelledEvents: label", int(label.min()), ">= 0", "count classes from 0"))
        return super().__new__(cls, events, label)

    def take(self, index: Int[Tensor, " some"]) -> LabelledEvents:
        """Some of the samples."""
        return LabelledEvents(Events(self.events.time[index], self.events.line[index]), self.label[index])


@dataclass(frozen=True)
class WeightBump:
    """A stabiliser: a neuron that is silent in a whole batch has `amount` added to all its feed-forward weights.

    It is no step along a gradient and off by default. Raises OutOfRange for an amount that is not finite and > 0.
    """

    amount: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.amount) and self.amount > 0):
            raise OutOfRange(explain("WeightBump: amount", self.amount, "finite and > 0", "leave it out for none"))

    @torch.no_grad()
    def apply(self, outcome: Outcome) -> None:
        """Raise the weights of the neurons that were silent in this batch."""
        for activity in outcome.layers:
            spikes = activity.spikes
            fired = torch.bincount(spikes.line[spikes.real], minlength=activity.size) > 0
            activity.layer.weight[:, ~fired] += self.amount


def fit_events(
    network: SpikeTimeNetwork,
    data: LabelledEvents,
    loss: LabelledLoss,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    estimator: SpikeTimeEstimator | None = None,
    bump: WeightBump | None = None,
    seed: int = 0,
    after_epoch: Callable[[int, float], bool | None] = lambda epoch, mean: None,
) -> None:
    """Adam with a learning rate that falls to zero along a cosine; every epoch takes the samples in another order.

    `estimator` is EventProp() unless another is given. `after_epoch` is told the epoch, from 0, and the mean loss of
    its batches; training ends when it answers True. Raises OutOfRange for numbers below one and a learning rate that is
    not > 0, TrainingDiverged for a loss or gradient that is not finite.
    """
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        require_count(f"fit_events: {name}", value)
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise OutOfRange(explain("fit_events: learning_rate", learning_rate, "finite and > 0", "choose such a rate"))
    samples = len(data.label)
    if not samples:
        raise OutOfRange(explain("fit_events: samples", 0, "at least 1", "give it some to train on"))
    estimator = EventProp() if estimator is None else estimator
    generator = torch.Generator().manual_seed(seed)
    parameters = dict(network.named_parameters())
    optimiser = torch.optim.Adam(parameters.values(), lr=learning_rate)
    iterations = epochs * math.ceil(samples / batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: 0.5 * (1 + math.cos(math.pi * k / iterations)))
    for epoch in range(epochs):
        losses = []
        order = torch.randperm(samples, generator=generator).to(data.label.device)
        for index in torch.split(order, batch_size):
            batch = data.take(index)
            seen: list[Outcome] = []

            def judged(outcome: Outcome, batch: LabelledEvents = batch, seen: list[Outcome] = seen) -> Tensor:
                seen.append(outcome)
                return loss(outcome, batch.label)

            found = estimator.estimate(network, batch.events, judged)
            losses.append(found.loss)
            finite = all(bool(torch.isfinite(slope).all()) for slope in found.gradient.values())
            if not (math.isfinite(found.loss) and finite):
                raise TrainingDiverged(
                    explain(
                        f"loss of epoch {epoch}", found.loss, "finite, with finite gradients", "lower learning_rate"
                    )
                )
            for name, parameter in parameters.items():
                parameter.grad = found.gradient[name]
            optimiser.step()
            schedule.step()
            if bump is not None:
                bump.apply(seen[-1])
        if after_epoch(epoch, sum(losses) / len(losses)):
            return


@torch.no_grad()
def first_spikes(network: SpikeTimeNetwork, events: Events) -> Float[Tensor, "batch outputs"]:
    """Time of the first spike of every output, inf for one that is silent."""
    last = network(events).last
    times: Tensor = last.spikes.first(last.size)
    return times


def accuracy(network: SpikeTimeNetwork, data: LabelledEvents, batch_size: int = 500) -> float:
    """Share of samples whose label spikes before all other outputs; a sample without an output spike is wrong.

    Raises OutOfRange for no samples, a label that is no output of the network, and a `batch_size` below one.
    """
    require_count("accuracy: batch_size", batch_size)
    require_labels(data.label, len(data.events.time), network.stack()[-1].population.size)
    right = 0
    every = torch.arange(len(data.label), device=data.label.device)
    for index in torch.split(every, batch_size):
        part = data.take(index)
        times = first_spikes(network, part.events)
        earliest, winner = times.min(-1)
        right += int(((winner == part.label) & torch.isfinite(earliest)).sum())
    return right / len(data.label)
