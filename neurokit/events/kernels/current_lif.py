"""Current-based LIF neurons from event to event in continuous time: decays, crossings, and forward passes of a layer.

With a = 1/tau_syn, b = 1/tau_mem, after a time s without events

    I(s) = I e^(-as),   V(s) = V e^(-bs) + I k(s),   k(s) = (e^(-as) - e^(-bs)) / (b - a).

Samples follow one another; within a sample events are outside and neurons inside. Neurons without recurrent synapses do
not see each other, so that between two inputs each of them is followed by itself, and only where it reaches threshold.
A row of events is a sample, its times in ascending order, filled up with inf. What happened is returned flat, with the
offsets of samples, and grows as it needs to.
"""

from __future__ import annotations

import math

import numpy as np

from neurokit.neurons.kernels.compiler import compiled

#: How the next crossing is found: Newton's method, or in closed form where a = b, a = 2b, b = 2a.
NEWTON, EQUAL, SLOW_MEMBRANE, FAST_MEMBRANE = range(4)
#: Newton's method halves the distance to a tangent crossing at worst: enough for every bit of float64.
MOST_NEWTON_STEPS = 64
#: Up to so many spikes are put in order one by one at once.
FEW = 16


def kind_of(a: float, b: float) -> int:
    """Which of the ways to the next crossing these rates have."""
    # Rates are quotients themselves, rounded once each.
    for ratio, kind in ((1.0, EQUAL), (2.0, SLOW_MEMBRANE), (0.5, FAST_MEMBRANE)):
        if abs(a / b - ratio) <= 4 * np.finfo(float).eps * ratio:
            return kind
    return NEWTON


@compiled
def decays(kind, a, b, s):  # type: ignore[no-untyped-def]
    """e^(-as), e^(-bs) and k(s), without the cancellation of nearly equal exponentials."""
    if kind == EQUAL:
        x = math.exp(-b * s)
        return x, x, s * x
    if kind == SLOW_MEMBRANE:
        gone = math.expm1(-b * s)
        x = 1 + gone
        return x * x, x, -x * gone / b
    if kind == FAST_MEMBRANE:
        gone = math.expm1(-a * s)
        x = 1 + gone
        return x, x * x, -x * gone / a
    if a > b:
        x, gone = math.exp(-b * s), math.expm1((b - a) * s)
        return x * (1 + gone), x, x * gone / (b - a)
    x, gone = math.exp(-a * s), math.expm1((a - b) * s)
    return x, x * (1 + gone), x * gone / (a - b)


@compiled
def may_cross(v, i, after, current, b, threshold, s):  # type: ignore[no-untyped-def]
    """Whether V can reach threshold within s; `after` and `current` are V and I at the end. No spike is missed."""
    rise = i - b * v
    within = rise > 0 and current - b * after < 0 and v + rise * s >= threshold and i > b * threshold
    return v >= threshold or after >= threshold or within


@compiled
def wait(kind, a, b, threshold, v, i):  # type: ignore[no-untyped-def]
    """Time to the next crossing of threshold, inf if there is none."""
    if v >= threshold:
        return 0.0
    if not (i > b * threshold and i - b * v > 0):
        return math.inf
    if kind == EQUAL:
        return _equal(b, threshold, v, i)
    if kind == NEWTON:
        return _newton(a, b, threshold, v, i)
    # V = linear x + square x^2 with x = e^(-rate s), and the crossing on the way up is the larger root.
    if kind == SLOW_MEMBRANE:
        rate, linear, square = b, v + i / b, -i / b
    else:
        rate, linear, square = a, i / a, v - i / a
    inside = linear * linear + 4 * square * threshold
    if linear <= 0 or inside < 0:
        return math.inf
    return max(0.0, -math.log((linear + math.sqrt(inside)) / (-2 * square)) / rate)


@compiled
def _equal(b, threshold, v, i):  # type: ignore[no-untyped-def]
    """V(s) = (V + I s) e^(-bs): p = b (s + V/I) solves ln p - p = ln(b threshold / I) - b V/I, p <= 1."""
    level = math.log(b * threshold / i) - b * v / i
    if level > -1:
        return math.inf
    root = math.sqrt(-2 * (1 + level))
    if root < 1.4:
        p = 1 - root + root * root / 3 - root * root * root / 36
    else:
        q = math.exp(level)
        p = q * (1 + q + 1.5 * q * q)
    if root > 1e-4:  # nearer to the tangent the series is exact
        for _ in range(2):
            # Fritsch, Shafer and Crowley 1973, DOI 10.1145/361952.361970: of fourth order.
            z, w = level - math.log(p) + p, 1 - p
            inner = 2 * w * (w + 2 * z / 3)
            p *= 1 + z / w * (inner - z) / (inner - 2 * z)
    return max(0.0, p / b - v / i)


@compiled
def _newton(a, b, threshold, v, i):  # type: ignore[no-untyped-def]
    """From s = 0 below the root: V is concave up to its peak, so no step passes the root."""
    inside = (b - a) * (i - b * v) / (i * a)
    if inside <= -1:
        return math.inf
    peak = math.log1p(inside) / (b - a)
    ea, eb, k = decays(NEWTON, a, b, peak)
    if v * eb + i * k < threshold:
        return math.inf
    s = 0.0
    for _ in range(MOST_NEWTON_STEPS):
        ea, eb, k = decays(NEWTON, a, b, s)
        here = v * eb + i * k
        missing, slope = threshold - here, i * ea - b * here
        # Beyond the root, or on the peak, only rounding is left.
        ahead = min(s + missing / slope, peak) if missing > 0 and slope > 0 else s
        if ahead - s <= 2.3e-16 * ahead:
            return ahead
        s = ahead
    return s


@compiled
def _flow(ea, eb, k, s, b, threshold, v, i, after, current, flags):  # type: ignore[no-untyped-def]
    """States of all neurons after s as if none spiked, and 1 in `flags` for those that may; answers with their number.

    No branches, so that this becomes vector instructions.
    """
    for j in range(v.size):
        end, left = v[j] * eb + i[j] * k, i[j] * ea
        rise = i[j] - b * v[j]
        within = (rise > 0) & (left - b * end < 0) & (v[j] + rise * s >= threshold[j])
        flags[j] = 1 if (end >= threshold[j]) | within else 0
        after[j], current[j] = end, left
    total = 0
    for j in range(v.size):
        total += flags[j]
    return total


@compiled
def _ordered(times, sources, currents, low, high):  # type: ignore[no-untyped-def]
    """Put spikes from `low` to `high` in the order of time; those at one time stay in theirs.

    Many are put into as many buckets of time as they are, which leaves neighbours to be put in order one by one.
    """
    if high - low > FEW:
        _bucketed(times[low:high], sources[low:high], currents[low:high])
    for k in range(low + 1, high):
        time, source, current = times[k], sources[k], currents[k]
        p = k
        while p > low and times[p - 1] > time:
            times[p], sources[p], currents[p] = times[p - 1], sources[p - 1], currents[p - 1]
            p -= 1
        times[p], sources[p], currents[p] = time, source, current


@compiled
def _bucketed(times, sources, currents):  # type: ignore[no-untyped-def]
    count, first, last = times.size, times.min(), times.max()
    if not last > first:
        return
    t, s, c = times.copy(), sources.copy(), currents.copy()
    scale = (count - 1) / (last - first)
    bucket, begin = np.empty(count, np.int64), np.zeros(count + 1, np.int64)
    for k in range(count):
        bucket[k] = min(int((t[k] - first) * scale), count - 1)
        begin[bucket[k] + 1] += 1
    for k in range(count):
        begin[k + 1] += begin[k]
    for k in range(count):
        p = begin[bucket[k]]
        begin[bucket[k]] += 1
        times[p], sources[p], currents[p] = t[k], s[k], c[k]


@compiled
def forward(  # type: ignore[no-untyped-def]
    in_times, in_lines, weight, lines, horizon, kind, a, b, threshold, single, limit
):
    """A layer of n neurons; rows of `weight` are those of the lines, then, where spikes reach all neurons, of these.

    Returns times, sources (lines, then the layer's neurons), places among the inputs (-1 for own spikes), currents of
    the neuron at its spike, all flat; offsets of samples; final states (batch, n, 2); and the sample that had more than
    `limit` events, else -1. A sample is run where it has room for all that happens, again where that was too little.
    """
    (batch, count), (rows, n) = in_times.shape, weight.shape
    recurrent = rows > lines
    offsets, final = np.zeros(batch + 1, np.int64), np.empty((batch, n, 2))
    v, i = np.empty(n), np.empty(n)
    size = 2 * batch * (count + n)
    all_times, all_currents = np.empty(size), np.empty(size)
    all_sources, all_places = np.empty(size, np.int64), np.empty(size, np.int64)
    room = min(limit, 2 * (count + n))
    times, currents = np.empty(room), np.empty(room)
    sources, places = np.empty(room, np.int64), np.empty(room, np.int64)
    for sample in range(batch):
        given = in_times[sample], in_lines[sample]
        while True:
            if recurrent:
                used = _recurrent(
                    given, weight, lines, horizon, kind, a, b, threshold, single, v, i, times, sources, places, currents
                )
            else:
                used = _feed_forward(
                    given, weight, lines, horizon, kind, a, b, threshold, single, v, i, times, sources, places, currents
                )
            if used >= 0 or room == limit:
                break
            room = min(limit, 2 * room)
            times, currents = np.empty(room), np.empty(room)
            sources, places = np.empty(room, np.int64), np.empty(room, np.int64)
        low, stopped = offsets[sample], used < 0
        used = room if stopped else used
        if low + used > size:
            size = 2 * (low + used)
            all_times, all_currents = _longer(all_times, size), _longer(all_currents, size)
            all_sources, all_places = _longer(all_sources, size), _longer(all_places, size)
        offsets[sample + 1] = high = low + used
        all_times[low:high], all_currents[low:high] = times[:used], currents[:used]
        all_sources[low:high], all_places[low:high] = sources[:used], places[:used]
        if stopped:
            return all_times, all_sources, all_places, all_currents, offsets, final, sample
        final[sample, :, 0], final[sample, :, 1] = v, i
    return all_times, all_sources, all_places, all_currents, offsets, final, -1


@compiled
def _longer(array, size):  # type: ignore[no-untyped-def]
    longer = np.empty(size, array.dtype)
    longer[: array.size] = array
    return longer


@compiled
def _feed_forward(  # type: ignore[no-untyped-def]
    given, weight, lines, horizon, kind, a, b, threshold, single, v, i, times, sources, places, currents
):
    """One sample, neurons that do not see each other: the number of events, -1 where there is no room for them.

    Writes v and i, at last the final states, and the events.
    """
    (in_times, in_lines), n, room = given, v.size, times.size
    after, current, thresholds = np.empty(n), np.empty(n), np.full(n, threshold)
    flags = np.empty(n, np.int8)
    v[:], i[:] = 0.0, 0.0
    now, e, used = 0.0, 0, 0
    while True:
        more = e < in_times.size and in_times[e] <= horizon
        end = in_times[e] if more else horizon
        if end > now:
            ea, eb, k = decays(kind, a, b, end - now)
            low = used
            if _flow(ea, eb, k, end - now, b, thresholds, v, i, after, current, flags):
                for j in range(n):
                    if not flags[j]:
                        continue
                    t, vj, ij, left = now, v[j], i[j], end - now
                    while may_cross(vj, ij, after[j], current[j], b, thresholds[j], left):
                        s = wait(kind, a, b, thresholds[j], vj, ij)
                        if after[j] >= thresholds[j]:
                            s = min(s, left)
                        elif s > left:
                            break
                        t = min(t + s, end)
                        left = end - t
                        ij *= decays(kind, a, b, s)[0]
                        vj = 0.0
                        ea, eb, k = decays(kind, a, b, left)
                        after[j], current[j] = ij * k, ij * ea
                        if used == room:
                            return -1
                        times[used], sources[used], places[used], currents[used] = t, lines + j, -1, ij
                        used += 1
                        if single:
                            thresholds[j] = math.inf
                _ordered(times, sources, currents, low, used)
            v[:], i[:] = after, current
            now = end
        if not more:
            return used
        if used == room:
            return -1
        line = in_lines[e]
        times[used], sources[used], places[used], currents[used] = now, line, e, 0.0
        used += 1
        e += 1
        for j in range(n):
            i[j] += weight[line, j]


@compiled
def _recurrent(  # type: ignore[no-untyped-def]
    given, weight, lines, horizon, kind, a, b, threshold, single, v, i, times, sources, places, currents
):
    """As `_feed_forward`, with spikes that reach all neurons."""
    (in_times, in_lines), n, room = given, v.size, times.size
    thresholds = np.full(n, threshold)
    v[:], i[:] = 0.0, 0.0
    now, e, used = 0.0, 0, 0
    while True:
        more = e < in_times.size and in_times[e] <= horizon
        end = in_times[e] if more else horizon
        left = end - now
        ea, eb, k = decays(kind, a, b, left)
        best, winner = math.inf, -1
        for j in range(n):
            after, current = v[j] * eb + i[j] * k, i[j] * ea
            if may_cross(v[j], i[j], after, current, b, thresholds[j], left):
                s = wait(kind, a, b, thresholds[j], v[j], i[j])
                s = min(s, left) if after >= thresholds[j] else s
                if s <= left and s < best:
                    best, winner = s, j
        if winner >= 0:
            ea, eb, k = decays(kind, a, b, best)
        if left > 0:
            for j in range(n):
                v[j], i[j] = v[j] * eb + i[j] * k, i[j] * ea
        if winner < 0 and not more:
            return used
        if used == room:
            return -1
        if winner >= 0:
            now, row = min(now + best, end), lines + winner
            places[used], currents[used], v[winner] = -1, i[winner], 0.0
            if single:
                thresholds[winner] = math.inf
        else:
            now, row = end, in_lines[e]
            places[used], currents[used] = e, 0.0
            e += 1
        times[used], sources[used] = now, row
        used += 1
        for j in range(n):
            i[j] += weight[row, j]


@compiled
def padded(times, sources, places, currents, offsets, threshold):  # type: ignore[no-untyped-def]
    """Flat events as rows of samples: times, sources, places and (V, I) at own spikes, filled up with a sample's last
    time and -1; and where in its row every own spike is, with 1 for those that are there."""
    batch, most, most_own = offsets.size - 1, 0, 0
    for sample in range(batch):
        low, high = offsets[sample], offsets[sample + 1]
        own = 0
        for k in range(low, high):
            own += places[k] < 0
        most, most_own = max(most, high - low), max(most_own, own)
    time, state = np.zeros((batch, most)), np.zeros((batch, most, 2))
    source, place = np.full((batch, most), -1), np.full((batch, most), -1)
    own_at, real = np.zeros((batch, most_own), np.int64), np.zeros((batch, most_own), np.bool_)
    for sample in range(batch):
        low, count, own = offsets[sample], offsets[sample + 1] - offsets[sample], 0
        for k in range(count):
            time[sample, k], source[sample, k], place[sample, k] = times[low + k], sources[low + k], places[low + k]
            if places[low + k] < 0:
                state[sample, k, 0], state[sample, k, 1] = threshold, currents[low + k]
                own_at[sample, own], real[sample, own] = k, True
                own += 1
        for k in range(count, most):
            time[sample, k] = time[sample, count - 1] if count else 0.0
    return time, source, place, state, own_at, real
