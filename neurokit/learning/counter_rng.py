"""CounterRNG: random bits that are a function of where they are used, so that nobody stores or sends them.

    bits = Philox4x64(key = (seed, purpose), counter = (block, direction, channel, step))

A host, a chip's embedded processor and a simulator that agree on these numbers agree on every bit, in any order, and
each draws only what it needs. Source: Salmon et al. 2011, doi:10.1145/2063384.2063405, as in `numpy.random.Philox`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int8, Int64, UInt64

from neurokit.errors import OutOfRange, explain

_U64 = np.uint64
#: Words of 64 bits in a block of the generator.
_BLOCK = 4


class Purpose(IntEnum):
    """What random bits are for: different purposes never share any."""

    DIRECTION = 0
    ROUNDING = 1
    BATCH = 2
    FAULT = 3
    CURRENT = 4


@dataclass(frozen=True)
class CounterRNG:
    """Random bits of one seed. Raises OutOfRange unless `0 <= seed < 2**63`."""

    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise OutOfRange(explain("CounterRNG.seed", self.seed, "0..2**63 - 1", "choose another"))

    def words(self, purpose: Purpose, step: int, channel: int, direction: int, count: int) -> UInt64[np.ndarray, " n"]:
        """`count` words of 64 random bits; `channel` numbers a tensor, `direction` one of its directions."""
        generator, state = self._generators
        state["state"]["key"][:] = (self.seed, purpose)
        state["state"]["counter"][:] = (0, direction, channel, step)
        state["buffer_pos"] = _BLOCK
        generator.state = state
        words: np.ndarray = generator.random_raw(count)
        return words

    @cached_property
    def _generators(self) -> tuple[np.random.Philox, Any]:
        """One generator that is put to each counter in turn: making one costs more than drawing from it."""
        generator = np.random.Philox(0)
        state: Any = generator.state
        return generator, state

    def signs(self, purpose: Purpose, step: int, channel: int, direction: int, count: int) -> Int8[np.ndarray, " n"]:
        """`count` independent -1 or +1: bit `j % 64` of word `j // 64`, lowest first, 1 for +1."""
        words = self.words(purpose, step, channel, direction, -(-count // 64))
        bits = np.unpackbits(words.astype("<u8").view(np.uint8), count=count, bitorder="little")
        return (2 * bits.astype(np.int8) - 1).astype(np.int8)

    def below(
        self, limit: int, purpose: Purpose, step: int, channel: int, direction: int, count: int
    ) -> Int64[np.ndarray, " n"]:
        """`count` integers in `0..limit - 1`: the upper 32 bits of a word times the limit, over 2**32.

        Uniform to within `limit / 2**32`, exactly for powers of two.
        """
        words = self.words(purpose, step, channel, direction, count) >> _U64(32)
        return (words * _U64(limit) >> _U64(32)).astype(np.int64)
