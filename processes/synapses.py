"""Stock Dense synapses that mean exactly what they say, and the graded relay between two of them."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from jaxtyping import Int8, Int32
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.graded.process import GradedVec
from lava.proc.lif.process import LIF
from lava.proc.sparse.process import Sparse
from lava.utils.weightutils import SignMode

from neurokit.compilers.lava.schedule import MAX_DELAY

#: Bits of a graded spike; 0 selects binary spikes.
GRADED, BINARY = 24, 0


def doubled(weight: Int8[np.ndarray, "out in"]) -> Int32[np.ndarray, "out in"]:
    """The weights that `exact` gives to Lava."""
    return 2 * np.asarray(weight, dtype=np.int32)


def exact(weight: Int8[np.ndarray, "out in"], exponent: int = 0, bits: int = BINARY) -> Dense:
    """`a[n + 1] = floor((weight @ s[n]) * 2**exponent)` for any signed 8-bit weights.

    Lava's mixed-sign Dense clears the last bit of every weight, so the weight is doubled and the exponent lowered by
    one. `exponent` in -7..6.
    """
    return Dense(
        weights=doubled(weight),
        weight_exp=exponent - 1,
        num_message_bits=bits,
        sign_mode=SignMode.MIXED,
    )


def exact_sparse(weight: scipy.sparse.csr_matrix, exponent: int = 0, bits: int = BINARY) -> Sparse:
    """`exact` for a matrix that is mostly zeros."""
    return Sparse(
        weights=scipy.sparse.csr_matrix(2 * weight.astype(np.int32)),
        weight_exp=exponent - 1,
        num_message_bits=bits,
        sign_mode=SignMode.MIXED,
    )


def one_sign(weight: np.ndarray, exponent: int = 0, bits: int = BINARY) -> Dense:
    """`a[n + 1] = (weight @ s[n]) * 2**exponent` for weights of one sign and up to 255 in magnitude.

    Lava keeps all eight bits of weights whose sign is common. `exponent` in 0..7.
    """
    weight = np.asarray(weight, dtype=np.int32)
    inhibitory = bool((weight <= 0).all())
    assert inhibitory or (weight >= 0).all()
    assert np.abs(weight).max() <= 255
    return Dense(
        weights=weight,
        weight_exp=exponent,
        num_message_bits=bits,
        sign_mode=SignMode.INHIBITORY if inhibitory else SignMode.EXCITATORY,
    )


def identity(size: int, weight: int = 1, exponent: int = 0, bits: int = BINARY) -> Dense:
    """One synapse a line: `a[n + 1] = weight * 2**exponent * s[n]`, `|weight| <= 255`."""
    return one_sign(weight * np.eye(size, dtype=np.int32), exponent, bits)


def delayed(size: int, delay: int) -> DelayDense:
    """One synapse a line that takes `delay + 1` steps for a graded spike, `1 <= delay <= 62`."""
    assert 1 <= delay <= MAX_DELAY
    return DelayDense(
        weights=np.eye(size, dtype=np.int32),
        delays=delay,
        num_message_bits=GRADED,
        sign_mode=SignMode.EXCITATORY,
    )


def relay(size: int) -> GradedVec:
    """A neuron without memory that sends on its input as a graded spike in the same step."""
    return GradedVec(shape=(size,), vth=0)


def gate(size: int) -> LIF:
    """Neurons without memory that pass a spike on in the same step, unless -1 arrives with it."""
    return LIF(shape=(size,), du=4095, dv=4096, vth=0)
