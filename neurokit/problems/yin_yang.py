"""YinYang: three classes of points in a disc, told by the times of five spikes.

In a disc of radius R = 0.5 around (R, R), with dots of radius r = 0.1 around (R / 2, R) on the left and (3 R / 2, R) on
the right: points in a dot are class 2; of the others, class 1 are those within R / 2 of the left dot's middle, and
those above the middle (y > R) that are not within R / 2 of the right one's; the rest are class 0.

Source: Kriener, Göltz, Petrovici 2022, "The Yin-Yang dataset", arXiv 2102.08211.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from neurokit.problems.recipe_checks import require_least

RADIUS, DOT = 0.5, 0.1


class Points(NamedTuple):
    """Points, `(n, 2)`, and their classes, 0..2, each as often as the others but for one."""

    place: Float64[np.ndarray, "n 2"]
    label: Int64[np.ndarray, " n"]

    def latencies(self, earliest: float, latest: float, bias: float) -> Float64[np.ndarray, "n 5"]:
        """Times of five lines: x, y, 1 - x and 1 - y, with 0..1 as `earliest`..`latest`; and `bias`."""
        x, y = self.place.T
        times = earliest + (latest - earliest) * np.stack([x, y, 1 - x, 1 - y], axis=1)
        return np.concatenate([times, np.full((len(times), 1), bias)], axis=1)


class YinYangSplit(NamedTuple):
    """Points to train on, to choose by, and to test with."""

    train: Points
    validation: Points
    test: Points


@dataclass(frozen=True)
class YinYang:
    """How many points of each kind there are. Raises OutOfRange for less than one."""

    train: int = 5000
    validation: int = 1000
    test: int = 1000

    def __post_init__(self) -> None:
        require_least(self, train=1, validation=1, test=1)

    def generate(self, seed: int = 0) -> YinYangSplit:
        """Points drawn uniformly within each class; all from `seed`."""
        rng = np.random.default_rng(seed)
        return YinYangSplit(*(_draw(count, rng) for count in (self.train, self.validation, self.test)))


def classes(place: Float64[np.ndarray, "n 2"]) -> Int64[np.ndarray, " n"]:
    """The class of every point of the disc."""
    left = np.hypot(place[:, 0] - RADIUS / 2, place[:, 1] - RADIUS)
    right = np.hypot(place[:, 0] - 3 * RADIUS / 2, place[:, 1] - RADIUS)
    dots = (left <= DOT) | (right <= DOT)
    head: Bool[np.ndarray, " n"] = (left <= RADIUS / 2) | ((place[:, 1] > RADIUS) & (right > RADIUS / 2))
    return np.where(dots, 2, head).astype(np.int64)


def _draw(count: int, rng: np.random.Generator) -> Points:
    found: list[list[np.ndarray]] = [[], [], []]
    wanted = [(count + 2 - each) // 3 for each in range(3)]
    while any(sum(map(len, parts)) < want for parts, want in zip(found, wanted, strict=True)):
        place = rng.uniform(0, 2 * RADIUS, (4 * count + 64, 2))
        place = place[np.hypot(place[:, 0] - RADIUS, place[:, 1] - RADIUS) <= RADIUS]
        label = classes(place)
        for each in range(3):
            found[each].append(place[label == each])
    place = np.concatenate([np.concatenate(parts)[:want] for parts, want in zip(found, wanted, strict=True)])
    order = rng.permutation(count)
    return Points(place[order], np.repeat(np.arange(3), wanted)[order])
