"""The twin's loops over time: what they are, and their plain form in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from jaxtyping import Int32, Int64, UInt8

from neurokit.simulator.layout import DenseSynapses, Population, Synapses, delayed

#: Spikes, and the membranes before the reset if they were asked for.
Window: TypeAlias = tuple[UInt8[np.ndarray, "batch steps size"], Int32[np.ndarray, "batch steps size"] | None]


class Kernels(Protocol):
    """The four loops over time that a twin is made of; `weights` are a readout rule's."""

    @property
    def description(self) -> str:
        """What runs the loops, for a result's provenance."""
        ...

    def fire(
        self, currents: Int32[np.ndarray, "batch given size"], population: Population, steps: int, record: bool
    ) -> Window:
        """Spikes of neurons that receive `currents`: one per sample and step, or one held over the window."""
        ...

    def drive(
        self, spikes: UInt8[np.ndarray, "batch steps in"], synapses: Synapses, population: Population, record: bool
    ) -> Window:
        """Spikes of neurons behind synapses that receive `spikes`."""
        ...

    def count(
        self, spikes: UInt8[np.ndarray, "batch steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch size"]:
        """`sum_t weights[t] * spikes[t]`."""
        ...

    def collect(
        self, spikes: UInt8[np.ndarray, "batch steps in"], dense: DenseSynapses, weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch out"]:
        """`sum_t weights[t] * floor((weight @ spikes[t] + bias) * 2**exponent)` for `exponent < 0`, without delay."""
        ...


@dataclass(frozen=True)
class ArrayKernels:
    """The loops over time in NumPy; the neuron is `Spiking.step` itself."""

    @property
    def description(self) -> str:
        return f"numpy {np.__version__}"

    def fire(
        self, currents: Int32[np.ndarray, "batch given size"], population: Population, steps: int, record: bool
    ) -> Window:
        samples, given, size = currents.shape
        spikes = np.empty((samples, steps, size), dtype=np.uint8)
        states = np.empty((samples, steps, size), dtype=np.int32) if record else None
        # In 64 bits: `step` compares by the distance to the threshold, which may be wider than the proven membrane.
        state = population.node.start(np.zeros((samples, size), dtype=np.int64))
        for t in range(steps):
            a = currents[:, t if given == steps else 0].astype(np.int64)
            if population.echo is not None and t:
                a = a + population.echo.currents(spikes[:, t - 1])
            before, s, state = population.node.step(state, a)
            spikes[:, t] = s
            if states is not None:
                states[:, t] = before
        return spikes, states

    def drive(
        self, spikes: UInt8[np.ndarray, "batch steps in"], synapses: Synapses, population: Population, record: bool
    ) -> Window:
        return self.fire(synapses.currents(delayed(spikes, synapses.delay)), population, spikes.shape[1], record)

    def count(
        self, spikes: UInt8[np.ndarray, "batch steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch size"]:
        # Counts stay below 2**28, exact in float64, for which NumPy has BLAS.
        return (weights.astype(np.float64) @ spikes.astype(np.float64)).astype(np.int64)

    def collect(
        self, spikes: UInt8[np.ndarray, "batch steps in"], dense: DenseSynapses, weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch out"]:
        return weigh(dense.currents(spikes), weights)


def weigh(
    currents: Int32[np.ndarray, "batch steps size"], weights: Int64[np.ndarray, " steps"]
) -> Int64[np.ndarray, "batch size"]:
    """`sum_t weights[t] * currents[t]`."""
    return np.asarray(np.einsum("t,bti->bi", weights, currents, dtype=np.int64))
