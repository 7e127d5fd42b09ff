"""A bias as 8-bit digits, which is how it travels on 8-bit synapses."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int8, Int32

#: Digit `i` sits on a synapse from a line that carries `DIGIT_BASE**i`.
DIGIT_BASE = 128
#: As many as a bias below `integers.BIAS_LIMIT` needs.
MAX_DIGITS = 3


def count_digits(bias: Int32[np.ndarray, " out"]) -> int:
    """How many digits `digits` needs for this bias; 0 when it is zero, at most 3 below `integers.BIAS_LIMIT`."""
    return digits(bias).shape[1]


def digits(bias: Int32[np.ndarray, " out"]) -> Int8[np.ndarray, "out digits"]:
    """Signed digits in -64..64, lowest first: `bias == digits @ [1, 128, 16384][:count]`, `|bias| < BIAS_LIMIT`."""
    rest = bias.astype(np.int64)
    columns: list[np.ndarray] = []
    while rest.any():
        # The last digit takes all that is left, at most 64.
        digit = (rest + DIGIT_BASE // 2) % DIGIT_BASE - DIGIT_BASE // 2 if len(columns) < MAX_DIGITS - 1 else rest
        columns.append(digit)
        rest = (rest - digit) // DIGIT_BASE
    return np.array(columns, dtype=np.int8).reshape(len(columns), len(bias)).T


def lines(count: int) -> Int32[np.ndarray, " digits"]:
    """What the first `count` bias lines carry."""
    return DIGIT_BASE ** np.arange(count, dtype=np.int32)
