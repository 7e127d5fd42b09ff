"""How many bytes of tensors and arrays a call has alive at once."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class _Live(TorchDispatchMode):
    """Counts the storages that operations make, for as long as they live."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, int] = {}
        self.bytes = self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        for value in answer if isinstance(answer, tuple | list) else (answer,):
            if isinstance(value, torch.Tensor):
                self._meet(value.untyped_storage())
        return answer

    def _meet(self, storage: Any) -> None:
        key = storage._cdata
        if key in self.known:
            return
        self.known[key] = storage.nbytes()
        self.bytes += storage.nbytes()
        self.most = max(self.most, self.bytes)
        weakref.finalize(storage, self._part, key)

    def _part(self, key: int) -> None:
        self.bytes -= self.known.pop(key, 0)


def live_bytes(call: Callable[[], object]) -> int:
    """The most that tensors made during `call` hold at once, plus the most that Python and NumPy allocate during it.

    A storage that is met again after its Python object went is counted as new, so this is exact where memory lives
    on in the tape of automatic differentiation, and an upper bound otherwise.
    """
    gc.collect()
    with _Live() as live:
        call()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return live.most + most - before
