"""Loops over time for many copies of one layer, compiled by numba: weights differ by copy, thresholds by neuron.

Every array has a leading axis of copies, of length one where the copies share it. The neuron is the integrate-and-fire
step of `neurokit.neurons.models.IF` spelled out for integers; a test holds it against the reference.

The step stands in both loops that fire, and the tangents' in both that sway: called as a function of one step of a
layer, the loops over held currents took seven times as long, and inlined a quarter longer.
"""

from __future__ import annotations

import numpy as np

from neurokit.neurons.kernels.compiler import compiled
from neurokit.simulator.event_kernels import events, gather


@compiled
def fire(currents, thresholds, hard, spikes, states, reach):  # type: ignore[no-untyped-def]
    """Spikes of neurons that receive held `currents (copies, samples, size)`; `reach` is the largest membrane."""
    copies, samples, steps, size = spikes.shape
    u, top = np.empty(size, np.int32), np.empty(size, np.int32)
    for c in range(copies):
        top[:] = 0
        for b in range(samples):
            u[:] = 0
            a = currents[c, b]
            for t in range(steps):
                s = spikes[c, b, t]
                for n in range(size):
                    before = np.int32(u[n] + a[n])
                    top[n] = max(top[n], abs(before))
                    fired = before >= thresholds[n]
                    s[n] = fired
                    after = np.int32(0) if hard else np.int32(before - thresholds[n])
                    u[n] = after if fired else before
                    if states.size:
                        states[c, b, t, n] = before
        reach[c] = top.max()


@compiled
def drive(source, rows, bias, exponent, extra, thresholds, hard, spikes, states, reach):  # type: ignore[no-untyped-def]
    """Spikes of neurons behind synapses `rows (copies, in + 1, size)` that receive the spikes `source`.

    A last row of zeros pads groups of spikes; `extra (copies, samples, size)` is added to the current in every step.
    """
    copies, samples, steps, size = spikes.shape
    left, right = np.int32(max(exponent, 0)), np.int32(max(-exponent, 0))
    u, a, top = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    firing = np.empty(source.shape[3] + 4, np.uint64)
    for c in range(copies):
        top[:] = 0
        weight, base = rows[c if rows.shape[0] > 1 else 0], bias[c if bias.shape[0] > 1 else 0]
        received, added = source[c if source.shape[0] > 1 else 0], extra[c if extra.shape[0] > 1 else 0]
        for b in range(samples):
            u[:] = 0
            more = added[b if added.shape[0] > 1 else 0]
            for t in range(steps):
                a[:] = base
                gather(weight, firing, events(received[b, t], firing), a)
                s = spikes[c, b, t]
                for n in range(size):
                    current = np.int32(np.int32(np.int32(a[n] << left) >> right) + more[n])
                    before = np.int32(u[n] + current)
                    top[n] = max(top[n], abs(before))
                    fired = before >= thresholds[n]
                    s[n] = fired
                    after = np.int32(0) if hard else np.int32(before - thresholds[n])
                    u[n] = after if fired else before
                    if states.size:
                        states[c, b, t, n] = before
        reach[c] = top.max()


@compiled
def count(spikes, weights, counts):  # type: ignore[no-untyped-def]
    """`counts = sum_t weights[t] * spikes[:, :, t]`."""
    copies, samples, steps, size = spikes.shape
    total = np.empty(size, np.int32)
    for c in range(copies):
        for b in range(samples):
            total[:] = 0
            for t in range(steps):
                w, s = np.int32(weights[t]), spikes[c, b, t]
                for n in range(size):
                    total[n] += np.int32(w * np.int32(s[n]))
            counts[c, b] = total


@compiled
def propagate_tangent(currents, slope, decay, tangents):  # type: ignore[no-untyped-def]
    """Tangents of spikes from tangents of held currents `(directions, samples, size)`; see `Loops`."""
    directions, samples, steps, size = tangents.shape
    u = np.empty(size, currents.dtype)
    for k in range(directions):
        for b in range(samples):
            u[:] = 0
            a = currents[k, b]
            for t in range(steps):
                g, kept, moved = slope[b, t], decay[b, t], tangents[k, b, t]
                for n in range(size):
                    before = u[n] + a[n]
                    moved[n] = g[n] * before
                    u[n] = kept[n] * before


@compiled
def propagate_tangent_driven(source, passed, rows, bias, slope, decay, tangents):  # type: ignore[no-untyped-def]
    """Tangents of spikes behind synapses that receive `source` and move by `rows (directions, in + 1, size)` and
    `bias`.

    `passed` are the currents that tangents of the source bring, empty where it does not move.
    """
    directions, samples, steps, size = tangents.shape
    u, a, none = np.empty(size, rows.dtype), np.empty(size, rows.dtype), np.zeros(size, rows.dtype)
    firing = np.empty(source.shape[2] + 4, np.uint64)
    for k in range(directions):
        for b in range(samples):
            u[:] = 0
            for t in range(steps):
                a[:] = passed[k, b, t] if passed.size else none
                a += bias[k]
                for q in range(events(source[b, t], firing)):
                    row = rows[k, firing[q]]
                    for n in range(size):
                        a[n] += row[n]
                g, kept, moved = slope[b, t], decay[b, t], tangents[k, b, t]
                for n in range(size):
                    before = u[n] + a[n]
                    moved[n] = g[n] * before
                    u[n] = kept[n] * before


@compiled
def weigh(tangents, weights, totals):  # type: ignore[no-untyped-def]
    """`totals = sum_t weights[t] * tangents[:, :, t]`."""
    directions, samples, steps, size = tangents.shape
    for k in range(directions):
        for b in range(samples):
            total = totals[k, b]
            total[:] = 0
            for t in range(steps):
                w, x = weights[t], tangents[k, b, t]
                for n in range(size):
                    total[n] += w * x[n]
