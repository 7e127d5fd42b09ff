"""Integers of a Program: what fits where, and the errors that say so when it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurokit.errors import OutOfRange, explain
from neurokit.wiring import frozen, require_finite

#: Exponents that a Dense may have: the exact 8-bit recipe spends one of Loihi's -8..7.
EXPONENTS = range(-7, 7)
#: Shifts of Readout and Product, done by the neuron that sends.
READOUT_SHIFTS, PRODUCT_SHIFTS = range(8), range(32)
#: A bias travels as digits to the base 128 on up to three synapses.
BIAS_LIMIT = 2**20
#: A threshold is `k * 2**e`, so that one 8-bit synapse can subtract it.
THRESHOLD_MANTISSA, THRESHOLD_EXPONENTS = range(1, 256), range(8)


@dataclass(frozen=True)
class Widths:
    """Bits, sign included, of every kind of integer; leaving one is an error, never a wrap.

    synapse      weighted sum before the exponent (32-bit arithmetic, doubled by the exact 8-bit recipe)
    membrane     of a spiking neuron: 24 bits of which 6 are the fraction that Loihi keeps below the synaptic input
    accumulator  of a readout
    message      a graded spike
    product      before its shift
    """

    synapse: int = 31
    membrane: int = 18
    accumulator: int = 24
    message: int = 24
    product: int = 32

    def __post_init__(self) -> None:
        for name, bits in vars(self).items():
            if not 2 <= bits <= 32:
                raise OutOfRange(explain(f"Widths.{name}", bits, "2..32 bits", "declare what the target has"))

    def limit(self, kind: str) -> int:
        """Largest magnitude that is safe in both signs: `2**(bits - 1) - 1`."""
        return int(2 ** (getattr(self, kind) - 1) - 1)


def integers(subject: str, values: object, dtype: type[np.signedinteger]) -> np.ndarray:
    """`values` as a read-only array of `dtype`; raises OutOfRange at the first that is not exactly representable."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        require_finite(subject, array)
    elif array.dtype.kind not in "iu":
        raise OutOfRange(explain(f"{subject}: dtype", array.dtype, "integers", "quantise the network first"))
    info = np.iinfo(dtype)
    bad = np.argwhere((array < info.min) | (array > info.max) | (array != np.round(array)))
    if len(bad):
        index = ", ".join(map(str, bad[0]))
        raise OutOfRange(
            explain(
                f"{subject}[{index}]",
                array[tuple(bad[0])],
                f"an integer in {info.min}..{info.max}",
                f"rescale the layer ({len(bad)} such entries)",
            )
        )
    return frozen(array.astype(dtype))


def bias_integers(subject: str, values: object) -> np.ndarray:
    """`values` as 32-bit integers that three digits to the base 128 can carry."""
    array = integers(subject, values, np.int32)
    too_big = np.argwhere(np.abs(array.astype(np.int64)) >= BIAS_LIMIT)
    if len(too_big):
        index = ", ".join(map(str, too_big[0]))
        raise OutOfRange(
            explain(
                f"{subject}[{index}]", array[tuple(too_big[0])], f"below {BIAS_LIMIT} in magnitude", "rescale the layer"
            )
        )
    return array


def require_in(subject: str, value: int, legal: range, remedy: str) -> None:
    if not isinstance(value, (int, np.integer)) or value not in legal:
        raise OutOfRange(explain(subject, value, f"an integer in {legal[0]}..{legal[-1]}", remedy))


def require_positive_scale(subject: str, value: float) -> None:
    if not np.isfinite(value) or value <= 0:
        raise OutOfRange(explain(subject, value, "a finite number > 0", "set the value of one integer unit"))


def split_threshold(threshold: float) -> tuple[int, int]:
    """`(k, e)` with `threshold == k * 2**e`, `1 <= k <= 255`, `0 <= e <= 7`; raises OutOfRange naming the nearest."""
    for e in THRESHOLD_EXPONENTS:
        k = threshold / 2**e
        if k == int(k) and int(k) in THRESHOLD_MANTISSA:
            return int(k), e
    legal = [k * 2**e for e in THRESHOLD_EXPONENTS for k in THRESHOLD_MANTISSA]
    nearest = min(legal, key=lambda value: abs(value - threshold))
    raise OutOfRange(
        explain(
            "threshold",
            threshold,
            "k * 2**e with 1 <= k <= 255 and 0 <= e <= 7",
            f"use {nearest}, the nearest legal one",
        )
    )
