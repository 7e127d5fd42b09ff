"""How many bytes of tensors a call has alive at once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class _Live(TorchDispatchMode):
    """Counts the storages that operations read or make, for as long as they live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.known: dict[int, int] = {}
        self.bytes = self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        made = answer if isinstance(answer, tuple | list) else (answer,)
        for value in (*args, *made):
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
    """The most that all tensors which operations read or make during `call` hold at once.

    What the tape of automatic differentiation keeps is among them; scratch of compiled kernels that no tensor holds is
    not.
    """
    gc.collect()
    with _Live() as live:
        call()
    return int(live.most)
