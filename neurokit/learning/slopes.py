"""Slopes: directional derivatives of a deployed network's loss, by tangents carried forward beside its integers.

    a' = 2**e (dW s + W s' + db),   u' <- a' + (1 - th g) u',   s' = g u',   g = surrogate((u - th) / th) / th

for a soft reset, which the tangent passes through too; integers as they are, tangents in float32, floors taken for
what they are on average. It is the definition that a tangent neuron in fixed point is held against.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from neurokit.ir.program import Dense, Input, Output, Product, Readout, Spiking, Sum
from neurokit.ir.signals import Signal
from neurokit.learning.perturbations import Probe
from neurokit.neurons.surrogates import Surrogate
from neurokit.simulator.batched_weights import BatchedWeightSimulator, Replaced, Values
from neurokit.simulator.plastic_weights import Field

#: Bytes of tangents that are held at a time.
_ROOM = 2**25

#: A slope below this is none: sums in float32 lose it long before.
_NOTHING = np.float32(1e-20)

#: Tangents of integers, `(K, *shape)`, by node and field.
Directions = Mapping[tuple[str, Field], np.ndarray]
#: Tangents of currents by layer.
Probes = Mapping[str, Probe]
_NO_PROBES: Probes = MappingProxyType({})


def answer_tangents(
    forward: BatchedWeightSimulator,
    found: Values,
    replaced: Replaced,
    directions: Directions,
    surrogate: Surrogate,
    probes: Probes = _NO_PROBES,
) -> Float64[np.ndarray, "K *batch size"]:
    """Tangents of the answers in problem units, along K `directions` of the integers and `probes` of layers' currents.

    `found` are the recorded values of one copy whose integers are `replaced`.
    """
    count = len(next(iter(directions.values()))) if directions else len(next(iter(probes.values())).signs)
    largest = max((state.size for state in found.states.values()), default=1)
    chunk = max(1, _ROOM // (4 * largest))
    parts = []
    for k in range(0, count, chunk):
        some = slice(k, k + chunk)
        moved = {key: d[some] for key, d in directions.items()}
        probed = {layer: probe.some(some) for layer, probe in probes.items()}
        parts.append(_tangents(forward, found, replaced, moved, probed, surrogate, len(range(count)[some])))
    return np.asarray(np.concatenate(parts), np.float64)


def _tangents(
    forward: BatchedWeightSimulator,
    found: Values,
    replaced: Replaced,
    directions: Directions,
    probes: Probes,
    surrogate: Surrogate,
    count: int,
) -> np.ndarray:
    tangent: dict[str, np.ndarray | None] = {}  # None: nothing behind it moves
    for node in forward.program.nodes:
        if isinstance(node, Input):
            tangent[node.name] = None
        elif isinstance(node, Dense):
            series = forward.program.ports[node.name].signal is Signal.SERIES
            moved = _moved(node, forward, directions, count)
            behind = tangent[node.source]
            tangent[node.name] = None
            if series:  # left to its reader, which needs no currents written down
                continue
            if moved is not None:
                value = found.value[node.source][0].astype(np.float32)
                tangent[node.name] = np.matmul(value, moved.rows) + moved.bias[:, None]
            if behind is not None:
                passed = behind @ _matrix(node, forward, replaced)
                tangent[node.name] = passed if tangent[node.name] is None else passed + tangent[node.name]
            if node.name in probes:
                held = probes[node.name].held()
                tangent[node.name] = held if tangent[node.name] is None else held + tangent[node.name]
        elif isinstance(node, Spiking):
            tangent[node.name] = _spikes(node, forward, found, replaced, directions, probes, tangent, count, surrogate)
        elif isinstance(node, Readout):
            tangent[node.name] = _readout(node, forward, found, replaced, directions, probes, tangent, count)
        elif isinstance(node, (Product, Sum)):
            tangent[node.name] = _together(node, found, tangent)
        elif isinstance(node, Output):
            y = tangent[node.source]
            assert y is not None, "a direction moves something"
            full = np.broadcast_to(y, (count, *found.value[node.name].shape[1:]))
            return np.asarray(full.reshape(count, *found.batch[node.name], -1) * node.scale)
    raise AssertionError("a Program has an Output")


class _Moved(NamedTuple):
    """How synapses move along the directions, in units of their currents: by source line, and their biases."""

    rows: Float32[np.ndarray, "directions in size"]
    bias: Float32[np.ndarray, "directions size"]


def _moved(node: Dense, forward: BatchedWeightSimulator, directions: Directions, count: int) -> _Moved | None:
    dw, db = directions.get((node.name, Field.WEIGHT)), directions.get((node.name, Field.BIAS))
    if dw is None and db is None:
        return None
    out, lines = node.shape
    gains = forward.device.gains(node)
    both = np.zeros((count, out, lines + 1), np.float32)
    if dw is not None:
        both[:, :, :-1] = dw
    if db is not None:
        both[:, :, -1] = db
    both *= np.float32(2.0**node.exponent) if gains is None else (gains * 2.0**node.exponent).astype(np.float32)
    return _Moved(np.ascontiguousarray(both[:, :, :-1].swapaxes(1, 2)), np.ascontiguousarray(both[:, :, -1]))


def _matrix(node: Dense, forward: BatchedWeightSimulator, replaced: Replaced) -> Float32[np.ndarray, "in size"]:
    """The weights of the one copy, in units of the current."""
    return np.ascontiguousarray(forward.weight(node, replaced)[0].T * 2.0**node.exponent).astype(np.float32)


def _spikes(
    node: Spiking,
    forward: BatchedWeightSimulator,
    found: Values,
    replaced: Replaced,
    directions: Directions,
    probes: Probes,
    tangent: Mapping[str, np.ndarray | None],
    count: int,
    surrogate: Surrogate,
) -> np.ndarray | None:
    neurons = forward.neurons(node)
    threshold = neurons.thresholds.astype(np.float32)
    before = found.states[node.name][0].astype(np.float32)
    slope = np.asarray(surrogate.derivative((before - threshold) / threshold) / threshold, np.float32)
    slope[slope < _NOTHING] = 0  # what no sum can feel, and what would be slow: subnormal numbers
    kept = 1 - found.value[node.name][0] if neurons.hard else np.float32(1)
    decay = np.asarray(kept - (before if neurons.hard else threshold) * slope, np.float32)
    dense = forward.program[node.source]
    if not isinstance(dense, Dense) or forward.program.ports[dense.name].signal is not Signal.SERIES:
        a = tangent[node.source]
        full = (count, *before.shape[::2])
        return None if a is None else forward.loops.propagate_tangent(np.broadcast_to(a, full).copy(), slope, decay)
    moved, behind = _moved(dense, forward, directions, count), tangent[dense.source]
    probe = probes.get(dense.name)
    if moved is None and behind is None and probe is None:
        return None
    source: np.ndarray = found.value[dense.source][0]
    if moved is None:  # synapses that stay: one line that never fires stands for all
        source = np.zeros((*source.shape[:2], 1), np.uint8)
        moved = _Moved(np.zeros((count, 1, dense.shape[0]), np.float32), np.zeros((count, dense.shape[0]), np.float32))
    passed = None
    if behind is not None:  # one large product, not one a direction
        flat = behind.reshape(-1, behind.shape[-1]) @ _matrix(dense, forward, replaced)
        passed = flat.reshape(*behind.shape[:-1], -1)
    if probe is not None:
        course = probe.series(forward.program.steps)
        passed = course if passed is None else passed + course
    return forward.loops.propagate_tangent_driven(source, passed, moved.rows, moved.bias, slope, decay)


def _readout(
    node: Readout,
    forward: BatchedWeightSimulator,
    found: Values,
    replaced: Replaced,
    directions: Directions,
    probes: Probes,
    tangent: Mapping[str, np.ndarray | None],
    count: int,
) -> np.ndarray | None:
    """Sums over time change places with those over synapses."""
    weights = node.rule.weights(forward.program.steps)
    whole = np.float32(weights.sum())
    parts: list[np.ndarray] = []
    dense = forward.program[node.source]
    if isinstance(dense, Dense) and forward.program.ports[dense.name].signal is Signal.SERIES:
        moved, behind = _moved(dense, forward, directions, count), tangent[dense.source]
        if moved is not None:
            received = forward.loops.count(found.value[dense.source], weights)[0].astype(np.float32)
            parts.append(np.matmul(received, moved.rows) + whole * moved.bias[:, None])
        if behind is not None:
            parts.append(forward.loops.weigh(behind, weights) @ _matrix(dense, forward, replaced))
        if dense.name in probes:
            parts.append(probes[dense.name].held() * whole)
    elif (held := tangent[node.source]) is not None:
        parts.append(held * whole)
    offset = directions.get((node.name, Field.OFFSET))
    if offset is not None:
        parts.append(offset.astype(np.float32)[:, None])
    return np.asarray(sum(parts) * np.float32(2.0**-node.shift)) if parts else None


def _together(node: Product | Sum, found: Values, tangent: Mapping[str, np.ndarray | None]) -> np.ndarray | None:
    """A product or a sum of totals, whose samples spread over the axes of both."""

    def spread(name: str) -> np.ndarray | None:
        x = tangent[name]
        if x is None:
            return None
        return np.broadcast_to(x, (len(x), *found.value[name].shape[1:])).reshape(len(x), *found.batch[name], -1)

    parts = [spread(name) for name in node.sources]
    if isinstance(node, Sum):
        moved = [part for part in parts if part is not None]
    else:
        values = [found.spread(name)[0].astype(np.float32) * np.float32(2.0**-node.shift) for name in node.sources]
        moved = [part * other for part, other in zip(parts, values[::-1], strict=True) if part is not None]
    if not moved:
        return None
    y = np.asarray(sum(moved))
    y = np.broadcast_to(y, (len(y), *found.batch[node.name], y.shape[-1]))
    return y.reshape(len(y), -1, y.shape[-1])
