"""One layer on a grid of time, forward and in reverse, sample by sample; see `neurokit.events.grid` for the equations.

Arrays are `(batch, times, lines)`; `constants` are alpha, beta, g, threshold, a, b, dt and the least slope
to divide by, in the arrays' type; `given` are counts of pulses. A layer that is not recurrent has a recurrent weight of
shape (0, 0).
"""

from __future__ import annotations

import numpy as np

from neurokit.neurons.kernels.compiler import compiled

#: Where the constants lie.
ALPHA, BETA, GAIN, THRESHOLD, A, B, DT, FLOOR = range(8)
#: Newton's method halves the distance to a tangent crossing at worst.
MOST_STEPS = 64


@compiled
def forward(given, weight, recurrent, constants, fired, slope, final):  # type: ignore[no-untyped-def]
    """Spikes; dV/dt where the voltage of each really crossed; V and I at the last grid time."""
    batch, times, lines = given.shape
    size, back = weight.shape[1], recurrent.shape[0] > 0
    alpha, beta, gain, threshold = constants[ALPHA], constants[BETA], constants[GAIN], constants[THRESHOLD]
    v, i = np.empty(size, weight.dtype), np.empty(size, weight.dtype)
    for sample in range(batch):
        v[:] = 0
        i[:] = 0
        for n in range(times):
            if n:
                for j in range(size):
                    before = v[j]
                    v[j] = beta * before + gain * i[j]
                    if v[j] > threshold:
                        fired[sample, n, j] = True
                        slope[sample, n, j] = _slope(before, i[j], constants)
                        v[j] = 0
                    i[j] = alpha * i[j]
            if n == times - 1:
                break
            for m in range(lines):
                if given[sample, n, m]:
                    for j in range(size):
                        i[j] += given[sample, n, m] * weight[m, j]
            if back:
                for m in range(size):
                    if fired[sample, n, m]:
                        for j in range(size):
                            i[j] += recurrent[m, j]
        final[sample, :, 0] = v
        final[sample, :, 1] = i


@compiled
def _slope(v, i, constants):  # type: ignore[no-untyped-def]
    """dV/dt at the crossing, from the state after the events of the grid time before: Newton's method from below."""
    a, b, threshold, dt = constants[A], constants[B], constants[THRESHOLD], constants[DT]
    s = constants[A] * 0
    slope = i - b * v
    for _ in range(MOST_STEPS):
        slower, apart = min(a, b), abs(a - b)
        kernel = np.exp(-slower * s) * (-np.expm1(-apart * s) / apart if apart else s)
        at = v * np.exp(-b * s) + i * kernel
        slope = i * np.exp(-a * s) - b * at
        if at >= threshold or slope <= 0 or s >= dt:
            break
        step = (threshold - at) / slope
        if s + step <= s:
            break
        s = min(s + step, dt)
    # At the root V is the threshold; what Newton's method leaves is less than that.
    return slope


@compiled
def backward(  # type: ignore[no-untyped-def]
    given, fired, weight, recurrent, constants, slope, by_spike, by_final, by_weight, by_recurrent, by_given
):
    """Adds slopes by weights into `by_weight` and `by_recurrent`, writes those by times of pulses into `by_given`."""
    batch, times, lines = given.shape
    size, back = weight.shape[1], recurrent.shape[0] > 0
    alpha, beta, gain, floor = constants[ALPHA], constants[BETA], constants[GAIN], constants[FLOOR]
    pull = constants[THRESHOLD] * constants[B]
    lam_v, lam_i = np.empty(size, weight.dtype), np.empty(size, weight.dtype)
    mu, moving = np.empty(size, weight.dtype), np.empty(size, weight.dtype)
    for sample in range(batch):
        lam_v[:] = by_final[sample, :, 0]
        lam_i[:] = by_final[sample, :, 1]
        for n in range(times - 1, -1, -1):
            mu[:] = by_spike[sample, n]
            if n < times - 1:
                for j in range(size):
                    lam_i[j] = alpha * lam_i[j] + gain * lam_v[j]
                    lam_v[j] = beta * lam_v[j]
                    moving[j] = lam_v[j] - constants[A] * lam_i[j]
                for m in range(lines):
                    pulses = given[sample, n, m]
                    if pulses:
                        total = weight[m, 0] * 0
                        for j in range(size):
                            by_weight[m, j] += pulses * lam_i[j]
                            total += weight[m, j] * moving[j]
                        by_given[sample, n, m] = -total
                if back:
                    for m in range(size):
                        if fired[sample, n, m]:
                            total = weight[0, 0] * 0
                            for j in range(size):
                                by_recurrent[m, j] += lam_i[j]
                                total += recurrent[m, j] * moving[j]
                            mu[m] -= total
            for j in range(size):
                if fired[sample, n, j]:
                    lam_v[j] += (pull * lam_v[j] - mu[j]) / max(slope[sample, n, j], floor)
