"""search: the plan of scales under which the integer network's *outputs* on calibration samples err least.

One layer after another tries several ways to fill its grid, everything else as chosen so far. Each try is a whole
Program, proved and run on the twin, and judged by its answers: what a layer's rounding does to its own weights or
currents says little of what the layers after it make of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from neurokit.compilers.quantization.scales import GRID_UTILIZATIONS, ScaleRequest
from neurokit.errors import OutOfRange
from neurokit.ir import program as p

#: The spread of answers that are all the same, so that distances relative to it are finite.
TINY = 1e-300

#: A Program for a plan of requests; raises OutOfRange when there is none.
Make = Callable[[dict[str, ScaleRequest]], p.Program]
#: How far a Program's answers are from the real network's.
Judge = Callable[[p.Program], float]


@dataclass(frozen=True)
class Search:
    """How long to look for scales.

    samples  most calibration samples, along the longest axis of every input, that weights are rounded for and tries
             judged by
    rounds   how often every layer has its turn; the search ends early when a round changes nothing
    utilizations    shares of its grid's range that a layer's largest weight may take
    """

    samples: int = 1024
    rounds: int = 2
    utilizations: tuple[float, ...] = GRID_UTILIZATIONS


@dataclass(frozen=True)
class Tried:
    """One layer's turn: how the error of the output depends on how full its grid is, all else as it was chosen."""

    layer: str
    errors: tuple[tuple[float, float], ...]
    chosen: float


def descend(layers: list[str], make: Make, judge: Judge, search: Search) -> tuple[dict[str, ScaleRequest], list[Tried]]:
    """The best requests found by coordinate descent, and what was tried on the way."""
    requests: dict[str, ScaleRequest] = {}
    best = judge(make(requests))
    tried: dict[str, Tried] = {}
    for _ in range(search.rounds):
        changed = False
        for layer in layers:
            errors: list[tuple[float, float]] = []
            current = requests.get(layer, ScaleRequest())
            for fill in search.utilizations:
                if fill == current.fill:
                    errors.append((fill, best))
                    continue
                try:
                    error = judge(make({**requests, layer: ScaleRequest(fill)}))
                except OutOfRange:
                    continue
                errors.append((fill, error))
            fill, error = min(errors, key=lambda pair: pair[1])
            if error < best:
                requests[layer], best, changed = ScaleRequest(fill), error, True
            tried[layer] = Tried(layer, tuple(sorted(errors)), requests.get(layer, ScaleRequest()).fill)
        if not changed:
            break
    return requests, list(tried.values())


def distance(said: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> float:
    """Root mean square distance of answers to those wanted, relative to the spread of the latter, over all outputs."""
    ratios = [
        float(np.sum((said[name] - real) ** 2)) / max(float(np.sum((real - real.mean()) ** 2)), TINY)
        for name, real in wanted.items()
    ]
    return float(np.sqrt(np.mean(ratios)))
