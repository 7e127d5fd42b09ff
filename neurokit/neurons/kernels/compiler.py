"""How the kernels of this package are compiled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """numba's compiler with a cache on disk, or without where no folder can hold one (numba raises RuntimeError).

    Arithmetic is IEEE's: no reordering and no fused multiply-add, so that spikes are those of the plain loops.
    """
    return _cached(function)


def contracted(function: Callable[..., Any]) -> Any:
    """As `compiled`, for what no spike depends on: a product and a sum may be one instruction, rounded once."""
    return _cached(function, fastmath={"contract"})


def _cached(function: Callable[..., Any], **options: Any) -> Any:
    try:
        kernel = njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy", **options)(function)
    save = kernel._cache.save_overload

    def save_if_there_is_room(signature: Any, compiled: Any) -> None:
        with suppress(OSError):  # a full disk costs the next process the time to compile, and this one nothing
            save(signature, compiled)

    kernel._cache.save_overload = save_if_there_is_room
    return kernel
