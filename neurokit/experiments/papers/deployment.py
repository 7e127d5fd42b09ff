"""exact-deployment: Yin-Yang learned with exact gradients, then run on Loihi's neuron in Lava, spike for spike.

From every seed a network is trained in continuous time (EventProp, neurons spike as often as they will), which is the
row `exact`. At each step width it is deployed as it is (`direct`), and after some more epochs that saw the grid
(`aware`, GridEventProp). Choices between epochs are by validation samples, of `aware` by the answers of the integer
Program; the test samples are used once.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from neurokit.compilers.frontend.spike_times import deploy
from neurokit.compilers.lava.forms import StockForm
from neurokit.data.yin_yang import YinYang
from neurokit.errors import TargetUnavailable
from neurokit.events.estimator import SpikeTimeEstimator
from neurokit.events.eventprop import EventProp
from neurokit.events.events import Events
from neurokit.events.grid import GridEventProp
from neurokit.events.lif import CurrentLIF
from neurokit.events.losses import FirstSpikeCrossEntropy
from neurokit.events.network import Outcome, Population, SpikeTimeNetwork
from neurokit.events.training import LabelledEvents, fit_events
from neurokit.experiments.papers.exact_tasks import ExactTrial
from neurokit.ir.program import Program
from neurokit.ir.target import Reference, Target
from neurokit.simulator import Twin
from neurokit.system.atomic import replacing, temporary_folder, write_text
from neurokit.targets.lava.target import LavaCPU
from neurokit.targets.verification.comparison import compare

#: Steps in tau_syn, and the most points of accuracy that deployment may cost.
GRIDS = {10: 2.0, 5: 4.0}
#: When the lines of a sample spike.
LATENCIES = YinYang(1, first=0.2, last=4.0, bias=1.0)


@dataclass(frozen=True)
class Phase:
    """One of the two trainings: in continuous time, or on the grid."""

    loss: FirstSpikeCrossEntropy
    epochs: int
    rate: float  #: the learning rate at the start

    def said(self) -> str:
        """The training in words."""
        loss = f"softmax {self.loss.tau:g}, virtual {self.loss.virtual:g}"
        return f"{self.epochs} epochs at learning rate {self.rate:g} with {loss}"

    def shortened(self, budget: float) -> Phase:
        """With that share of the epochs."""
        return replace(self, epochs=max(1, round(budget * self.epochs)))


@dataclass(frozen=True)
class Recipe:
    """All that decides a result but the seed. Times are in units of tau_syn, the shorter of the time constants."""

    samples: int = 5000
    held_out: int = 1000  #: samples to choose epochs by, and as many to test with
    points: YinYang = LATENCIES  #: its number of samples does not count
    copies: int = 4  #: lines of every value
    apart: float = 0.075  #: between two copies: modulo either step they are spread over it
    tau_mem: float = 2.0
    hidden: int = 240
    horizon: float = 5.8
    hidden_weights: tuple[float, float] = (0.42, 0.28)  #: mean and standard deviation at the start
    output_weights: tuple[float, float] = (0.12, 0.2)
    slope_floor: float = 0.3
    batch: int = 100
    exact: Phase = Phase(FirstSpikeCrossEntropy(0.1, virtual=3.0), epochs=20, rate=5e-3)
    aware: Phase = Phase(FirstSpikeCrossEntropy(0.1, virtual=3.0), epochs=20, rate=1e-3)
    lava_samples: int = 100  #: with 0 nothing runs on Lava
    lava_batch: int = 25

    def shortened(self, budget: float) -> Recipe:
        """With that share of the epochs, of the points to train on, and of the samples on Lava."""
        return replace(
            self,
            samples=max(1, round(budget * self.samples)),
            exact=self.exact.shortened(budget),
            aware=self.aware.shortened(budget),
            lava_samples=math.ceil(budget * self.lava_samples),
        )

    def said(self) -> str:
        """The recipe in words."""
        lines = f"{self.copies} lines a value, {self.apart:g} apart, from {self.points.first:g} to {self.points.last:g}"
        network = f"{self.hidden} hidden, all spikes, tau_mem {self.tau_mem:g}, tau_syn 1, horizon {self.horizon:g}"
        weights = " and ".join("{:g} ± {:g}".format(*start) for start in (self.hidden_weights, self.output_weights))
        start = f"weights {weights} at first, slope floor {self.slope_floor:g}"
        training = f"{self.samples:,} samples in batches of {self.batch}"
        return f"{network}, {lines}, {start}, {training}, {self.exact.said()}, on the grid {self.aware.said()}"

    @property
    def digest(self) -> str:
        """Fingerprint under which results are kept."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    def build(self, seed: int) -> SpikeTimeNetwork:
        """The untrained network."""
        neuron = CurrentLIF(self.tau_mem, 1.0, slope_floor=self.slope_floor)
        net = SpikeTimeNetwork(
            self.copies * YinYang.lines, [Population(neuron, self.hidden), Population(neuron, 3)], self.horizon
        )
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for layer, (mean, sd) in zip(net.stack(), (self.hidden_weights, self.output_weights), strict=True):
                layer.weight.normal_(mean, sd, generator=generator)
        return net

    def data(self, seed: int) -> _Data:
        """Samples to train on, to choose by, and to test with."""
        counts = self.samples, self.held_out, self.held_out
        return _Data(*(self._draw(count, 3 * seed + k) for k, count in enumerate(counts)))

    def _draw(self, count: int, seed: int) -> LabelledEvents:
        events, label = replace(self.points, samples=count).generate(seed)
        return LabelledEvents(events.staggered(YinYang.lines, self.copies, self.apart), label)


class _Data(NamedTuple):
    train: LabelledEvents
    validation: LabelledEvents
    test: LabelledEvents


@dataclass(frozen=True)
class DeployedRow:
    """The whole experiment: one trial trains, deploys, trains on the grids and runs on Lava, stage by stage."""

    name: str
    settings: Recipe

    def shortened(self, budget: float) -> DeployedRow:
        """With that share of the epochs, of the points to train on, and of the samples on Lava."""
        return replace(self, settings=self.settings.shortened(budget))

    @property
    def digest(self) -> str:
        """Fingerprint of what a trial computes."""
        return self.settings.digest

    @property
    def recipe(self) -> str:
        """Network and training in words."""
        return self.settings.said()

    def trial(
        self, seed: int, scratch: Path | None = None, progress: Callable[[float], None] | None = None
    ) -> ExactTrial:
        """Value: accuracy in continuous time; notes: what became of every stage; `scratch` keeps them and Programs."""
        recipe = self.settings
        told = _Epochs(recipe.exact.epochs + len(GRIDS) * recipe.aware.epochs, progress)
        with nullcontext(scratch) if scratch is not None else temporary_folder("neurokit-") as folder:
            stages = _stages(recipe, seed, folder, told)
        seconds = sum(stage["seconds"] for stage in stages.values())
        return ExactTrial(self.name, seed, self.digest, stages["exact"]["accuracy"], seconds, stages)


@dataclass
class _Epochs:
    """Tells the share of all epochs that is done."""

    total: int
    progress: Callable[[float], None] | None
    done: int = 0

    def __call__(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done / self.total)


def _stages(recipe: Recipe, seed: int, folder: Path, told: _Epochs) -> dict[str, Any]:
    """What became of every stage; one that is in the folder is not done again."""
    data = recipe.data(seed)
    network = recipe.build(seed)

    def exact() -> dict[str, Any]:
        started = time.process_time()
        _train(network, EventProp(), recipe.exact, partial(_in_continuous_time, network), recipe, data, seed, told)
        seconds = time.process_time() - started
        with replacing(folder / "exact.pt") as path:
            torch.save(network.state_dict(), path)
        outcome = _continuous(network, data.test.events)
        right = _accuracy(outcome, data.test)
        return {"accuracy": right, "float": right, "continuous": right, "seconds": seconds, **_spikes(outcome)}

    def direct(per_tau: int) -> dict[str, Any]:
        return {**_deployed(network, per_tau, recipe, data.test), "seconds": 0.0}

    def aware(per_tau: int) -> dict[str, Any]:
        trained, started = copy.deepcopy(network), time.process_time()
        judge = partial(_of_program, trained, per_tau)
        _train(trained, GridEventProp(1 / per_tau), recipe.aware, judge, recipe, data, seed, told)
        seconds = time.process_time() - started
        return {**_deployed(trained, per_tau, recipe, data.test, folder / f"tau-{per_tau}.h5"), "seconds": seconds}

    found = {"exact": _once(folder / "exact.json", exact)}
    network.load_state_dict(torch.load(folder / "exact.pt", weights_only=True))
    for per_tau in GRIDS:
        for kind, make in (("direct", direct), ("aware", aware)):
            found[f"tau-{per_tau}/{kind}"] = _once(folder / f"tau-{per_tau}-{kind}.json", partial(make, per_tau))
    return found


def _once(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` answers, from `path` if it is there, or else kept there."""
    if not path.exists():
        write_text(path, json.dumps(make(), indent=1))
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def _train(
    network: SpikeTimeNetwork,
    estimator: SpikeTimeEstimator,
    phase: Phase,
    judge: Callable[[LabelledEvents], float],
    recipe: Recipe,
    data: _Data,
    seed: int,
    told: _Epochs,
) -> None:
    """The network becomes that of the epoch that `judge` finds best, in percent of the validation samples."""
    # The network as it came is a candidate too: training on the grid must not make it worse.
    best, kept = judge(data.validation), copy.deepcopy(network.state_dict())

    def keep(epoch: int, loss: float) -> None:
        nonlocal best, kept
        right = judge(data.validation)
        told()
        if right >= best:
            best, kept = right, copy.deepcopy(network.state_dict())

    fit_events(
        network, data.train, phase.loss, epochs=phase.epochs, batch_size=recipe.batch, learning_rate=phase.rate,
        estimator=estimator, seed=seed, after_epoch=keep,
    )  # fmt: skip
    network.load_state_dict(kept)


def _deployed(
    network: SpikeTimeNetwork, per_tau: int, recipe: Recipe, test: LabelledEvents, saved: Path | None = None
) -> dict[str, Any]:
    """Accuracy on the grid and of the Program; with `saved` the Program is kept there and run on Lava as well."""
    grid = GridEventProp(1 / per_tau).outcome(network, test.events)
    lava = None
    if saved is not None:
        deployed = deploy(network, 1 / per_tau)
        deployed.program({"recipe": recipe.digest}).save(saved)
        lava = _on_lava(saved, deployed.samples(test.events), recipe)
    return {
        "accuracy": _of_program(network, per_tau, test),
        "float": _accuracy(grid, test),
        "continuous": _in_continuous_time(network, test),
        "lava": lava,
        **_spikes(grid),
    }


def _on_lava(saved: Path, samples: dict[str, np.ndarray], recipe: Recipe) -> dict[str, int] | None:
    """Every spike and state of some samples against reference and twin; None without samples or without Lava."""
    if not recipe.lava_samples:
        return None
    some = {name: array[: recipe.lava_samples] for name, array in samples.items()}
    targets: list[Target] = [Reference(), Twin(), LavaCPU(form=StockForm(batch=recipe.lava_batch), deadline_s=1800)]
    try:
        found, _ = compare(Program.load(saved), some, targets)
    except TargetUnavailable:
        return None
    return {
        "samples": found.samples,
        "spikes_compared": found.spikes_compared,
        "states_compared": found.states_compared,
        "mismatches": found.mismatches,
    }


@torch.no_grad()
def _continuous(network: SpikeTimeNetwork, events: Events) -> Outcome:
    return network(events)  # type: ignore[no-any-return]


def _in_continuous_time(network: SpikeTimeNetwork, data: LabelledEvents) -> float:
    return _accuracy(_continuous(network, data.events), data)


def _of_program(network: SpikeTimeNetwork, per_tau: int, data: LabelledEvents) -> float:
    """Percent of samples that the integer Program has right, as `_accuracy` counts them."""
    deployed = deploy(network, 1 / per_tau)
    answers = Twin().run(deployed.program(), deployed.samples(data.events)).output
    return 100 * float((answers.argmin(-1) == data.label.numpy()).mean())


def _accuracy(outcome: Outcome, data: LabelledEvents) -> float:
    """Percent of samples whose label's output spikes first, the lower of those at one time; silence is after all."""
    first = outcome.last.spikes.first(outcome.last.size)
    return 100 * float((first.argmin(-1) == data.label).double().mean())


def _spikes(outcome: Outcome) -> dict[str, float]:
    """How often hidden neurons spike: the mean of those that do at all, and the most of one neuron."""
    hidden = outcome.layers[0]
    counts = hidden.spikes.counts(hidden.size)
    return {"spikes_of_active": float(counts.sum() / max(1, int((counts > 0).sum()))), "most_spikes": int(counts.max())}


ROWS = (DeployedRow("yin-yang", Recipe()),)
