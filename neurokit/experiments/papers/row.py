"""Row: one number of a published table, and all that decides what ours will be."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from neurokit.data.data import Data, Split
from neurokit.errors import OutOfRange, TrainingDiverged, explain
from neurokit.experiments.papers.cost import forward_equivalents
from neurokit.experiments.papers.trial import Curve, Metric, Trial, test_errors
from neurokit.gradients.estimator import Estimator
from neurokit.training.loop import Observer, Settings, Training, fit
from neurokit.training.recipes import describe


class Problem(Protocol):
    """A frozen recipe of a data set."""

    def __hash__(self) -> int: ...

    def generate(self, seed: int = 0) -> Split[Any]:
        """Samples to train on and to test with."""
        ...


class Shape(Protocol):
    """A frozen description of a network."""

    def build(self, data: Data, seed: int) -> nn.Module:
        """The untrained network, with as many inputs as `data` has."""
        ...


class Bar(Protocol):
    """What the mean over seeds has to be at or below."""

    def limit(self, means: Mapping[str, float]) -> float | None:
        """The number, given the means of all rows; None where one that it depends on is not among them."""
        ...


@dataclass(frozen=True)
class AtMost:
    """A fixed bar."""

    value: float

    def limit(self, means: Mapping[str, float]) -> float | None:
        return self.value


@dataclass(frozen=True)
class TimesRow:
    """`factor` times the mean of another row."""

    factor: float
    row: str

    def limit(self, means: Mapping[str, float]) -> float | None:
        return self.factor * means[self.row] if self.row in means else None


@dataclass(frozen=True)
class Row:
    """A row of a table.

    name        `problem/method`, unique in its table
    problem     generates the data from the seed of a run, network and estimator draw from the same seed
    paper       the published number, where there is one
    bar         ours is met when the mean of the seeds is at or below it
    metric      the error that `bar` is about
    differs     what differs from the publication, in words
    grid        values of Settings from which `tune` chooses, by field
    held_out    training samples that serve as validation set while tuning; a reported run trains on all

    Raises OutOfRange when the grid names something that is not a number of Settings.
    """

    name: str
    problem: Problem
    network: Shape
    estimator: Estimator
    settings: Settings
    paper: float | None = None
    bar: Bar | None = None
    metric: Metric = Metric.MEAN
    differs: str = ""
    grid: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    held_out: int = 160

    def __post_init__(self) -> None:
        legal = ("iterations", "batch_size", "learning_rate", "weight_decay")
        for name in self.grid:
            if name not in legal:
                raise OutOfRange(
                    explain(f"row {self.name!r}: grid", name, f"one of {', '.join(legal)}", "tune one of these")
                )

    def shortened(self, budget: float) -> Row:
        """The row with that share of its iterations, at least one."""
        iterations = max(1, round(budget * self.settings.iterations))
        return replace(self, settings=replace(self.settings, iterations=iterations))

    @property
    def recipe(self) -> str:
        """Estimator and settings in words."""
        s = self.settings
        decay = f", weight decay {s.weight_decay:g}" if s.weight_decay else ""
        return (
            f"{describe(self.estimator)}; {s.iterations:,} iterations of {s.batch_size} samples, "
            f"learning rate {s.learning_rate:g}{decay}"
        )

    @property
    def digest(self) -> str:
        """Fingerprint of all that decides what a run or its tuning computes; cached results are kept under it."""
        settings = replace(self.settings, seed=0)
        decisive = (self.problem, self.network, self.estimator, settings, self.metric.value, self.held_out)
        return hashlib.sha256(repr(decisive).encode()).hexdigest()[:12]

    def trial(self, seed: int, scratch: Path | None = None, progress: Callable[[float], None] | None = None) -> Trial:
        """Generate data, build, train and test; everything random follows from `seed`. Nothing is kept on the way."""
        return train_on(_generated(self.problem, seed), self, seed, progress)


@lru_cache(maxsize=2)
def _generated(problem: Problem, seed: int) -> Split[Any]:
    """Rows of one problem share their data."""
    return problem.generate(seed)


def train_on(split: Split[Any], row: Row, seed: int, progress: Callable[[float], None] | None = None) -> Trial:
    """Train `row` on `split.train` and judge it on `split.test`; `progress` is told the share that is done."""
    model = row.network.build(split.train, seed)
    curve = Curve(split.test, row.metric, row.settings.iterations)
    attending: list[Observer] = [curve] if progress is None else [curve, _Share(progress)]
    settings = vars(replace(row.settings, seed=seed))
    started = time.process_time()
    errors, failure = None, ""
    try:
        fit(model, split.train, row.estimator, **settings, observers=attending)
    except TrainingDiverged as error:
        failure = str(error)
    seconds = time.process_time() - started - curve.seconds
    if not failure:
        errors = test_errors(model, split.test)
        if not all(math.isfinite(value) for value in errors.values()):
            errors, failure = None, "the network's answers are not finite"
    untrained = row.network.build(split.train, seed)
    cost = forward_equivalents(untrained, split.train, row.estimator, row.settings)
    return Trial(row.name, seed, row.digest, errors, failure, seconds, tuple(curve.points), cost)


@dataclass(frozen=True)
class _Share(Observer):
    """Tells the share of the iterations that is done, a hundred times in a run."""

    progress: Callable[[float], None]

    def iterated(self, training: Training) -> None:
        total = training.settings.iterations
        if training.done * 100 // total > (training.done - 1) * 100 // total:
            self.progress(training.done / total)
