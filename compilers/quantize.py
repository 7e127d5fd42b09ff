"""quantize: Graph -> Program, real numbers to integers, with a proof that nothing overflows.

Per spiking layer, in units of its threshold `v_th`, with an input `x = round(real * 2**f_x)` (spikes: `f_x = 0`):

    W = w * 2**f, rounded                    8-bit weights with a power-of-two scale
    threshold = 2**q                         q the largest for which interval analysis proves the membrane's width
    a = floor((W x + b) * 2**(q - f - f_x))  the synaptic exponent brings the sum to the membrane's unit, v_th * 2**-q

Where the exponent is negative, half a unit is added to the bias, so that the floor rounds to nearest. It cannot shift
by more than seven bits; precision beyond that is given up in `f` or `f_x`, whichever costs the current less. Readouts
keep their integer sum and are shifted only as far as the product after them needs. The real bias of a layer that feeds
an Output goes into the Output's offset, exactly.

Weights are rounded to nearest or, given calibration samples, so that what the layer *says* moves least
(`neurokit.compilers.rounding`); readouts then also make up for the errors of the layers before them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import singledispatchmethod
from typing import Any, NamedTuple

import numpy as np

from neurokit import __version__
from neurokit import graph as g
from neurokit import program as p
from neurokit.compilers.bounds import bound, prove
from neurokit.compilers.calibration import Calibration
from neurokit.compilers.equalize import equalize
from neurokit.compilers.rounding import round_for_data, round_to_nearest
from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.integers import EXPONENTS, PRODUCT_SHIFTS, READOUT_SHIFTS, Widths
from neurokit.neurons import IF
from neurokit.wiring import Signal, consumers

#: Signed bits of an input message: enough for 1/2000 of a range, small enough for any weighted sum.
INPUT_BITS = 12
#: The finest threshold is 2**14, the largest power of two that one 8-bit synapse with an exponent can subtract.
FINEST_THRESHOLD = 14


def quantize(
    graph: g.Graph,
    *,
    calibration: Mapping[str, np.ndarray] | None = None,
    bits: int = 8,
    widths: Widths | None = None,
    provenance: Mapping[str, str] | None = None,
) -> p.Program:
    """Turn a Graph into a Program with `bits`-bit weights (2..8).

    `calibration` are samples, `(*batch, size)` by input name (the training inputs, say), on which the layers' outputs
    are to change least; without them every weight is rounded to nearest. The Program's certificate holds the proved
    bounds of every state for all inputs in the Graph's declared ranges, whatever the samples.

    Raises OutOfRange when no scale satisfies a width, UnsupportedNode when a node has no integer form, GraphError when
    the samples are not the Graph's.
    """
    if bits not in range(2, 9):
        raise OutOfRange(explain("bits", bits, "an integer in 2..8", "choose 8 unless the chip has less"))
    for node in graph.nodes:
        if isinstance(node, g.Spiking):
            _integrate_and_fire(node)
    graph = equalize(graph, bits)
    samples = None if calibration is None else Calibration(graph, calibration)
    pass_ = _Quantizer(graph, bits, widths or Widths(), samples)
    for node in graph.nodes:
        pass_.lower(node)
    made = {
        "neurokit": __version__,
        "quantize.bits": str(bits),
        "quantize.rounding": "to nearest" if samples is None else "for calibration data",
    }
    program = p.Program(
        nodes=tuple(pass_.nodes.values()),
        steps=graph.steps,
        widths=pass_.widths,
        provenance={**made, **(provenance or {})},
    )
    return replace(program, certificate=prove(program))


def _integrate_and_fire(node: g.Spiking) -> IF:
    """The neuron of a layer that has an integer form; raises UnsupportedNode for those that have none yet."""
    if isinstance(node.neuron, IF) and not node.neuron.strict:
        return node.neuron
    reason, remedy = "its decay has no integer form yet", "Train with IF, or run the Graph on the reference."
    if isinstance(node.neuron, IF):
        reason, remedy = "a strict threshold has no integer form", "Train with strict=False: one value apart."
    raise UnsupportedNode(node.name, type(node.neuron).__name__, "quantize", reason, remedy)


@dataclass
class _Emitted:
    """What is known of a lowered node's output: bounds, and the real value of one integer unit."""

    interval: p.Interval
    unit: float


class _Synapses(NamedTuple):
    """A candidate for the synapses of neurons: the Dense, the Input if it must change, the error on the samples."""

    dense: p.Dense
    source: p.Input | None
    error: float


class _Quantizer:
    """The state of the pass: nodes lowered so far, their bounds, and biases on their way to an Output."""

    def __init__(self, graph: g.Graph, bits: int, widths: Widths, samples: Calibration | None) -> None:
        self.graph, self.widths, self.samples = graph, widths, samples
        self.largest = 2 ** (bits - 1) - 1
        self.readers = consumers(graph.nodes)
        self.nodes: dict[str, p.ProgramNode] = {}
        self.emitted: dict[str, _Emitted] = {}
        self.carried: dict[str, float] = {}
        self.offsets: dict[str, np.ndarray] = {}

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
        self.add(_input(node, f), 2.0**-f)

    @lower.register
    def _(self, node: g.Dense) -> None:
        reader = self.reader(node.name)
        signal = self.graph.wires[node.name].signal
        if isinstance(reader, g.Spiking):
            self._synapses_of_neurons(node, reader)
        elif isinstance(reader, g.Readout):
            self._synapses_of_readout(node, reader)
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
        node = replace(node, weight=node.weight / v_th, bias=node.bias / v_th)
        f_w = _exact(node.weight, self.largest)
        f_x = -round(math.log2(self.emitted[node.source].unit))  # 0 for spikes, whose unit is one
        spikes = None
        if self.samples is not None and not isinstance(self.graph[node.source], g.Input):
            spikes = self.samples.spikes(self.nodes.values(), node.source).reshape(-1, node.weight.shape[1])

        def proved(q: int) -> _Synapses:
            if isinstance(self.graph[node.source], g.Input):
                made = self._from_input(node, q, f_w, f_x, v_th)
            else:
                made = self._from_spikes(node, q, min(f_w, q), spikes, v_th)
            x = p.Interval(made.source.low, made.source.high) if made.source else self.emitted[node.source].interval
            _, current = bound(made.dense, self.graph.steps, self.widths, x)
            spiking = p.Spiking(neurons.name, neurons.source, replace(_integrate_and_fire(neurons), threshold=2**q))
            bound(spiking, self.graph.steps, self.widths, current)
            return made

        made: _Synapses = _first(proved, range(min(FINEST_THRESHOLD, max(0, f_w + f_x)), -1, -1))
        if made.source:
            self.add(made.source, made.source.scale)
        self.add(made.dense, made.dense.scale)

    def _from_spikes(self, node: g.Dense, q: int, f_w: int, spikes: np.ndarray | None, v_th: float) -> _Synapses:
        """Synapses between spiking layers: no exponent below zero, hence no rounding but that of the weights."""
        weight, bias = node.weight * 2.0**f_w, node.bias * 2.0**f_w
        rounded = round_to_nearest(weight, bias) if spikes is None else round_for_data(weight, bias, spikes)
        dense = p.Dense(node.name, node.source, *self._within(node, *rounded), q - f_w, v_th * 2.0**-q)
        return _Synapses(dense, None, 0.0)

    def _from_input(self, node: g.Dense, q: int, finest_w: int, finest_x: int, v_th: float) -> _Synapses:
        """The best synapses under an Input, over all ways to spend the bits that the exponent leaves."""
        spare = max(0, finest_w + finest_x - (q - EXPONENTS[0]))
        shared = self.reader(node.source) is None  # others rely on this Input: only the weights can give
        best: _Synapses | None = None
        for give in [spare] if shared else range(spare + 1):
            f_w, f_x = finest_w - give, finest_x - (spare - give)
            exponent = q - f_w - f_x
            if exponent not in EXPONENTS:
                continue
            source = self.graph[node.source]
            assert isinstance(source, g.Input)
            x = _input(source, f_x)
            half = 2.0 ** (-exponent - 1) if exponent < 0 else 0.0  # floor(a + 1/2) rounds to nearest
            weight, bias = node.weight * 2.0**f_w, node.bias * 2.0 ** (f_w + f_x) + half
            try:
                rounded, error = self._rounded(node, x, weight, bias, f_w)
                integers = self._within(node, *rounded)
            except OutOfRange:
                continue
            dense = p.Dense(node.name, node.source, *integers, exponent, v_th * 2.0**-q)
            if best is None or error < best.error:
                best = _Synapses(dense, None if f_x == finest_x else x, error)
        if best is None:
            raise OutOfRange(f"layer {node.name!r}: no synaptic exponent reaches a threshold of 2**{q}")
        return best

    def _rounded(
        self, node: g.Dense, x: p.Input, weight: np.ndarray, bias: np.ndarray, f_w: int
    ) -> tuple[tuple[np.ndarray, np.ndarray], float]:
        """Integer weights and bias, and the mean square error of the current, in squared thresholds.

        Without samples the error is that of independent roundings, of weights and of inputs that reach their range at
        three standard deviations: `(sum x**2 4**-f_w + sum w**2 scale**2) / 12`.
        """
        if self.samples is None:
            x_square = (float(np.max(np.abs([x.low, x.high]))) * x.scale / 3) ** 2
            error = x_square * 4.0**-f_w + float(np.mean(node.weight**2)) * x.scale**2
            return round_to_nearest(weight, bias), error * len(x.low) / 12
        real = self.samples.held(x.name)
        seen = x.encode(real).astype(np.float64)
        unit = x.scale * 2.0**-f_w
        target = real @ node.weight.T / unit + bias
        rounded = round_for_data(weight, bias, seen, target)
        return rounded, float(np.mean((seen @ rounded[0].T + rounded[1] - target) ** 2)) * unit**2

    def _within(self, node: g.Dense, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights and bias, if the weights fit their bits; raises OutOfRange."""
        if _reach(weight) > self.largest:
            raise OutOfRange(f"layer {node.name!r}: a rounded weight leaves +-{self.largest}")
        return weight, bias

    @lower.register
    def _(self, node: g.Spiking) -> None:
        dense = self.nodes[node.source]
        if not isinstance(dense, p.Dense):
            raise UnsupportedNode(
                node.name, "Spiking", "quantize", f"it reads {node.source!r} directly", "Put a Dense between the two."
            )
        unit = dense.scale
        neuron = _integrate_and_fire(node)
        neuron = replace(neuron, threshold=round(neuron.threshold / unit))
        self.add(p.Spiking(node.name, node.source, neuron, unit), 1.0)

    def _synapses_of_readout(self, node: g.Dense, readout: g.Readout) -> None:
        """The finest scale of the weights; the bias goes into the readout's offset, whose unit is finer by far."""
        normaliser = readout.rule.normaliser(self.graph.steps)
        counts = None
        if self.samples is not None:
            time_weights = readout.rule.weights(self.graph.steps).astype(np.float64)
            counts = np.einsum("bti,t->bi", self.samples.spikes(self.nodes.values(), node.source), time_weights)

        def fits(f: int) -> tuple[p.Dense, np.ndarray]:
            weight, offset = node.weight * 2.0**f, node.bias * 2.0**f * normaliser
            if self.samples is None or counts is None:
                rounded = round_to_nearest(weight, offset)
            else:
                rounded = round_for_data(
                    weight, offset, counts, self.samples.totals[readout.name] * 2.0**f * normaliser
                )
            weight, offset = self._within(node, *rounded)
            p.Readout(readout.name, node.name, readout.rule, offset=offset)  # refuses what no bias can carry
            return p.Dense(node.name, node.source, weight, np.zeros(len(offset)), 0, 2.0**-f), offset

        finest = _finest(_reach(node.weight), self.largest)
        dense, self.offsets[readout.name] = _first(fits, range(finest, finest - 16, -1))
        self.add(dense, dense.scale)

    @lower.register
    def _(self, node: g.Readout) -> None:
        """Shifted no further than a product of two such totals needs to stay within its width."""
        if node.name not in self.offsets:
            raise UnsupportedNode(
                node.name, "Readout", "quantize", f"it reads {node.source!r} directly", "Put a Dense between the two."
            )
        unit = self.emitted[node.source].unit / node.rule.normaliser(self.graph.steps)
        offset = self.offsets[node.name]
        if isinstance(self.reader(node.name), g.Product):
            room = math.isqrt(self.widths.limit("product"))
        else:
            room = self.widths.limit("message")

        def proved(shift: int) -> p.Readout:
            half = 2 ** (shift - 1) if shift else 0  # as above
            readout = p.Readout(node.name, node.source, node.rule, shift, unit * 2.0**shift, offset + half)
            _, y = bound(readout, self.graph.steps, self.widths, self.emitted[node.source].interval)
            if _reach(y.low) > room or _reach(y.high) > room:
                raise OutOfRange(f"readout {node.name!r}: its total does not fit {room} at any shift")
            return readout

        readout = _first(proved, READOUT_SHIFTS)
        self.add(readout, readout.scale)

    @lower.register
    def _(self, node: g.Product) -> None:
        """Shifted as far as what reads it needs to stay within its width."""
        unit = self.emitted[node.left].unit * self.emitted[node.right].unit
        reader = self.reader(node.name)
        room = self.widths.limit("message")
        if isinstance(reader, g.Dense):
            weight = np.rint(reader.weight * 2.0 ** _exact(reader.weight, self.largest))
            room = int(room // np.abs(weight).sum(axis=1).max())
        elif isinstance(reader, g.Product):  # of three factors and more, two at a time
            room = math.isqrt(self.widths.limit("product"))

        def proved(shift: int) -> p.Product:
            product = p.Product(node.name, node.left, node.right, shift, unit * 2.0**shift)
            sources = (self.emitted[s].interval for s in product.sources)
            _, y = bound(product, self.graph.steps, self.widths, *sources)
            if _reach(y.low) > room or _reach(y.high) > room:
                raise OutOfRange(f"product {node.name!r} does not fit {room} at any shift")
            return product

        product = _first(proved, PRODUCT_SHIFTS)
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

        dense: p.Dense = _first(proved, range(0, EXPONENTS[0] - 1, -1))
        self.add(dense, dense.scale)
        product = self.nodes[node.source]
        if to_output and isinstance(product, p.Product) and product.shift:
            # A product's floor takes half a unit from every line on average; here it can be given back.
            self.carried[node.name] += float(np.sum(dense.weight)) / 2 * 2.0**dense.exponent * dense.scale

    @lower.register
    def _(self, node: g.Output) -> None:
        offset = node.offset + node.scale * self.carried.get(node.source, 0.0)
        scale = node.scale * self.emitted[node.source].unit
        self.nodes[node.name] = p.Output(node.name, node.source, scale, offset)


def _input(node: g.Input, f: int) -> p.Input:
    # Rounded outwards, so that every real value in the declared range has its integer.
    low, high = math.floor(node.low * 2.0**f), math.ceil(node.high * 2.0**f)
    return p.Input(node.name, np.full(node.size, low), np.full(node.size, high), 2.0**-f)


def _reach(array: np.ndarray) -> float:
    return float(np.max(np.abs(array)))


def _finest(reach: float, largest: int) -> int:
    """The largest `f` with `reach * 2**f <= largest`; 0 for a layer of zeros."""
    return math.floor(math.log2(largest / reach)) if reach > 0 else 0


def _exact(weight: np.ndarray, largest: int) -> int:
    """The smallest `f` for which `weight * 2**f` is integer and fits; else the finest that fits.

    No more bits than a layer has leaves room for those of its input.
    """
    finest = _finest(_reach(weight), largest)
    for f in range(finest - largest.bit_length(), finest + 1):
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
