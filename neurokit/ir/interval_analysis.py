"""prove: bounds on every integer of a Program, for all inputs in the declared range, by interval analysis.

The bounds are exact integer intervals per line (Moore, Kearfott, Cloud 2009, "Introduction to Interval Analysis",
ch. 5). A spiking neuron is followed step by step, by its own `step` on bounds (`neurokit.neurons.bounds`). What comes
back through recurrent synapses is bounded by the neurons that could have fired in the step before.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from neurokit.errors import OutOfRange, UnsupportedNode
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interpreter import shift
from neurokit.ir.membrane_bounds import follow
from neurokit.ir.program import Input, Interval, Output, Product, Program, Readout, Spiking, Sum, Synapses
from neurokit.ir.sparse import span
from neurokit.neurons.models import Subtract, ToZero


def prove(program: Program) -> dict[str, Interval]:
    """Bounds of every node's state (Spiking: membrane before the reset; Readout: accumulator) or value.

    Raises OutOfRange naming the first node and line whose bound leaves its declared width: such a Program could
    overflow on a legal input and must not run.
    """
    return analyse(program)[0]


def analyse(program: Program) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """`(certificate, what every node emits)`; see `prove`."""
    values: dict[str, Interval] = {}
    certificate: dict[str, Interval] = {}
    for node in program.nodes:
        if isinstance(node, Output):
            continue
        held, emitted = bound(node, program.steps, program.widths, *(values[s] for s in node.sources))
        certificate[node.name], values[node.name] = held, emitted
    return certificate, values


@singledispatch
def bound(node: Any, steps: int, widths: Widths, *sources: Interval) -> tuple[Interval, Interval]:
    """`(bounds of the node's state, bounds of what it emits)` from the bounds of its sources."""
    raise UnsupportedNode(
        node.name, type(node).__name__, "the interval analysis", "it has no rule", "Add one to `bound`."
    )


@bound.register
def _(node: Input, steps: int, widths: Widths) -> tuple[Interval, Interval]:
    x = Interval(node.low.astype(np.int64), node.high.astype(np.int64))
    _within(node.name, "input", x, widths, "message")
    return x, x


@bound.register
def _(node: Synapses, steps: int, widths: Widths, x: Interval) -> tuple[Interval, Interval]:
    if node.delay:  # nothing has come yet in the first steps
        x = Interval(np.minimum(x.low, 0), np.maximum(x.high, 0))
    low, high, reach = node.span(x.low, x.high)
    bias = node.line_bias
    # The sum passes through partial sums in any order, so bound the sum of magnitudes too.
    reach = reach + np.abs(bias)
    _within(node.name, "weighted sum", Interval(-reach, reach), widths, "synapse")
    a = Interval(shift(low + bias, node.exponent), shift(high + bias, node.exponent))
    _within(node.name, "current", a, widths, "message")
    return a, a


@bound.register
def _(node: Spiking, steps: int, widths: Widths, a: Interval) -> tuple[Interval, Interval]:
    if type(node.neuron.reset) not in (Subtract, ToZero):
        raise UnsupportedNode(
            node.name, "Spiking", "the interval analysis", f"it knows no bounds for {node.neuron}", "Use IF."
        )
    reach = follow(node, steps, a)
    if node.recurrent is not None:
        sums = span(node.recurrent.weight, np.zeros_like(a.low), np.ones_like(a.high)).reach
        _within(node.name, "recurrent sum", Interval(-sums, sums), widths, "synapse")
        _within(node.name, "recurrent current", reach.recurrent, widths, "message")
        both = Interval(a.low + reach.recurrent.low, a.high + reach.recurrent.high)
        _within(node.name, "current and recurrent current", both, widths, "message")
    # What drives the membrane, and what else a neuron keeps, stands beside it in a register as wide.
    for what, held in reach.registers.items():
        _within(node.name, what, held, widths, "membrane", node.fraction)
    return reach.membrane, Interval(np.zeros_like(reach.fires), reach.fires)


@bound.register
def _(node: Sum, steps: int, widths: Widths, *sources: Interval) -> tuple[Interval, Interval]:
    # Targets may add in any order: bound the sum of magnitudes too.
    reach = sum((np.maximum(np.abs(x.low), np.abs(x.high)) for x in sources), np.zeros_like(sources[0].low))
    _within(node.name, "sum", Interval(-reach, reach), widths, "message")
    y = Interval(
        sum((x.low for x in sources), np.zeros_like(reach)), sum((x.high for x in sources), np.zeros_like(reach))
    )
    return y, y


@bound.register
def _(node: Readout, steps: int, widths: Widths, a: Interval) -> tuple[Interval, Interval]:
    weights = node.rule.weights(steps)
    if (weights < 0).any():
        raise UnsupportedNode(
            node.name, "Readout", "the interval analysis", f"{node.rule} has negative weights", "Use Rate or MemMean."
        )
    total = int(weights.sum())
    # Bound every partial sum, not only the last: currents may change sign over the window.
    # The offset arrives in the last step; before that the sum is without it, after it with it.
    low, high = np.minimum(a.low, 0) * total, np.maximum(a.high, 0) * total
    offset = node.offset.astype(np.int64) if node.offset.size else np.zeros_like(low)
    partial = Interval(low + np.minimum(offset, 0), high + np.maximum(offset, 0))
    _within(node.name, "accumulator", partial, widths, "accumulator")
    return partial, Interval(node.finish(a.low * total), node.finish(a.high * total))


@bound.register
def _(node: Product, steps: int, widths: Widths, left: Interval, right: Interval) -> tuple[Interval, Interval]:
    corners = np.stack([x * y for x in (left.low, left.high) for y in (right.low, right.high)])
    product = Interval(corners.min(axis=0), corners.max(axis=0))
    _within(node.name, "product", product, widths, "product")
    y = Interval(product.low >> node.shift, product.high >> node.shift)
    _within(node.name, "message", y, widths, "message")
    return product, y


def _within(name: str, what: str, interval: Interval, widths: Widths, kind: str, fraction: int = 0) -> None:
    limit = widths.membrane_limit(fraction) if fraction else widths.limit(kind)
    reach = np.maximum(-interval.low, interval.high)
    worst = int(np.argmax(reach))
    if reach[worst] > limit:
        raise OutOfRange(
            f"node {name!r}: {what}[{worst}] can reach {interval.low[worst]}..{interval.high[worst]} for inputs in "
            f"the declared range; legal is {-limit}..{limit} ({limit.bit_length() + 1} bits). To mend it, declare a "
            "narrower input range, use fewer time steps, or quantise with a coarser scale."
        )
