"""Loops over time and lanes around a neuron's step, which is generated: the functions that they call are put in.

Arrays are `(T, lanes)`, or `(1, lanes)` for what is held over the window; a lane is one neuron of one sample. Lanes are
taken in blocks whose states stay in the caches. Outputs that nobody wants have no rows. `n` are a neuron's constants:
its parameters, the limit of the distance to threshold, 0, 1, the share of a reset that gradients see, and literals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurokit.neurons.kernels.lanes import LANES, add, copy, scale
from neurokit.neurons.kernels.surrogates import derivative

#: Lanes of a block of which all steps are kept.
PULLED = 256

#: The generated functions; `neurokit.neurons.kernels.generated` says what they take.
_step: Any = None
_push: Any = None
_push_fields: Any = None
_pull: Any = None
_pull_fields: Any = None


def forward(a, n, states, weights, normaliser, spikes, distances, phi):  # type: ignore[no-untyped-def]
    """Spikes s, distances x, and features `phi = sum_t weights[t] s[t] / normaliser (lanes)`, from currents `a`."""
    lanes, held = a.shape[1], a.shape[0] == 1
    most = min(LANES, lanes)
    kept, rows = np.empty((2, states, most), a.dtype), np.empty((3, most), a.dtype)  # before and after a step
    for low in range(0, lanes, LANES):
        high = min(low + LANES, lanes)
        size = high - low
        x, s, total = rows[0, :size], rows[1, :size], rows[2, :size]
        kept[:], total[:] = 0, 0
        for t in range(weights.size):
            _step(a[0 if held else t, low:high], n, kept[t % 2], kept[1 - t % 2], x, s)
            if spikes.shape[0]:
                copy(s, spikes[t, low:high])
            if distances.shape[0]:
                copy(x, distances[t, low:high])
            if phi.size:
                add(s, weights[t], total)
        if phi.size:
            scale(total, normaliser, phi[low:high])


def tangent(  # type: ignore[no-untyped-def]
    a, da, moved, n, states, kind, c, known, weights, normaliser, spikes, phi, dspikes, dphi
):
    """Spikes and features as `forward`, and what becomes of tangents `da (rows, T or 1, lanes)` of the current.

    `moved (rows, parameters)`, if it has rows, are tangents of the parameters. `known (T, lanes)` holds the
    derivatives of a surrogate without a formula.
    """
    lanes, held, still, count = a.shape[1], a.shape[0] == 1, da.shape[1] == 1, da.shape[0]
    most = min(LANES, lanes)
    kept, rows = np.empty((2, states, most), a.dtype), np.empty((5, most), a.dtype)
    dkept, dtotals = np.empty((count, states, most), a.dtype), np.empty((count, most), a.dtype)
    for low in range(0, lanes, LANES):
        high = min(low + LANES, lanes)
        size = high - low
        x, s, total, d, ds = rows[0, :size], rows[1, :size], rows[2, :size], rows[3, :size], rows[4, :size]
        kept[:], total[:], dkept[:], dtotals[:] = 0, 0, 0, 0
        for t in range(weights.size):
            current, old = a[0 if held else t, low:high], kept[t % 2]
            _step(current, n, old, kept[1 - t % 2], x, s)
            if known.shape[0]:
                copy(known[t, low:high], d)
            derivative(kind, c, x, d)
            if spikes.shape[0]:
                copy(s, spikes[t, low:high])
            if phi.size:
                add(s, weights[t], total)
            for r in range(count):
                incoming, out = da[r, 0 if still else t, low:high], ds
                if dspikes.shape[0]:
                    out = dspikes[r, t, low:high]
                if moved.shape[0]:
                    _push_fields(current, incoming, moved[r], n, old, s, d, dkept[r], out)
                else:
                    _push(current, incoming, n, n, old, s, d, dkept[r], out)
                if not dspikes.shape[0]:
                    add(out, weights[t], dtotals[r, :size])
        if phi.size:
            scale(total, normaliser, phi[low:high])
            for r in range(count):
                scale(dtotals[r, :size], normaliser, dphi[r, low:high])


def adjoint(a, n, states, kind, c, known, ls, weights, la, sums):  # type: ignore[no-untyped-def]
    """Derivatives `la` with respect to the currents `a`, given `weights[t] * ls[t]` with respect to spikes.

    Of a held current they are summed over time. `sums (parameters)`, unless empty, gets those by the parameters.
    """
    lanes, held, still, steps = a.shape[1], a.shape[0] == 1, ls.shape[0] == 1, weights.size
    most = min(PULLED, lanes)
    kept, lkept = np.empty((steps + 1, states, most), a.dtype), np.empty((states, most), a.dtype)
    trains, rows = np.empty((2, steps, most), a.dtype), np.empty((3, most), a.dtype)
    lvalues, one = np.zeros((sums.size, most), a.dtype), np.ones(1, a.dtype)[0]
    for low in range(0, lanes, PULLED):
        high = min(low + PULLED, lanes)
        size = high - low
        drawn, out, total = rows[0, :size], rows[1, :size], rows[2, :size]
        kept[0], lkept[:], total[:] = 0, 0, 0
        for t in range(steps):
            _step(a[0 if held else t, low:high], n, kept[t], kept[t + 1], trains[0, t], trains[1, t])
        for t in range(steps - 1, -1, -1):
            d = known[t, low:high] if known.shape[0] else drawn
            derivative(kind, c, trains[0, t, :size], d)
            current, error = a[0 if held else t, low:high], ls[0 if still else t, low:high]
            la_t = out if held else la[t, low:high]
            if sums.size:
                _pull_fields(current, n, kept[t], trains[1, t], d, error, weights[t], lkept, la_t, lvalues)
            else:
                _pull(current, n, kept[t], trains[1, t], d, error, weights[t], lkept, la_t, lvalues)
            if held:
                add(la_t, one, total)
        if held:
            copy(total, la[0, low:high])
    for k in range(sums.size):
        for j in range(most):
            sums[k] += lvalues[k, j]
