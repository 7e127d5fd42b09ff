"""Losses of spike times and voltages; any other differentiable function of an Outcome does as well."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.events.events import integers
from neurokit.events.lif import CurrentLIF
from neurokit.events.network import Activity, Outcome
from neurokit.events.theta import Theta


@dataclass(frozen=True)
class FirstSpikeCrossEntropy:
    """Cross entropy of `softmax(-t / tau)`, t the first spike of every output, mean over the batch, plus
    `early * (e^(t_label / early_tau) - 1)`, which rewards an early spike of the right output.

    A silent output counts as a spike at the horizon T, with no gradient. With `virtual` > 0, a stabiliser that is off
    by default, it counts as one at `T + virtual * (1 - V(T) / threshold)` and so learns to spike (CurrentLIF only).

    Keep `tau` well below the time left before the horizon: a wide one is small only where wrong outputs come much later
    or never, and with `virtual` training may then lower it on virtual times alone, with all outputs silent.

    Call it with an Outcome and the labels (batch,), 0..outputs-1; an estimator takes
    `lambda outcome: loss(outcome, labels)`. Raises OutOfRange for other labels, and for a batch without samples.
    """

    tau: float
    early: float = 0.0
    early_tau: float = 1.0
    virtual: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("tau", 0.0), ("early_tau", 0.0), ("early", -math.inf), ("virtual", -math.inf)):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= least or (least < 0 and value < 0):
                legal = "finite and > 0" if least == 0 else "finite and >= 0"
                raise OutOfRange(explain(f"FirstSpikeCrossEntropy: {name}", value, legal, "choose such a number"))

    def __call__(self, outcome: Outcome, label: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        t = self.times(outcome)
        label = require_labels(label, *t.shape)
        right = t.gather(-1, label[:, None])[:, 0]
        entropy = torch.logsumexp(-t / self.tau, -1) + right / self.tau
        return (entropy + self.early * torch.expm1(right / self.early_tau)).mean()

    def times(self, outcome: Outcome) -> Float[Tensor, "batch outputs"]:
        """The first spikes of the outputs as the loss sees them."""
        last = outcome.last
        never: float | Tensor = outcome.horizon
        if self.virtual:
            threshold = _lif(last, "virtual spike times").threshold
            never = outcome.horizon + self.virtual * (1 - last.voltage / threshold)
        return last.spikes.first(last.size, never)


def lateness(activity: Activity, horizon: float) -> Float[Tensor, ""]:
    """The sum over spikes of `1 - t / T`, mean over the batch: the penalty on the number of spikes.

    The number itself has zero gradient. A spike's share vanishes when it leaves the trial at T, so this falls, and
    without a jump, as spikes are driven out. Raises OutOfRange for a batch without samples.
    """
    spikes = activity.spikes
    require_samples(len(spikes.time))
    share = torch.where(spikes.real, 1 - spikes.time / horizon, torch.zeros_like(spikes.time))
    return share.sum(-1).mean()


def deadness(activity: Activity) -> Float[Tensor, ""]:
    """The sum of `1 - V(T) / threshold`, mean over the batch, of neurons without a spike in the whole batch.

    Raises GraphError for other neurons than CurrentLIF, OutOfRange for a batch without samples.
    """
    threshold = _lif(activity, "the penalty on dead neurons").threshold
    require_samples(len(activity.voltage))
    dead = activity.spikes.counts(activity.size).sum(0) == 0
    missing = (1 - activity.voltage / threshold).mean(0)
    return torch.where(dead, missing, torch.zeros_like(missing)).sum()


def pseudospikes(outcome: Outcome) -> Float[Tensor, "batch outputs"]:
    """First spike of every output of a network of Theta neurons, beyond the horizon for those that have none before it.

    From the phases at the horizon T, each layer's rates are `r = H(phi(T), r_before W) / P` and a pseudospike is at
    `T + P - H(phi(T), r_before W)`, H the effect of a pulse, P the period: as a spike crosses T, nothing jumps.
    Feed-forward networks only: raises GraphError for a recurrent layer and for other neurons.

    Source: Klos and Memmesheimer 2025, arXiv 2309.14523.
    """
    drive: Tensor | None = None
    phase = outcome.last.final[..., 0]
    for activity in outcome.layers:
        neuron = activity.layer.population.neuron
        if not isinstance(neuron, Theta) or activity.layer.recurrent is not None:
            kind = "recurrent" if activity.layer.recurrent is not None else type(neuron).__name__
            raise GraphError(explain("a layer with pseudospikes", kind, "feed-forward, of Theta neurons", "build it"))
        moved = activity.final
        if drive is not None:
            moved = neuron.kick(moved, drive @ activity.layer.weight)
        phase = moved[..., 0]
        drive = phase / neuron.period
    last = outcome.last.layer.population.neuron
    assert isinstance(last, Theta)
    return outcome.last.spikes.first(outcome.last.size, outcome.horizon + last.period - phase)


def require_labels(label: object, samples: int, outputs: int) -> Int[Tensor, " samples"]:
    """Labels in int64. Raises OutOfRange unless there is one a sample, of 0..outputs-1, and a sample at least."""
    require_samples(samples)
    found = integers("labels", label)
    if found.shape != (samples,):
        raise OutOfRange(explain("labels: shape", tuple(found.shape), f"({samples},), one a sample", "give them all"))
    low, high = int(found.min()), int(found.max())
    if low < 0 or high >= outputs:
        wrong, legal = low if low < 0 else high, f"0..{outputs - 1}, an output of the network"
        raise OutOfRange(
            explain("a label", wrong, legal, "count classes from 0, or give the network an output a class")
        )
    return found


def require_samples(samples: int) -> None:
    """Raise OutOfRange for a batch of which there is no mean."""
    if not samples:
        raise OutOfRange(
            explain("samples of the batch", 0, "at least 1: a mean over none is undefined", "leave it out")
        )


def _lif(activity: Activity, use: str) -> CurrentLIF:
    neuron = activity.layer.population.neuron
    if not isinstance(neuron, CurrentLIF):
        raise GraphError(explain(f"neurons for {use}", type(neuron).__name__, "CurrentLIF", "leave this term at 0"))
    return neuron
