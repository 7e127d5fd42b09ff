"""follow: bounds on the state of a spiking population, step by step through a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from neurokit.ir.fixed_point import Decay12
from neurokit.ir.interpreter import shift
from neurokit.ir.program import Interval, Recurrent, Spiking, decays
from neurokit.ir.sparse import span
from neurokit.neurons.models import Subtract


@dataclass(frozen=True)
class Reach:
    """Bounds of a population over a window, in units of its states (64ths of the current where they decay).

    membrane    before the reset, over all steps
    synaptic    current i of a CubaLIF, over all steps; of others the input of the step
    recurrent   what the population sends back to itself, in units of the current, over all steps
    after       the membrane that the last step leaves, after its reset
    remaining   the synaptic current that the last step leaves
    last        what the spikes of the last step send back, in units of the current
    fires       1 where a neuron may fire at all
    """

    membrane: Interval
    synaptic: Interval
    recurrent: Interval
    after: Interval
    remaining: Interval
    last: Interval
    fires: Int64[np.ndarray, " size"]


def follow(node: Spiking, steps: int, a: Interval) -> Reach:
    """Bounds of `node` for every train of currents within `a`; its reset must be Subtract or ToZero."""
    neuron = node.fine
    threshold = neuron.threshold
    silent = threshold if neuron.strict else threshold - 1  # the highest membrane that does not fire
    alpha, beta = (Decay12(numerator) for numerator in decays(neuron))
    zero = np.zeros_like(a.low)
    i, m, back = Interval(zero, zero), Interval(zero, zero), Interval(zero, zero)
    membrane, synaptic, recurrent = m, i, back
    for _ in range(steps):
        current = Interval(a.low + back.low << node.fraction, a.high + back.high << node.fraction)
        i = Interval(i.low * alpha + current.low, i.high * alpha + current.high)
        before = Interval(m.low * beta + i.low, m.high * beta + i.high)
        membrane, synaptic = _hull(membrane, before), _hull(synaptic, i)
        may, must = (before.high > silent).astype(np.int64), (before.low > silent).astype(np.int64)
        lowered = before.high - threshold if isinstance(neuron.reset, Subtract) else zero
        m = Interval(
            np.where(must, 0, np.minimum(before.low, 0)),
            np.where(may, np.maximum(silent, lowered), before.high),
        )
        if node.recurrent is not None:
            back = echo(node.recurrent, Interval(must, may))
            recurrent = _hull(recurrent, back)
    return Reach(membrane, synaptic, recurrent, m, i, back, (membrane.high > silent).astype(np.int64))


def echo(recurrent: Recurrent, spikes: Interval) -> Interval:
    """Bounds of the current that spikes bring back."""
    low, high, _ = span(recurrent.weight, spikes.low, spikes.high)
    return Interval(shift(low, recurrent.exponent), shift(high, recurrent.exponent))


def _hull(one: Interval, other: Interval) -> Interval:
    return Interval(np.minimum(one.low, other.low), np.maximum(one.high, other.high))
