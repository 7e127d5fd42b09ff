"""Trial: one row trained from one seed, its errors on the test set, its learning curve and what it cost."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from neurokit.data.data import Data, OperatorData
from neurokit.training.loop import Observer, Training, errors_on, predict

#: Points of a learning curve, spaced geometrically over the iterations.
CURVE_POINTS = 24


class Metric(str, Enum):
    """Which relative L2 error a row reports; all of them are recorded.

    MEAN and MEDIAN are over samples of `||u - uh|| / ||u||`, GLOBAL is `||U - Uh||_F / ||U||_F` over the whole set.
    """

    MEAN = "mean"
    MEDIAN = "median"
    GLOBAL = "global"


@dataclass(frozen=True)
class Trial:
    """What became of a row trained from one seed.

    errors      every Metric on the test set by its name; None when training diverged, and `failure` says how
    seconds     CPU seconds of this process for the training, test errors of the curve left out
    curve       iterations done, and the test error (the row's metric) of the network as if the run had ended there
    cost        CPU time of one iteration's gradient in units of one forward pass of the same batch, measured here
    """

    row: str
    seed: int
    digest: str
    errors: Mapping[str, float] | None
    failure: str
    seconds: float
    curve: tuple[tuple[int, float], ...]
    cost: float

    @property
    def said(self) -> str:
        """The mean error, or how training failed, in words."""
        return self.failure if self.errors is None else f"{self.errors[Metric.MEAN.value]:.4f}"

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {**vars(self), "curve": [list(point) for point in self.curve]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Trial:
        """The inverse of `as_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        curve = tuple((int(iteration), float(error)) for iteration, error in plain["curve"])
        return cls(**{**plain, "curve": curve})


def test_errors(model: torch.nn.Module, data: Data) -> dict[str, float]:
    """Every Metric of `model` on `data` by name; where samples are single points, all of them are one sample."""
    return errors_of(predict(model, data), data)


def errors_of(answer: Float64[np.ndarray, "..."], data: Data) -> dict[str, float]:
    """The same of answers in the shape of `data.answers`."""
    both, truth = errors_on(data, answer), data.answers
    if not isinstance(data, OperatorData):
        truth, answer = truth[None], answer[None]
    apart = (truth - answer).reshape(len(truth), -1)
    ratios = np.linalg.norm(apart, axis=1) / np.linalg.norm(truth.reshape(len(truth), -1), axis=1)
    return {
        Metric.MEAN.value: both.mean,
        Metric.MEDIAN.value: float(np.median(ratios)),
        Metric.GLOBAL.value: both.overall,
    }


class Curve(Observer):
    """Test errors along a run, at iterations spaced geometrically; each is that of the model if the run ended there."""

    def __init__(self, test: Data, metric: Metric, iterations: int) -> None:
        self.test, self.metric = test, metric
        self.due = set(np.unique(np.geomspace(1, iterations, CURVE_POINTS).round().astype(int)).tolist())
        self.points: list[tuple[int, float]] = []
        self.seconds = 0.0

    def iterated(self, training: Training) -> None:
        if training.done not in self.due:
            return
        started = time.process_time()
        concluded = copy.deepcopy(training.model)
        training.conclude(concluded)
        error = test_errors(concluded, self.test)[self.metric.value]
        self.points.append((training.done, error))
        self.seconds += time.process_time() - started
