"""Training: the loop that every estimator steps, fine-tuning on integer grids, and runs kept in folders.

Names of the loop are imported when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurokit.training.loop import Observer, Settings, Tell, Training, evaluate, fit, predict

__all__ = ["Observer", "Settings", "Tell", "Training", "evaluate", "fit", "predict"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'neurokit.training' has no attribute {name!r}; it has {', '.join(__all__)}")
    from neurokit.training import loop

    return getattr(loop, name)
