"""Distributions of random directions `v` with `E[v v^T] = 1`, so that `E[(g . v) v] = g`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Distribution(Protocol):
    """A distribution of independent entries of mean zero and variance one."""

    def draw(self, shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
        """A sample of `shape` from the CPU `generator`, in the dtype and on the device of `like`."""
        ...


@dataclass(frozen=True)
class Bernoulli:
    """Entries -1 or +1 with equal odds: with one direction, the least variance of all such distributions.

    The variance of `(g . v) v` for n parameters is `(n - 1) |g|**2`.
    """

    def draw(self, shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
        coin = torch.empty(shape, dtype=like.dtype).bernoulli_(0.5, generator=generator)
        return (coin * 2 - 1).to(like.device)


@dataclass(frozen=True)
class Normal:
    """Standard normal entries. The variance of `(g . v) v` for n parameters is `(n + 1) |g|**2`."""

    def draw(self, shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
        return torch.randn(shape, dtype=like.dtype, generator=generator).to(like.device)
