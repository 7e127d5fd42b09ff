"""Integers of a Program: what fits where, and the errors that say so when it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurokit.errors import OutOfRange, explain
from neurokit.ir.signals import frozen, refuse_first, require_finite
from neurokit.neurons.fixed_point import DECAY_BITS, FRACTION_BITS, LEAKY_THRESHOLDS, Decay12, require_in

__all__ = [
    "BIAS_LIMIT",
    "DECAY_BITS",
    "DELAYS",
    "EXPONENTS",
    "FRACTION_BITS",
    "LEAKY_THRESHOLDS",
    "PRODUCT_SHIFTS",
    "READOUT_SHIFTS",
    "THRESHOLD_EXPONENTS",
    "THRESHOLD_MANTISSA",
    "Decay12",
    "Widths",
    "bias_integers",
    "integers",
    "require_in",
    "require_positive_scale",
    "soft_reset_synapse",
    "split_threshold",
]

#: Exponents that a Dense may have: the exact 8-bit recipe spends one of Loihi's -8..7.
EXPONENTS = range(-7, 7)
#: Shifts of Readout and Product, done by the neuron that sends.
READOUT_SHIFTS, PRODUCT_SHIFTS = range(8), range(32)
#: A bias travels as digits to the base 128 on up to three synapses.
BIAS_LIMIT = 2**20
#: A threshold is `k * 2**e`, so that one 8-bit synapse can subtract it.
THRESHOLD_MANTISSA, THRESHOLD_EXPONENTS = range(1, 256), range(8)
#: Steps by which a synapse may delay beyond the one that it takes.
DELAYS = range(63)


@dataclass(frozen=True)
class Widths:
    """Bits, sign included, of every kind of integer; leaving one is an error, never a wrap.

    synapse      weighted sum before the exponent (32-bit arithmetic, doubled by the exact 8-bit recipe)
    membrane     of a spiking neuron in units of its current: 24 bits of which 6 are the fraction that Loihi keeps
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

    def membrane_limit(self, fraction: int) -> int:
        """Largest safe magnitude of a membrane with so many bits of fraction; all of it fits 32 bits."""
        return int(2 ** (min(self.membrane + fraction, 32) - 1) - 1)


def integers(subject: str, values: object, dtype: type[np.signedinteger]) -> np.ndarray:
    """`values` as a read-only array of `dtype`; raises OutOfRange at the first that is not exactly representable."""
    array = np.asarray(values)
    if array.dtype == dtype:
        return frozen(array)
    if array.dtype.kind == "f":
        require_finite(subject, array)
    elif array.dtype.kind not in "iu":
        raise OutOfRange(explain(f"{subject}: dtype", array.dtype, "integers", "quantise the network first"))
    info = np.iinfo(dtype)
    bad = (array < info.min) | (array > info.max) | (array != np.round(array))
    legal = f"an integer in {info.min}..{info.max}"
    refuse_first(bad, subject, array, legal, "rescale the layer ({count} such entries)")
    return frozen(array.astype(dtype))


def bias_integers(subject: str, values: object) -> np.ndarray:
    """`values` as 32-bit integers that three digits to the base 128 can carry."""
    array = integers(subject, values, np.int32)
    too_big = np.abs(array.astype(np.int64)) >= BIAS_LIMIT
    refuse_first(too_big, subject, array, f"below {BIAS_LIMIT} in magnitude", "rescale the layer")
    return array


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


def soft_reset_synapse(threshold: int, decay: Decay12) -> tuple[int, int]:
    """`(k, e)` of the synapse that subtracts a threshold one step after the spike, when the membrane has decayed.

    Above the threshold both `m` and `m - threshold` are positive, where rounding toward zero is the floor, so

        (m - threshold) * decay = m * decay - threshold * numerator / 4096        for every m > threshold

    exactly if the last term is an integer, in units of the current; and it is one synapse if it is `k * 2**e`.
    Raises OutOfRange naming the nearest legal numerator and the nearest legal threshold otherwise.
    """
    found = _synapse(threshold, decay.numerator)
    if found is not None:
        return found
    numerators = [n for n in range(1, 2**DECAY_BITS + 1) if _synapse(threshold, n)]
    thresholds = [t for t in LEAKY_THRESHOLDS if _synapse(t, decay.numerator)]
    nearest = [
        f"the decay {min(numerators, key=lambda n: abs(n - decay.numerator))}/4096" if numerators else "",
        f"the threshold {min(thresholds, key=lambda t: abs(t - threshold))}" if thresholds else "",
    ]
    raise OutOfRange(
        explain(
            "(threshold, decay) of a soft reset",
            f"({threshold}, {decay.numerator}/4096)",
            "threshold * numerator = 4096 * k * 2**e with 1 <= k <= 255 and 0 <= e <= 7",
            f"use {' or '.join(filter(None, nearest)) or 'another of both'}, the nearest legal with the other as it is",
        )
    )


def _synapse(threshold: int, numerator: int) -> tuple[int, int] | None:
    amount, rest = divmod(threshold * numerator, 2**DECAY_BITS)
    if rest:
        return None
    return next(
        (
            (amount >> e, e)
            for e in THRESHOLD_EXPONENTS
            if amount >> e << e == amount and amount >> e in THRESHOLD_MANTISSA
        ),
        None,
    )
