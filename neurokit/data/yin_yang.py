"""Yin-Yang: points of a disk in the classes yin, yang and dot, as latencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from neurokit.events.events import Events
from neurokit.events.training import LabelledEvents

#: Radius of the disk, whose centre is at (RADIUS, RADIUS), and of its dots.
RADIUS, DOT = 0.5, 0.1


@dataclass(frozen=True)
class YinYang:
    """Samples drawn class by class, equally likely; a sample is its point (x, y), mirrored once more, and a bias.

    The values x, y, 1-x, 1-y spike on lines 0 to 3 at `first + value * (last - first)`, line 4 at `bias`. The bias is
    what times are told against: without it a network knows only differences of times.

    Source of the task: Kriener, Göltz and Petrovici 2022, "The Yin-Yang dataset", arXiv 2102.08211.
    """

    samples: int
    first: float = 0.15
    last: float = 2.0
    bias: float = 0.9

    lines = 5
    classes = 3

    def generate(self, seed: int) -> LabelledEvents:
        """The samples that follow from this seed."""
        point, label = _points(self.samples, np.random.default_rng(seed))
        value = np.concatenate((point, 1 - point), axis=1)
        time = np.concatenate(
            (self.first + value * (self.last - self.first), np.full((self.samples, 1), self.bias)), axis=1
        )
        return LabelledEvents(Events.latencies(torch.from_numpy(time)), torch.from_numpy(label))


def _points(samples: int, rng: np.random.Generator) -> tuple[Float[np.ndarray, "n 2"], Int[np.ndarray, " n"]]:
    wanted = rng.integers(0, YinYang.classes, samples)
    points: np.ndarray = np.empty((samples, 2))
    missing = np.arange(samples)
    while len(missing):
        drawn = rng.random((len(missing), 2)) * 2 * RADIUS
        hit = (np.hypot(*(drawn - RADIUS).T) <= RADIUS) & (_class_of(drawn) == wanted[missing])
        points[missing[hit]] = drawn[hit]
        missing = missing[~hit]
    return points, wanted


def _class_of(point: Float[np.ndarray, "n 2"]) -> Int[np.ndarray, " n"]:
    """0 yin, 1 yang, 2 dot."""
    left = np.hypot(point[:, 0] - 0.5 * RADIUS, point[:, 1] - RADIUS)
    right = np.hypot(point[:, 0] - 1.5 * RADIUS, point[:, 1] - RADIUS)
    yin = (left <= 0.5 * RADIUS) | ((point[:, 1] > RADIUS) & (right > 0.5 * RADIUS))
    classes: np.ndarray = np.where((left <= DOT) | (right <= DOT), 2, np.where(yin, 0, 1))
    return classes
