"""Distributions of random directions, K at a time, with `E[1/K sum_k v_k v_k^T] = 1`, so that `1/K sum_k (g . v_k) v_k`
is an unbiased estimate of `g`.

Directions of `Bernoulli` and `Normal` are independent; those of `Hadamard` and `Orthonormal` are drawn jointly, as
orthogonal as they can be, and lose their variance as K approaches the number of parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.errors import OutOfRange, explain
from neurokit.gradients.hadamard import sylvester


class Distribution(Protocol):
    """A distribution of K directions in n dimensions."""

    #: Whether entries depend on each other, so that all parameters of a direction must be drawn at once.
    joint: ClassVar[bool]

    def draw(self, shape: tuple[int, int], generator: torch.Generator, like: Tensor) -> Float[Tensor, "K n"]:
        """A sample of `shape` (K, n) from the CPU `generator`, in the dtype and on the device of `like`."""
        ...


@dataclass(frozen=True)
class Bernoulli:
    """Entries -1 or +1 with equal odds: with one direction, the least variance of all distributions.

    `E|estimate - g|**2 = (n - 1) / K |g|**2`.
    """

    joint: ClassVar[bool] = False

    def draw(self, shape: tuple[int, int], generator: torch.Generator, like: Tensor) -> Float[Tensor, "K n"]:
        return _signs(shape, generator, like.dtype).to(like.device)


@dataclass(frozen=True)
class Normal:
    """Standard normal entries. `E|estimate - g|**2 = (n + 1) / K |g|**2`."""

    joint: ClassVar[bool] = False

    def draw(self, shape: tuple[int, int], generator: torch.Generator, like: Tensor) -> Float[Tensor, "K n"]:
        return torch.randn(shape, dtype=like.dtype, generator=generator).to(like.device)


@dataclass(frozen=True)
class Hadamard:
    """Rademacher-Hadamard: K different rows of Sylvester's matrix, its first n columns with random signs.

    Its order N is the least power of two >= n. `E|estimate - g|**2 = (n - 1) (N - K) / (K (N - 1)) |g|**2`, which is
    less than that of Bernoulli, and none at K = N: the estimate is the gradient. A larger K uses `K // N` whole
    matrices and leaves the directions beyond them zero, so the estimate stays the gradient.
    """

    joint: ClassVar[bool] = True

    def draw(self, shape: tuple[int, int], generator: torch.Generator, like: Tensor) -> Float[Tensor, "K n"]:
        count, n = shape
        order = 1 << (n - 1).bit_length()
        used = count if count < order else count // order * order
        rows = torch.randperm(order, generator=generator)[:used] if used < order else torch.arange(used) % order
        v: Tensor = torch.zeros(shape, dtype=like.dtype)
        whole = torch.from_numpy(sylvester(rows.numpy(), order, str(like.dtype).removeprefix("torch.")))
        torch.mul(whole[:, :n], _signs((1, n), generator, like.dtype), out=v[:used])
        v *= math.sqrt(count / used)
        return v.to(like.device)


@dataclass(frozen=True)
class Orthonormal:
    """Haar: K orthogonal vectors of length `sqrt(n)`, uniform over all rotations.

    `E|estimate - g|**2 = (n / K - 1) |g|**2` for K < n. For K >= n the n columns are orthogonal instead, of length
    `sqrt(K)`, and the estimate is the gradient.
    """

    joint: ClassVar[bool] = True

    def draw(self, shape: tuple[int, int], generator: torch.Generator, like: Tensor) -> Float[Tensor, "K n"]:
        long, short = max(shape), min(shape)
        q, r = torch.linalg.qr(torch.randn((long, short), dtype=like.dtype, generator=generator))
        # A factorisation is uniform over rotations once its triangle has a positive diagonal (Mezzadri 2007).
        v: Tensor = (q * torch.where(r.diagonal() < 0, -1.0, 1.0).to(q.dtype)).mul_(math.sqrt(long))
        return (v if shape[0] == long else v.T).to(like.device)


def require_directions(estimator: object, count: int) -> None:
    """Raise OutOfRange unless an estimator has at least one direction."""
    if count < 1:
        subject = f"{type(estimator).__name__}.directions"
        raise OutOfRange(explain(subject, count, "at least 1", "draw a direction or more"))


def _signs(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    coin = torch.empty(shape, dtype=dtype).bernoulli_(0.5, generator=generator)
    return coin * 2 - 1
