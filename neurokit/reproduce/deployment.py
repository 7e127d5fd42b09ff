"""exact-deployment: Yin-Yang learned with exact gradients, then run on Loihi's neuron in Lava, spike for spike.

For every seed a network is trained in continuous time (EventProp, neurons spike as often as they will), which is the
row `exact`. At each step width it is deployed as it is (`direct`), and after some more epochs that saw the grid
(`aware`, GridEventProp). All choices between epochs are by validation points; the test points are used once.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurokit.comparison import compare
from neurokit.errors import TargetUnavailable, TrainingDiverged
from neurokit.exact.deploy import Deployment, deploy
from neurokit.exact.estimator import SpikeTimeEstimator
from neurokit.exact.eventprop import EventProp
from neurokit.exact.events import Events
from neurokit.exact.grid import GridEventProp
from neurokit.exact.lif import CurrentLIF
from neurokit.exact.losses import FirstSpikeCrossEntropy
from neurokit.exact.network import Outcome, Population, SpikeTimeNetwork
from neurokit.files import write_text
from neurokit.lava.forms import StockForm
from neurokit.lava.target import LavaCPU
from neurokit.problems.yin_yang import Points, YinYang
from neurokit.targets import Reference, Target
from neurokit.twin import Twin

#: Steps in a time constant, and the most points of accuracy that deployment may cost.
GRIDS = {10: 2.0, 5: 4.0}


@dataclass(frozen=True)
class Recipe:
    """All that decides a result but the seed. Times are in units of both time constants, tau."""

    problem: YinYang = field(default_factory=YinYang)
    hidden: int = 120
    horizon: float = 3.6
    earliest: float = 0.15
    latest: float = 2.0
    bias: float = 0.9
    hidden_weights: tuple[float, float] = (1.2, 0.8)  #: mean and standard deviation at the start
    output_weights: tuple[float, float] = (0.25, 0.25)
    slope_floor: float = 0.3
    loss: FirstSpikeCrossEntropy = field(default_factory=lambda: FirstSpikeCrossEntropy(0.2, virtual=3.0))
    batch: int = 100
    epochs: int = 30
    rate: float = 5e-3
    aware_epochs: int = 15
    aware_rate: float = 2e-3
    lava_samples: int = 100
    lava_batch: int = 25

    def shortened(self, budget: float) -> Recipe:
        """With that share of the epochs, of the points to train on, and of the samples on Lava."""
        return replace(
            self,
            problem=replace(self.problem, train=max(1, round(budget * self.problem.train))),
            epochs=max(1, round(budget * self.epochs)),
            aware_epochs=max(1, round(budget * self.aware_epochs)),
            lava_samples=max(1, round(budget * self.lava_samples)),
        )

    @property
    def digest(self) -> str:
        """Fingerprint under which results are kept."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    def build(self, seed: int) -> SpikeTimeNetwork:
        """The untrained network."""
        neuron = CurrentLIF(1.0, 1.0, slope_floor=self.slope_floor)
        net = SpikeTimeNetwork(5, [Population(neuron, self.hidden), Population(neuron, 3)], self.horizon)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for layer, (mean, sd) in zip(net.stack(), (self.hidden_weights, self.output_weights), strict=True):
                layer.weight.normal_(mean, sd, generator=generator)
        return net

    def events(self, points: Points) -> Events:
        """The spikes of points."""
        return Events.latencies(torch.from_numpy(points.latencies(self.earliest, self.latest, self.bias)))


def run(
    seeds: int, recipe: Recipe, folder: Path, tell: Callable[[str], None] = lambda note: None
) -> list[dict[str, Any]]:
    """Train and deploy from the seeds 0, 1, ...; what is done stays in `folder`. One record a row, see `summarise`."""
    folder.mkdir(parents=True, exist_ok=True)
    return summarise([_trial(recipe, seed, folder, tell) for seed in range(seeds)], recipe)


def summarise(trials: Sequence[dict[str, Any]], recipe: Recipe) -> list[dict[str, Any]]:
    """Rows of accuracy in percent of the test points.

    row, mean, sd, n     accuracy: in continuous time, or of the Program on the twin
    bar, met             lowest mean; of a deployed row without Lava's equality it is not met
    seconds              CPU seconds of training, mean
    float, continuous    accuracy on the grid in real numbers, and of the same weights in continuous time
    lava                 samples, spikes and states compared with reference and twin, mismatches, over all seeds
    per_seed             everything, by seed
    """
    exact = [trial["exact"]["accuracy"] for trial in trials]
    rows = [{**_row("yin-yang/exact", [trial["exact"] for trial in trials]), "bar": None, "met": None}]
    for per_tau, loss in GRIDS.items():
        for kind in ("direct", "aware"):
            runs = [trial[f"tau-{per_tau}/{kind}"] for trial in trials]
            row = _row(f"yin-yang/tau-{per_tau}/{kind}", runs)
            bar = float(np.mean(exact)) - loss if kind == "aware" else None
            equal = row["lava"] is not None and row["lava"]["mismatches"] == 0
            row |= {"bar": bar, "met": None if bar is None else row["mean"] >= bar and equal}
            rows.append(row)
    described = {"recipe": json.loads(json.dumps(asdict(recipe)))}
    return [{**row, "paper": None, **described} for row in rows]


def _row(name: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    values = [each["accuracy"] for each in runs]
    lava = [each["lava"] for each in runs if each.get("lava")]
    return {
        "row": name,
        "mean": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "n": len(values),
        "seconds": float(np.mean([each["seconds"] for each in runs])),
        "float": float(np.mean([each["float"] for each in runs])),
        "continuous": float(np.mean([each["continuous"] for each in runs])),
        "lava": {key: sum(each[key] for each in lava) for key in lava[0]} if lava else None,
        "per_seed": list(runs),
    }


def _trial(recipe: Recipe, seed: int, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """One seed, stage by stage; a stage that is in the folder is not done again."""
    split = recipe.problem.generate(seed)
    network = recipe.build(seed)
    stem = f"seed-{seed}-{recipe.digest}"
    found: dict[str, Any] = {"seed": seed}

    def exact() -> dict[str, Any]:
        started = time.process_time()
        _train(network, EventProp(), recipe, split, recipe.epochs, recipe.rate, seed, tell)
        seconds = time.process_time() - started
        torch.save(network.state_dict(), folder / f"{stem}-exact.pt")
        test = recipe.events(split.test)
        accuracy = _accuracy(_continuous(network, test), split.test)
        same = {"accuracy": accuracy, "float": accuracy, "continuous": accuracy}
        return {**same, "seconds": seconds, **_spikes(network, test)}

    def deployed(per_tau: int) -> dict[str, Any]:
        return {**_deployed(network, per_tau, recipe, split.test), "seconds": 0.0}

    def aware(per_tau: int) -> dict[str, Any]:
        trained, started = copy.deepcopy(network), time.process_time()
        grid = GridEventProp(1 / per_tau)
        _train(trained, grid, recipe, split, recipe.aware_epochs, recipe.aware_rate, seed, tell)
        seconds = time.process_time() - started
        saved = folder / f"{stem}-tau-{per_tau}.h5"
        return {**_deployed(trained, per_tau, recipe, split.test, saved), "seconds": seconds}

    found["exact"] = _once(folder / f"{stem}-exact.json", exact)
    network.load_state_dict(torch.load(folder / f"{stem}-exact.pt", weights_only=True))
    for per_tau in GRIDS:
        for kind, make in (("direct", deployed), ("aware", aware)):
            done = folder / f"{stem}-tau-{per_tau}-{kind}.json"
            found[f"tau-{per_tau}/{kind}"] = _once(done, partial(make, per_tau))
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
    recipe: Recipe,
    split: Any,
    epochs: int,
    rate: float,
    seed: int,
    tell: Callable[[str], None],
) -> None:
    """Adam under a cosine; the network becomes that of the epoch with the best validation accuracy."""
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    batches = math.ceil(len(split.train.label) / recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches)
    generator = torch.Generator().manual_seed(seed)
    validation, best, kept = recipe.events(split.validation), -1.0, copy.deepcopy(network.state_dict())
    for epoch in range(epochs):
        order = torch.randperm(len(split.train.label), generator=generator).numpy()
        for rows in np.array_split(order, batches):
            points = Points(split.train.place[rows], split.train.label[rows])
            label = torch.from_numpy(points.label)
            found = estimator.estimate(network, recipe.events(points), lambda out, y=label: recipe.loss(out, y))  # type: ignore[misc]
            if not math.isfinite(found.loss):
                raise TrainingDiverged(f"the loss became {found.loss} in epoch {epoch} of seed {seed}")
            for name, parameter in network.named_parameters():
                parameter.grad = found.gradient[name]
            optimiser.step()
            schedule.step()
        outcome = estimator.outcome(network, validation) if isinstance(estimator, GridEventProp) else None
        found_accuracy = _accuracy(outcome or _continuous(network, validation), split.validation)
        tell(f"seed {seed}, {type(estimator).__name__}, epoch {epoch + 1} of {epochs}: {found_accuracy:.1f} %")
        if found_accuracy >= best:
            best, kept = found_accuracy, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)


def _deployed(
    network: SpikeTimeNetwork, per_tau: int, recipe: Recipe, test: Points, saved: Path | None = None
) -> dict[str, Any]:
    """Accuracy on the grid and of the Program; with `saved` the Program is kept there and run on Lava as well."""
    events, deployed = recipe.events(test), deploy(network, 1 / per_tau)
    program = deployed.program({"recipe": recipe.digest})
    samples = deployed.samples(events)
    result = Twin().run(program, samples)
    grid = GridEventProp(1 / per_tau).outcome(network, events)
    lava = None
    if saved is not None:
        program.save(saved)
        lava = _on_lava(deployed, saved, samples, recipe)
    return {
        "accuracy": 100 * float((result.output.argmin(-1) == test.label).mean()),
        "float": _accuracy(grid, test),
        "continuous": _accuracy(_continuous(network, events), test),
        "lava": lava,
        **_spikes(network, events, grid),
    }


def _on_lava(
    deployed: Deployment, saved: Path, samples: dict[str, np.ndarray], recipe: Recipe
) -> dict[str, int] | None:
    """Every spike and state of some samples against reference and twin; None where Lava is not installed."""
    from neurokit.program import Program

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


def _accuracy(outcome: Outcome, points: Points) -> float:
    """Percent of points whose label's output spikes first; a silent output never does."""
    first = outcome.last.spikes.first(outcome.last.size).numpy()
    return 100 * float((first.argmin(-1) == points.label).mean())


def _spikes(network: SpikeTimeNetwork, events: Events, outcome: Outcome | None = None) -> dict[str, float]:
    """How often hidden neurons spike: the mean of those that do at all, and the most of one neuron."""
    hidden = (outcome or _continuous(network, events)).layers[0]
    counts = hidden.spikes.counts(hidden.size)
    return {"spikes_of_active": float(counts.sum() / max(1, int((counts > 0).sum()))), "most_spikes": int(counts.max())}
