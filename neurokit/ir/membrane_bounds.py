"""follow: bounds on the state of a spiking population, step by step through a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from neurokit.ir.interpreter import shift
from neurokit.ir.program import Interval, Recurrent, Spiking
from neurokit.ir.sparse import span
from neurokit.neurons.bounds import Bounds
from neurokit.neurons.models import heaviside, membrane


@dataclass(frozen=True)
class Reach:
    """Bounds of a population over a window, in units of its states (64ths of the current where they decay).

    registers   of all that must fit a membrane's width, by name, over all steps; see `Neuron.registers`
    recurrent   what the population sends back to itself, in units of the current, over all steps
    after       the membrane that the last step leaves, after its reset
    remaining   the synaptic current that the last step leaves
    last        what the spikes of the last step send back, in units of the current
    fires       1 where a neuron may fire at all
    """

    registers: Mapping[str, Interval]
    recurrent: Interval
    after: Interval
    remaining: Interval
    last: Interval
    fires: Int64[np.ndarray, " size"]

    @property
    def membrane(self) -> Interval:
        """Bounds of the membrane before the reset, over all steps."""
        return self.registers["membrane"]


def follow(node: Spiking, steps: int, a: Interval) -> Reach:
    """Bounds of `node` for every train of currents within `a`; its reset must be Subtract or ToZero."""
    neuron, zero = node.fine, np.zeros_like(a.low)
    rest = Bounds(zero, zero)
    state, back, recurrent, fires = neuron.start(rest), rest, rest, zero
    registers: dict[str, Bounds] = {}
    for _ in range(steps):
        current = Bounds(a.low + back.low << node.fraction, a.high + back.high << node.fraction)
        before, s, state = neuron.step(state, current, heaviside)
        found = neuron.registers(before, state, current)
        registers = {name: held.hull(registers.get(name, rest)) for name, held in found.items()}
        fires = np.maximum(fires, s.high)
        if node.recurrent is not None:
            back = echo(node.recurrent, s)
            recurrent = recurrent.hull(back)
    return Reach(
        registers={name: _interval(held) for name, held in registers.items()},
        recurrent=_interval(recurrent),
        after=_interval(membrane(state)),
        remaining=_interval(found["synaptic current"]),
        last=_interval(back),
        fires=fires,
    )


def echo(recurrent: Recurrent, spikes: Bounds) -> Bounds:
    """Bounds of the current that spikes bring back."""
    low, high, _ = span(recurrent.weight, spikes.low, spikes.high)
    return Bounds(shift(low, recurrent.exponent), shift(high, recurrent.exponent))


def _interval(bounds: Bounds) -> Interval:
    return Interval(bounds.low, bounds.high)
