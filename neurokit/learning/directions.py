"""Directions: integer vectors drawn from a CounterRNG, K at a time for a tensor, generated wherever they are needed.

For directions d_k of mean square `power`, `1 / (K power) sum_k (g . d_k) d_k` is an unbiased estimate of g.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Int8

from neurokit.errors import OutOfRange, explain
from neurokit.gradients.hadamard import sylvester
from neurokit.learning.counter_rng import CounterRNG, Purpose


class Distribution(Protocol):
    """A distribution of K directions of a tensor."""

    @property
    def power(self) -> int:
        """Mean square of an entry."""
        ...

    def draw(
        self, rng: CounterRNG, step: int, channel: int, count: int, shape: tuple[int, ...]
    ) -> Int8[np.ndarray, "K *shape"]:
        """Directions 0 to K - 1 of one step for the tensor with the number `channel`."""
        ...


@dataclass(frozen=True)
class Bernoulli:
    """Entries -1 or +1, independent. With exact slopes `E|estimate - g|**2 = (n - 1) / K |g|**2` for n entries."""

    @property
    def power(self) -> int:
        return 1

    def draw(
        self, rng: CounterRNG, step: int, channel: int, count: int, shape: tuple[int, ...]
    ) -> Int8[np.ndarray, "K *shape"]:
        size = int(np.prod(shape))
        rows = [rng.signs(Purpose.DIRECTION, step, channel, k, size) for k in range(count)]
        return np.asarray(np.stack(rows).reshape(count, *shape))


@dataclass(frozen=True)
class Hadamard:
    """K different rows of Sylvester's matrix of order N, its columns with random signs: orthogonal as can be.

        d_k[j] = sigma[j] (-1)**popcount((k xor r) & j),   j = 0..n - 1,   N the least power of two >= max(n, K)

    with one random number r and random signs sigma of the step and tensor, so that an entry costs a few gates. With
    exact slopes and K a power of two the variance is that of Bernoulli times `(N - K) / (N - 1)`, and none at K = N.
    """

    @property
    def power(self) -> int:
        return 1

    def draw(
        self, rng: CounterRNG, step: int, channel: int, count: int, shape: tuple[int, ...]
    ) -> Int8[np.ndarray, "K *shape"]:
        size = int(np.prod(shape))
        order = 1 << (max(size, count) - 1).bit_length()
        sigma = rng.signs(Purpose.DIRECTION, step, channel, 0, size)
        # Direction 2**32 of the counter is no direction: it is the number of the first row.
        offset = int(rng.below(order, Purpose.DIRECTION, step, channel, 2**32, 1)[0])
        rows = np.arange(count) ^ offset
        return np.asarray(sylvester(rows, order, np.int8)[:, :size] * sigma).reshape(count, *shape)


@dataclass(frozen=True)
class LowRank:
    """A matrix `A B` of random signs, `A (rows, rank)` and `B (rank, columns)`: entries of mean square `rank`.

    It is drawn from `rank (rows + columns)` bits instead of `rows columns`. Entries are uncorrelated, so the estimate
    is unbiased, but not independent. A tensor of one axis is drawn as by Bernoulli, `rank` of them added. Raises
    OutOfRange for a rank outside 1..127. Source of low-rank perturbations: EGGROLL, Sarkar et al. 2025,
    arXiv 2511.16652.
    """

    rank: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= 127:
            raise OutOfRange(explain("LowRank.rank", self.rank, "1..127, what fits 8 bits", "use 1"))

    @property
    def power(self) -> int:
        return self.rank

    def draw(
        self, rng: CounterRNG, step: int, channel: int, count: int, shape: tuple[int, ...]
    ) -> Int8[np.ndarray, "K *shape"]:
        rows, columns = shape if len(shape) == 2 else (int(np.prod(shape)), 1)
        found = np.empty((count, rows, columns), np.int8)
        for k in range(count):
            bits = rng.signs(Purpose.DIRECTION, step, channel, k, self.rank * (rows + columns))
            left = bits[: self.rank * rows].reshape(rows, self.rank)
            found[k] = left @ bits[self.rank * rows :].reshape(self.rank, columns)
        return np.asarray(found.reshape(count, *shape))


@dataclass(frozen=True)
class Directions:
    """Where the directions of a learner come from: how many a step, from which seed and distribution.

    Raises OutOfRange for less than one direction.
    """

    count: int = 1
    seed: int = 0
    distribution: Distribution = Bernoulli()

    def __post_init__(self) -> None:
        if self.count < 1:
            raise OutOfRange(explain("Directions.count", self.count, "at least 1", "draw a direction or more"))
        object.__setattr__(self, "_counters", CounterRNG(self.seed))

    def of(self, step: int, channel: int, shape: tuple[int, ...]) -> Int8[np.ndarray, "K *shape"]:
        """All directions of a step for one tensor."""
        rng: CounterRNG = getattr(self, "_counters")  # noqa: B009 (a frozen object's own)
        return self.distribution.draw(rng, step, channel, self.count, shape)
