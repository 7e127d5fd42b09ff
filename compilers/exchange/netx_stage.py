"""Stages: the layers of a chain in netx's unit, integers without an exponent; what has no such form is refused."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from neurokit.compilers.exchange.sequential import TARGET, Chain
from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.ir.fixed_point import DECAY_BITS, FRACTION_BITS
from neurokit.ir.interpreter import shift
from neurokit.ir.program import Interval, Program, Spiking, Synapses, decays
from neurokit.neurons.models import CubaLIF, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate, ReadoutRule

#: Lava's membrane wraps or saturates here, so a neuron with this threshold never fires.
MEMBRANE_LIMIT = 2**17
#: A decay of 4096 keeps nothing from step to step, one of 0 everything.
FULL_DECAY = 2**DECAY_BITS


class Decays(NamedTuple):
    """`iDecay` and `vDecay`, both of 4096."""

    current: int
    voltage: int


#: A readout's sum as a membrane: of the currents, or of their running sum.
_READOUTS: dict[ReadoutRule, Decays] = {Rate(): Decays(0, FULL_DECAY), MemMean(): Decays(0, 0)}


class Stage(NamedTuple):
    """A layer in netx's unit.

    recurrent  synapses of the population onto itself, the lowering by a soft reset included
    threshold  the current that makes a neuron at rest fire, when it is this or more
    lowered    what a spike takes off the membrane one step later; 0 where Lava's own reset does
    unit       the Program's current is this many times the layer's
    """

    name: str
    weight: Int64[np.ndarray, "out in"]
    bias: Int64[np.ndarray, " out"]
    recurrent: Int64[np.ndarray, "out out"]
    threshold: int
    lowered: int
    decays: Decays
    unit: int


def stage(synapses: Synapses, node: Spiking, program: Program, membrane: Interval) -> Stage | None:
    """A layer with its exponents multiplied out, or None when that of `synapses` rounds.

    Raises UnsupportedNode or OutOfRange for a neuron that has no form in a netx file.
    """
    whole = _whole(synapses)
    return None if whole is None else _stage(node, *whole, program, membrane)


def driven(node: Spiking, program: Program, membrane: Interval) -> Stage:
    """A layer whose current comes from the sender, line by line, in any integers."""
    size = program.ports[node.name].size
    return _stage(node, np.eye(size, dtype=np.int64), np.zeros(size, dtype=np.int64), program, membrane)


def tail(found: Chain, current: Interval, steps: int) -> Stage:
    """The readout as a layer that never fires; raises UnsupportedNode or OutOfRange when its sum has no exact form."""
    readout, last = found.readout, found.last
    if readout.rule not in _READOUTS:
        raise UnsupportedNode(readout.name, "Readout", TARGET, f"it has no form for {readout.rule}", _WITHOUT)
    whole = _whole(last)
    if whole is None:
        raise UnsupportedNode(last.name, type(last).__name__, TARGET, f"its exponent {last.exponent} rounds", _WITHOUT)
    weight, bias = whole
    unit = max(int(np.gcd.reduce([*weight.flat, *bias])), 1)
    reach = int(max(np.abs(current.low).max(), np.abs(current.high).max())) * readout.rule.normaliser(steps)
    if reach // unit >= MEMBRANE_LIMIT:
        limit = f"below {MEMBRANE_LIMIT * unit} in magnitude on Lava"
        raise OutOfRange(explain(f"readout {readout.name!r}: sum", f"up to {reach}", limit, "use readout=False"))
    none, states = np.zeros((len(bias), len(bias)), dtype=np.int64), _READOUTS[readout.rule]
    return Stage(readout.name, weight // unit, bias // unit, none, MEMBRANE_LIMIT + 1, 0, states, unit)


_WITHOUT = "Use readout=False, and sum the last spikes outside of the file."


def require_relays(layer: Stage, steps: int) -> None:
    """Refuse a layer in which a neuron driven with its threshold at every step does not fire at every step.

    Bias lines are such neurons. Where a synaptic current is kept, theirs grows and may wrap.
    """
    u = 0
    for _ in range(steps):
        lowered = layer.lowered if u else 0  # every step but the first follows a spike
        u = (u * (FULL_DECAY - layer.decays.current) >> DECAY_BITS) + (layer.threshold - lowered << FRACTION_BITS)
        if not (layer.threshold - 1) << FRACTION_BITS < u < MEMBRANE_LIMIT << FRACTION_BITS:
            remedy = "Quantise the layer behind it without bias, or this one with a faster decay or a lower threshold."
            reason = "a neuron that fires at every step, to carry the bias of the layer behind it, would overflow"
            raise UnsupportedNode(layer.name, "Spiking", TARGET, reason, remedy)


def matrix(synapses: Synapses) -> Int64[np.ndarray, "out in"]:
    """All weights, zeros included, before the exponent."""
    found = synapses.matrix
    return np.asarray(found if isinstance(found, np.ndarray) else found.toarray())


def _whole(synapses: Synapses) -> tuple[Int64[np.ndarray, "out in"], Int64[np.ndarray, " out"]] | None:
    """Weights and bias with the exponent multiplied out, or None when they are then no integers."""
    if synapses.delay:
        remedy = "Train without delays: lava-dl loses the exponent of delayed recurrent synapses."
        reason = f"it delays by {synapses.delay} steps"
        raise UnsupportedNode(synapses.name, type(synapses).__name__, TARGET, reason, remedy)
    weight, bias = matrix(synapses), synapses.line_bias
    step = 2 ** max(0, -synapses.exponent)
    if (weight % step).any() or (bias % step).any():
        return None
    return shift(weight, synapses.exponent), shift(bias, synapses.exponent)


def _stage(node: Spiking, weight: np.ndarray, bias: np.ndarray, program: Program, membrane: Interval) -> Stage:
    states, lowered = _states(node)
    recurrent = _recurrent(node, len(bias))
    unit = 1
    if not node.leaky:  # what decays is rounded, so that its unit matters
        parts = [*weight.flat, *bias, *recurrent.flat, *([node.threshold] if lowered else [])]
        unit = max(int(np.gcd.reduce(parts)), 1)
    _require_18_bits(node, program, membrane, unit)
    # A membrane that is a multiple of the unit reaches the threshold with the next multiple; one that decays fires
    # above its threshold, and from rest with one more.
    threshold = node.threshold + 1 if node.leaky else -(-node.threshold // unit)
    recurrent = recurrent // unit - lowered // unit * np.eye(len(bias), dtype=np.int64)
    return Stage(node.name, weight // unit, bias // unit, recurrent, threshold, lowered // unit, states, unit)


def _states(node: Spiking) -> tuple[Decays, int]:
    """How the states decay in Lava's neuron, and what a spike takes off one step later."""
    kind = type(node.neuron).__name__
    if node.neuron.current_based() is None:
        raise UnsupportedNode(node.name, kind, TARGET, "Lava's neuron has a fixed threshold and two decays", "Use LIF.")
    alpha, beta = decays(node.neuron)
    if type(node.neuron.reset) is ToZero:
        return Decays(FULL_DECAY - alpha, FULL_DECAY - beta), 0
    if type(node.neuron.reset) is not Subtract:
        raise UnsupportedNode(node.name, kind, TARGET, f"it has no form for {node.neuron.reset}", "Use ToZero.")
    # The membrane is the synaptic current, which no reset touches and a recurrent synapse lowers.
    if alpha:
        reason = "it subtracts its threshold from a membrane behind a decaying current"
        raise UnsupportedNode(node.name, kind, TARGET, reason, "Use ToZero, or LIF.")
    lowered, rest = divmod(node.threshold * beta, FULL_DECAY)
    if rest or not lowered:
        nearest = [n for n in range(1, FULL_DECAY + 1) if not node.threshold * n % FULL_DECAY]
        legal = "a product of 4096 times an integer"
        remedy = f"use the decay {min(nearest, key=lambda n: abs(n - beta))}/4096, the nearest legal one"
        subject = f"layer {node.name!r}: threshold and decay of its soft reset"
        raise OutOfRange(explain(subject, f"{node.threshold} and {beta}/4096", legal, remedy))
    return Decays(FULL_DECAY - beta, FULL_DECAY), lowered


def _recurrent(node: Spiking, size: int) -> Int64[np.ndarray, "size size"]:
    if node.recurrent is None:
        return np.zeros((size, size), dtype=np.int64)
    weight, exponent = node.recurrent.matrix, node.recurrent.exponent
    if (weight % 2 ** max(0, -exponent)).any():
        remedy = f"Let its weights be multiples of {2**-exponent}, or give it an exponent of 0 or more."
        raise UnsupportedNode(node.name, "Recurrent", TARGET, f"its exponent {exponent} rounds", remedy)
    return np.asarray(shift(weight, exponent))


def _require_18_bits(node: Spiking, program: Program, membrane: Interval, unit: int) -> None:
    """Refuse a layer whose states may leave Lava's, which wrap."""
    reach = int(max(np.abs(membrane.low).max(), np.abs(membrane.high).max())) >> node.fraction
    kept = isinstance(node.neuron, CubaLIF) and program.widths.membrane > 18  # bounded, but not known by how much
    if max(reach, node.threshold) // unit >= MEMBRANE_LIMIT or kept:
        limit = (MEMBRANE_LIMIT - 1) * unit
        subject = f"layer {node.name!r}: membrane"
        raise OutOfRange(explain(subject, f"up to {reach}", f"-{limit}..{limit} in Lava", "quantise it more coarsely"))


def said(found: Stage | None, synapses: Synapses) -> Stage:
    """`found`, or UnsupportedNode that names the exponent."""
    if found is not None:
        return found
    raise UnsupportedNode(
        synapses.name,
        type(synapses).__name__,
        TARGET,
        f"its exponent {synapses.exponent} rounds the current of every step, and netx has no exponent",
        f"Let its weights and bias be multiples of {2**-synapses.exponent}, or give it an exponent of 0 or more.",
    )
