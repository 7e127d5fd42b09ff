"""What compiled loops over spikes share: the lines that fire, the sum of their rows, shifts and decays.

numba compiles these into every loop that calls them; its cache notices a change of the caller's file alone, so that
after a change here the caches of `simulator/*_kernels.py` have to go.
"""

from __future__ import annotations

import numpy as np

from neurokit.neurons.kernels.compiler import compiled


@compiled
def events(spikes, firing):  # type: ignore[no-untyped-def]
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
def gather(rows, firing, k, a):  # type: ignore[no-untyped-def]
    """`a += sum of the rows of the firing lines`, four rows at a time to spare loads and stores of `a`."""
    for q in range(0, k, 4):
        r0, r1, r2, r3 = rows[firing[q]], rows[firing[q + 1]], rows[firing[q + 2]], rows[firing[q + 3]]
        for i in range(a.shape[0]):
            a[i] += np.int32(np.int32(np.int32(r0[i]) + np.int32(r1[i])) + np.int32(np.int32(r2[i]) + np.int32(r3[i])))


@compiled
def begin(current, a):  # type: ignore[no-untyped-def]
    """`a <- current`: a loop, for an assignment of slices looks for an overlap first."""
    for n in range(a.shape[0]):
        a[n] = current[n]


@compiled
def shift_by(a, exponent):  # type: ignore[no-untyped-def]
    """`a <- floor(a * 2**exponent)`."""
    left, right = np.int32(max(exponent, 0)), np.int32(max(-exponent, 0))
    for n in range(a.shape[0]):
        a[n] = np.int32(np.int32(a[n] << left) >> right)


@compiled
def decayed(v, numerator):  # type: ignore[no-untyped-def]
    """`v * Decay12(numerator)`, in 32 bits."""
    size = abs(v)
    kept = np.int32(np.int32(size >> 12) * numerator) + np.int32(np.int32(np.int32(size & 4095) * numerator) >> 12)
    return np.int32(kept) if v >= 0 else np.int32(-kept)


@compiled
def echo(spikes, rows, exponent, back, firing, a):  # type: ignore[no-untyped-def]
    """`a += floor((weight @ spikes) * 2**exponent)`, the synapses of a population onto itself."""
    back[:] = 0
    gather(rows, firing, events(spikes, firing), back)
    shift_by(back, exponent)
    for n in range(a.shape[0]):
        a[n] += back[n]
