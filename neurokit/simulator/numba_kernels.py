"""The twin's loops over time, compiled by numba: one sample after the other, spikes as events.

A kernel spells out `Spiking.step` of current-based neurons for integers, since numba cannot call it; a test holds the
two together. Those of all other neurons are generated (`neurokit.simulator.generated_kernels`). Kernels
release the interpreter's lock, so that samples run in parallel on threads of the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from jaxtyping import Int32, Int64, UInt8

from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import Dense, Recurrent, Sparse, Spiking
from neurokit.ir.sparse import Csr
from neurokit.neurons.kernels.compiler import compiled
from neurokit.neurons.models import LIF
from neurokit.simulator import generated_kernels
from neurokit.simulator.event_kernels import begin, decayed, echo, events, gather, shift_by
from neurokit.simulator.layout import DenseSynapses, Population, Synapses, delayed, laid_out
from neurokit.simulator.numpy_kernels import Window


@compiled
def _scatter(starts, targets, weights, firing, k, a):  # type: ignore[no-untyped-def]
    """`a += the columns of the firing lines`, each of them sparse."""
    for q in range(k):
        for n in range(starts[firing[q]], starts[firing[q] + 1]):
            a[targets[n]] += np.int32(weights[n])


@compiled
def _leak(i, u, a, alpha, beta):  # type: ignore[no-untyped-def]
    """The first half of a leaky `Spiking.step`: `a` becomes the membrane before the reset."""
    for n in range(u.shape[0]):
        i[n] = np.int32(decayed(i[n], alpha) + np.int32(a[n] << np.int32(6)))
        a[n] = np.int32(decayed(u[n], beta) + i[n])
        u[n] = 0


@compiled
def _step(u, a, threshold, silent, hard, spikes):  # type: ignore[no-untyped-def]
    """`Spiking.step` without leak; `a` becomes the membrane before the reset, `u` the one after it."""
    for n in range(u.shape[0]):
        before = np.int32(u[n] + a[n])
        s = before > silent
        after = np.int32(0) if hard else np.int32(before - threshold)
        a[n] = before
        spikes[n] = s
        u[n] = after if s else before


@compiled
def _fire(currents, constants, rows, exponent, spikes, states):  # type: ignore[no-untyped-def]
    samples, steps, size = spikes.shape
    threshold, silent, hard, leaky, alpha, beta = constants
    i, u, a, back = (
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )
    firing = np.empty(size + 4, np.uint64)
    for b in range(samples):
        i[:], u[:] = 0, 0
        for t in range(steps):
            begin(currents[b, t if currents.shape[1] == steps else 0], a)
            if t and rows.shape[1]:
                echo(spikes[b, t - 1], rows, exponent, back, firing, a)
            if leaky:
                _leak(i, u, a, alpha, beta)
            _step(u, a, threshold, silent, hard, spikes[b, t])
            if states.size:
                states[b, t] = a


@compiled
def _drive(source, dense, bias, shift, delay, constants, rows, exponent, spikes, states):  # type: ignore[no-untyped-def]
    samples, steps, size = spikes.shape
    threshold, silent, hard, leaky, alpha, beta = constants
    i, u, a, back = (
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )
    firing = np.empty(max(source.shape[2], size) + 4, np.uint64)
    for b in range(samples):
        i[:], u[:] = 0, 0
        for t in range(steps):
            begin(bias, a)
            if t >= delay:
                gather(dense, firing, events(source[b, t - delay], firing), a)
            if shift:
                shift_by(a, shift)
            if t and rows.shape[1]:
                echo(spikes[b, t - 1], rows, exponent, back, firing, a)
            if leaky:
                _leak(i, u, a, alpha, beta)
            _step(u, a, threshold, silent, hard, spikes[b, t])
            if states.size:
                states[b, t] = a


@compiled
def _drive_sparse(  # type: ignore[no-untyped-def]
    source, starts, targets, weights, bias, shift, delay, constants, rows, exponent, spikes, states
):
    samples, steps, size = spikes.shape
    threshold, silent, hard, leaky, alpha, beta = constants
    i, u, a, back = (
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )
    firing = np.empty(max(source.shape[2], size) + 4, np.uint64)
    for b in range(samples):
        i[:], u[:] = 0, 0
        for t in range(steps):
            begin(bias, a)
            if t >= delay:
                _scatter(starts, targets, weights, firing, events(source[b, t - delay], firing), a)
            if shift:
                shift_by(a, shift)
            if t and rows.shape[1]:
                echo(spikes[b, t - 1], rows, exponent, back, firing, a)
            if leaky:
                _leak(i, u, a, alpha, beta)
            _step(u, a, threshold, silent, hard, spikes[b, t])
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
            begin(bias, a)
            gather(rows, firing, events(source[b, t], firing), a)
            w = np.int32(weights[t])
            for i in range(size):
                total[i] += np.int32(w * np.int32(a[i] >> right))
        totals[b] = total


@dataclass(frozen=True)
class NumbaKernels:
    """The loops over time, compiled; resets `Subtract` or `ToZero`, as the interval analysis demands."""

    @property
    def description(self) -> str:
        return f"numba {numba.__version__}"

    def fire(
        self, currents: Int32[np.ndarray, "batch given size"], population: Population, steps: int, record: bool
    ) -> Window:
        samples, _, size = currents.shape
        spikes, states = _room(samples, steps, size, record)
        if population.node.neuron.current_based() is None:
            generated_kernels.fire(
                np.ascontiguousarray(currents), population, *_onto_itself(population), spikes, states
            )
            return spikes, states if record else None
        _fire(np.ascontiguousarray(currents), *_described(population), spikes, states)
        return spikes, states if record else None

    def drive(
        self, spikes: UInt8[np.ndarray, "batch steps in"], synapses: Synapses, population: Population, record: bool
    ) -> Window:
        if population.node.neuron.current_based() is None:
            return self.fire(synapses.currents(delayed(spikes, synapses.delay)), population, spikes.shape[1], record)
        emitted, states = _room(spikes.shape[0], spikes.shape[1], synapses.bias.size, record)
        rest = (synapses.bias, synapses.exponent, synapses.delay, *_described(population), emitted, states)
        if isinstance(synapses, DenseSynapses):
            _drive(spikes, synapses.rows, *rest)
        else:
            _drive_sparse(spikes, synapses.starts, synapses.targets, synapses.weights, *rest)
        return emitted, states if record else None

    def count(
        self, spikes: UInt8[np.ndarray, "batch steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch size"]:
        counts = np.empty((spikes.shape[0], spikes.shape[2]), dtype=np.int64)
        _count(spikes, weights, counts)
        return counts

    def collect(
        self, spikes: UInt8[np.ndarray, "batch steps in"], dense: DenseSynapses, weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch out"]:
        totals = np.empty((spikes.shape[0], dense.bias.size), dtype=np.int64)
        _collect(spikes, dense.rows, dense.bias, -dense.exponent, weights, totals)
        return totals

    def prepare(self) -> None:
        """Compile every loop, or fetch it from the cache, before anything is timed."""
        spikes = np.zeros((1, 1, 1), dtype=np.uint8)
        one = np.ones(1, dtype=np.int64)
        neuron = LIF(1, strict=True, beta=Decay12(0))
        weight, none = np.ones((1, 1)), np.zeros(1)
        population = Population.of(Spiking("spiking", "x", neuron, recurrent=Recurrent(weight)))
        dense = DenseSynapses.of(Dense("dense", "spikes", weight, none, exponent=-1), one, 1)
        sparse = laid_out(Sparse("sparse", "spikes", Csr.of(weight), none), one)
        self.fire(np.zeros((1, 1, 1), dtype=np.int32), population, 1, True)
        self.drive(spikes, dense, population, True)
        self.drive(spikes, sparse, population, True)
        self.count(spikes, one)
        self.collect(spikes, dense, one)


def _room(samples: int, steps: int, size: int, record: bool) -> tuple[np.ndarray, np.ndarray]:
    """Arrays for the spikes and, if they are recorded, the membranes."""
    spikes = np.empty((samples, steps, size), dtype=np.uint8)
    return spikes, np.empty(spikes.shape if record else (0, 0, 0), dtype=np.int32)


#: The weights onto itself of a population that has none.
_NO_ROWS = np.zeros((1, 0), dtype=np.int8)


def _described(population: Population) -> tuple[tuple[Any, ...], np.ndarray, int]:
    """A population as the loops take it: constants, and rows and exponent of the synapses onto itself."""
    threshold, silent, hard, leaky, alpha, beta = population.constants
    return (threshold, silent, bool(hard), bool(leaky), alpha, beta), *_onto_itself(population)


def _onto_itself(population: Population) -> tuple[np.ndarray, int]:
    """Rows and exponent of the synapses of a population onto itself; no rows if it has none."""
    synapses = population.echo
    return (_NO_ROWS, 0) if synapses is None else (synapses.rows, synapses.exponent)
