"""The twin's loops over time, compiled by numba: one sample after the other, spikes as events.

A kernel spells out `IF.step` for integers, since numba cannot call it; a test holds the two together. Kernels release
the interpreter's lock, so that samples run in parallel on threads of the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from jaxtyping import Int32, Int64, UInt8

from neurokit.neurons import IF, ToZero
from neurokit.program import Dense
from neurokit.twin.arrays import Synapses, Window


def compiled(function: Callable[..., Any]) -> Any:
    """numba's compiler with a cache on disk, or without where no folder can hold one (numba raises RuntimeError)."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)


@compiled
def _events(spikes, firing):  # type: ignore[no-untyped-def]
    """List the lines that fire, filled up to a multiple of four with the line behind the last; returns its length."""
    k = 0
    for j in range(spikes.shape[0]):
        firing[k] = j
        k += spikes[j]
    while k % 4:
        firing[k] = spikes.shape[0]
        k += 1
    return k


@compiled
def _gather(rows, firing, k, bias, a):  # type: ignore[no-untyped-def]
    """`a = bias + sum of the rows of the firing lines`, four rows at a time to spare loads and stores of `a`."""
    for i in range(a.shape[0]):
        a[i] = bias[i]
    for q in range(0, k, 4):
        r0, r1, r2, r3 = rows[firing[q]], rows[firing[q + 1]], rows[firing[q + 2]], rows[firing[q + 3]]
        for i in range(a.shape[0]):
            a[i] += np.int32(np.int32(np.int32(r0[i]) + np.int32(r1[i])) + np.int32(np.int32(r2[i]) + np.int32(r3[i])))


@compiled
def _step(u, a, threshold, hard, spikes):  # type: ignore[no-untyped-def]
    """`IF.step` on one population; `u` becomes the membrane after the reset, `a` the one before it."""
    for i in range(u.shape[0]):
        before = np.int32(u[i] + a[i])
        s = before >= threshold
        after = np.int32(0) if hard else np.int32(before - threshold)
        a[i] = before
        spikes[i] = s
        u[i] = after if s else before


@compiled
def _fire(currents, threshold, hard, spikes, states):  # type: ignore[no-untyped-def]
    samples, steps, size = spikes.shape
    u, a = np.empty(size, np.int32), np.empty(size, np.int32)
    for b in range(samples):
        u[:] = 0
        for t in range(steps):
            a[:] = currents[b, t if currents.shape[1] == steps else 0]
            _step(u, a, threshold, hard, spikes[b, t])
            if states.size:
                states[b, t] = a


@compiled
def _drive(source, rows, bias, exponent, threshold, hard, spikes, states):  # type: ignore[no-untyped-def]
    samples, steps, size = spikes.shape
    u, a = np.empty(size, np.int32), np.empty(size, np.int32)
    firing = np.empty(source.shape[2] + 4, np.uint64)
    left, right = np.int32(max(exponent, 0)), np.int32(max(-exponent, 0))
    for b in range(samples):
        u[:] = 0
        for t in range(steps):
            _gather(rows, firing, _events(source[b, t], firing), bias, a)
            if exponent != 0:
                for i in range(size):
                    a[i] = np.int32(np.int32(a[i] << left) >> right)
            _step(u, a, threshold, hard, spikes[b, t])
            if states.size:
                states[b, t] = a


@compiled
def _count(spikes, weights, counts):  # type: ignore[no-untyped-def]
    samples, steps, size = spikes.shape
    total = np.empty(size, np.int32)
    for b in range(samples):
        total[:] = 0
        for t in range(steps):
            w = np.int32(weights[t])
            for i in range(size):
                total[i] += np.int32(w * np.int32(spikes[b, t, i]))
        counts[b] = total


@compiled
def _collect(source, rows, bias, right, weights, totals):  # type: ignore[no-untyped-def]
    samples, steps, _ = source.shape
    size = bias.shape[0]
    a, total = np.empty(size, np.int32), np.empty(size, np.int32)
    firing = np.empty(source.shape[2] + 4, np.uint64)
    for b in range(samples):
        total[:] = 0
        for t in range(steps):
            _gather(rows, firing, _events(source[b, t], firing), bias, a)
            w = np.int32(weights[t])
            for i in range(size):
                total[i] += np.int32(w * np.int32(a[i] >> right))
        totals[b] = total


@dataclass(frozen=True)
class NumbaKernels:
    """The loops over time, compiled; `IF` with `Subtract` or `ToZero`, as the interval analysis demands."""

    @property
    def description(self) -> str:
        return f"numba {numba.__version__}"

    def fire(self, currents: Int32[np.ndarray, "batch given size"], neuron: IF, steps: int, record: bool) -> Window:
        samples, _, size = currents.shape
        spikes, states = _room(samples, steps, size, record)
        _fire(np.ascontiguousarray(currents), *_constants(neuron), spikes, states)
        return spikes, states if record else None

    def drive(self, spikes: UInt8[np.ndarray, "batch steps in"], dense: Synapses, neuron: IF, record: bool) -> Window:
        emitted, states = _room(spikes.shape[0], spikes.shape[1], dense.bias.size, record)
        _drive(spikes, dense.rows, dense.bias, dense.exponent, *_constants(neuron), emitted, states)
        return emitted, states if record else None

    def count(
        self, spikes: UInt8[np.ndarray, "batch steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch size"]:
        counts = np.empty((spikes.shape[0], spikes.shape[2]), dtype=np.int64)
        _count(spikes, weights, counts)
        return counts

    def collect(
        self, spikes: UInt8[np.ndarray, "batch steps in"], dense: Synapses, weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch out"]:
        totals = np.empty((spikes.shape[0], dense.bias.size), dtype=np.int64)
        _collect(spikes, dense.rows, dense.bias, -dense.exponent, weights, totals)
        return totals

    def prepare(self) -> None:
        """Compile every loop, or fetch it from the cache, before anything is timed."""
        spikes = np.zeros((1, 1, 1), dtype=np.uint8)
        weights = np.ones(1, dtype=np.int64)
        dense = Synapses.of(Dense("dense", "spikes", np.ones((1, 1)), np.zeros(1), exponent=-1), weights, 1)
        self.fire(np.zeros((1, 1, 1), dtype=np.int32), IF(1), 1, True)
        self.drive(spikes, dense, IF(1), True)
        self.count(spikes, weights)
        self.collect(spikes, dense, weights)


def _room(samples: int, steps: int, size: int, record: bool) -> tuple[np.ndarray, np.ndarray]:
    """Arrays for the spikes and, if they are recorded, the membranes."""
    spikes = np.empty((samples, steps, size), dtype=np.uint8)
    return spikes, np.empty(spikes.shape if record else (0, 0, 0), dtype=np.int32)


def _constants(neuron: IF) -> tuple[np.int32, bool]:
    return np.int32(neuron.threshold), isinstance(neuron.reset, ToZero)
