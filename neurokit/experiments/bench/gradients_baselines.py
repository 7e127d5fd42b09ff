"""baselines: every way to a gradient of the subject's hidden weights that the referee compares."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from neurokit.events.estimator import SpikeTimeBackprop, SpikeTimeEstimator
from neurokit.events.eventprop import EventProp
from neurokit.events.events import Events
from neurokit.events.forward_propagation import ForwardPropagation
from neurokit.events.grid import GridEventProp, sampled
from neurokit.events.lif import CurrentLIF
from neurokit.events.network import SpikeTimeNetwork
from neurokit.experiments.bench.gradients_case import Subject, flat, set_weights
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.estimator import Batch, Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.networks.mlp import MLP
from neurokit.neurons.surrogates import FastSigmoid, Gaussian, Surrogate

#: Directions of the estimators that take several.
PERTURBATIONS = 16
SURROGATES: dict[str, Surrogate] = {
    "gaussian 0.1": Gaussian(0.1),
    "gaussian 0.3": Gaussian(0.3),
    "gaussian 1": Gaussian(1.0),
    "fast sigmoid 25": FastSigmoid(25.0),
}

#: One gradient of the hidden weights, flat, given a generator.
Way = Callable[[torch.Generator], Float[np.ndarray, " parameters"]]


class Baseline(NamedTuple):
    """A way by its name; `random` if two estimates differ."""

    name: str
    way: Way
    random: bool


def baselines(subject: Subject) -> list[Baseline]:
    """All ways, EventProp first."""
    network, events = subject.network(), subject.events()

    def exactly(estimator: SpikeTimeEstimator, generator: torch.Generator) -> np.ndarray:
        found = estimator.estimate(network, events, subject.loss)
        return flat([found.gradient[f"layers.{n}.weight"] for n in range(2)])

    def estimated(model: MLP, estimator: Estimator, generator: torch.Generator) -> np.ndarray:
        return of_discrete(subject, model, estimator, generator)

    def spsa(loss: Callable[[np.ndarray], float], size: float, generator: torch.Generator) -> np.ndarray:
        return simultaneous(loss, start, size, PERTURBATIONS, generator)

    start = flat([layer.weight for layer in network.stack()])
    plain = subject.discrete(Gaussian(0.3))
    found = [
        Baseline(type(mode).__name__, partial(exactly, mode), False)
        for mode in (EventProp(), ForwardPropagation(), SpikeTimeBackprop())
    ]
    found.append(Baseline("GridEventProp", partial(exactly, GridEventProp(subject.dt)), False))
    for name, surrogate in SURROGATES.items():
        way = partial(estimated, subject.discrete(surrogate), Backprop())
        found.append(Baseline(f"backprop, {name}", way, False))
    for k in (1, PERTURBATIONS):
        way = partial(estimated, plain, ForwardGradient(directions=k))
        found.append(Baseline(f"RFG K={k}, gaussian 0.3", way, True))
    way = partial(estimated, plain, NodePerturbation(directions=PERTURBATIONS))
    found.append(Baseline(f"node perturbation K={PERTURBATIONS}", way, True))
    losses = {
        "continuous": _continuous_loss(subject, network, events),
        "discrete": _discrete_loss(subject, subject.discrete(Gaussian(0.3))),
    }
    for name, loss in losses.items():
        for size in (1e-4, 1e-2):
            way = partial(spsa, loss, size * float(np.linalg.norm(start)) / math.sqrt(start.size))
            found.append(Baseline(f"SPSA K={PERTURBATIONS}, {name}, {size:g}", way, True))
    return found


def of_discrete(subject: Subject, model: MLP, estimator: Estimator, generator: torch.Generator) -> np.ndarray:
    """An estimate of the discrete network's gradient, by the weights of the continuous one."""
    batch = Batch((subject.inputs(),), subject.targets())
    trained = ("hidden.0.weight", "hidden.0.bias", "hidden.1.weight")
    found = estimator.estimate(model, batch, generator, trained).gradient
    gain = sampled(CurrentLIF(1.0, 1.0), subject.dt)[2]
    first = torch.cat((found["hidden.0.weight"], found["hidden.0.bias"][:, None]), 1)
    return gain * flat([first.T, found["hidden.1.weight"].T])


def simultaneous(
    loss: Callable[[np.ndarray], float],
    start: Float[np.ndarray, " parameters"],
    size: float,
    count: int,
    generator: torch.Generator,
) -> Float[np.ndarray, " parameters"]:
    """SPSA: the mean over `count` random signs v of `(L(w + c v) - L(w - c v)) / (2 c) v`, c = `size`.

    Source: Spall 1992, doi:10.1109/9.119632.
    """
    total = np.zeros_like(start)
    for _ in range(count):
        v = torch.randint(0, 2, start.shape, generator=generator).numpy() * 2.0 - 1.0
        total += (loss(start + size * v) - loss(start - size * v)) / (2 * size) * v
    return total / count


def _continuous_loss(subject: Subject, network: SpikeTimeNetwork, events: Events) -> Callable[[np.ndarray], float]:
    own = np.copy(flat([layer.weight for layer in network.stack()]))

    @torch.no_grad()
    def loss(weights: np.ndarray) -> float:
        set_weights(network, weights)
        value = float(subject.loss(network(events)))
        set_weights(network, own)
        return value

    return loss


def _discrete_loss(subject: Subject, model: MLP) -> Callable[[np.ndarray], float]:
    gain, x, target = sampled(CurrentLIF(1.0, 1.0), subject.dt)[2], subject.inputs(), subject.targets()
    split, shapes = subject.width * (subject.bits + 1), (subject.bits + 1, subject.width)
    first, second = model.hidden
    model.compiled = True  # the same spikes, sooner
    own = [parameter.detach().clone() for parameter in (first.weight, first.bias, second.weight)]

    @torch.no_grad()
    def loss(weights: np.ndarray) -> float:
        given = torch.from_numpy(gain * weights[:split]).view(shapes).T
        moved = given[:, :-1], given[:, -1], torch.from_numpy(gain * weights[split:]).view(subject.width, -1).T
        for parameter, value in zip((first.weight, first.bias, second.weight), moved, strict=True):
            parameter.copy_(value)
        found = float((model(x) - target).square().mean())
        for parameter, before in zip((first.weight, first.bias, second.weight), own, strict=True):
            parameter.copy_(before)
        return found

    return loss
