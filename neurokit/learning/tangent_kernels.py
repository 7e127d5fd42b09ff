"""The tangent neuron's loop over time, compiled by numba. It spells out `TangentNeuron.step`; a test holds both
together."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from neurokit.ir.tangent_neuron import TangentNeuron
from neurokit.neurons.kernels.compiler import compiled


@compiled
def _decay(v, numerator):  # type: ignore[no-untyped-def]
    """`v * Decay12(numerator)`."""
    size = abs(v)
    kept = (size >> 12) * numerator + ((size & 4095) * numerator >> 12)
    return kept if v >= 0 else -kept


@compiled
def _fire(da, membranes, entries, constants, spikes, states):  # type: ignore[no-untyped-def]
    directions, samples, steps, size = spikes.shape
    threshold, bin_, shift, reset, alpha, beta = constants
    half = (1 << shift) >> 1
    di, du, gains = np.empty(size, np.int64), np.empty(size, np.int64), np.empty((steps, size), np.int64)
    for b in range(samples):
        for t in range(steps):
            for n in range(size):
                index = abs(np.int64(membranes[b, t, n]) - threshold) >> bin_
                gains[t, n] = entries[index] if index < entries.shape[0] else 0
        for k in range(directions):
            di[:], du[:] = 0, 0
            for t in range(steps):
                a = da[k, b, t if da.shape[2] == steps else 0]
                for n in range(size):
                    di[n] = _decay(di[n], alpha) + a[n]
                    dm = _decay(du[n], beta) + di[n]
                    ds = (dm * gains[t, n] + half) >> shift
                    du[n] = dm - reset * ds
                    spikes[k, b, t, n] = ds
                    states[k, b, t, n] = dm


def fire(
    neuron: TangentNeuron, da: Int64[np.ndarray, "K b given n"], membranes: Int64[np.ndarray, "b steps n"]
) -> tuple[Int64[np.ndarray, "K b steps n"], Int64[np.ndarray, "K b steps n"]]:
    """Tangent spikes and the membranes' tangents; one lookup of the gain serves all directions."""
    spikes = np.empty((*da.shape[:2], membranes.shape[1], da.shape[3]), np.int64)
    states = np.empty_like(spikes)
    constants = (
        neuron.threshold,
        neuron.table.bin,
        neuron.shift,
        neuron.reset,
        neuron.alpha.numerator,
        neuron.beta.numerator,
    )
    _fire(np.ascontiguousarray(da), membranes, neuron.table.entries, np.array(constants, np.int64), spikes, states)
    return spikes, states
