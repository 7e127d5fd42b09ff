"""Current-based LIF neurons back in time: EventProp's adjoint of the passes in `current_lif`.

With lamV and lamI the slopes of a loss by V and I, going back over a time s

    lamI <- lamI e^(-as) + lamV k(s),   lamV <- lamV e^(-bs);

an own spike at which dV/dt = slope, and whose time the loss depends on by l, adds `(b threshold lamV - l) / slope` to
lamV of its neuron; a pulse with weights w adds lamI to the slope of w, and the slope of the loss by its time is
`l - w . (lamV - a lamI)`. Arrays are those of a Log: (batch, events), filled up with source -1.

Source: Wunderlich and Pehle 2021, DOI 10.1038/s41598-021-91786-z.
"""

from __future__ import annotations

import numpy as np

from neurokit.events.kernels.current_lif import decays
from neurokit.neurons.kernels.compiler import compiled

#: Layers of fewer neurons are summed here: calling a library costs more.
FEW = 32


@compiled
def least_slope(sources, currents, lines, drop):  # type: ignore[no-untyped-def]
    """The smallest dV/dt at an own spike, `I - b threshold`; inf without one. `drop` is b threshold."""
    least = np.inf
    for sample in range(sources.shape[0]):
        for k in range(sources.shape[1]):
            if sources[sample, k] >= lines:
                least = min(least, currents[sample, k] - drop)
    return least


@compiled
def _back(ea, eb, k, lv, li):  # type: ignore[no-untyped-def]
    for j in range(lv.size):
        li[j] = li[j] * ea + lv[j] * k
        lv[j] *= eb


@compiled
def _difference(a, lv, li, difference):  # type: ignore[no-untyped-def]
    for j in range(lv.size):
        difference[j] = lv[j] - a * li[j]


@compiled
def _pulse(weight, slope, row, li, difference):  # type: ignore[no-untyped-def]
    """Add lamI to the slope of the row's weights; answers with `w . difference`, the difference being lamV - a lamI."""
    for j in range(li.size):
        slope[row, j] += li[j]
    if li.size >= FEW:
        return np.dot(weight[row], difference)
    total = 0.0
    for j in range(li.size):
        total += weight[row, j] * difference[j]
    return total


@compiled
def adjoint(  # type: ignore[no-untyped-def]
    times, sources, places, currents, weight, horizon, kind, a, b, threshold, floor, by_time, by_final, slope, by_input
):
    """Through a layer without recurrent synapses: adds to `slope (lines, n)`, writes `by_input (batch, inputs)`.

    A neuron that spiked between two inputs is followed by itself over that interval. What happened after the last event
    that the loss depends on is passed over: nothing flows back from there.
    """
    lines, n = weight.shape
    drop = b * threshold
    lv, li, difference = np.empty(n), np.empty(n), np.empty(n)
    own_v, own_i, reached = np.empty(n), np.empty(n), np.full(n, -1.0)
    spiked = np.empty(n, np.int64)
    for sample in range(times.shape[0]):
        lv[:], li[:] = by_final[sample, :, 0], by_final[sample, :, 1]
        k, later, moved = times.shape[1] - 1, horizon, True
        while k >= 0 and sources[sample, k] < 0:
            k -= 1
        quiet = not (np.any(lv) or np.any(li))
        while quiet and k >= 0 and by_time[sample, k] == 0:
            later = times[sample, k]
            k -= 1
        while k >= 0:
            some = 0
            while k >= 0 and sources[sample, k] >= lines:
                j, t = sources[sample, k] - lines, times[sample, k]
                if reached[j] < 0:
                    own_v[j], own_i[j], reached[j] = lv[j], li[j], later
                    spiked[some] = j
                    some += 1
                ea, eb, kernel = decays(kind, a, b, reached[j] - t)
                own_i[j] = own_i[j] * ea + own_v[j] * kernel
                own_v[j] *= eb
                own_v[j] += (drop * own_v[j] - by_time[sample, k]) / max(currents[sample, k] - drop, floor)
                reached[j] = t
                k -= 1
            begin = times[sample, k] if k >= 0 else 0.0
            if later > begin:
                ea, eb, kernel = decays(kind, a, b, later - begin)
                _back(ea, eb, kernel, lv, li)
                moved = True
            for p in range(some):
                j = spiked[p]
                ea, eb, kernel = decays(kind, a, b, reached[j] - begin)
                li[j], lv[j], reached[j] = own_i[j] * ea + own_v[j] * kernel, own_v[j] * eb, -1.0
            if k >= 0:
                line = sources[sample, k]
                if moved or some:
                    _difference(a, lv, li, difference)
                    moved = False
                by_input[sample, places[sample, k]] = by_time[sample, k] - _pulse(weight, slope, line, li, difference)
                later = begin
                k -= 1


@compiled
def adjoint_recurrent(  # type: ignore[no-untyped-def]
    times, sources, places, currents, weight, horizon, kind, a, b, threshold, floor, by_time, by_final, slope, by_input
):
    """Through a layer whose spikes reach all its neurons; rows of `weight` and `slope` are lines, then neurons."""
    n = weight.shape[1]
    lines, drop = weight.shape[0] - n, b * threshold
    lv, li, difference = np.empty(n), np.empty(n), np.empty(n)
    for sample in range(times.shape[0]):
        lv[:], li[:] = by_final[sample, :, 0], by_final[sample, :, 1]
        later = horizon
        for k in range(times.shape[1] - 1, -1, -1):
            row = sources[sample, k]
            if row < 0:
                continue
            if later > times[sample, k]:
                ea, eb, kernel = decays(kind, a, b, later - times[sample, k])
                _back(ea, eb, kernel, lv, li)
                later = times[sample, k]
            _difference(a, lv, li, difference)
            by = by_time[sample, k] - _pulse(weight, slope, row, li, difference)
            if row >= lines:
                j = row - lines
                lv[j] += (drop * lv[j] - by) / max(currents[sample, k] - drop, floor)
            else:
                by_input[sample, places[sample, k]] = by
