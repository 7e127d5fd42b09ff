"""Loops: the kernels of the learning twin, compiled where numba is installed and in NumPy where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float32, Int16, Int32, Int64, UInt8

from neurokit.errors import TargetUnavailable
from neurokit.ir.interpreter import shift


class Neurons(NamedTuple):
    """Integrate-and-fire neurons with a threshold each; `hard` is reset to zero instead of by subtraction."""

    thresholds: Int32[np.ndarray, " size"]
    hard: bool


class Fired(NamedTuple):
    """Spikes of every copy, membranes before the reset if asked for, and the largest magnitude of one by copy."""

    spikes: UInt8[np.ndarray, "copies samples steps size"]
    states: Int32[np.ndarray, "copies samples steps size"] | None
    reach: Int64[np.ndarray, " copies"]


class Loops(Protocol):
    """What many copies of a network are made of; an axis of copies has length one where the copies share an array."""

    def fire(
        self, currents: Int32[np.ndarray, "copies samples size"], neurons: Neurons, steps: int, record: bool
    ) -> Fired:
        """Neurons that receive held currents."""
        ...

    def drive(
        self,
        source: UInt8[np.ndarray, "copies samples steps in"],
        rows: Int16[np.ndarray, "copies in size"],
        bias: Int32[np.ndarray, "copies size"],
        exponent: int,
        extra: Int32[np.ndarray, "copies samples size"],
        neurons: Neurons,
        record: bool,
    ) -> Fired:
        """Neurons behind synapses that receive spikes, and `extra` current in every step."""
        ...

    def count(
        self, spikes: UInt8[np.ndarray, "copies samples steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "copies samples size"]:
        """`sum_t weights[t] * spikes[t]`."""
        ...

    def propagate_tangent(
        self,
        currents: Float32[np.ndarray, "directions samples size"],
        slope: Float32[np.ndarray, "samples steps size"],
        decay: Float32[np.ndarray, "samples steps size"],
    ) -> Float32[np.ndarray, "directions samples steps size"]:
        """`u' <- a' + decay u'; s' = slope u'`: tangents of spikes from tangents of held currents."""
        ...

    def propagate_tangent_driven(
        self,
        source: UInt8[np.ndarray, "samples steps in"],
        passed: Float32[np.ndarray, "directions samples steps size"] | None,
        rows: Float32[np.ndarray, "directions in size"],
        bias: Float32[np.ndarray, "directions size"],
        slope: Float32[np.ndarray, "samples steps size"],
        decay: Float32[np.ndarray, "samples steps size"],
    ) -> Float32[np.ndarray, "directions samples steps size"]:
        """The same with `a' = rows @ s + bias + passed` for the spikes s of the source."""
        ...

    def weigh(
        self, tangents: Float32[np.ndarray, "directions samples steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Float32[np.ndarray, "directions samples size"]:
        """`sum_t weights[t] * tangents[t]`."""
        ...


@dataclass(frozen=True)
class ArrayLoops:
    """The loops in NumPy, a step at a time for all copies and samples."""

    def fire(
        self, currents: Int32[np.ndarray, "copies samples size"], neurons: Neurons, steps: int, record: bool
    ) -> Fired:
        return _fired([currents] * steps, neurons, record)

    def drive(
        self,
        source: UInt8[np.ndarray, "copies samples steps in"],
        rows: Int16[np.ndarray, "copies in size"],
        bias: Int32[np.ndarray, "copies size"],
        exponent: int,
        extra: Int32[np.ndarray, "copies samples size"],
        neurons: Neurons,
        record: bool,
    ) -> Fired:
        matrix = rows.astype(np.float64)  # sums are exact, and BLAS is fast
        a = (source.astype(np.float64).reshape(len(source), -1, source.shape[3]) @ matrix).astype(np.int32)
        a = shift(a + bias[:, None], exponent).reshape(len(a), *source.shape[1:3], -1)
        return _fired([a[:, :, t] + extra for t in range(source.shape[2])], neurons, record)

    def count(
        self, spikes: UInt8[np.ndarray, "copies samples steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "copies samples size"]:
        return (weights.astype(np.float64) @ spikes.astype(np.float64)).astype(np.int64)

    def propagate_tangent(
        self,
        currents: Float32[np.ndarray, "directions samples size"],
        slope: Float32[np.ndarray, "samples steps size"],
        decay: Float32[np.ndarray, "samples steps size"],
    ) -> Float32[np.ndarray, "directions samples steps size"]:
        return _swayed([currents] * slope.shape[1], slope, decay)

    def propagate_tangent_driven(
        self,
        source: UInt8[np.ndarray, "samples steps in"],
        passed: Float32[np.ndarray, "directions samples steps size"] | None,
        rows: Float32[np.ndarray, "directions in size"],
        bias: Float32[np.ndarray, "directions size"],
        slope: Float32[np.ndarray, "samples steps size"],
        decay: Float32[np.ndarray, "samples steps size"],
    ) -> Float32[np.ndarray, "directions samples steps size"]:
        steps = slope.shape[1]
        currents = [source[:, t].astype(np.float32) @ rows + bias[:, None] for t in range(steps)]
        if passed is not None:
            currents = [a + passed[:, :, t] for t, a in enumerate(currents)]
        return _swayed(currents, slope, decay)

    def weigh(
        self, tangents: Float32[np.ndarray, "directions samples steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Float32[np.ndarray, "directions samples size"]:
        return np.asarray(np.einsum("t,kstn->ksn", weights.astype(np.float32), tangents))


@dataclass(frozen=True)
class NumbaLoops:
    """The loops compiled."""

    def fire(
        self, currents: Int32[np.ndarray, "copies samples size"], neurons: Neurons, steps: int, record: bool
    ) -> Fired:
        from neurokit.simulator import batched_kernels as kernels

        spikes, states, reach = _room(currents.shape[0], currents.shape[1], steps, currents.shape[2], record)
        kernels.fire(np.ascontiguousarray(currents), neurons.thresholds, neurons.hard, spikes, states, reach)
        return Fired(spikes, states if record else None, reach)

    def drive(
        self,
        source: UInt8[np.ndarray, "copies samples steps in"],
        rows: Int16[np.ndarray, "copies in size"],
        bias: Int32[np.ndarray, "copies size"],
        exponent: int,
        extra: Int32[np.ndarray, "copies samples size"],
        neurons: Neurons,
        record: bool,
    ) -> Fired:
        from neurokit.simulator import batched_kernels as kernels

        copies = max(len(source), len(rows), len(bias), len(extra))
        spikes, states, reach = _room(copies, source.shape[1], source.shape[2], rows.shape[2], record)
        padded = np.pad(rows, ((0, 0), (0, 1), (0, 0)))  # groups of spikes are filled up with a line that says nothing
        kernels.drive(source, padded, bias, exponent, extra, neurons.thresholds, neurons.hard, spikes, states, reach)
        return Fired(spikes, states if record else None, reach)

    def count(
        self, spikes: UInt8[np.ndarray, "copies samples steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "copies samples size"]:
        from neurokit.simulator import batched_kernels as kernels

        counts = np.empty((*spikes.shape[:2], spikes.shape[3]), np.int64)
        kernels.count(spikes, weights, counts)
        return counts

    def propagate_tangent(
        self,
        currents: Float32[np.ndarray, "directions samples size"],
        slope: Float32[np.ndarray, "samples steps size"],
        decay: Float32[np.ndarray, "samples steps size"],
    ) -> Float32[np.ndarray, "directions samples steps size"]:
        from neurokit.simulator import batched_kernels as kernels

        tangents = np.empty((len(currents), *slope.shape), np.float32)
        kernels.propagate_tangent(np.ascontiguousarray(currents), slope, decay, tangents)
        return tangents

    def propagate_tangent_driven(
        self,
        source: UInt8[np.ndarray, "samples steps in"],
        passed: Float32[np.ndarray, "directions samples steps size"] | None,
        rows: Float32[np.ndarray, "directions in size"],
        bias: Float32[np.ndarray, "directions size"],
        slope: Float32[np.ndarray, "samples steps size"],
        decay: Float32[np.ndarray, "samples steps size"],
    ) -> Float32[np.ndarray, "directions samples steps size"]:
        from neurokit.simulator import batched_kernels as kernels

        tangents = np.empty((len(rows), *slope.shape), np.float32)
        moved = np.empty((0, 0, 0, 0), np.float32) if passed is None else passed
        padded = np.pad(rows, ((0, 0), (0, 1), (0, 0)))
        kernels.propagate_tangent_driven(source, moved, padded, bias, slope, decay, tangents)
        return tangents

    def weigh(
        self, tangents: Float32[np.ndarray, "directions samples steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Float32[np.ndarray, "directions samples size"]:
        from neurokit.simulator import batched_kernels as kernels

        totals = np.empty((*tangents.shape[:2], tangents.shape[3]), np.float32)
        kernels.weigh(tangents, weights.astype(np.float32), totals)
        return totals


@cache
def loops(compiled: bool | None = None) -> Loops:
    """Compiled loops, or those in NumPy for False; None takes what there is. Raises TargetUnavailable without numba."""
    if compiled is False:
        return ArrayLoops()
    try:
        import numba  # noqa: F401
    except ImportError as error:
        if compiled:
            raise TargetUnavailable(
                f"compiled loops need numba, which cannot be imported ({error}). To mend it, install "
                "neurokit-loihi[fast], or let them run on NumPy."
            ) from error
        return ArrayLoops()
    return NumbaLoops()


def _fired(currents: list[np.ndarray], neurons: Neurons, record: bool) -> Fired:
    spikes, states = [], []
    u = np.zeros_like(currents[0])
    reach = np.zeros(len(u), np.int64)
    for a in currents:
        before = u + a
        s = before >= neurons.thresholds
        u = np.where(s, 0 if neurons.hard else before - neurons.thresholds, before)
        reach = np.maximum(reach, np.abs(before).max(axis=(1, 2)))
        spikes.append(s.astype(np.uint8))
        if record:
            states.append(before)
    return Fired(np.stack(spikes, axis=2), np.stack(states, axis=2) if record else None, reach)


def _swayed(currents: list[np.ndarray], slope: np.ndarray, decay: np.ndarray) -> np.ndarray:
    found = []
    u = np.zeros_like(currents[0])
    for t, a in enumerate(currents):
        before = u + a
        found.append(slope[:, t] * before)
        u = decay[:, t] * before
    return np.stack(found, axis=2)


def _room(copies: int, samples: int, steps: int, size: int, record: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    spikes = np.empty((copies, samples, steps, size), np.uint8)
    return spikes, np.empty(spikes.shape if record else (0, 0, 0, 0), np.int32), np.empty(copies, np.int64)
