"""The semantics: a plain NumPy interpreter of Graph (float64) and Program (integers), one time step at a time.

This file is the definition of what a network means. It is slow and clear on purpose; every other target is held
against it. In a Program every integer is checked against its declared width and OverflowDetected is raised at the
first that leaves it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from neurokit.errors import OverflowDetected, UnsupportedNode, explain
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir.fixed_point import Widths
from neurokit.ir.result import RunResult, Trace
from neurokit.ir.signals import Signal, present
from neurokit.ir.sparse import times


def run(network: g.Graph | p.Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
    """Interpret a network on a batch of real-valued samples.

    `inputs` maps every input's name to an array `(*batch, size)`; leading axes broadcast, so `branch (N1, 1, m)`
    with `trunk (1, N2, d)` evaluates every pair. `record` keeps spikes, membranes and totals.

    Raises GraphError for wrong names or shapes, OutOfRange for inputs outside a Program's declared range,
    OverflowDetected when an integer leaves its width.
    """
    started = time.perf_counter()
    if isinstance(network, p.Program):
        values = network.encode(inputs)
    else:
        arrays = present(inputs, {n.name: n.size for n in network.inputs}, "the Graph")
        values = {node.name: node.emit(arrays[node.name].astype(np.float64)) for node in network.inputs}
    values, trace = interpret(network, values, record=record)
    raw = {n.name: values[n.source] for n in network.outputs}
    return RunResult(
        target="reference",
        outputs={n.name: values[n.name] for n in network.outputs},
        raw=raw,
        trace=trace,
        steps=network.steps,
        seconds=time.perf_counter() - started,
    )


def interpret(
    network: g.Graph | p.Program, values: Mapping[str, np.ndarray], *, record: bool = False
) -> tuple[dict[str, Any], Trace | None]:
    """The interpreter proper: from encoded inputs to the last value of every node, and the Trace if asked for."""
    widths = network.widths if isinstance(network, p.Program) else Widths()
    signal = {name: wire.signal for name, wire in network.ports.items()}
    value: dict[str, Any] = dict(values)
    state: dict[str, Any] = {}
    total: dict[str, Any] = {}
    past: dict[str, list[Any]] = {n.name: [] for n in network.nodes}  # what delayed synapses have received so far
    spikes: dict[str, list[np.ndarray]] = {}
    states: dict[str, list[np.ndarray]] = {}

    if isinstance(network, p.Program):
        for source in network.inputs:  # an input travels as a graded spike
            _fits(source, "input", value[source.name], widths, "message")
    for node in network.nodes:  # what is held over the window is computed once
        if signal[node.name] is Signal.HELD and node.sources:
            value[node.name] = apply(node, widths, *(value[s] for s in node.sources))

    for t in range(network.steps):
        for node in network.nodes:
            if isinstance(node, (g.Spiking, p.Spiking)):
                a = value[node.source]
                if node.recurrent is not None and t:
                    a = a + recur(node, widths, value[node.name])
                    if isinstance(node, p.Spiking):
                        _fits(node, "current and recurrent current", a, widths, "message")
                if node.name not in state:
                    state[node.name] = node.start(np.zeros_like(a))
                before, s, after = node.step(state[node.name], a)
                if isinstance(node, p.Spiking):
                    limit = widths.membrane_limit(node.fraction)
                    for what, held in node.fine.registers(before, after, a << node.fraction).items():
                        _within(node, what, held, limit)
                value[node.name], state[node.name] = s, after
                if record:
                    spikes.setdefault(node.name, []).append(s.astype(np.uint8))
                    states.setdefault(node.name, []).append(before)
            elif isinstance(node, (g.Readout, p.Readout)):
                weight = node.rule.weights(network.steps)[t]
                total[node.name] = total.get(node.name, 0) + weight * value[node.source]
                if isinstance(node, p.Readout):
                    _fits(node, "accumulator", total[node.name], widths, "accumulator")
            elif signal[node.name] is Signal.SERIES:
                sources = [value[s] for s in node.sources]
                if isinstance(node, (g.Synapses, p.Synapses)) and node.delay:
                    past[node.name].append(sources[0])
                    sources = [past[node.name][t - node.delay] if t >= node.delay else np.zeros_like(sources[0])]
                value[node.name] = apply(node, widths, *sources)

    for node in network.nodes:
        if isinstance(node, g.Readout):
            value[node.name] = total[node.name] / node.rule.normaliser(network.steps)
        elif isinstance(node, p.Readout):
            whole = total[node.name] + (node.offset if node.offset.size else 0)
            _fits(node, "accumulator", whole, widths, "accumulator")
            value[node.name] = whole >> node.shift
        elif signal[node.name] is Signal.TOTAL:
            value[node.name] = apply(node, widths, *(value[s] for s in node.sources))

    if not record:
        return value, None
    answers = {n.name for n in network.outputs}
    return value, Trace(
        spikes={name: np.stack(train, axis=-2) for name, train in spikes.items()},
        states={name: np.stack(train, axis=-2) for name, train in states.items()},
        totals={n: value[n] for n, kind in signal.items() if kind is Signal.TOTAL and n not in answers},
    )


def shift(a: Any, exponent: int) -> Any:
    """`floor(a * 2**exponent)` of integers."""
    return a << exponent if exponent >= 0 else a >> -exponent


@singledispatch
def apply(node: Any, widths: Widths, *sources: Any) -> Any:
    """The value of a node without state, given the values of its sources."""
    raise UnsupportedNode(node.name, type(node).__name__, "the reference", "it has no rule", "Add one to `apply`.")


@apply.register
def _(node: g.Synapses, widths: Widths, x: Any) -> Any:
    return node.weigh(x)


@apply.register
def _(node: g.Sum, widths: Widths, *sources: Any) -> Any:
    return sum(sources)


@apply.register
def _(node: g.Product, widths: Widths, left: Any, right: Any) -> Any:
    return left * right


@apply.register
def _(node: g.Output, widths: Widths, y: Any) -> Any:
    return node.scale * y + node.offset


@apply.register
def _(node: p.Synapses, widths: Widths, x: Any) -> Any:
    a = node.weigh(x)
    _fits(node, "weighted sum", a, widths, "synapse")
    a = shift(a, node.exponent)
    _fits(node, "current", a, widths, "message")
    return a


@apply.register
def _(node: p.Sum, widths: Widths, *sources: Any) -> Any:
    y = sum(sources)
    _fits(node, "sum", y, widths, "message")
    return y


@apply.register
def _(node: p.Product, widths: Widths, left: Any, right: Any) -> Any:
    y = left * right
    _fits(node, "product", y, widths, "product")
    y = y >> node.shift
    _fits(node, "message", y, widths, "message")
    return y


@apply.register
def _(node: p.Output, widths: Widths, y: Any) -> Any:
    return node.decode(y)


def recur(node: g.Spiking | p.Spiking, widths: Widths, s: Any) -> Any:
    """The current that the spikes `s` of a population's last step bring back to it."""
    assert node.recurrent is not None
    a = times(node.recurrent.matrix, s)
    if isinstance(node.recurrent, p.Recurrent):
        _fits(node, "recurrent sum", a, widths, "synapse")
        a = shift(a, node.recurrent.exponent)
        _fits(node, "recurrent current", a, widths, "message")
    return a


def _fits(node: Any, what: str, values: np.ndarray, widths: Widths, kind: str) -> None:
    _within(node, what, values, widths.limit(kind))


def _within(node: Any, what: str, values: np.ndarray, limit: int) -> None:
    bad = np.argwhere(np.abs(values) > limit)
    if len(bad):
        where = tuple(bad[0])
        raise OverflowDetected(
            explain(
                f"node {node.name!r}: {what}[{', '.join(map(str, where))}]",
                values[where],
                f"{-limit}..{limit} ({limit.bit_length() + 1} bits)",
                "compile again: `quantize` proves that no state overflows for inputs in the declared range",
            )
        )
