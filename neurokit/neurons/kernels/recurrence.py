"""Populations of neurons in time: forward, along directions, and in reverse.

One recurrence covers all neurons, with IF (alpha 0, beta 1) and LIF (alpha 0) as its cases. From the input current a,

    i <- alpha i + a;  u = beta v + i;  x = u - threshold;  s = [x >= limit];  v <- u - s r

where r is the threshold (soft reset) or u (hard reset) and the limit is 0, or the least positive number of a strict
neuron. With the surrogate's derivative `d = sigma'(x)`, and p = 1 for an attached reset and 0 for a detached one, the
membrane's memory of itself is `m = 1 - p d r` (soft) or `m = 1 - s - p d r` (hard), and along a direction

    di <- alpha di + da;  du = beta dv + di;  ds = d du;  dv <- m du,

in reverse `lu = d ls + m lv; li <- lu + alpha li; la = li; lv <- beta lu`.

Arrays are `(T, lanes)`, or `(1, lanes)` for what is held over the window; a lane is one neuron of one sample. Lanes are
taken in blocks whose states stay in the first cache; loops over lanes touch few arrays, so that they become vector
instructions. Outputs that nobody wants have no rows.
"""

from __future__ import annotations

import numpy as np

from neurokit.neurons.kernels.compiler import compiled, contracted
from neurokit.neurons.kernels.surrogates import derivative

#: Lanes of a block.
LANES = 512
#: Where the constants of a neuron lie.
THRESHOLD, ALPHA, BETA, LIMIT, ZERO, ONE = range(6)


@compiled
def forward(a, n, soft, synaptic, weights, normaliser, spikes, distances, phi):  # type: ignore[no-untyped-def]
    """Spikes s, distances x, and features `phi = sum_t weights[t] s[t] / normaliser (lanes)`, from currents `a`."""
    lanes, held = a.shape[1], a.shape[0] == 1
    scratch = np.empty((5, min(LANES, lanes)), a.dtype)
    for low in range(0, lanes, LANES):
        high = min(low + LANES, lanes)
        size = high - low
        i, v, x, s, total = (
            scratch[0, :size],
            scratch[1, :size],
            scratch[2, :size],
            scratch[3, :size],
            scratch[4, :size],
        )
        scratch[:] = n[ZERO]
        for t in range(weights.size):
            _step(a[0 if held else t, low:high], n, soft, synaptic, i, v, x, s)
            if spikes.shape[0]:
                _copy(s, spikes[t, low:high])
            if distances.shape[0]:
                _copy(x, distances[t, low:high])
            if phi.size:
                _add(s, weights[t], total)
        if phi.size:
            _scale(total, normaliser, phi[low:high])


@compiled
def tangent(  # type: ignore[no-untyped-def]
    a, da, moved, n, soft, attached, synaptic, kind, c, known, weights, normaliser, spikes, phi, dspikes, dphi
):
    """Spikes and features as `forward`, and what becomes of tangents `da (rows, T or 1, lanes)` of the current.

    `moved (rows, 3)`, if it has rows, are tangents of threshold, alpha and beta. `known (T, lanes)` holds the
    derivatives of a surrogate without a formula.
    """
    lanes, held, still, rows = a.shape[1], a.shape[0] == 1, da.shape[1] == 1, da.shape[0]
    scratch = np.empty((10, min(LANES, lanes)), a.dtype)
    states = np.empty((rows, 4, min(LANES, lanes)), a.dtype)
    for low in range(0, lanes, LANES):
        high = min(low + LANES, lanes)
        size = high - low
        i, v, x, s, total = (
            scratch[0, :size],
            scratch[1, :size],
            scratch[2, :size],
            scratch[3, :size],
            scratch[4, :size],
        )
        d, m, i0, v0, current = (
            scratch[5, :size],
            scratch[6, :size],
            scratch[7, :size],
            scratch[8, :size],
            scratch[9, :size],
        )
        scratch[:] = n[ZERO]
        states[:] = n[ZERO]
        for t in range(weights.size):
            if moved.shape[0]:
                _copy(i, i0)
                _copy(v, v0)
            _step(a[0 if held else t, low:high], n, soft, synaptic, i, v, x, s)
            if known.shape[0]:
                _copy(known[t, low:high], d)
            derivative(kind, c, x, d)
            _memory(n, soft, attached, x, s, d, m)
            if spikes.shape[0]:
                _copy(s, spikes[t, low:high])
            if phi.size:
                _add(s, weights[t], total)
            for r in range(rows):
                di, dv, ds, dtotal = states[r, 0, :size], states[r, 1, :size], states[r, 2, :size], states[r, 3, :size]
                incoming = da[r, 0 if still else t, low:high]
                if synaptic:
                    _leak(incoming, n[ALPHA], di)
                    if moved.shape[0]:
                        _add(i0, moved[r, 1], di)
                    incoming = di
                if moved.shape[0]:
                    _copy(incoming, current)
                    _add(v0, moved[r, 2], current)
                    incoming = current
                if moved.shape[0]:
                    _push(incoming, n[BETA], d, m, dv, ds)
                    _push_threshold(n[ONE], moved[r, 0], d, m, s, dv, ds)
                    if dspikes.shape[0]:
                        _copy(ds, dspikes[r, t, low:high])
                    else:
                        _add(ds, weights[t], dtotal)
                elif dspikes.shape[0]:
                    _push(incoming, n[BETA], d, m, dv, dspikes[r, t, low:high])
                else:
                    _push(incoming, n[BETA], d, m, dv, ds)
                    _add(ds, weights[t], dtotal)
        if phi.size:
            _scale(total, normaliser, phi[low:high])
            for r in range(rows):
                _scale(states[r, 3, :size], normaliser, dphi[r, low:high])


@compiled
def adjoint(  # type: ignore[no-untyped-def]
    z, x, n, soft, attached, synaptic, kind, c, known, ls, weights, la, sums
):
    """Derivatives `la` with respect to currents, given `weights[t] * ls[t]` with respect to spikes.

    Either `x (T, lanes)` holds the distances that `forward` found, or `z (1, lanes)` the held current to find them
    from, whose derivative is summed over time. `sums (3)`, unless empty, gets those by threshold, alpha and beta.
    """
    lanes, held, still, steps = la.shape[1], z.shape[0] == 1, ls.shape[0] == 1, weights.size
    scratch = np.empty((8, min(LANES, lanes)), la.dtype)
    found = np.empty((steps if held else 0, min(LANES, lanes)), la.dtype)
    distances = found if held else x
    for low in range(0, lanes, LANES):
        high = min(low + LANES, lanes)
        size = high - low
        i, v, s, lv = scratch[0, :size], scratch[1, :size], scratch[2, :size], scratch[3, :size]
        li, lu, total, drawn = scratch[4, :size], scratch[5, :size], scratch[6, :size], scratch[7, :size]
        first = 0 if held else low
        scratch[:] = n[ZERO]
        if held:
            for t in range(steps):
                _step(z[0, low:high], n, soft, synaptic, i, v, found[t, :size], s)
        for t in range(steps - 1, -1, -1):
            distance, error = distances[t, first : first + size], ls[0 if still else t, low:high]
            d = known[t, low:high] if known.shape[0] else drawn
            derivative(kind, c, distance, d)
            if sums.size:
                sums[0] += _pull_threshold(n, soft, attached, distance, d, error, weights[t], lv)
                if t > 0:
                    _state(n, soft, distances, t - 1, first, i, v)
                else:
                    i[:], v[:] = n[ZERO], n[ZERO]
            out = lu if held else la[t, low:high]
            _pull(n, soft, attached, distance, d, error, weights[t], lv, out)
            if sums.size:
                sums[2] += _dot(out, v)
            if synaptic:
                _leak(out, n[ALPHA], li)
                _copy(li, out)
                if sums.size:
                    sums[1] += _dot(out, i)
            if held:
                _add(out, n[ONE], total)
        if held:
            _copy(total, la[0, low:high])


@compiled
def _copy(source, target):  # type: ignore[no-untyped-def]
    for j in range(source.size):
        target[j] = source[j]


@compiled
def _add(source, weight, target):  # type: ignore[no-untyped-def]
    for j in range(source.size):
        target[j] = target[j] + source[j] * weight


@compiled
def _scale(source, normaliser, target):  # type: ignore[no-untyped-def]
    for j in range(source.size):
        target[j] = source[j] / normaliser


@compiled
def _leak(source, share, target):  # type: ignore[no-untyped-def]
    for j in range(source.size):
        target[j] = target[j] * share + source[j]


@compiled
def _dot(first, second):  # type: ignore[no-untyped-def]
    total = 0.0
    for j in range(first.size):
        total += first[j] * second[j]
    return total


@compiled
def _step(a, n, soft, synaptic, i, v, x, s):  # type: ignore[no-untyped-def]
    if synaptic:
        _leak(a, n[ALPHA], i)
        a = i
    if soft:
        _step_soft(a, n[BETA], n[THRESHOLD], n[LIMIT], n[ZERO], n[ONE], v, x, s)
    else:
        _step_hard(a, n[BETA], n[THRESHOLD], n[LIMIT], n[ZERO], n[ONE], v, x, s)


@compiled
def _step_soft(a, beta, threshold, limit, zero, one, v, x, s):  # type: ignore[no-untyped-def]
    for j in range(a.size):
        u = v[j] * beta + a[j]
        distance = u - threshold
        fires = distance >= limit
        x[j] = distance
        s[j] = one if fires else zero
        v[j] = distance if fires else u


@compiled
def _step_hard(a, beta, threshold, limit, zero, one, v, x, s):  # type: ignore[no-untyped-def]
    for j in range(a.size):
        u = v[j] * beta + a[j]
        distance = u - threshold
        fires = distance >= limit
        x[j] = distance
        s[j] = one if fires else zero
        v[j] = zero if fires else u


@compiled
def _memory(n, soft, attached, x, s, d, m):  # type: ignore[no-untyped-def]
    share = n[ONE] if attached else n[ZERO]
    if soft:
        _memory_soft(n[ONE], n[THRESHOLD] * share, d, m)
    else:
        _memory_hard(n[ONE], n[THRESHOLD], share, x, s, d, m)


@contracted
def _memory_soft(one, pull, d, m):  # type: ignore[no-untyped-def]
    for j in range(d.size):
        m[j] = one - d[j] * pull


@contracted
def _memory_hard(one, threshold, share, x, s, d, m):  # type: ignore[no-untyped-def]
    for j in range(d.size):
        m[j] = one - s[j] - d[j] * share * (x[j] + threshold)


@contracted
def _push(da, beta, d, m, dv, ds):  # type: ignore[no-untyped-def]
    for j in range(d.size):
        du = dv[j] * beta + da[j]
        ds[j] = d[j] * du
        dv[j] = m[j] * du


@compiled
def _push_threshold(one, moved, d, m, s, dv, ds):  # type: ignore[no-untyped-def]
    """`ds = d (du - dthreshold)`; the reset takes `s dthreshold` more of a soft membrane, `p d r` less of any."""
    for j in range(d.size):
        ds[j] = ds[j] - d[j] * moved
        dv[j] = dv[j] + (one - s[j] - m[j]) * moved


@compiled
def _pull(n, soft, attached, x, d, ls, weight, lv, lu):  # type: ignore[no-untyped-def]
    share = n[ONE] if attached else n[ZERO]
    if soft:
        _pull_soft(n[ONE], n[BETA], n[THRESHOLD] * share, d, ls, weight, lv, lu)
    else:
        _pull_hard(n[ZERO], n[ONE], n[BETA], n[THRESHOLD], n[LIMIT], share, x, d, ls, weight, lv, lu)


@contracted
def _pull_soft(one, beta, pull, d, ls, weight, lv, lu):  # type: ignore[no-untyped-def]
    for j in range(d.size):
        u = d[j] * (ls[j] * weight) + (one - d[j] * pull) * lv[j]
        lu[j] = u
        lv[j] = u * beta


@contracted
def _pull_hard(zero, one, beta, threshold, limit, share, x, d, ls, weight, lv, lu):  # type: ignore[no-untyped-def]
    for j in range(d.size):
        kept = zero if x[j] >= limit else one
        u = d[j] * (ls[j] * weight) + (kept - d[j] * share * (x[j] + threshold)) * lv[j]
        lu[j] = u
        lv[j] = u * beta


@compiled
def _pull_threshold(n, soft, attached, x, d, ls, weight, lv):  # type: ignore[no-untyped-def]
    """`(p d r - [soft] s) lv - d ls`: the reset takes the threshold from the membrane, and the distance has it."""
    share, total = n[ONE] if attached else n[ZERO], 0.0
    for j in range(d.size):
        taken = n[THRESHOLD] if soft else x[j] + n[THRESHOLD]
        lost = n[ONE] if soft and x[j] >= n[LIMIT] else n[ZERO]
        total += (d[j] * share * taken - lost) * lv[j] - d[j] * (ls[j] * weight)
    return total


@compiled
def _state(n, soft, distances, t, first, i, v):  # type: ignore[no-untyped-def]
    """Synaptic current and membrane behind step t: `u = x + threshold` had `beta` times the membrane before in it."""
    for j in range(v.size):
        before = n[ZERO] if t == 0 else _behind(n, soft, distances[t - 1, first + j])
        i[j] = distances[t, first + j] + n[THRESHOLD] - n[BETA] * before
        v[j] = _behind(n, soft, distances[t, first + j])


@compiled
def _behind(n, soft, x):  # type: ignore[no-untyped-def]
    """The membrane behind a step that had it at distance x."""
    if x >= n[LIMIT]:
        return x if soft else n[ZERO]
    return x + n[THRESHOLD]
