"""Lowering: a Graph under a plan of scales to integer nodes, every state proved to fit as soon as it is made.

Per spiking layer, in units of its threshold `v_th`, with an input `x = round(real / x_unit)` (spikes: `x_unit = 1`):

    W = w / unit on the layer's grid          int8: a step times a level
    threshold                                 the membrane's unit is v_th / threshold
    a = floor((W x + b) * 2**exponent)        unit = 2**exponent / (threshold * x_unit) thresholds

Where the exponent is negative, half a unit is added to the bias, so that the floor rounds to nearest. Readouts keep
their integer sum, whose unit is free, as an Output's scale is real, and are shifted only as far as the product after
them needs. The real bias of a layer that feeds an Output goes into the Output's offset, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import singledispatchmethod
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from neurokit import graph as g
from neurokit import program as p
from neurokit.compilers.bounds import bound
from neurokit.compilers.quantization.calibration import Calibration
from neurokit.compilers.quantization.grid import Grids, LayerGrid, Levels, grid_of
from neurokit.compilers.quantization.rounding import fit_to_data, round_for_data, round_to_nearest
from neurokit.compilers.quantization.scales import (
    INPUT_BITS,
    THRESHOLDS,
    InputScale,
    NeuronScale,
    ReadoutScale,
    Scale,
    Wish,
    dyadic,
    extent,
    from_input,
    from_shared_input,
    from_spikes,
    threshold_below,
)
from neurokit.errors import OutOfRange, UnsupportedNode
from neurokit.integers import EXPONENTS, PRODUCT_SHIFTS, READOUT_SHIFTS, Widths
from neurokit.neurons import IF
from neurokit.wiring import Signal, consumers

#: Ways to share what an exponent cannot bridge between the weights and the input before them.
SHARES = (0.0, 0.5, 1.0)
#: Widths that refuse nothing below 32 bits, to see how far a state would reach.
WIDE = Widths(32, 32, 32, 32, 32)


@dataclass(frozen=True, eq=False)
class QuantizedLayer:
    """How the real numbers of one Dense became integers.

    grid       the integers that its weights may be
    unit       real value of one integer of the weight, for every weight
    bias_unit  real value of one integer of the bias, by row
    saturated  weights that lay beyond the grid's ends
    free       whether a search may choose the scale
    """

    name: str
    grid: LayerGrid
    unit: Float64[np.ndarray, "out in"]
    bias_unit: Float64[np.ndarray, " out"]
    saturated: int
    free: bool = True

    def weight(self, real: Float64[np.ndarray, "out in"]) -> Float64[np.ndarray, "out in"]:
        """The real weights of the grid closest to `real`."""
        return np.asarray(self.grid.nearest(real / self.unit) * self.unit)

    def bias(self, real: Float64[np.ndarray, " out"]) -> Float64[np.ndarray, " out"]:
        """The real biases closest to `real` that have an integer."""
        return np.asarray(np.rint(real / self.bias_unit) * self.bias_unit)


#: What lowering a node added, by its name and the plans of all that it depends on.
Memory = dict[tuple[str, frozenset[tuple[str, Scale | Wish]]], tuple[dict[str, Any], ...]]


class _Emitted(NamedTuple):
    """What is known of a lowered node's output: bounds, and the real value of one integer unit."""

    interval: p.Interval
    unit: float


class _Synapses(NamedTuple):
    """A candidate for the synapses of neurons: scale, nodes, what was saturated, the current's error on the samples."""

    scale: NeuronScale
    dense: p.Dense
    source: p.Input | None
    layer: QuantizedLayer
    error: float


class Lowering:
    """The state of the pass: nodes lowered so far, their bounds, and biases on their way to an Output.

    headroom  factor by which every membrane must stay within its width, for weights that will still be trained
    memory    of other passes over the same Graph with the same samples: what they lowered under the same plan of a node
              and of all before it is taken over
    """

    def __init__(
        self,
        graph: g.Graph,
        grids: Grids,
        widths: Widths,
        samples: Calibration | None,
        plan: Mapping[str, Scale | Wish],
        headroom: float = 1.0,
        memory: Memory | None = None,
    ) -> None:
        self.graph, self.grids, self.widths, self.samples, self.plan = graph, grids, widths, samples, plan
        self.headroom, self.memory = headroom, memory
        self.depends: dict[str, frozenset[str]] = {}
        self.readers = consumers(graph.nodes)
        self.nodes: dict[str, p.ProgramNode] = {}
        self.emitted: dict[str, _Emitted] = {}
        self.layers: dict[str, QuantizedLayer] = {}
        self.chosen: dict[str, Scale] = {}
        self.carried: dict[str, float] = {}
        self.offsets: dict[str, np.ndarray] = {}
        self.said: dict[str, np.ndarray] = {}

    def run(self) -> tuple[p.ProgramNode, ...]:
        """Lower every node. Raises OutOfRange when no scale satisfies a width, UnsupportedNode."""
        for node in self.graph.nodes:
            _require_rule(node)
            if isinstance(node, g.Spiking):
                _integrate_and_fire(node)
        for node in self.graph.nodes:
            self._lower_or_recall(node)
        return tuple(self.nodes.values())

    def _lower_or_recall(self, node: g.GraphNode) -> None:
        self.depends[node.name] = frozenset({node.name}).union(*(self.depends[s] for s in node.sources))
        if self.memory is None:
            self.lower(node)
            return
        planned = frozenset((name, self.plan[name]) for name in self.depends[node.name] if name in self.plan)
        tables: tuple[dict[str, Any], ...] = (
            self.nodes, self.emitted, self.layers, self.chosen, self.carried, self.offsets, self.said
        )  # fmt: skip
        key = node.name, planned
        if key not in self.memory:
            before = [dict(table) for table in tables]
            self.lower(node)
            self.memory[key] = tuple(
                {name: new for name, new in table.items() if name not in old or old[name] is not new}
                for table, old in zip(tables, before, strict=True)
            )
        for table, made in zip(tables, self.memory[key], strict=True):
            table.update(made)

    def add(self, node: p.ProgramNode, unit: float) -> None:
        sources = [self.emitted[s].interval for s in node.sources]
        _, interval = bound(node, self.graph.steps, self.widths, *sources)
        self.nodes[node.name] = node
        self.emitted[node.name] = _Emitted(interval, unit)

    def reader(self, name: str) -> g.GraphNode | None:
        """The only node that reads `name`, or None when there are several."""
        readers = self.readers[name]
        return self.graph[readers[0]] if len(readers) == 1 else None

    def _spikes(self, source: str) -> Float64[np.ndarray, "samples steps size"]:
        """What the integer layer `source` says on the samples."""
        if source not in self.said:
            assert self.samples is not None
            self.said[source] = self.samples.spikes(self.nodes.values(), source)
        return self.said[source]

    def levels(self, node: g.Dense) -> Levels:
        return grid_of(self.grids, node.name).levels(node.name, node.weight)

    @singledispatchmethod
    def lower(self, node: Any) -> None:
        """Add the integer form of one Graph node."""
        raise UnsupportedNode(node.name, type(node).__name__, "quantize", "it has no rule", "Add one to `lower`.")

    @lower.register
    def _(self, node: g.Input) -> None:
        planned = self.plan.get(node.name)
        if isinstance(planned, InputScale):
            unit = planned.unit
        else:
            unit = 2.0 ** math.ceil(math.log2(max(abs(node.low), abs(node.high)) / (2 ** (INPUT_BITS - 1) - 1)))
        self.chosen[node.name] = InputScale(unit)
        self.add(_input(node, unit), unit)

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
        """The planned threshold, or the finest that the membrane's width allows, and the synapses that go with it."""
        v_th = neurons.neuron.threshold
        node = replace(node, weight=node.weight / v_th, bias=node.bias / v_th)
        planned = self.plan.get(node.name, Wish())
        if isinstance(planned, NeuronScale):
            made = self._synapses(node, neurons, planned, self.emitted[node.source].unit)
            self._prove(made, neurons)
        elif isinstance(planned, Wish):
            made = self._finest(node, neurons, planned)
        else:
            raise _misplanned(node.name, planned, "a NeuronScale")
        if made.source:
            self.chosen[node.source] = InputScale(made.source.scale)
            self.add(made.source, made.source.scale)
        self.chosen[node.name], self.layers[node.name] = made.scale, made.layer
        self.add(made.dense, made.dense.scale)

    def _finest(self, node: g.Dense, neurons: g.Spiking, wish: Wish) -> _Synapses:
        """Synapses with the finest threshold that is proved, in the way of the wish."""
        cap, complaint = THRESHOLDS[-1], OutOfRange("")
        while True:
            candidates = self._candidates(node, wish, cap)
            threshold = max(scale.threshold for scale, _ in candidates)
            reach = self._reach(node, neurons, *candidates[0])
            room = self.widths.limit("membrane") / self.headroom
            if reach > room and threshold > 1:
                cap = threshold_below(min(threshold * room / reach, threshold - 1))
                continue
            best: _Synapses | None = None
            for scale, x_unit in candidates:
                try:
                    made = self._synapses(node, neurons, scale, x_unit)
                    self._prove(made, neurons)
                except OutOfRange as error:
                    complaint = error
                    continue
                if best is None or made.error < best.error:
                    best = made
            if best is not None:
                return best
            if threshold == 1:
                raise complaint
            cap = threshold_below(threshold - 1)

    def _candidates(self, node: g.Dense, wish: Wish, cap: float) -> list[tuple[NeuronScale, float]]:
        """Scales of the synapses, each with the unit of the source that goes with it."""
        levels, x_unit = self.levels(node), self.emitted[node.source].unit
        source = self.graph[node.source]
        if not isinstance(source, g.Input):
            return [(from_spikes(node.weight, levels, cap, wish.fill), x_unit)]
        if self.reader(node.source) is None or isinstance(self.plan.get(node.source), InputScale):
            return [(from_shared_input(node.weight, levels, x_unit, cap, wish.fill), x_unit)]
        reach = max(abs(source.low), abs(source.high))
        shares = SHARES if wish.share is None else (wish.share,)
        return [from_input(node.weight, levels, reach, cap, share, wish.fill) for share in shares]

    def _reach(self, node: g.Dense, neurons: g.Spiking, scale: NeuronScale, x_unit: float) -> float:
        """How far the membrane can go with weights rounded to nearest; infinite beyond 32 bits."""
        try:
            made = self._synapses(node, neurons, scale, x_unit, nearest=True)
            membrane = self._prove(made, neurons, WIDE)
        except OutOfRange:
            return math.inf
        return float(max(-membrane.low.min(), membrane.high.max()))

    def _prove(self, made: _Synapses, neurons: g.Spiking, widths: Widths | None = None) -> p.Interval:
        """Bounds of the membrane; raises OutOfRange when current or membrane leave their width."""
        widths = widths or self.widths
        x = p.Interval(made.source.low, made.source.high) if made.source else self.emitted[made.dense.source].interval
        _, current = bound(made.dense, self.graph.steps, widths, x)
        neuron = replace(_integrate_and_fire(neurons), threshold=made.scale.threshold)
        membrane, _ = bound(p.Spiking(neurons.name, neurons.source, neuron), self.graph.steps, widths, current)
        return membrane

    def _synapses(
        self, node: g.Dense, neurons: g.Spiking, scale: NeuronScale, x_unit: float, nearest: bool = False
    ) -> _Synapses:
        """Integers for a Dense in units of its threshold, under a source of the unit `x_unit`."""
        levels = self.levels(node)
        grid = LayerGrid(*levels, scale.step)
        bias_unit = 2.0**scale.exponent / scale.threshold
        unit = bias_unit / x_unit
        half = 2.0 ** (-scale.exponent - 1) if scale.exponent < 0 else 0.0  # floor(a + 1/2) rounds to nearest
        weight, bias = node.weight / unit, node.bias / bias_unit + half
        source = self.graph[node.source]
        x = _input(source, x_unit) if isinstance(source, g.Input) else None
        error = 0.0
        if nearest or self.samples is None:
            rounded = round_to_nearest(weight, bias, grid)
            if x is not None:
                # Independent roundings of weights and of inputs that reach their range at three standard deviations.
                square = (float(np.max(np.abs([x.low, x.high]))) * x.scale / 3) ** 2
                error = (square * unit**2 + float(np.mean(node.weight**2)) * x.scale**2) * len(x.low) / 12
        elif x is None:
            spikes = self._spikes(node.source).reshape(-1, node.weight.shape[1])
            rounded = round_for_data(weight, bias, grid, spikes)
        else:
            real = self.samples.held(x.name)
            seen = x.encode(real).astype(np.float64)
            target = real @ node.weight.T / bias_unit + bias
            weight, bias = fit_to_data(weight, bias, seen, target)
            rounded = round_for_data(weight, bias, grid, seen)
            error = float(np.mean((seen @ rounded[0].T + rounded[1] - target) ** 2)) * bias_unit**2
        v_th = neurons.neuron.threshold
        dense = p.Dense(node.name, node.source, *rounded, scale.exponent, v_th / scale.threshold)
        layer = QuantizedLayer(
            node.name,
            grid,
            np.full_like(weight, unit * v_th),
            np.full_like(bias, bias_unit * v_th),
            grid.beyond(weight),
        )
        changed = x is not None and x_unit != self.emitted[node.source].unit
        return _Synapses(scale, dense, x if changed else None, layer, error)

    @lower.register
    def _(self, node: g.Spiking) -> None:
        dense, scale = self.nodes[node.source], self.chosen.get(node.source)
        if not isinstance(dense, p.Dense) or not isinstance(scale, NeuronScale):
            raise UnsupportedNode(
                node.name, "Spiking", "quantize", f"it reads {node.source!r} directly", "Put a Dense between the two."
            )
        neuron = replace(_integrate_and_fire(node), threshold=scale.threshold)
        self.add(p.Spiking(node.name, node.source, neuron, dense.scale), 1.0)

    def _synapses_of_readout(self, node: g.Dense, readout: g.Readout) -> None:
        """The planned or the finest unit of the weights; the bias goes into the readout's offset, finer by far."""
        normaliser = readout.rule.normaliser(self.graph.steps)
        levels, planned = self.levels(node), self.plan.get(node.name, Wish())
        grid = LayerGrid(*levels)
        weights, biases, counts = node.weight, node.bias, None
        if self.samples is not None:
            time_weights = readout.rule.weights(self.graph.steps).astype(np.float64)
            counts = np.einsum("bti,t->bi", self._spikes(node.source), time_weights) / normaliser
            weights, biases = fit_to_data(weights, biases, counts, self.samples.totals[readout.name])

        def made(unit: float) -> tuple[p.Dense, np.ndarray, QuantizedLayer]:
            weight, offset = weights / unit, biases * normaliser / unit
            if counts is None:
                rounded, offset = round_to_nearest(weight, offset, grid)
            else:
                rounded, offset = round_for_data(weight, offset, grid, counts * normaliser)
            p.Readout(readout.name, node.name, readout.rule, offset=offset)  # refuses what no bias can carry
            units = np.full_like(weight, unit), np.full_like(offset, unit / normaliser)
            layer = QuantizedLayer(node.name, grid, *units, grid.beyond(weight))
            return p.Dense(node.name, node.source, rounded, np.zeros(len(offset)), 0, unit), offset, layer

        if isinstance(planned, ReadoutScale):
            dense, offset, layer = made(planned.unit)
        elif isinstance(planned, Wish):
            exact = dyadic(weights, levels) if planned.fill == 1.0 else None
            finest = extent(weights, levels) / planned.fill if exact is None else 2.0**-exact
            dense, offset, layer = _first(lambda coarser: made(finest * 2.0**coarser), range(16))
        else:
            raise _misplanned(node.name, planned, "a ReadoutScale")
        self.offsets[readout.name], self.layers[node.name] = offset, layer
        self.chosen[node.name] = ReadoutScale(dense.scale)
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
            if _farthest(y) > room:
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
            weight = self._whole(reader)[0]
            room = int(room // np.abs(weight).sum(axis=1).max())
        elif isinstance(reader, g.Product):  # of three factors and more, two at a time
            room = math.isqrt(self.widths.limit("product"))

        def proved(shift: int) -> p.Product:
            product = p.Product(node.name, node.left, node.right, shift, unit * 2.0**shift)
            sources = (self.emitted[s].interval for s in product.sources)
            _, y = bound(product, self.graph.steps, self.widths, *sources)
            if _farthest(y) > room:
                raise OutOfRange(f"product {node.name!r} does not fit {room} at any shift")
            return product

        product = _first(proved, PRODUCT_SHIFTS)
        self.add(product, product.scale)

    def _whole(self, node: g.Dense) -> tuple[np.ndarray, float, LayerGrid]:
        """Weights of a sum of totals on their grid, the real value of one, and the grid."""
        levels = self.levels(node)
        f = dyadic(node.weight, levels)
        unit = extent(node.weight, levels) if f is None else 2.0**-f
        grid = LayerGrid(*levels)
        return grid.nearest(node.weight / unit), unit, grid

    def _sum_of_totals(self, node: g.Dense, *, to_output: bool) -> None:
        source = self.emitted[node.source]
        weight, w_unit, grid = self._whole(node)
        bias = np.zeros(len(node.bias))
        if not to_output:
            bias = np.rint(node.bias / (w_unit * source.unit))
        elif len(node.bias) == 1:
            self.carried[node.name] = float(node.bias[0])
        else:
            raise UnsupportedNode(
                node.name, "Dense", "quantize", "an Output carries the bias of one line only", "Use one Output a line."
            )

        def proved(exponent: int) -> p.Dense:
            unit = source.unit * w_unit * 2.0**-exponent
            dense = p.Dense(node.name, node.source, weight, bias, exponent, unit)
            bound(dense, self.graph.steps, self.widths, source.interval)
            return dense

        dense: p.Dense = _first(proved, range(0, EXPONENTS[0] - 1, -1))
        rows = np.ones(len(bias))
        self.layers[node.name] = QuantizedLayer(
            node.name, grid, rows * w_unit, rows * w_unit * source.unit, 0, free=False
        )
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


def _require_rule(node: g.GraphNode) -> None:
    """Raise UnsupportedNode for what the integer nodes here would leave out."""
    for what, there in (("delay", getattr(node, "delay", 0)), ("recurrent", getattr(node, "recurrent", None))):
        if there:
            reason, remedy = f"it has no rule for `{what}`", "Train without it, or build the Program by hand."
            raise UnsupportedNode(node.name, type(node).__name__, "quantize", reason, remedy)


def _integrate_and_fire(node: g.Spiking) -> IF:
    """The neuron of a layer that has an integer form; raises UnsupportedNode for those that have none yet."""
    if isinstance(node.neuron, IF) and not node.neuron.strict:
        return node.neuron
    reason, remedy = "its decay has no integer form yet", "Train with IF, or run the Graph on the reference."
    if isinstance(node.neuron, IF):
        reason, remedy = "a strict threshold has no integer form", "Train with strict=False: one value apart."
    raise UnsupportedNode(node.name, type(node.neuron).__name__, "quantize", reason, remedy)


def _input(node: g.Input, unit: float) -> p.Input:
    # Rounded outwards, so that every real value in the declared range has its integer.
    low, high = math.floor(node.low / unit), math.ceil(node.high / unit)
    return p.Input(node.name, np.full(node.size, low), np.full(node.size, high), unit)


def _farthest(interval: p.Interval) -> int:
    return int(max(np.abs(interval.low).max(), np.abs(interval.high).max()))


def _misplanned(name: str, scale: Scale | Wish, legal: str) -> OutOfRange:
    return OutOfRange(f"plan: layer {name!r} is given {scale}; legal is {legal} or a Wish. To mend it, plan it anew.")


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
