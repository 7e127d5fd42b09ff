"""From a batch of any shape to one row of samples, as they stream through a network, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurokit.errors import LavaFailure
from neurokit.ir.program import Program
from neurokit.ir.result import Trace
from neurokit.targets.lava.job import Answer


def spread(values: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[int, ...]]:
    """Encoded inputs, `(*batch, size)` that broadcast, as `(samples, size)` each, and the shape of the batch."""
    batch = np.broadcast_shapes(*(x.shape[:-1] for x in values.values()))
    flat = {
        name: np.ascontiguousarray(np.broadcast_to(x, (*batch, x.shape[-1]))).reshape(-1, x.shape[-1])
        for name, x in values.items()
    }
    return flat, batch


def folded(
    program: Program, values: Mapping[str, np.ndarray], batch: tuple[int, ...], answer: Answer
) -> tuple[dict[str, np.ndarray], Trace | None]:
    """Raw outputs and the trace of such a row, each in the batch axes of the inputs that it depends on."""
    shapes = _batch_shapes(program, {name: x.shape[:-1] for name, x in values.items()})
    source = {output.name: output.source for output in program.outputs}
    raw = {name: _fold(name, y, batch, shapes[source[name]]) for name, y in answer.raw.items()}
    if answer.trace is None:
        return raw, None
    kinds = vars(answer.trace)
    return raw, Trace(**{k: {n: _fold(n, a, batch, shapes[n]) for n, a in v.items()} for k, v in kinds.items()})


def _batch_shapes(program: Program, inputs: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Batch shape of every node: that of the inputs it depends on, broadcast together."""
    shapes = dict(inputs)
    for node in program.nodes:
        if node.sources:
            shapes[node.name] = np.broadcast_shapes(*(shapes[s] for s in node.sources))
    return shapes


def _fold(name: str, flat: np.ndarray, batch: tuple[int, ...], own: tuple[int, ...]) -> np.ndarray:
    """From one leading axis over all pairs to the batch axes of a node.

    A node that does not depend on an axis was computed once for every index of it; all must agree.
    """
    pairs = flat.reshape(*batch, *flat.shape[1:])
    padded = (1,) * (len(batch) - len(own)) + own
    once = pairs[tuple(slice(0, 1) if small != big else slice(None) for small, big in zip(padded, batch, strict=True))]
    if (pairs != once).any():
        raise LavaFailure(f"node {name!r} gave different answers to the same sample at different times of one run.")
    return np.ascontiguousarray(once).reshape(*own, *flat.shape[1:])
