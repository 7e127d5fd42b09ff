"""WeightGrid: which integers a layer's weights may be, in Loihi's bits and sign modes.

A Program holds weights as int8. A weight of fewer bits is a *level* times a power of two, the *step*, as on Loihi,
whose weights of `b` bits are the upper bits of eight:

    weight = step * level,   low <= level <= high,   low * step >= -128,   high * step <= 127

Biases, thresholds and membranes keep the unit of the int8 weight, so that few bits of weight do not make them coarse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float64, Int

from neurokit.errors import OutOfRange, explain
from neurokit.ir.signals import refuse_first

#: Bits that a weight may have.
BITS = range(2, 9)


class Levels(NamedTuple):
    """The lowest and the highest level of a weight."""

    low: int
    high: int

    @property
    def bits(self) -> int:
        """Bits of a level, sign included where there are two."""
        if self.low < 0 < self.high:
            return 1 + max((-self.low - 1).bit_length(), self.high.bit_length())
        return max(-self.low, self.high).bit_length()

    @property
    def coarsest(self) -> int:
        """The largest step with which every level is an int8."""
        step = 1
        while 2 * step * self.high <= 127 and 2 * step * self.low >= -128:
            step *= 2
        return step


class SignMode(Protocol):
    """How the weights of a layer share their sign."""

    def levels(self, bits: int, weight: np.ndarray) -> Levels:
        """The levels of weights of `bits` bits in a layer whose real weights are `weight`."""
        ...


@dataclass(frozen=True)
class Mixed:
    """Both signs in one layer: `-2**(bits - 1) .. 2**(bits - 1) - 1`.

    On Loihi at 8 bits the even numbers in -256..254, twice those of a Program; a Program's synapses have half the gain.
    """

    def levels(self, bits: int, weight: np.ndarray) -> Levels:
        return Levels(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@dataclass(frozen=True)
class Excitatory:
    """No weight is negative: `0 .. 2**bits - 1`, a bit more than Mixed. At 8 bits `0..127`, what an int8 holds."""

    def levels(self, bits: int, weight: np.ndarray) -> Levels:
        return Levels(0, min(2**bits - 1, 127))


@dataclass(frozen=True)
class Inhibitory:
    """No weight is positive: `-(2**bits - 1) .. 0`, the mirror of Excitatory."""

    def levels(self, bits: int, weight: np.ndarray) -> Levels:
        return Levels(-min(2**bits - 1, 127), 0)


@dataclass(frozen=True)
class ByLayer:
    """The mode that a layer's weights allow: Excitatory or Inhibitory if they share a sign, else Mixed."""

    def levels(self, bits: int, weight: np.ndarray) -> Levels:
        mode: SignMode = Mixed()
        if (weight >= 0).all():
            mode = Excitatory()
        elif (weight <= 0).all():
            mode = Inhibitory()
        return mode.levels(bits, weight)


@dataclass(frozen=True)
class WeightGrid:
    """Bits of a weight, 2 to 8, and the sign mode of its layer.

    Raises OutOfRange for other numbers of bits.
    """

    bits: int = 8
    signs: SignMode = ByLayer()

    def __post_init__(self) -> None:
        if self.bits not in BITS:
            raise OutOfRange(
                explain("WeightGrid.bits", self.bits, "an integer in 2..8", "choose 8 unless the chip has less")
            )

    def levels(self, name: str, weight: Float64[np.ndarray, "out in"]) -> Levels:
        """The levels of the layer `name`; raises OutOfRange for a weight whose sign the mode has no level for."""
        levels = self.signs.levels(self.bits, weight)
        wrong = (weight < 0) if levels.low == 0 else (weight > 0) if levels.high == 0 else weight != weight
        legal = f"{'>= 0' if levels.low == 0 else '<= 0'} in the sign mode {type(self.signs).__name__}"
        remedy = "train it so ({count} such weights), or let the layer be Mixed()"
        refuse_first(wrong, f"layer {name!r}: weight", weight, legal, remedy)
        return levels


#: One grid for all layers, or one by the name of each; layers that are not named get 8 bits.
Grids = WeightGrid | Mapping[str, WeightGrid]


def grid_of(grids: Grids, layer: str) -> WeightGrid:
    """The grid of a layer."""
    return grids if isinstance(grids, WeightGrid) else grids.get(layer, WeightGrid())


@dataclass(frozen=True)
class LayerGrid:
    """The integers of one layer's weights: `step * level` for the levels from low to high."""

    low: int
    high: int
    step: int = 1

    def nearest(self, weight: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """The weight of the grid closest to each number, ties to the even level; numbers beyond its ends go to them."""
        rounded: np.ndarray = np.asarray(weight / self.step)
        np.rint(rounded, out=rounded)  # in place: of a large layer every copy costs as much as the work
        np.clip(rounded, self.low, self.high, out=rounded)
        rounded *= self.step
        return rounded

    def beyond(self, weight: Float64[np.ndarray, "..."]) -> int:
        """How many numbers lie beyond the ends of the grid, by more than rounding."""
        level: np.ndarray = np.asarray(weight / self.step)
        np.rint(level, out=level)
        return int(((level < self.low) | (level > self.high)).sum())


def weight_levels(weight: Int[np.ndarray, "..."]) -> tuple[Levels, int]:
    """The levels between which a layer's integer weights lie, and their step, the largest common power of two."""
    combined = int(np.bitwise_or.reduce(weight, axis=None))
    step = combined & -combined or 1
    return Levels(int(weight.min(initial=0)) // step, int(weight.max(initial=0)) // step), step


def weight_bits(weight: Int[np.ndarray, "..."]) -> int:
    """The bits that a layer's integer weights need, for levels whose step is their largest common power of two."""
    return max(1, weight_levels(weight)[0].bits)
