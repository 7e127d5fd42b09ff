"""columns: fillings from a linear program over whole cores, for populations that compete for neurons and bytes alike.

A column is the content of one core. The program asks for the least number of columns, fractions allowed, that hold all
neurons; its dual prices say what a neuron of each population is worth, and the best content at those prices is the next
column (Gilmore and Gomory 1961, DOI 10.1287/opre.9.6.849). Whole columns are kept, what is left over is filled anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64
from scipy.optimize import linprog

from neurokit.compilers.chip.cores import Core, Counts, Item, Room

#: Parts into which the bytes of a core are cut when contents are searched for.
GRAINS = 2048
#: Columns that are made at most, and trials of the price of a core's place for a neuron.
ROUNDS, TRIALS = 40, 12

#: Neurons by item, of one core.
Column = Int64[np.ndarray, " items"]
#: Fills cores with items in some way; None where it cannot.
Fill = Callable[[Sequence[Item]], Counts | None]


def columns(items: Sequence[Item], room: Room, guess: Sequence[int], start: Counts, fill: Fill) -> Counts | None:
    """A filling made of good columns and, for the rest, of `fill`; `start` is any filling and gives the first columns.

    `guess` are the cores that each item's neurons send to, 0 where outgoing axons do not bind.
    """
    sizes = np.array([item.size for item in items], dtype=np.int64)
    known = {_column(counts, len(items)) for counts in start}
    search = _Search(items, room, guess)
    share = np.zeros(0)
    for _ in range(ROUNDS):
        matrix = np.array(sorted(known), dtype=np.int64).T
        solved = linprog(np.ones(matrix.shape[1]), A_ub=-matrix, b_ub=-sizes, method="highs")
        assert solved.success, "the first columns hold every neuron"
        share = solved.x
        worth = -solved.ineqlin.marginals
        best = search.best(worth)
        if worth @ np.array(best) <= 1 + 1e-6 or best in known:
            break
        known.add(best)
    cores: Counts = []
    left = sizes.copy()
    for column, times in zip(matrix.T, np.floor(share + 1e-9).astype(int), strict=True):
        for _ in range(times):
            content = np.minimum(column, left)
            if content.any():
                cores.append({int(i): int(content[i]) for i in np.flatnonzero(content)})
                left -= content
    over = [i for i in range(len(items)) if left[i]]
    rest = fill([replace(item, size=int(n)) for item, n in zip(items, left, strict=True)]) if over else []
    return None if rest is None else cores + rest


def _column(counts: dict[int, int], items: int) -> tuple[int, ...]:
    return tuple(counts.get(i, 0) for i in range(items))


class _Search:
    """The content of a core that is worth most: a knapsack of bytes, the limit of neurons as a price on each."""

    def __init__(self, items: Sequence[Item], room: Room, guess: Sequence[int]) -> None:
        self.items, self.room, self.guess = items, room, guess
        self.choices: list[tuple[Column, Column]] = []
        self.bytes = [float(item.least_bytes(room)) for item in items]
        for item in items:
            most = Core().most(-1, item, room, 0, item.size)
            count = np.arange(1, most + 1)
            cost = item.single * count
            for kind, rows in item.dense:
                cost += rows * np.asarray(room.row[kind][1 : most + 1])
            grains = cost * GRAINS // room.bytes
            last = np.append(np.diff(grains) > 0, True)  # of counts that cost alike, the largest
            self.choices.append((count[last], grains[last]))

    def best(self, worth: Float64[np.ndarray, " items"]) -> tuple[int, ...]:
        """The best content that was found."""
        low, high = 0.0, 2 * float(worth.max())
        found: list[tuple[int, ...]] = []
        for _ in range(TRIALS):
            price = (low + high) / 2
            wanted = self._knapsack(np.maximum(worth - price, 0.0))
            found.append(self._fitted(wanted, worth))
            low, high = (price, high) if sum(wanted) > self.room.neurons else (low, price)
        return max(found, key=lambda column: float(worth @ np.array(column)))

    def _knapsack(self, value: Float64[np.ndarray, " items"]) -> list[int]:
        """Counts of the greatest value whose bytes fit, grains rounded down, by dynamic programming over bytes."""
        best = np.zeros(GRAINS + 1)
        picks = []
        for (counts, grains), each in zip(self.choices, value, strict=True):
            pick = np.zeros(GRAINS + 1, dtype=np.int64)
            if each > 0:
                new = best.copy()
                for k, (count, cost) in enumerate(zip(counts, grains, strict=True)):
                    candidate = best[: GRAINS + 1 - cost] + each * count
                    better = candidate > new[cost:]
                    new[cost:][better] = candidate[better]
                    pick[cost:][better] = k + 1
                best = new
            picks.append(pick)
        at, wanted = GRAINS, [0] * len(picks)
        for i in reversed(range(len(picks))):
            if k := picks[i][at]:
                counts, grains = self.choices[i]
                wanted[i] = int(counts[k - 1])
                at -= grains[k - 1]
        return wanted

    def _fitted(self, wanted: Sequence[int], worth: Float64[np.ndarray, " items"]) -> tuple[int, ...]:
        """A legal content: what is wanted as far as it fits, then whatever still does, the worthier first."""
        core = Core()
        places = [worth[i] / (self.room.bytes / self.room.neurons + each) for i, each in enumerate(self.bytes)]
        order = sorted(range(len(self.items)), key=lambda i: -places[i])
        for limits in (wanted, [item.size for item in self.items]):
            for i in order:
                item, there = self.items[i], core.counts.get(i, 0)
                count = core.most(i, item, self.room, self.guess[i], limits[i] - there)
                if count > 0:
                    core.add(i, item, self.room, self.guess[i], count)
        return _column(core.counts, len(self.items))
