"""exp of numbers <= 0, in arithmetic that compilers turn into vector instructions.

`exp(y) = 2**k exp(r)` with `k = round(y / ln 2)` and `|r| <= ln(2) / 2`. Adding 1.5 * 2**m, where m is the number of
bits of the significand, rounds to an integer and leaves k in the lowest bits of the sum; shifted into the exponent of
1.0 they make 2**k. `exp(r)` is its Taylor series, whose remainder is below half a unit in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload


def _bits_of(typing: Any, value: Any) -> Any:
    """The bits of a float as an integer of its size, or of an integer as a float."""
    pairs = {types.float32: types.int32, types.float64: types.int64}
    result: Any = {**pairs, **{integer: real for real, integer in pairs.items()}}[value]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return result(value), generate


_bits: Any = intrinsic(_bits_of)


def exponential(y: Any) -> Any:
    """exp of a float32 or float64 `y <= 0`, within two units in the last place; below -87 or -708 what it is there."""
    raise NotImplementedError("for compiled code; NumPy has its own")


@overload(exponential, inline="always")
def _(y: Any) -> Callable[[Any], Any] | None:
    return {types.float32: _float32(), types.float64: _float64()}.get(y)


#: What `math.log(2)` lacks to ln 2.
_REST = 2.319046813846300e-17


def _halves(bits: int) -> tuple[float, float]:
    """ln 2 as a number of `bits` bits, whose products with k are exact, and what it lacks."""
    high = math.floor(math.ldexp(math.log(2), bits)) / 2.0**bits
    return high, math.log(2) - high + _REST


def _series(dtype: type[Any], terms: int) -> tuple[Any, ...]:
    return tuple(dtype(1 / math.factorial(n)) for n in range(terms, -1, -1))


def _float32() -> Callable[[Any], Any]:
    least, inverse, rounding = np.float32(-87.0), np.float32(1 / math.log(2)), np.float32(1.5 * 2**23)
    high, low = (np.float32(part) for part in _halves(14))
    c7, c6, c5, c4, c3, c2, c1, c0 = _series(np.float32, 7)
    shift, one = np.int32(23), np.int32(127 << 23)

    def impl(y: Any) -> Any:
        y = max(y, least)
        big = y * inverse + rounding
        k = big - rounding
        r = (y - k * high) - k * low
        p = (((((((c7 * r + c6) * r + c5) * r + c4) * r + c3) * r) + c2) * r + c1) * r + c0
        return p * _bits(np.int32((_bits(big) << shift) + one))

    return impl


def _float64() -> Callable[[Any], Any]:
    least, inverse, rounding = -708.0, 1 / math.log(2), 1.5 * 2**52
    high, low = _halves(40)
    d13, d12, d11, d10, d9, d8, d7, d6, d5, d4, d3, d2, d1, d0 = _series(float, 13)
    shift, one = np.int64(52), np.int64(1023 << 52)

    def impl(y: Any) -> Any:
        y = max(y, least)
        big = y * inverse + rounding
        k = big - rounding
        r = (y - k * high) - k * low
        p = ((((d13 * r + d12) * r + d11) * r + d10) * r + d9) * r + d8
        p = ((((p * r + d7) * r + d6) * r + d5) * r + d4) * r + d3
        p = ((p * r + d2) * r + d1) * r + d0
        return p * _bits((_bits(big) << shift) + one)

    return impl
