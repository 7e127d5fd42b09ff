"""The tangent neuron: what a spiking neuron's membrane and spikes do along a direction, in fixed point.

Beside every neuron of a Program stands one that receives how its current changes and sends how its spike does, as a
graded spike. A spike has no derivative; a surrogate stands in for it, as a table over the distance to threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Int64, UInt8

from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import Spiking, decays
from neurokit.ir.signals import frozen
from neurokit.neurons.models import Subtract
from neurokit.neurons.surrogates import Surrogate

#: Entries of a table at the most, and the bits of an entry.
BINS, ENTRY_BITS = 128, 8


@dataclass(frozen=True, eq=False)
class GainTable:
    """A surrogate's values over the distance to threshold, the same on both sides: `entries[|d| >> bin]`, 0 beyond.

    entries  1 to 128 of 8 bits without sign
    bin      power of two that is the width of an entry, in units of the membrane
    """

    entries: UInt8[np.ndarray, " bins"]
    bin: int

    def __post_init__(self) -> None:
        entries = np.asarray(self.entries)
        legal = entries.ndim == 1 and 1 <= entries.size <= BINS and entries.dtype.kind in "iu"
        if not (legal and entries.min() >= 0 and entries.max() < 2**ENTRY_BITS and self.bin >= 0):
            legal_form = f"1..{BINS} integers in 0..{2**ENTRY_BITS - 1} and a bin >= 0"
            raise OutOfRange(explain("GainTable", (entries, self.bin), legal_form, "make it with `tangent_neuron`"))
        object.__setattr__(self, "entries", frozen(entries.astype(np.uint8)))

    def look_up(self, distance: Int[np.ndarray, "*batch"]) -> Int64[np.ndarray, "*batch"]:
        """The entry at every distance to threshold."""
        index = np.minimum(np.abs(distance) >> self.bin, self.entries.size)
        return np.asarray(np.append(self.entries, 0).astype(np.int64)[index])


class TangentState(NamedTuple):
    """Tangents of a neuron's synaptic current and membrane."""

    di: Any
    du: Any


@dataclass(frozen=True, eq=False)
class TangentNeuron:
    """The tangent of a neuron with a soft reset, all in integers.

    From the tangent `da` of its current and the membrane `m` before the reset, in every step, from 0 at first:

        di <- di * alpha + da;  dm = du * beta + di          (IF: dm = du + da)
        ds = floor((dm * gain + half) / 2**shift)            gain = table[|m - threshold|], half = 2**(shift - 1)
        du <- dm - reset * ds

    dm, di and du are in units of `2**-h` of the current, ds in units of `2**-f` of a spike, so that
    `gain / 2**shift` is the surrogate in spikes per unit of the current times `2**(f - h)`, and `reset` is
    `threshold * 2**(h - f)`: an integer, so that the membrane keeps what rounding took from a spike, and errors do not
    add up. Decays round toward zero (Decay12). `threshold` is in units of the membrane.

    Source: forward-mode differentiation of Eq. (1)-(3) of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057), with the
    reset differentiated too.
    """

    table: GainTable
    threshold: int
    shift: int
    reset: int
    alpha: Decay12
    beta: Decay12

    def start(self, zero: Any) -> TangentState:
        """The state before the first step."""
        return TangentState(zero, zero)

    def step(self, state: TangentState, da: Any, membrane: Any) -> tuple[Any, Any, TangentState]:
        """One step: `(dm, ds, state after it)`."""
        di = state.di * self.alpha + da
        dm = state.du * self.beta + di
        ds = dm * self.table.look_up(membrane - self.threshold) + (1 << self.shift >> 1) >> self.shift
        return dm, ds, TangentState(di, dm - self.reset * ds)

    @property
    def highest_gain(self) -> int:
        return int(self.table.entries.max())

    @property
    def factors(self) -> tuple[int, int]:
        """The numerators, over `2**shift`, of the least and greatest `1 - reset * gain / 2**shift` with a gain > 0."""
        gains = self.table.entries[self.table.entries > 0].astype(np.int64)
        kept = (1 << self.shift) - self.reset * gains
        return int(kept.min()), int(kept.max())


def tangent_neuron(node: Spiking, surrogate: Surrogate, current: int, spike: int) -> TangentNeuron:
    """The tangent neuron beside those of `node`.

    surrogate  in units of the threshold, as in training with threshold 1; the same on both sides
    current    bits h of fraction that the tangent of the current has (may be negative)
    spike      bits f of fraction that tangent spikes are to have

    Raises UnsupportedNode for a reset other than Subtract, a neuron that is not current-based and recurrent synapses,
    OutOfRange when `reset` would not be an integer, or for a surrogate that the table cannot hold.
    """
    if not isinstance(node.neuron.reset, Subtract):
        reason = "after a hard reset tangents may grow with every spike, so that no width can be proved"
        raise UnsupportedNode(node.name, "Spiking", "the tangent pass", reason, "Use the reset Subtract().")
    if node.neuron.current_based() is None:
        kind, reason = type(node.neuron).__name__, "a tangent neuron has the states of a current-based one"
        raise UnsupportedNode(node.name, kind, "the tangent pass", reason, "Use IF, LIF or CubaLIF, or learn by SPSA.")
    if node.recurrent is not None:
        reason = "it has no tangent of recurrent synapses"
        raise UnsupportedNode(node.name, "Spiking", "the tangent pass", reason, "Learn by SPSA there.")
    finest = finest_spike(node, current)
    if spike > finest:
        subject = f"population {node.name!r}: fraction of tangent spikes"
        raise OutOfRange(explain(subject, spike, f"at most {finest}", "let their reset be an integer"))
    reset = node.threshold << current - spike if current >= spike else node.threshold >> spike - current
    fine = node.threshold << node.fraction
    bin_, values = _sampled(node, surrogate, fine)
    # Of a spike per unit of the current, in the units of dm and ds.
    scaled = values * 2.0 ** (spike - current) / node.threshold
    shift = int(np.floor(np.log2((2**ENTRY_BITS - 1) / scaled.max())))
    if shift < 1:
        subject = f"population {node.name!r}: highest gain of the surrogate"
        raise OutOfRange(explain(subject, f"{scaled.max():g}", f"at most {2**ENTRY_BITS // 2}", "use a wider one"))
    entries = np.rint(scaled * 2.0**shift).astype(np.int64)
    alpha, beta = (Decay12(numerator) for numerator in decays(node.neuron))
    return TangentNeuron(GainTable(np.trim_zeros(entries, "b"), bin_), fine, shift, reset, alpha, beta)


def finest_spike(node: Spiking, current: int) -> int:
    """The most bits of fraction that tangent spikes can have, if `reset` is to be an integer."""
    powers = (node.threshold & -node.threshold).bit_length() - 1
    return current + powers


def _sampled(node: Spiking, surrogate: Surrogate, threshold: int) -> tuple[int, np.ndarray]:
    """The width of a bin, as a power of two, and the surrogate, in units of the threshold, in the middle of each.

    The bins reach as far as the surrogate rounds to an entry above 0, or as membranes do.
    """
    reach = 2**30 // threshold
    grid = np.linspace(0.0, min(reach, 64.0), 2**12)
    values = surrogate.derivative(grid)
    if not np.array_equal(values, surrogate.derivative(-grid)) or not (values >= 0).all() or values.max() <= 0:
        subject = f"population {node.name!r}: surrogate"
        raise OutOfRange(explain(subject, surrogate, "one that is even and not negative", "use Gaussian()"))
    seen = grid[values > values.max() / 2 ** (ENTRY_BITS + 1)].max() * threshold
    bin_ = max(0, int(np.ceil(np.log2((seen + 1) / BINS))))
    middles = (np.arange(BINS) * 2.0**bin_ + (2.0**bin_ - 1) / 2) / threshold
    return bin_, np.asarray(surrogate.derivative(middles))
