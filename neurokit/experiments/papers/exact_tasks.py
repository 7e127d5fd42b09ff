"""Tasks of the papers on exact gradients: their data, the networks that learn them, and one trial from one seed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int

from neurokit.data.yin_yang import YinYang
from neurokit.events.eventprop import EventProp
from neurokit.events.events import Events
from neurokit.events.lif import CurrentLIF
from neurokit.events.losses import FirstSpikeCrossEntropy
from neurokit.events.network import Outcome, Population, SpikeTimeNetwork
from neurokit.events.training import LabelledEvents, accuracy, fit_events
from neurokit.experiments.papers.iris import FLOWERS, MEASURES, SPECIES


@dataclass(frozen=True)
class ExactTrial:
    """What became of a task from one seed: the number that its row reports, CPU seconds, and what else was measured."""

    row: str
    seed: int
    digest: str
    value: float
    seconds: float
    notes: dict[str, Any]

    @property
    def said(self) -> str:
        """The value in words."""
        return f"{self.value:.4g}"

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ExactTrial:
        """The inverse of `as_dict`. Raises TypeError for anything else."""
        return cls(**plain)


@dataclass(frozen=True)
class Recipe:
    """A network with one hidden layer and how it is trained; latencies are up to 2.

    hidden        neurons of the hidden layer
    start         mean and standard deviation of the initial weights, of the hidden layer and of the output
    single_spike  neurons fall silent after their first spike
    slope_floor   lower bound of dV/dt where gradients divide by it: they are not exact where it binds
    softmax       time constant of the softmax of first spikes; well below the time that is left between them and the
                  horizon, since a wide one rewards wrong outputs that fall silent, until all of them do
    virtual       slope of a silent output's virtual spike time
    """

    hidden: int
    epochs: int
    batch_size: int
    learning_rate: float
    start: tuple[tuple[float, float], tuple[float, float]]
    horizon: float = 3.5
    tau_mem: float = 1.0
    tau_syn: float = 1.0
    single_spike: bool = True
    slope_floor: float = 0.2
    softmax: float = 0.05
    virtual: float = 3.0

    def network(self, inputs: int, outputs: int, seed: int) -> SpikeTimeNetwork:
        """The untrained network."""
        neuron = CurrentLIF(self.tau_mem, self.tau_syn, slope_floor=self.slope_floor)
        layers = [Population(neuron, size, single_spike=self.single_spike) for size in (self.hidden, outputs)]
        net = SpikeTimeNetwork(inputs, layers, self.horizon, seed=seed)
        with torch.no_grad():
            for layer, (mean, deviation) in zip(net.stack(), self.start, strict=True):
                layer.weight.mul_(deviation * len(layer.weight) ** 0.5).add_(mean)
        return net

    @property
    def loss(self) -> FirstSpikeCrossEntropy:
        """Cross entropy of first spikes."""
        return FirstSpikeCrossEntropy(self.softmax, virtual=self.virtual)

    def trained(self, net: SpikeTimeNetwork, data: LabelledEvents, seed: int) -> float:
        """Train `net`; answers with CPU seconds."""
        started = time.process_time()
        fit_events(
            net, data, self.loss, epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate,
            seed=seed,
        )  # fmt: skip
        return time.process_time() - started

    def said(self) -> str:
        """The recipe in words."""
        training = f"{self.epochs} epochs of batches of {self.batch_size}, learning rate {self.learning_rate:g}"
        return f"{self.model_said()}, {training}"

    def model_said(self) -> str:
        """The network and its loss in words."""
        kind = "first spikes only" if self.single_spike else "all spikes"
        times = f"tau_mem {self.tau_mem:g}, tau_syn {self.tau_syn:g}, horizon {self.horizon:g}"
        weights = " and ".join(f"{mean:g} ± {deviation:g}" for mean, deviation in self.start)
        loss = f"softmax {self.softmax:g}, virtual {self.virtual:g}, slope floor {self.slope_floor:g}"
        return f"{self.hidden} hidden, {kind}, {times}, weights {weights} at first, {loss}"


@dataclass(frozen=True)
class XorTask:
    """XOR by latencies 0 and `late` on two lines; a seed stands for a block of `block` initialisations.

    An initialisation has converged when the right output spikes first for all four patterns; the value is the mean
    number of gradient steps until then. One that has not after `most` steps is counted as failed, and as `most` steps.
    """

    recipe: Recipe
    late: float = 2.0
    block: int = 100
    most: int = 300

    def shortened(self, budget: float) -> XorTask:
        return replace(self, block=max(1, round(budget * self.block)))

    def trial(self, seed: int, scratch: Path | None = None) -> tuple[float, float, dict[str, Any]]:
        started = time.process_time()
        steps = [self.steps(seed * self.block + k) for k in range(self.block)]
        failed = sum(step is None for step in steps)
        counted = [self.most if step is None else step for step in steps]
        return float(np.mean(counted)), time.process_time() - started, {"steps": counted, "failed": failed}

    def steps(self, seed: int) -> int | None:
        """Gradient steps of this initialisation, None where they are too many."""
        time_of = torch.tensor([[x, y] for x in (0.0, self.late) for y in (0.0, self.late)], dtype=torch.float64)
        data = LabelledEvents(Events.latencies(time_of), torch.tensor([0, 1, 1, 0]))
        net, loss = self.recipe.network(2, 2, seed), self.recipe.loss
        optimiser = torch.optim.Adam(net.parameters(), lr=self.recipe.learning_rate)
        for step in range(self.most):
            found, right = _judged(net, data, loss)
            if right:
                return step
            for name, parameter in net.named_parameters():
                parameter.grad = found[name]
            optimiser.step()
        return None

    def said(self) -> str:
        return f"{self.recipe.model_said()}, all four patterns a step, Adam at {self.recipe.learning_rate:g}"


def _judged(net: SpikeTimeNetwork, data: LabelledEvents, loss: FirstSpikeCrossEntropy) -> tuple[Any, bool]:
    seen: list[torch.Tensor] = []

    def judged(outcome: Outcome) -> torch.Tensor:
        seen.append(outcome.last.spikes.first(outcome.last.size).detach())
        return loss(outcome, data.label)

    found = EventProp().estimate(net, data.events, judged)
    label = torch.nn.functional.one_hot(data.label, 2).bool()
    right, wrong = seen[0][label], seen[0][~label]
    return found.gradient, bool((right < wrong).all())


@dataclass(frozen=True)
class IrisTask:
    """Iris, 120 flowers to train on and 30 to test with, split anew for every seed; the value is the accuracy.

    A measurement, scaled by the range in the training set, spikes at `0.15 + 1.85 x` (later where it is larger, and
    clamped to the training range); a fifth line spikes at 0.9 always.

    Training sees every training flower `copies` times, its four latencies moved by N(0, jitter^2), none before 0.
    """

    recipe: Recipe
    copies: int = 4
    jitter: float = 0.07

    def shortened(self, budget: float) -> IrisTask:
        return replace(self, recipe=_shorter(self.recipe, budget))

    def trial(self, seed: int, scratch: Path | None = None) -> tuple[float, float, dict[str, Any]]:
        random = np.random.default_rng(seed)
        order = random.permutation(FLOWERS)
        train, test = order[:120], order[120:]
        low, high = MEASURES[train].min(axis=0), MEASURES[train].max(axis=0)
        latency = 0.15 + 1.85 * np.clip((MEASURES - low) / (high - low), 0, 1)
        seen = np.repeat(train, self.copies)
        moved = np.maximum(latency[seen] + self.jitter * random.standard_normal((len(seen), MEASURES.shape[1])), 0)
        net = self.recipe.network(5, 3, seed)
        seconds = self.recipe.trained(net, _labelled(moved, SPECIES[seen]), seed)
        return accuracy(net, _labelled(latency[test], SPECIES[test])), seconds, {}

    def said(self) -> str:
        return f"{self.recipe.said()}, every flower {self.copies} times with latencies moved by {self.jitter:g}"


def _labelled(latency: Float[np.ndarray, "n lines"], label: Int[np.ndarray, " n"]) -> LabelledEvents:
    at = np.concatenate((latency, np.full((len(latency), 1), 0.9)), axis=1)
    return LabelledEvents(Events.latencies(torch.from_numpy(at)), torch.from_numpy(label))


@dataclass(frozen=True)
class YinYangTask:
    """Yin-Yang; the value is the accuracy on samples of another seed. Also counts spikes of every hidden neuron."""

    recipe: Recipe
    samples: int = 5000
    test: int = 1000

    def shortened(self, budget: float) -> YinYangTask:
        return replace(self, recipe=_shorter(self.recipe, budget))

    def trial(self, seed: int, scratch: Path | None = None) -> tuple[float, float, dict[str, Any]]:
        net = self.recipe.network(YinYang.lines, YinYang.classes, seed)
        seconds = self.recipe.trained(net, YinYang(self.samples).generate(2 * seed), seed)
        test = YinYang(self.test).generate(2 * seed + 1)
        with torch.no_grad():
            counts = net(test.events).layers[0].spikes.counts(self.recipe.hidden)
        histogram: list[int] = np.bincount(counts.numpy().ravel()).tolist()
        return accuracy(net, test), seconds, {"spikes_of_a_neuron": histogram}

    def said(self) -> str:
        return f"{self.recipe.said()}, {self.samples:,} samples"


def _shorter(recipe: Recipe, budget: float) -> Recipe:
    return replace(recipe, epochs=max(1, round(budget * recipe.epochs)))


class Task(Protocol):
    """What a row is about: data, network and training, all frozen."""

    def shortened(self, budget: float) -> Task:
        """With that share of its epochs or initialisations, at least one."""
        ...

    def said(self) -> str:
        """The recipe in words."""
        ...

    def trial(self, seed: int, scratch: Path | None = None) -> tuple[float, float, dict[str, Any]]:
        """The value, CPU seconds of training, and what else was measured; everything random follows from `seed`.

        A long task keeps what it has done in the folder `scratch`; those of some seconds do without.
        """
        ...


@dataclass(frozen=True)
class ExactRow:
    """A row: its task, what a paper reports, and the bar that the mean over seeds is held to.

    lower  the value is the better the lower it is, and no initialisation may fail
    seeds  that the bar is about: fewer of them neither meet nor miss it
    """

    name: str
    task: Task
    paper: str = ""
    bar: float | None = None
    lower: bool = False
    seeds: int = 1

    def shortened(self, budget: float) -> ExactRow:
        """The row with that share of its epochs or initialisations, at least one."""
        return replace(self, task=self.task.shortened(budget))

    @property
    def recipe(self) -> str:
        """Network and training in words."""
        return self.task.said()

    @property
    def digest(self) -> str:
        """Fingerprint of what a trial computes."""
        return hashlib.sha256(repr(self.task).encode()).hexdigest()[:12]

    def trial(
        self, seed: int, scratch: Path | None = None, progress: Callable[[float], None] | None = None
    ) -> ExactTrial:
        """Everything random follows from `seed`; a long task keeps what it has done in the folder `scratch`."""
        value, seconds, notes = self.task.trial(seed, scratch)
        return ExactTrial(self.name, seed, self.digest, value, seconds, notes)

    def meets(self, mean: float, failed: int) -> bool | None:
        """Whether these trials meet the bar; None without one."""
        if self.bar is None:
            return None
        return (mean <= self.bar and failed == 0) if self.lower else mean >= self.bar
