"""What the nodes of a Program compute, in plain Python integers, for one sample: the known answers of the self-test.

A series is a list over time steps of lists over lines. `>>` of Python integers is the floor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Line = list[int]
Series = list[Line]
Matrix = Sequence[Sequence[int]]

#: A decay is a numerator of this many parts, and a leaky neuron's state is in so many parts of the current.
DECAY_PARTS, STATE_PARTS = 4096, 64


def weigh(weight: Matrix, x: Sequence[int], bias: Sequence[int] = (), exponent: int = 0) -> Line:
    """`floor((weight @ x + bias) * 2**exponent)`, line by line."""
    sums = [sum(w * value for w, value in zip(row, x, strict=True)) for row in weight]
    sums = [total + b for total, b in zip(sums, bias, strict=True)] if bias else sums
    return [total << exponent if exponent >= 0 else total >> -exponent for total in sums]


def weigh_series(weight: Matrix, series: Series, bias: Sequence[int] = (), exponent: int = 0, delay: int = 0) -> Series:
    """`weigh` in every step, of what came `delay` steps before; nothing came before the first step."""
    silence = [0] * len(series[0])
    late = [silence] * delay + series
    return [weigh(weight, x, bias, exponent) for x in late[: len(series)]]


def decayed(value: int, numerator: int) -> int:
    """`value * numerator / 4096`, rounded toward zero."""
    size = abs(value) * numerator // DECAY_PARTS
    return size if value >= 0 else -size


@dataclass(frozen=True)
class Neuron:
    """A neuron's numbers. `beta` None is a neuron without leak, which fires at its threshold; others fire above it."""

    threshold: int
    hard: bool = False
    alpha: int = 0
    beta: int | None = None


def fire(neuron: Neuron, currents: Series, recurrent: Matrix | None = None) -> tuple[Series, Series]:
    """`(spikes, membranes before the reset)` of neurons that start from 0.

    Without leak `m = m + a`, a spike where `m >= threshold`. With leak, in 64ths of the current, `i = i alpha + 64 a`,
    `m = m beta + i`, a spike where `m > 64 threshold`. A soft reset subtracts the threshold, a hard one leaves 0.
    """
    size = len(currents[0])
    m, i, s = [0] * size, [0] * size, [0] * size
    spikes, membranes = [], []
    parts = 1 if neuron.beta is None else STATE_PARTS
    beta = DECAY_PARTS if neuron.beta is None else neuron.beta
    lowest = parts * neuron.threshold + (0 if neuron.beta is None else 1)
    for a in currents:
        echo = weigh(recurrent, s) if recurrent else [0] * size
        i = [decayed(old, neuron.alpha) + parts * (new + back) for old, new, back in zip(i, a, echo, strict=True)]
        m = [decayed(old, beta) + new for old, new in zip(m, i, strict=True)]
        s = [int(value >= lowest) for value in m]
        spikes.append(s)
        membranes.append(m)
        m = [
            value - fired * (value if neuron.hard else parts * neuron.threshold)
            for value, fired in zip(m, s, strict=True)
        ]
    return spikes, membranes


def rate(currents: Series, offset: int = 0, shift: int = 0) -> Line:
    """`floor((offset + sum_t a[t]) / 2**shift)`."""
    return [(sum(line) + offset) >> shift for line in zip(*currents, strict=True)]


def memmean(currents: Series, shift: int = 0) -> Line:
    """`floor(sum_t (T - t) a[t] / 2**shift)`: the sum over time of a membrane that integrates `a`."""
    steps = len(currents)
    return [sum((steps - t) * a for t, a in enumerate(line)) >> shift for line in zip(*currents, strict=True)]


def product(left: Sequence[int], right: Sequence[int], shift: int = 0) -> Line:
    """`floor(left * right / 2**shift)`, line by line."""
    return [a * b >> shift for a, b in zip(left, right, strict=True)]
