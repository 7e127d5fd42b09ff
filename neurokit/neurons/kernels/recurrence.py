"""The adjoint of current-based neurons by the distances to threshold alone, written by hand.

One recurrence covers IF (alpha 0, beta 1), LIF (alpha 0) and CubaLIF. From the input current a,

    i <- alpha i + a;  u = beta v + i;  x = u - threshold;  s = [x >= limit];  v <- u - s r

where r is the threshold (soft reset) or u (hard reset) and the limit is 0, or the least positive number of a strict
neuron. With the surrogate's derivative `d = sigma'(x)`, and p = 1 for an attached reset and 0 for a detached one, the
membrane's memory of itself is `m = 1 - p d r` (soft) or `m = 1 - s - p d r` (hard), and in reverse

    lu = d ls + m lv;  li <- lu + alpha li;  la = li;  lv <- beta lu.

The distances say all of a step that this needs, so nothing is computed again. The kernel that is generated from the
neuron's `step` must find its states again and is 1.0 to 1.4 times slower, which is why this one is kept. All other
kernels are generated, and a test holds the two together.

Arrays are `(T, lanes)`, or `(1, lanes)` for what is held over the window. Lanes are taken in blocks whose states stay
in the first cache; loops over lanes touch few arrays, so that they become vector instructions.
"""

from __future__ import annotations

import numpy as np

from neurokit.neurons.kernels.compiler import compiled, contracted
from neurokit.neurons.kernels.lanes import LANES, add, copy
from neurokit.neurons.kernels.surrogates import derivative

#: Where the constants of a neuron lie.
THRESHOLD, ALPHA, BETA, LIMIT, ZERO, ONE = range(6)


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
                copy(li, out)
                if sums.size:
                    sums[1] += _dot(out, i)
            if held:
                add(out, n[ONE], total)
        if held:
            copy(total, la[0, low:high])


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
