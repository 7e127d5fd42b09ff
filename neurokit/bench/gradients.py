"""gradients: ways to a gradient of one spiking network and one loss, held against the exact one.

The network: binary inputs, present at every step of a window, two hidden layers of current-based neurons, MemMean
readout, mean square error over all inputs. In discrete time it is an MLP, whose loss does not move at all when weights
move a little: what the estimators of `neurokit.fit` give is the gradient of a loss that surrogates smooth. In
continuous time (steps that shrink) the same loss is a function of spike times and has a gradient: EventProp's. All are
compared on the hidden layers' weights, in units of the continuous network's; the readout is the same to all.

Every estimate g of the exact gradient e, the random ones drawn many times:

    cosine    of g and e, mean over draws; and of the mean g
    bias      |mean g - e| / |e|, less what is expected of the mean's own noise
    noise     sqrt(mean |g - mean g|^2) / |e|, the noise of one draw
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from neurokit import figures
from neurokit.bench.live import live_bytes
from neurokit.bench.timing import interleaved, machine
from neurokit.errors import OutOfRange, explain
from neurokit.exact.estimator import SpikeTimeBackprop, SpikeTimeEstimator
from neurokit.exact.eventprop import EventProp
from neurokit.exact.events import Events
from neurokit.exact.forward_propagation import ForwardPropagation
from neurokit.exact.grid import GridEventProp, sampled
from neurokit.exact.lif import CurrentLIF
from neurokit.exact.network import Outcome, Population, SpikeTimeNetwork
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.estimator import Batch, Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.networks.mlp import MLP
from neurokit.neurons import CubaLIF, ToZero
from neurokit.surrogates import FastSigmoid, Gaussian, Surrogate

#: Agreement asked of the three exact ways with each other, and with differences of 4th order.
MODES_BAR, DIFFERENCES_BAR = 1e-11, 1e-6


@dataclass(frozen=True)
class Subject:
    """The network and its task: every input of `bits` bits, hidden layers of `width`, `steps` steps of tau / `per_tau`.

    The target is one random number for each input.
    """

    bits: int = 3
    width: int = 8
    steps: int = 30
    per_tau: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < (name != "seed"):
                raise OutOfRange(explain(f"Subject.{name}", value, "at least 1", "raise it"))

    @property
    def dt(self) -> float:
        """A step, in units of the time constants."""
        return 1 / self.per_tau

    def network(self) -> SpikeTimeNetwork:
        """In continuous time; the last input line is the bias."""
        populations = [Population(CurrentLIF(1.0, 1.0), self.width)] * 2
        net = SpikeTimeNetwork(self.bits + 1, populations, (self.steps + 1) * self.dt)
        generator = torch.Generator().manual_seed(self.seed)
        first, second = net.stack()
        with torch.no_grad():
            # A line that pulses in every step adds 1 / dt of its weight to the current.
            first.weight.normal_(1.2 * self.dt, 0.8 * self.dt, generator=generator)
            second.weight.normal_(3.0 / self.width, 6.0 / self.width, generator=generator)
        return net

    def inputs(self) -> Float[Tensor, "batch bits"]:
        """All words of so many bits."""
        return torch.tensor(list(itertools.product((0.0, 1.0), repeat=self.bits)), dtype=torch.float64)

    def events(self) -> Events:
        """The same as spikes: a line that is on spikes at the beginning of every step."""
        on = torch.cat((self.inputs(), torch.ones(2**self.bits, 1)), 1)[:, None].expand(-1, self.steps, -1)
        time = torch.arange(self.steps, dtype=torch.float64)[None, :, None] * self.dt
        line = torch.arange(self.bits + 1).expand(on.shape)
        return Events.sorted(torch.where(on > 0, time, math.inf).flatten(1), line.flatten(1))

    def targets(self) -> Float[Tensor, "batch 1"]:
        """What the network should answer."""
        return torch.from_numpy(np.random.default_rng(self.seed).normal(size=(2**self.bits, 1)))

    def readout(self) -> Float[Tensor, "1 width"]:
        """Weights of the readout, about 1 / its share of the window that a neuron is on."""
        return torch.from_numpy(np.random.default_rng(self.seed + 1).normal(size=(1, self.width)))

    def loss(self, outcome: Outcome) -> Float[Tensor, ""]:
        """Mean square error; a spike counts as the steps left of the trial, over the sum of MemMean's weights."""
        last = outcome.last
        left = torch.where(last.spikes.real, outcome.horizon - last.spikes.time, 0.0) / self.dt
        normaliser = self.steps * (self.steps + 1) / 2
        answer = (left * self.readout()[0][last.spikes.line]).sum(-1) / normaliser
        return (answer - self.targets()[:, 0]).square().mean()

    def discrete(self, surrogate: Surrogate) -> MLP:
        """The same network in discrete time, with weights that make its membranes sample the continuous voltages."""
        net = self.network()
        alpha, beta, gain = sampled(CurrentLIF(1.0, 1.0), self.dt)
        neuron = CubaLIF(1.0, ToZero(), True, alpha, beta)
        widths = (self.width, self.width)
        model = MLP(
            inputs=self.bits, hidden=widths, outputs=1, steps=self.steps, neuron=neuron, surrogate=surrogate,
            dtype=torch.float64,
        )  # fmt: skip
        first, second = (gain * layer.weight.detach().T for layer in net.stack())
        with torch.no_grad():
            model.hidden[0].weight.copy_(first[:, :-1])
            model.hidden[0].bias.copy_(first[:, -1])
            model.hidden[1].weight.copy_(second)
            model.hidden[1].bias.zero_()
            model.readout.weight.copy_(self.readout())
            model.readout.bias.zero_()
        return model


#: One gradient of the hidden weights, flat, given a generator.
Way = Callable[[torch.Generator], Float[np.ndarray, " parameters"]]


class _Contender(NamedTuple):
    name: str
    way: Way
    random: bool


def run(repetitions: int = 7, draws: int = 60, subject: Subject | None = None) -> dict[str, Any]:
    """Measure. A row has, beside the module's quantities, the median `seconds` of an estimate, all taking turns, and
    `live_bytes`, the most that its tensors hold at once.

    Raises OutOfRange for less than one repetition or two draws, or a network of which a layer is silent.
    """
    for name, value, least in (("repetitions", repetitions, 1), ("draws", draws, 2)):
        if value < least:
            raise OutOfRange(explain(f"bench gradients: {name}", value, f"at least {least}", "raise it"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measured(repetitions, draws, subject or Subject())
    finally:
        torch.set_num_threads(threads)


def _measured(repetitions: int, draws: int, subject: Subject) -> dict[str, Any]:
    network, events = subject.network(), subject.events()
    spikes = _spikes(network, events, subject)
    contenders = _contenders(subject)
    exact = contenders[0].way(torch.Generator())
    generators = {each.name: torch.Generator().manual_seed(subject.seed) for each in contenders}
    calls = {each.name: partial(each.way, generators[each.name]) for each in contenders}
    seconds = interleaved(calls, repetitions)
    rows: list[dict[str, Any]] = []
    for each in contenders:
        generator = torch.Generator().manual_seed(subject.seed)
        found = np.stack([each.way(generator) for _ in range(draws if each.random else 1)])
        rows.append(
            {
                "method": each.name,
                **judged(found, exact),
                "seconds": seconds[each.name],
                "live_bytes": live_bytes(calls[each.name]),
            }
        )
    by_name = {row["method"]: row for row in rows}
    apart = max(by_name[name]["bias"] for name in ("ForwardPropagation", "SpikeTimeBackprop"))
    slope, difference = differences(network, events, subject, exact)
    reference = seconds["EventProp"]
    return {
        "name": "gradients",
        "machine": {**machine(), "torch": torch.__version__, "threads": "1"},
        "repetitions": repetitions,
        "draws": draws,
        "subject": vars(subject),
        "spikes": spikes,
        "rows": rows,
        "ratios": {f"{name} / EventProp": taken / reference for name, taken in seconds.items()},
        "bars": {
            "exact ways among each other": {"value": apart, "bar": MODES_BAR, "met": apart <= MODES_BAR},
            "EventProp against differences of 4th order, relative": {
                "value": difference, "bar": DIFFERENCES_BAR, "met": slope != 0 and difference <= DIFFERENCES_BAR,
            },
        },
    }  # fmt: skip


def judged(found: Float[np.ndarray, "draws parameters"], exact: Float[np.ndarray, " parameters"]) -> dict[str, float]:
    """Cosines, bias and noise of estimates, as the module defines them; without a second draw there is no noise.

    A zero estimate has the cosine 0.
    """
    norm, draws, mean = float(np.linalg.norm(exact)), len(found), found.mean(axis=0)
    lengths = np.linalg.norm(found, axis=1)
    cosines = np.divide(found @ exact, lengths * norm, out=np.zeros(draws), where=lengths > 0)
    variance = float(((found - mean) ** 2).sum() / (draws - 1)) if draws > 1 else 0.0
    off = float(((mean - exact) ** 2).sum())
    length = float(np.linalg.norm(mean))
    return {
        "cosine": float(cosines.mean()),
        "cosine_of_mean": float(mean @ exact / (length * norm)) if length else 0.0,
        "bias": math.sqrt(max(0.0, off - variance / draws)) / norm,
        "noise": math.sqrt(variance) / norm,
    }


def differences(
    network: SpikeTimeNetwork, events: Events, subject: Subject, exact: Float[np.ndarray, " parameters"]
) -> tuple[float, float]:
    """The loss's 4th-order difference along the exact gradient, and how far off it is, relative to that."""
    norm, step, values = float(np.linalg.norm(exact)), 1e-6, {}
    start = _flat([layer.weight for layer in network.stack()])
    for k in (-2, -1, 1, 2):
        _set(network, start + k * step * exact / norm)
        with torch.no_grad():
            values[k] = float(subject.loss(network(events)))
    _set(network, start)
    slope = (values[-2] - values[2] + 8 * (values[1] - values[-1])) / (12 * step)
    return slope, abs(slope - norm) / norm


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Left: cosines to the exact gradient, of one estimate and of the mean. Right: bias and noise."""
    rows = record["rows"]
    figure = figures.new(11, 0.42 * len(rows) + 1.4)
    left, right = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(rows))
    left.barh(place - 0.2, [row["cosine"] for row in rows], 0.38, color="C0", label="one estimate, mean")
    left.barh(place + 0.2, [row["cosine_of_mean"] for row in rows], 0.38, color="C2", label="mean estimate")
    left.set(xlabel="cosine to the exact gradient", xlim=(min(0.0, *(row["cosine"] for row in rows)), 1.02))
    left.set_yticks(place, [row["method"] for row in rows], fontsize=8)
    left.invert_yaxis()
    left.legend(frameon=False, fontsize=8, loc="lower right")
    for key, color, off in (("bias", "C3", -0.2), ("noise", "C1", 0.2)):
        right.barh(place + off, [max(row[key], 1e-16) for row in rows], 0.38, color=color, label=key)
    right.set(xscale="log", xlabel="relative to the length of the exact gradient", xlim=(1e-2, None))
    right.legend(frameon=False, fontsize=8, loc="upper right")
    for axes in (left, right):
        axes.grid(alpha=0.25, axis="x", lw=0.4)
    figures.save(figure, path)


def _contenders(subject: Subject) -> list[_Contender]:
    """All ways, EventProp first."""
    network, events = subject.network(), subject.events()

    def exactly(estimator: SpikeTimeEstimator, generator: torch.Generator) -> np.ndarray:
        found = estimator.estimate(network, events, subject.loss)
        return _flat([found.gradient[f"layers.{n}.weight"] for n in range(2)])

    def estimated(model: MLP, estimator: Estimator, generator: torch.Generator) -> np.ndarray:
        return of_discrete(subject, model, estimator, generator)

    def spsa(loss: Callable[[np.ndarray], float], size: float, generator: torch.Generator) -> np.ndarray:
        return simultaneous(loss, start, size, PERTURBATIONS, generator)

    start = _flat([layer.weight for layer in network.stack()])
    plain = subject.discrete(Gaussian(0.3))
    contenders = [
        _Contender(type(mode).__name__, partial(exactly, mode), False)
        for mode in (EventProp(), ForwardPropagation(), SpikeTimeBackprop())
    ]
    contenders.append(_Contender("GridEventProp", partial(exactly, GridEventProp(subject.dt)), False))
    for name, surrogate in SURROGATES.items():
        way = partial(estimated, subject.discrete(surrogate), Backprop())
        contenders.append(_Contender(f"backprop, {name}", way, False))
    for k in (1, PERTURBATIONS):
        way = partial(estimated, plain, ForwardGradient(directions=k))
        contenders.append(_Contender(f"RFG K={k}, gaussian 0.3", way, True))
    way = partial(estimated, plain, NodePerturbation(directions=PERTURBATIONS))
    contenders.append(_Contender(f"node perturbation K={PERTURBATIONS}", way, True))
    losses = {
        "continuous": _continuous_loss(subject, network, events),
        "discrete": _discrete_loss(subject, subject.discrete(Gaussian(0.3))),
    }
    for name, loss in losses.items():
        for size in (1e-4, 1e-2):
            way = partial(spsa, loss, size * float(np.linalg.norm(start)) / math.sqrt(start.size))
            contenders.append(_Contender(f"SPSA K={PERTURBATIONS}, {name}, {size:g}", way, True))
    return contenders


#: Directions of the estimators that take several.
PERTURBATIONS = 16
SURROGATES: dict[str, Surrogate] = {
    "gaussian 0.1": Gaussian(0.1),
    "gaussian 0.3": Gaussian(0.3),
    "gaussian 1": Gaussian(1.0),
    "fast sigmoid 25": FastSigmoid(25.0),
}


def of_discrete(subject: Subject, model: MLP, estimator: Estimator, generator: torch.Generator) -> np.ndarray:
    """An estimate of the discrete network's gradient, by the weights of the continuous one."""
    batch = Batch((subject.inputs(),), subject.targets())
    trained = ("hidden.0.weight", "hidden.0.bias", "hidden.1.weight")
    found = estimator.estimate(model, batch, generator, trained).gradient
    gain = sampled(CurrentLIF(1.0, 1.0), subject.dt)[2]
    first = torch.cat((found["hidden.0.weight"], found["hidden.0.bias"][:, None]), 1)
    return gain * _flat([first.T, found["hidden.1.weight"].T])


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
    own = np.copy(_flat([layer.weight for layer in network.stack()]))

    @torch.no_grad()
    def loss(weights: np.ndarray) -> float:
        _set(network, weights)
        value = float(subject.loss(network(events)))
        _set(network, own)
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


def _spikes(network: SpikeTimeNetwork, events: Events, subject: Subject) -> list[float]:
    """Spikes a neuron and sample of each layer; refuses a network that says nothing."""
    with torch.no_grad():
        layers = network(events).layers
    found = [float(layer.spikes.real.sum()) / (2**subject.bits * subject.width) for layer in layers]
    if min(found) == 0:
        raise OutOfRange(explain("bench gradients: spikes by layer", found, "some in each", "take another seed"))
    return found


def _set(network: SpikeTimeNetwork, weights: Float[np.ndarray, " parameters"]) -> None:
    with torch.no_grad():
        for layer in network.stack():
            count = layer.weight.numel()
            layer.weight.copy_(torch.from_numpy(weights[:count]).view_as(layer.weight))
            weights = weights[count:]


def _flat(parts: Sequence[Tensor]) -> Float[np.ndarray, " parameters"]:
    return np.asarray(torch.cat([part.detach().flatten() for part in parts]).numpy())
