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
from functools import partial, singledispatchmethod
from typing import Any

import numpy as np
from jaxtyping import Float64

from neurokit import graph as g
from neurokit import program as p
from neurokit.compilers.bounds import bound
from neurokit.compilers.quantization.calibration import Calibration
from neurokit.compilers.quantization.grid import Grids, LayerGrid, Levels, grid_of
from neurokit.compilers.quantization.memory import Memory, Table
from neurokit.compilers.quantization.populations import Emitted, Population, input_node
from neurokit.compilers.quantization.rounding import fit_to_data, round_for_data, round_to_nearest
from neurokit.compilers.quantization.scales import (
    INPUT_BITS,
    InputScale,
    ReadoutScale,
    Scale,
    Wish,
    dyadic,
    extent,
    misplanned,
)
from neurokit.compilers.quantization.synapses import IntegerSynapses, QuantizedLayer, Synapses, entries, integer
from neurokit.errors import OutOfRange, UnsupportedNode
from neurokit.integers import EXPONENTS, PRODUCT_SHIFTS, READOUT_SHIFTS, Widths
from neurokit.wiring import Signal, consumers


class Lowering:
    """The state of the pass: nodes lowered so far, their bounds, and biases on their way to an Output.

    memory  of other passes over the same Graph with the same samples: what they lowered under the same plan of a node
            and of all before it is taken over
    """

    def __init__(
        self,
        graph: g.Graph,
        grids: Grids,
        widths: Widths,
        samples: Calibration | None,
        plan: Mapping[str, Scale | Wish],
        memory: Memory | None = None,
    ) -> None:
        self.graph, self.grids, self.widths, self.samples, self.plan = graph, grids, widths, samples, plan
        self.memory = memory
        self.readers = consumers(graph.nodes)
        self.nodes: Table[p.ProgramNode] = Table()
        self.emitted: Table[Emitted] = Table()
        self.layers: Table[QuantizedLayer] = Table()
        self.chosen: Table[Scale] = Table()
        self.carried: Table[float] = Table()
        self.offsets: Table[np.ndarray] = Table()
        self.said: Table[np.ndarray] = Table()

    def run(self) -> None:
        """Lower every node. Raises OutOfRange when no scale satisfies a width, UnsupportedNode."""
        if self.memory is None:
            for node in self.graph.nodes:
                self.lower(node)
            return
        tables = (self.nodes, self.emitted, self.layers, self.chosen, self.carried, self.offsets, self.said)
        versions: dict[str, int] = {}
        for node in self.graph.nodes:
            version = self.memory.version(node.name, self.plan.get(node.name), [versions[s] for s in node.sources])
            versions[node.name] = version
            self.memory.replay(version, partial(self.lower, node), tables)

    def add(self, node: p.ProgramNode, unit: float) -> None:
        sources = [self.emitted[s].interval for s in node.sources]
        _, interval = bound(node, self.graph.steps, self.widths, *sources)
        self.nodes[node.name] = node
        self.emitted[node.name] = Emitted(interval, unit)

    def reader(self, name: str) -> g.GraphNode | None:
        """The only node that reads `name`, or None when there are several."""
        readers = self.readers[name]
        return self.graph[readers[0]] if len(readers) == 1 else None

    def spikes(self, node: Synapses) -> Float64[np.ndarray, "samples steps size"]:
        """What synapses onto neurons see of their source on the samples: spikes of an integer layer, delayed."""
        if node.source not in self.said:
            assert self.samples is not None
            self.said[node.source] = self.samples.spikes(self.nodes.values(), node.source)
        said = self.said[node.source]
        if not node.delay:
            return said
        before = np.zeros_like(said[:, : node.delay])
        return np.concatenate([before, said[:, : max(0, said.shape[1] - node.delay)]], axis=1)

    def levels(self, name: str, weight: np.ndarray) -> Levels:
        """The levels of the grid for the synapses of a layer, or of a population onto itself, of that name."""
        return grid_of(self.grids, name).levels(name, weight)

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
        self.add(input_node(node, unit), unit)

    @lower.register(g.Dense)
    @lower.register(g.Sparse)
    @lower.register(g.Conv2d)
    def _(self, node: Synapses) -> None:
        reader = self.reader(node.name)
        if isinstance(reader, g.Sum):
            reader = self.reader(reader.name)
        if isinstance(reader, g.Spiking):
            return  # lowered together with the population
        if isinstance(reader, g.Readout) and self.reader(node.name) is reader:
            self._synapses_of_readout(node, reader)
        elif isinstance(node, g.Dense) and self.graph.wires[node.name].signal is Signal.TOTAL:
            self._sum_of_totals(node, to_output=isinstance(reader, g.Output))
        else:
            raise UnsupportedNode(
                node.name,
                type(node).__name__,
                "quantize",
                "it does not feed exactly one Spiking or Readout node",
                "Give every reader a Dense of its own, or put neurons between two Dense nodes.",
            )

    @lower.register
    def _(self, node: g.Sum) -> None:
        """Lowered together with the population that it drives."""
        if not isinstance(self.reader(node.name), g.Spiking):
            raise UnsupportedNode(
                node.name,
                "Sum",
                "quantize",
                "it does not feed exactly one Spiking node",
                "Add up synapses onto neurons.",
            )

    @lower.register
    def _(self, node: g.Spiking) -> None:
        before = self.graph[node.source]
        sources = before.sources if isinstance(before, g.Sum) else (node.source,)
        onto = [self.graph[name] for name in sources]
        synapses = [n for n in onto if isinstance(n, g.Dense | g.Sparse | g.Conv2d)]
        if len(synapses) < len(onto):
            other = next(n for n in onto if n not in synapses)
            raise UnsupportedNode(
                node.name, "Spiking", "quantize", f"it reads {other.name!r} directly", "Put a Dense between the two."
            )
        population = Population(self, node, synapses)
        made = population.choose()
        for one in made:
            if one.source is not None:
                self.chosen[one.source.name] = InputScale(one.source.scale)
                self.add(one.source, one.source.scale)
            self.chosen[one.node.name], self.layers[one.node.name] = one.choice.scale, one.layer
            self.add(one.node, one.node.scale)
        spiking = population.spiking(made)
        if isinstance(before, g.Sum):
            self.add(p.Sum(before.name, before.sources), spiking.scale)
        self.add(spiking, 1.0)

    def _synapses_of_readout(self, node: Synapses, readout: g.Readout) -> None:
        """The planned or the finest unit of the weights; the bias goes into the readout's offset, finer by far."""
        normaliser = readout.rule.normaliser(self.graph.steps)
        levels, planned = self.levels(node.name, entries(node)), self.plan.get(node.name, Wish())
        grid = LayerGrid(*levels)
        weights, biases, counts = entries(node), node.line_bias, None
        if self.samples is not None and isinstance(node, g.Dense):
            time_weights = readout.rule.weights(self.graph.steps).astype(np.float64)
            counts = np.einsum("bti,t->bi", self.spikes(node), time_weights) / normaliser
            weights, biases = fit_to_data(weights, biases, counts, self.samples.totals[readout.name])

        def made(unit: float) -> tuple[IntegerSynapses, np.ndarray, QuantizedLayer]:
            weight, offset = weights / unit, biases * normaliser / unit
            if counts is None:
                rounded, offset = round_to_nearest(weight, offset, grid)
            else:
                rounded, offset = round_for_data(weight, offset, grid, counts * normaliser)
            p.Readout(readout.name, node.name, readout.rule, offset=offset)  # refuses what no bias can carry
            units = np.broadcast_to(unit, weight.shape), np.broadcast_to(unit / normaliser, offset.shape)
            layer = QuantizedLayer(node.name, grid, *units, grid.beyond(weight))
            return integer(node, rounded, np.zeros(len(offset)), 0, unit), offset, layer

        if isinstance(planned, ReadoutScale):
            dense, offset, layer = made(planned.unit)
        elif isinstance(planned, Wish):
            exact = dyadic(weights, levels) if planned.fill == 1.0 else None
            finest = extent(weights, levels) / planned.fill if exact is None else 2.0**-exact
            dense, offset, layer = _first(lambda coarser: made(finest * 2.0**coarser), range(16))
        else:
            raise misplanned(node.name, planned, "a ReadoutScale")
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
        levels = self.levels(node.name, node.weight)
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


def _farthest(interval: p.Interval) -> int:
    return int(max(np.abs(interval.low).max(), np.abs(interval.high).max()))


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
