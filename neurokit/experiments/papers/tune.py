"""tune: how the settings of a row are chosen, on functions held out from its training set, never on its test set."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from neurokit.data.data import Split, carve
from neurokit.experiments.papers.row import Row, train_on
from neurokit.experiments.papers.runner import Cache
from neurokit.experiments.papers.trial import Trial
from neurokit.training.loop import Settings

#: Data, network and directions of the choice are drawn from this seed, which no table reports.
TUNING_SEED = 1000


@dataclass(frozen=True)
class Candidate:
    """Settings that were tried, their validation error (infinite where training diverged) and CPU seconds."""

    settings: Settings
    error: float
    seconds: float


@dataclass(frozen=True)
class Choice:
    """All candidates of a row, and whether the settings that the row declares are the best of them."""

    row: Row
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        """The candidate with the least validation error."""
        return min(self.candidates, key=lambda candidate: candidate.error)

    @property
    def agrees(self) -> bool:
        """Whether the declared settings are the best candidate's."""
        return self.best.settings == self.row.settings

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON; an infinite error is None."""
        return {
            "row": self.row.name,
            "metric": self.row.metric.value,
            "declared": _plain(self.row.settings),
            "chosen": _plain(self.best.settings),
            "agrees": self.agrees,
            "seed": TUNING_SEED,
            "held_out": self.row.held_out,
            "candidates": [
                {
                    **_plain(candidate.settings),
                    "validation_error": candidate.error if math.isfinite(candidate.error) else None,
                    "seconds": candidate.seconds,
                }
                for candidate in self.candidates
            ],
        }


def tune(row: Row, cache: Cache[Trial], progress: Callable[[float], None] | None = None) -> Choice:
    """Train every combination of the row's grid, whole length, and judge each on the row's `held_out` samples.

    The samples held out are drawn at random from the training set; the test set is never looked at. A row without a
    grid has one candidate, its own settings. Candidates in `cache` are not trained again.
    """
    train, validation = carve(row.problem.generate(TUNING_SEED).train, row.held_out, TUNING_SEED)
    combinations: list[dict[str, Any]] = [
        dict(zip(row.grid, values, strict=True)) for values in product(*row.grid.values())
    ]
    candidates = []
    for i, changes in enumerate(combinations):
        settings = replace(row.settings, **changes)
        candidate = replace(row, settings=settings)
        trial = cache.load(candidate, TUNING_SEED)
        if trial is None:
            split: Split[Any] = Split(train=train, test=validation)
            trial = train_on(split, candidate, TUNING_SEED)
            cache.save(candidate, trial)
        error = math.inf if trial.errors is None else trial.errors[row.metric.value]
        candidates.append(Candidate(settings, error, trial.seconds))
        if progress is not None:
            progress((i + 1) / len(combinations))
    return Choice(row, tuple(candidates))


def _plain(settings: Settings) -> dict[str, float]:
    return {name: value for name, value in vars(settings).items() if name != "seed"}
