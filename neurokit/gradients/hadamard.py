"""Rows of Sylvester's Hadamard matrices, without the matrices."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int64, Num


def sylvester(rows: Int64[np.ndarray, " K"], order: int, dtype: Any) -> Num[np.ndarray, "K order"]:
    """Rows of Sylvester's matrix of that order, a power of two: +1 and -1, any two rows orthogonal.

    The matrix is the Kronecker product of two of about the root of its order: a row is the outer product of two rows.
    """
    low = 1 << (order.bit_length() - 1) // 2
    left, right = _whole(order // low, np.dtype(dtype)), _whole(low, np.dtype(dtype))
    return np.asarray(left[rows // low][:, :, None] * right[rows % low][:, None, :]).reshape(len(rows), order)


@lru_cache(maxsize=16)
def _whole(order: int, dtype: np.dtype[Any]) -> Num[np.ndarray, "order order"]:
    h = np.ones((1, 1), dtype)
    while len(h) < order:
        h = np.block([[h, h], [h, -h]])
    return h
