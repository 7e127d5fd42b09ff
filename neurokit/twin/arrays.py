"""The twin's arithmetic on whole arrays, in NumPy: synapses for both kinds of kernels, neurons for the plain ones.

All integers are 32 bits wide. That is safe because a twin runs proven Programs only: the interval analysis bounds the
sum of magnitudes of every weighted sum and every membrane, accumulator and product by `2**31 - 1`, so no partial
result, in whatever order it is formed, leaves 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int, Int8, Int32, Int64, UInt8

from neurokit.neurons import IF, heaviside
from neurokit.program import Dense
from neurokit.reference import shift

#: Largest integer up to which every integer is a float32 (float64): BLAS adds exactly while sums stay below it.
EXACT32, EXACT64 = 2**24, 2**53


@dataclass(frozen=True)
class Synapses:
    """A Dense, laid out for speed.

    rows    weights by source line, so that a spike adds one row; a last row of zeros pads groups of spikes
    matrix  the same as floats, narrow enough to be fast and wide enough for exact sums of what the source emits
    spread  the same as float64 if sums over a whole window are exact in it, else as int64
    """

    rows: Int8[np.ndarray, "in_plus_1 out"]
    matrix: Float[np.ndarray, "in out"]
    spread: Float[np.ndarray, "in out"] | Int64[np.ndarray, "in out"]
    bias: Int32[np.ndarray, " out"]
    exponent: int

    @classmethod
    def of(cls, node: Dense, largest: Int64[np.ndarray, " in"], window: int) -> Synapses:
        """Lay out `node`, whose source never exceeds `largest` in magnitude and is 0 or 1 where it is a spike train.

        `window` is the sum of the readout weights that may multiply its sums, 0 without a readout.
        """
        columns = node.weight.T
        magnitudes = np.abs(columns.astype(np.int64))
        # The proof bounds every weighted sum by 2**31 - 1, so float64 always holds one exactly.
        matrix_dtype = np.float32 if (largest @ magnitudes).max() < EXACT32 else np.float64
        spread_dtype = np.float64 if magnitudes.sum(axis=0).max() * window < EXACT64 else np.int64
        return cls(
            rows=np.pad(columns, ((0, 1), (0, 0))).copy(order="C"),  # a spike reads one row: let it be contiguous
            matrix=columns.astype(matrix_dtype, order="C"),
            spread=columns.astype(spread_dtype, order="C"),
            bias=np.array(node.bias),
            exponent=node.exponent,
        )

    def currents(self, x: Int[np.ndarray, "*batch in"]) -> Int32[np.ndarray, "*batch out"]:
        """`floor((weight @ x + bias) * 2**exponent)`, by BLAS."""
        flat = x.reshape(-1, x.shape[-1]).astype(self.matrix.dtype)  # one large product, not one per leading index
        a = (flat @ self.matrix).astype(np.int32)
        a += self.bias
        return np.asarray(shift(a, self.exponent)).reshape(*x.shape[:-1], -1)

    def totals(self, count: Int64[np.ndarray, "batch in"], window: int) -> Int64[np.ndarray, "batch out"]:
        """`sum_t w[t] * a[t]` from `count = sum_t w[t] * s[t]` and `window = sum_t w[t]`; needs `exponent >= 0`.

        Without a floor in every step the sum over time and the sum over synapses may change places.
        """
        a = (count.astype(self.spread.dtype) @ self.spread).astype(np.int64) + window * self.bias.astype(np.int64)
        return np.asarray(shift(a, self.exponent))


#: Spikes, and the membranes before the reset if they were asked for.
Window = tuple[UInt8[np.ndarray, "batch steps size"], Int32[np.ndarray, "batch steps size"] | None]


class Kernels(Protocol):
    """The four loops over time that a twin is made of; `weights` are a readout rule's."""

    @property
    def description(self) -> str:
        """What runs the loops, for a result's provenance."""
        ...

    def fire(self, currents: Int32[np.ndarray, "batch given size"], neuron: IF, steps: int, record: bool) -> Window:
        """Spikes of neurons that receive `currents`: one per sample and step, or one held over the window."""
        ...

    def drive(self, spikes: UInt8[np.ndarray, "batch steps in"], dense: Synapses, neuron: IF, record: bool) -> Window:
        """Spikes of neurons behind synapses that receive `spikes`."""
        ...

    def count(
        self, spikes: UInt8[np.ndarray, "batch steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch size"]:
        """`sum_t weights[t] * spikes[t]`."""
        ...

    def collect(
        self, spikes: UInt8[np.ndarray, "batch steps in"], dense: Synapses, weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch out"]:
        """`sum_t weights[t] * floor((weight @ spikes[t] + bias) * 2**exponent)` for `exponent < 0`."""
        ...


@dataclass(frozen=True)
class ArrayKernels:
    """The loops over time in NumPy; the neuron is `IF.step` itself."""

    @property
    def description(self) -> str:
        return f"numpy {np.__version__}"

    def fire(self, currents: Int32[np.ndarray, "batch given size"], neuron: IF, steps: int, record: bool) -> Window:
        samples, given, size = currents.shape
        spikes = np.empty((samples, steps, size), dtype=np.uint8)
        states = np.empty((samples, steps, size), dtype=np.int32) if record else None
        u = np.zeros((samples, size), dtype=np.int32)
        for t in range(steps):
            before, s, u = neuron.step(u, currents[:, t if given == steps else 0], heaviside)
            spikes[:, t] = s
            if states is not None:
                states[:, t] = before
        return spikes, states

    def drive(self, spikes: UInt8[np.ndarray, "batch steps in"], dense: Synapses, neuron: IF, record: bool) -> Window:
        return self.fire(dense.currents(spikes), neuron, spikes.shape[1], record)

    def count(
        self, spikes: UInt8[np.ndarray, "batch steps size"], weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch size"]:
        # Counts stay below 2**28, exact in float64, for which NumPy has BLAS.
        return (weights.astype(np.float64) @ spikes.astype(np.float64)).astype(np.int64)

    def collect(
        self, spikes: UInt8[np.ndarray, "batch steps in"], dense: Synapses, weights: Int64[np.ndarray, " steps"]
    ) -> Int64[np.ndarray, "batch out"]:
        return weigh(dense.currents(spikes), weights)


def weigh(
    currents: Int32[np.ndarray, "batch steps size"], weights: Int64[np.ndarray, " steps"]
) -> Int64[np.ndarray, "batch size"]:
    """`sum_t weights[t] * currents[t]`."""
    return np.asarray(np.einsum("t,bti->bi", weights, currents, dtype=np.int64))
