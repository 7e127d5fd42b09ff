"""quantize: Graph -> Program, real numbers to integers, with a proof that nothing overflows.

Per layer, in units of its threshold `v_th`:

    W = round(w * 2**f)                      8-bit weights, f the largest power of two that fits (power-of-two scale)
    threshold = 2**q                         q the largest for which interval analysis proves the membrane's width
    a = floor((W x + b) * 2**(q - f - f_x))  the synaptic exponent brings the sum to the membrane's unit, v_th * 2**-q

where the input is `x = round(real * 2**f_x)`. Where the exponent is negative, half a unit is added to the bias, so
that the floor rounds to nearest. Readouts keep their integer sum and are shifted only as far as the product after
them needs. The real bias of a layer that feeds an Output goes into the Output's offset, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import singledispatchmethod
from typing import Any

import numpy as np

from neurokit import __version__
from neurokit import graph as g
from neurokit import program as p
from neurokit.compilers.bounds import bound, prove
from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.wiring import Signal, consumers

#: Signed bits of an input message: enough for 1/300 of a range, small enough for any weighted sum.
INPUT_BITS = 12
#: The finest threshold is 2**14, the largest power of two that one 8-bit synapse with an exponent can subtract.
FINEST_THRESHOLD = 14


def quantize(
    graph: g.Graph, *, bits: int = 8, widths: p.Widths | None = None, provenance: Mapping[str, str] | None = None
) -> p.Program:
    """Turn a Graph into a Program with `bits`-bit weights (2..8).

    The Program's certificate holds the proved bounds of every state for all inputs in the Graph's declared ranges.

    Raises OutOfRange when no scale satisfies a width, UnsupportedNode when a node has no integer form.
    """
    if bits not in range(2, 9):
        raise OutOfRange(explain("bits", bits, "an integer in 2..8", "choose 8 unless the chip has less"))
    pass_ = _Quantizer(graph, bits, widths or p.Widths())
    for node in graph.nodes:
        pass_.lower(node)
    program = p.Program(
        nodes=tuple(pass_.nodes.values()),
        steps=graph.steps,
        widths=pass_.widths,
        provenance={"neurokit": __version__, "quantize.bits": str(bits), **(provenance or {})},
    )
    return replace(program, certificate=prove(program))


@dataclass
class _Emitted:
    """What is known of a lowered node's output: bounds, and the real value of one integer unit."""

    interval: p.Interval
    unit: float


class _Quantizer:
    """The state of the pass: nodes lowered so far, their bounds, and biases on their way to an Output."""

    def __init__(self, graph: g.Graph, bits: int, widths: p.Widths) -> None:
        self.graph, self.widths = graph, widths
        self.largest = 2 ** (bits - 1) - 1
        self.readers = consumers(graph.nodes)
        self.nodes: dict[str, p.ProgramNode] = {}
        self.emitted: dict[str, _Emitted] = {}
        self.carried: dict[str, float] = {}

    def add(self, node: p.ProgramNode, unit: float) -> None:
        sources = [self.emitted[s].interval for s in node.sources]
        _, interval = bound(node, self.graph.steps, self.widths, *sources)
        self.nodes[node.name] = node
        self.emitted[node.name] = _Emitted(interval, unit)

    def reader(self, name: str) -> g.GraphNode | None:
        """The only node that reads `name`, or None when there are several."""
        readers = self.readers[name]
        return self.graph[readers[0]] if len(readers) == 1 else None

    @singledispatchmethod
    def lower(self, node: Any) -> None:
        """Add the integer form of one Graph node."""
        raise UnsupportedNode(node.name, type(node).__name__, "quantize", "it has no rule", "Add one to `lower`.")

    @lower.register
    def _(self, node: g.Input) -> None:
        reach = max(abs(node.low), abs(node.high))
        f = _finest(reach, 2 ** (INPUT_BITS - 1) - 1)
        self.add(self._input(node, f), 2.0**-f)

    @staticmethod
    def _input(node: g.Input, f: int) -> p.Input:
        # Rounded outwards, so that every real value in the declared range has its integer.
        low, high = math.floor(node.low * 2.0**f), math.ceil(node.high * 2.0**f)
        return p.Input(node.name, np.full(node.size, low), np.full(node.size, high), 2.0**-f)

    @lower.register
    def _(self, node: g.Dense) -> None:
        reader = self.reader(node.name)
        signal = self.graph.wires[node.name].signal
        if isinstance(reader, g.Spiking):
            self._synapses_of_neurons(node, reader)
        elif isinstance(reader, g.Readout):
            self._synapses_of_readout(node)
        elif signal is Signal.TOTAL:
            self._sum_of_totals(node, to_output=isinstance(reader, g.Output))
        else:
            raise UnsupportedNode(
                node.name,
                "Dense",
                "quantize",
                "it does not feed exactly one Spiking or Readout node",
                "Give every reader a Dense of its own, or put neurons between two Dense nodes.",
            )

    def _synapses_of_neurons(self, node: g.Dense, neurons: g.Spiking) -> None:
        """The finest threshold 2**q that the membrane's width allows, and the synapses that go with it."""
        v_th = neurons.neuron.threshold
        weight, bias = node.weight / v_th, node.bias / v_th
        finest_w = _finest(_reach(weight), self.largest)
        f_input = -round(math.log2(self.emitted[node.source].unit))  # 0 for spikes, whose unit is one

        def proved(q: int) -> tuple[p.ProgramNode | None, p.Dense]:
            source, f_w, f_x = self._split_precision(node.source, weight, finest_w, q)
            exponent = q - f_w - f_x
            half = 2.0 ** (-exponent - 1) if exponent < 0 else 0.0  # floor(a + 1/2) rounds to nearest
            dense = p.Dense(
                node.name,
                node.source,
                np.rint(weight * 2.0**f_w),
                np.rint(bias * 2.0 ** (f_w + f_x) + half),
                exponent,
                v_th * 2.0**-q,
            )
            x = p.Interval(source.low, source.high) if source else self.emitted[node.source].interval
            _, current = bound(dense, self.graph.steps, self.widths, x)
            spiking = p.Spiking(neurons.name, neurons.source, replace(neurons.neuron, threshold=2**q))
            bound(spiking, self.graph.steps, self.widths, current)
            return source, dense

        source, dense = _first(proved, range(min(FINEST_THRESHOLD, max(0, finest_w + f_input)), -1, -1))
        if source:
            self.add(source, source.scale)
        self.add(dense, dense.scale)

    def _split_precision(
        self, source: str, weight: np.ndarray, finest_w: int, q: int
    ) -> tuple[p.Input | None, int, int]:
        """Fractional bits of weights and inputs for a membrane of `q` fractional bits, and the Input if it changed.

        What the synaptic exponent cannot shift away must go from weights or inputs, whichever costs the current
        less: the variance of its rounding error is, up to a factor, `sum x**2 * 4**-f_w + sum w**2 * 4**-f_x`.
        """
        node = self.graph[source]
        if not isinstance(node, g.Input):  # spikes: no rounding but that of the weights, no exponent
            return None, min(finest_w, q), 0
        f_x = -round(math.log2(self.emitted[source].unit))
        spare = finest_w + f_x - (q - p.EXPONENTS[0])
        if spare <= 0:
            return None, finest_w, f_x
        if self.reader(source) is None:
            return None, finest_w - spare, f_x
        x_square = (max(abs(node.low), abs(node.high)) / 3) ** 2
        w_square = float(np.mean(weight**2))
        give = min(
            range(spare + 1),
            key=lambda k: x_square * 4.0 ** (k - finest_w) + w_square * 4.0 ** (spare - k - f_x),
        )
        return self._input(node, f_x - (spare - give)), finest_w - give, f_x - (spare - give)

    @lower.register
    def _(self, node: g.Spiking) -> None:
        dense = self.nodes[node.source]
        if not isinstance(dense, p.Dense):
            raise UnsupportedNode(
                node.name, "Spiking", "quantize", f"it reads {node.source!r} directly", "Put a Dense between the two."
            )
        unit = dense.scale
        neuron = replace(node.neuron, threshold=round(node.neuron.threshold / unit))
        self.add(p.Spiking(node.name, node.source, neuron, unit), 1.0)

    def _synapses_of_readout(self, node: g.Dense) -> None:
        f = _finest(max(_reach(node.weight), _reach(node.bias) / 2**7), self.largest)
        weight, bias = np.rint(node.weight * 2.0**f), np.rint(node.bias * 2.0**f)
        self.add(p.Dense(node.name, node.source, weight, bias, 0, 2.0**-f), 2.0**-f)

    @lower.register
    def _(self, node: g.Readout) -> None:
        """Shifted no further than a product of two such totals needs to stay within its width."""
        unit = self.emitted[node.source].unit / node.rule.normaliser(self.graph.steps)
        if isinstance(self.reader(node.name), g.Product):
            room = math.isqrt(self.widths.limit("product"))
        else:
            room = self.widths.limit("message")

        def proved(shift: int) -> p.Readout:
            readout = p.Readout(node.name, node.source, node.rule, shift, unit * 2.0**shift)
            _, y = bound(readout, self.graph.steps, self.widths, self.emitted[node.source].interval)
            if _reach(y.low) > room or _reach(y.high) > room:
                raise OutOfRange(f"readout {node.name!r}: its total does not fit {room} at any shift")
            return readout

        readout = _first(proved, p.READOUT_SHIFTS)
        self.add(readout, readout.scale)

    @lower.register
    def _(self, node: g.Product) -> None:
        """Shifted as far as the sum after it needs to stay within a message."""
        unit = self.emitted[node.left].unit * self.emitted[node.right].unit
        reader = self.reader(node.name)
        fan_in = self.graph.wires[node.name].size if isinstance(reader, g.Dense) else 1
        room = self.widths.limit("message") // fan_in

        def proved(shift: int) -> p.Product:
            product = p.Product(node.name, node.left, node.right, shift, unit * 2.0**shift)
            sources = (self.emitted[s].interval for s in product.sources)
            _, y = bound(product, self.graph.steps, self.widths, *sources)
            if _reach(y.low) > room or _reach(y.high) > room:
                raise OutOfRange(f"product {node.name!r} does not fit {room} at any shift")
            return product

        product = _first(proved, p.PRODUCT_SHIFTS)
        self.add(product, product.scale)

    def _sum_of_totals(self, node: g.Dense, *, to_output: bool) -> None:
        source = self.emitted[node.source]
        f = _exact(node.weight, self.largest)
        bias = np.zeros(len(node.bias))
        if not to_output:
            bias = np.rint(node.bias * 2.0**f / source.unit)
        elif len(node.bias) == 1:
            self.carried[node.name] = float(node.bias[0])
        else:
            raise UnsupportedNode(
                node.name, "Dense", "quantize", "an Output carries the bias of one line only", "Use one Output a line."
            )

        def proved(exponent: int) -> p.Dense:
            unit = source.unit * 2.0 ** (-f - exponent)
            dense = p.Dense(node.name, node.source, np.rint(node.weight * 2.0**f), bias, exponent, unit)
            bound(dense, self.graph.steps, self.widths, source.interval)
            return dense

        dense = _first(proved, range(0, p.EXPONENTS[0] - 1, -1))
        self.add(dense, dense.scale)

    @lower.register
    def _(self, node: g.Output) -> None:
        offset = node.offset + node.scale * self.carried.get(node.source, 0.0)
        scale = node.scale * self.emitted[node.source].unit
        self.nodes[node.name] = p.Output(node.name, node.source, scale, offset)


def _reach(array: np.ndarray) -> float:
    return float(np.max(np.abs(array)))


def _finest(reach: float, largest: int) -> int:
    """The largest `f` with `reach * 2**f <= largest`; 0 for a layer of zeros."""
    return math.floor(math.log2(largest / reach)) if reach > 0 else 0


def _exact(weight: np.ndarray, largest: int) -> int:
    """The smallest `f >= 0` for which `weight * 2**f` is integer and fits; else the finest that fits."""
    finest = _finest(_reach(weight), largest)
    for f in range(min(0, finest), finest + 1):
        if np.array_equal(weight * 2.0**f, np.rint(weight * 2.0**f)):
            return f
    return finest


def _first(attempt: Callable[[int], Any], candidates: range) -> Any:
    """The first candidate that raises nothing; the last complaint if all do."""
    complaint: OutOfRange | None = None
    for candidate in candidates:
        try:
            return attempt(candidate)
        except OutOfRange as error:
            complaint = error
    assert complaint is not None
    raise complaint
