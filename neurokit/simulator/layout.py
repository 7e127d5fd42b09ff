"""How the twin lays out synapses and populations in memory, and the products of whole arrays with them.

All integers are 32 bits wide. That is safe because a twin runs proven Programs only: the interval analysis bounds the
sum of magnitudes of every weighted sum, and every membrane, accumulator and product, by `2**31 - 1`, so no partial
result, in whatever order it is formed, leaves 32 bits. What a leaky neuron adds up may wrap on the way; the membrane,
being the sum modulo 2**32 and proven to fit, is right all the same. A difference between a membrane and a threshold is
not bounded: the compiled step compares them, and the step in NumPy, which subtracts, works in 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int, Int8, Int32, Int64

from neurokit.ir.interpreter import shift
from neurokit.ir.program import Conv2d, Dense, Sparse, Spiking, decays
from neurokit.neurons.models import ToZero

#: Largest integer up to which every integer is a float32 (float64): BLAS adds exactly while sums stay below it.
EXACT32, EXACT64 = 2**24, 2**53


@dataclass(frozen=True)
class DenseSynapses:
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
    delay: int

    @classmethod
    def of(cls, node: Dense, largest: Int64[np.ndarray, " in"], window: int) -> DenseSynapses:
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
            delay=node.delay,
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


@dataclass(frozen=True)
class SparseSynapses:
    """A Sparse or a Conv2d, laid out for speed: by compressed rows for whole arrays, by source line for spikes.

    A spike of line `j` adds `weights[k]` to line `targets[k]` for `k` in `starts[j]..starts[j + 1] - 1`; a last line
    without synapses pads groups of spikes.
    """

    matrix: Any
    starts: Int64[np.ndarray, " in_plus_2"]
    targets: Int32[np.ndarray, " stored"]
    weights: Int8[np.ndarray, " stored"]
    bias: Int32[np.ndarray, " out"]
    exponent: int
    delay: int

    @classmethod
    def of(cls, node: Sparse | Conv2d) -> SparseSynapses:
        columns = node.matrix.tocsc()
        return cls(
            matrix=node.matrix.astype(np.int32),
            starts=np.append(columns.indptr, columns.indptr[-1]).astype(np.int64),
            targets=columns.indices.astype(np.int32),
            weights=columns.data.astype(np.int8),
            bias=node.line_bias.astype(np.int32),
            exponent=node.exponent,
            delay=node.delay,
        )

    def currents(self, x: Int[np.ndarray, "*batch in"]) -> Int32[np.ndarray, "*batch out"]:
        """`floor((weight @ x + bias) * 2**exponent)`."""
        flat = x.reshape(-1, x.shape[-1]).astype(np.int32)
        a = np.ascontiguousarray((self.matrix @ flat.T).T)
        a += self.bias
        return np.asarray(shift(a, self.exponent)).reshape(*x.shape[:-1], -1)


Synapses: TypeAlias = DenseSynapses | SparseSynapses


def laid_out(node: Dense | Sparse | Conv2d, largest: Int64[np.ndarray, " in"], window: int = 0) -> Synapses:
    """The layout of any synapses; arguments as for `DenseSynapses.of`."""
    return DenseSynapses.of(node, largest, window) if isinstance(node, Dense) else SparseSynapses.of(node)


@dataclass(frozen=True)
class Population:
    """A Spiking, laid out for speed: its step, and the synapses onto itself, if it has any."""

    node: Spiking
    echo: DenseSynapses | None

    @classmethod
    def of(cls, node: Spiking) -> Population:
        if node.recurrent is None:
            return cls(node, None)
        size = len(node.recurrent.weight)
        zero = np.zeros(size, dtype=np.int32)
        onto_itself = Dense(node.name, node.name, node.recurrent.weight, zero, node.recurrent.exponent)
        return cls(node, DenseSynapses.of(onto_itself, np.ones(size, dtype=np.int64), 0))

    @property
    def constants(self) -> Int32[np.ndarray, "6"]:
        """What the compiled step needs: threshold, highest silent membrane, hard, leaky, alpha, beta."""
        neuron = self.node.fine
        silent = neuron.threshold if neuron.strict else neuron.threshold - 1
        hard = isinstance(neuron.reset, ToZero)
        return np.array([neuron.threshold, silent, hard, self.node.leaky, *decays(neuron)], dtype=np.int32)


def delayed(x: Int[np.ndarray, "batch steps in"], delay: int) -> Int[np.ndarray, "batch steps in"]:
    """`x[t - delay]`, 0 where that is before the window."""
    if not delay:
        return x
    late = np.zeros_like(x)
    late[:, delay:] = x[:, : max(0, x.shape[1] - delay)]
    return late
