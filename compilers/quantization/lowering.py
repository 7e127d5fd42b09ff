"""Lowering: a Graph under a plan of scales to integer nodes, every state proved to fit as soon as it is made.

Per spiking layer, in units of its threshold `v_th`, with an input `x = round(real / x_unit)` (spikes: `x_unit = 1`):

    W = w / unit on the layer's grid          int8: a step times a level
    threshold                                 the membrane's unit is v_th / threshold
    a = floor((W x + b) * 2**exponent)        unit = 2**exponent / (threshold * x_unit) thresholds

Where the exponent is negative, half a unit is added to the bias, so that the floor rounds to nearest. Readouts (see
`readouts`) keep their integer sum, whose unit is free, as an Output's scale is real, and are shifted only as far as the
products after them (see `products`) need. The real bias of a layer that feeds an Output goes into the Output's offset,
exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, singledispatchmethod
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from neurokit.compilers.quantization.calibration import Calibration
from neurokit.compilers.quantization.memory import Memory, Table
from neurokit.compilers.quantization.populations import Emitted, Population, input_node
from neurokit.compilers.quantization.products import Sizes, share
from neurokit.compilers.quantization.readouts import ReadoutLayer, Shiftable
from neurokit.compilers.quantization.scales import (
    INPUT_BITS,
    InputScale,
    Scale,
    ScaleRequest,
    dyadic,
    extent,
)
from neurokit.compilers.quantization.synapses import QuantizedLayer, Synapses
from neurokit.errors import OutOfRange, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir.fixed_point import EXPONENTS, PRODUCT_SHIFTS, Widths
from neurokit.ir.interval_analysis import bound
from neurokit.ir.signals import Signal, consumers
from neurokit.ir.weight_grid import Grids, LayerGrid, Levels, grid_of


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
        plan: Mapping[str, Scale | ScaleRequest],
        memory: Memory | None = None,
    ) -> None:
        self.graph, self.grids, self.widths, self.samples, self.plan = graph, grids, widths, samples, plan
        self.memory = memory
        self.readers = consumers(graph.nodes)
        self.nodes: Table[p.ProgramNode] = Table()
        self.emitted: Table[Emitted] = Table()
        self.layers: Table[QuantizedLayer] = Table()
        self.chosen: Table[Scale] = Table()
        self.carried: Table[np.ndarray] = Table()
        self.shiftable: Table[Shiftable] = Table()
        self.said: Table[np.ndarray] = Table()

    def run(self) -> None:
        """Lower every node. Raises OutOfRange when no scale satisfies a width, UnsupportedNode."""
        if self.memory is None:
            for node in self.graph.nodes:
                self.lower(node)
            return
        tables = (self.nodes, self.emitted, self.layers, self.chosen, self.carried, self.shiftable, self.said)
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

    def spikes(self, node: Synapses) -> UInt8[np.ndarray, "samples steps size"]:
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
            unit = 2.0 ** math.ceil(math.log2((node.reach or 1.0) / (2 ** (INPUT_BITS - 1) - 1)))
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
        elif isinstance(node, g.Dense) and self.graph.ports[node.name].signal is Signal.TOTAL:
            self._sum_of_totals(node)
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
                self.chosen[one.source.name] = InputScale(one.choice.x_unit)
                self.add(one.source, one.choice.x_unit)
            self.chosen[one.node.name], self.layers[one.node.name] = one.choice.scale, one.layer
            self.add(one.node, one.node.scale)
        spiking = population.spiking(made)
        if isinstance(before, g.Sum):
            self.add(p.Sum(before.name, before.sources), spiking.scale)
        self.add(spiking, 1.0)

    def _synapses_of_readout(self, node: Synapses, readout: g.Readout) -> None:
        """The planned or the finest unit of the weights; the bias is an Output's, or the readout's."""
        room = self.widths.limit("message")
        if isinstance(self.reader(readout.name), g.Product):
            room = math.isqrt(self.widths.limit("product"))
        lines = Sizes(self.graph, self.samples, self.emitted).lines(readout.name)
        summed = ReadoutLayer(self, node, readout, self._answers(readout.name), room, lines).choose()
        self.layers[node.name], self.chosen[node.name] = summed.layer, summed.scale
        self.carried[readout.name], self.shiftable[readout.name] = summed.carried, summed.total
        for one in summed.nodes:
            self.add(one, one.scale)

    def _answers(self, name: str) -> bool:
        """Whether nothing but Outputs reads a node."""
        return all(isinstance(self.graph[reader], g.Output) for reader in self.readers[name])

    @lower.register
    def _(self, node: g.Readout) -> None:
        """Shifted no further than a message needs; a Product after it may have it shifted further."""
        if node.name not in self.shiftable:
            raise UnsupportedNode(
                node.name, "Readout", "quantize", f"it reads {node.source!r} directly", "Put a Dense between the two."
            )
        self._send(node.name, self.shiftable[node.name])

    def _send(self, name: str, total: Shiftable) -> None:
        """Add a total at the first shift at which it fits, and keep those that it may be given yet."""

        def fits(shift: int) -> int:
            made = total.make(shift)
            bound(made, self.graph.steps, self.widths, *(self.emitted[s].interval for s in made.sources))
            return shift

        first = _first(fits, total.shifts)
        self.shiftable[name] = replace(total, shifts=total.shifts[total.shifts.index(first) :])
        made = total.make(first)
        self.add(made, made.scale)

    @lower.register
    def _(self, node: g.Product) -> None:
        """Shifted as far as what reads it needs to stay within its width, its factors as far as it needs itself."""
        left, right = (self.shiftable.get(s) if self.readers[s] == (node.name,) else None for s in node.sources)
        if left is not None and right is not None:
            for factor in share(node, left, right, Sizes(self.graph, self.samples, self.emitted), self):
                self.add(factor, factor.scale)
        unit = self.emitted[node.left].unit * self.emitted[node.right].unit
        reader = self.reader(node.name)

        def product(shift: int) -> p.Product:
            return p.Product(node.name, node.left, node.right, shift, unit * 2.0**shift)

        def proved(shift: int) -> int:
            made = product(shift)
            y = bound(made, self.graph.steps, self.widths, *(self.emitted[s].interval for s in made.sources))[1]
            if isinstance(reader, g.Dense):
                self._contraction(reader, made, Emitted(y, made.scale))
            return shift

        first = _first(proved, PRODUCT_SHIFTS)
        self._send(node.name, Shiftable(product, unit, PRODUCT_SHIFTS[first:]))

    def _whole(self, node: g.Dense) -> tuple[np.ndarray, float, LayerGrid]:
        """Weights of a sum of totals on their grid, the real value of one, and the grid."""
        levels = self.levels(node.name, node.weight)
        f = dyadic(node.weight, levels)
        unit = extent(node.weight, levels) if f is None else 2.0**-f
        grid = LayerGrid(*levels)
        return grid.nearest(node.weight / unit), unit, grid

    def _sum_of_totals(self, node: g.Dense) -> None:
        source = self.emitted[node.source]
        _, w_unit, grid = self._whole(node)
        dense, carried = self._contraction(node, self.nodes[node.source], source)
        rows = np.ones(len(node.bias))
        self.layers[node.name] = QuantizedLayer(
            node.name, grid, rows[:, None] * w_unit, rows * w_unit * source.unit, 0, free=False
        )
        self.carried[node.name] = carried
        self.add(dense, dense.scale)

    def _contraction(
        self, node: g.Dense, before: p.ProgramNode, source: Emitted
    ) -> tuple[p.Dense, Float64[np.ndarray, " lines"]]:
        """A sum of totals at the least exponent that is proved, and the real biases that are left to an Output.

        A product's floor takes half a unit from every line on average, but for those that are always zero; the bias
        gives it back. Synapses that have a bias have no exponent: with both, Lava sends the weighted sum as a message.
        """
        weight, w_unit, _ = self._whole(node)
        bias = node.bias / (w_unit * source.unit)
        if isinstance(before, p.Product) and before.shift:
            bias = bias + weight @ (0.5 * ((source.interval.low != 0) | (source.interval.high != 0)))
        answers, reader = self._answers(node.name), self.reader(node.name)
        whole = np.zeros(len(bias)) if answers else np.rint(bias)

        def proved(exponent: int) -> p.Dense:
            unit = source.unit * w_unit * 2.0**-exponent
            dense = p.Dense(node.name, node.source, weight, whole, exponent, unit)
            y = bound(dense, self.graph.steps, self.widths, source.interval)[1]
            if isinstance(reader, g.Dense):
                self._contraction(reader, dense, Emitted(y, unit))
            return dense

        dense: p.Dense = _first(proved, range(0, 0 if whole.any() else EXPONENTS[0] - 1, -1) or range(1))
        half = 2.0 ** (-dense.exponent - 1) if dense.exponent else 0.0  # its own floor's
        return dense, (bias + half) * w_unit * source.unit if answers else np.zeros(len(bias))

    @lower.register
    def _(self, node: g.Output) -> None:
        offset = node.offset + node.scale * self.carried[node.source]
        scale = node.scale * self.emitted[node.source].unit
        self.nodes[node.name] = p.Output(node.name, node.source, scale, offset)


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
