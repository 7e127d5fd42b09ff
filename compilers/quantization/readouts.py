"""Readouts: a layer of synapses and the sum of its currents over the window, in integers.

There are two ways. The *direct* one is the Graph's: synapses, then one accumulator a line, with `w[t]` from the rule.

    y = sum_t w[t] * floor(W s[t])                            a unit of W is worth `unit`, one of y `unit / sum_t w[t]`

An accumulator of 24 bits holds `sum_t w[t]` times the largest current, so that wide layers and long windows leave few
bits for W. As the sum over time and the sum over neurons may change places, the *counted* way sums the spikes of each
neuron first, and weighs the counts once, at the end of the window:

    y = floor(W floor(sum_t w[t] s[t] / 2**shift) * 2**exponent)

W keeps its 8 bits, at the price of one accumulator a neuron. Where even one neuron that fires in every step is too much
for `memmean` (24 bits: more than 4,095 steps), its spikes are counted with equal weights. Of a train of T steps whose
rate is constant the two differ by about one spike in T.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float64

from neurokit.compilers.quantization.populations import WIDE, Surroundings
from neurokit.compilers.quantization.rounding import fit_to_data, round_for_data
from neurokit.compilers.quantization.scales import ReadoutScale, ScaleRequest, dyadic, extent, misplanned
from neurokit.compilers.quantization.synapses import QuantizedLayer, Synapses, entries, integer
from neurokit.errors import OutOfRange, explain
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir.fixed_point import BIAS_LIMIT, EXPONENTS, READOUT_SHIFTS
from neurokit.ir.interval_analysis import bound
from neurokit.ir.sparse import Csr
from neurokit.ir.weight_grid import LayerGrid
from neurokit.neurons.readouts import Rate, ReadoutRule

#: How much coarser than its grid allows the unit of a direct readout may be before spikes are counted instead: a bit.
COARSER = 2.0
#: Integers that a bias leaves to the half that is added before a floor.
HALF = 2 ** (READOUT_SHIFTS[-1] - 1)


@dataclass(frozen=True)
class Shiftable:
    """A total that can be shifted before it is sent, as far as what reads it needs.

    make    the node at a shift; its unit is `unit * 2**shift`
    shifts  that are legal
    """

    make: Callable[[int], p.ProgramNode]
    unit: float
    shifts: range


@dataclass(frozen=True, eq=False)
class Summed:
    """Synapses and their readout in integers.

    nodes    all but the one that bears the readout's name
    total    that one
    layer    the integers of the weights
    scale    with which the same is made again
    carried  real bias of every line that an Output has to add
    """

    nodes: tuple[p.ProgramNode, ...]
    total: Shiftable
    layer: QuantizedLayer
    scale: ReadoutScale
    carried: Float64[np.ndarray, " lines"]


class ReadoutLayer:
    """The synapses `node` that the Readout `readout` alone reads.

    to_output  whether Outputs alone read the total: its bias is theirs, exactly
    room       largest magnitude of the total, at the largest shift, that what reads it has room for
    lines      second moments of what the lines are multiplied by before they are added up, if they are
    """

    def __init__(
        self,
        around: Surroundings,
        node: Synapses,
        readout: g.Readout,
        to_output: bool,
        room: int,
        lines: Float64[np.ndarray, "lines lines"] | None = None,
    ) -> None:
        self.around, self.node, self.readout = around, node, readout
        self.to_output, self.room, self.lines = to_output, room, lines
        self.steps = around.graph.steps
        self.grid = LayerGrid(*around.levels(node.name, entries(node)))
        self.limit = around.widths.limit("accumulator")

    def choose(self) -> Summed:
        """The planned unit, or the finest that is proved. Raises OutOfRange when none is."""
        planned = self.around.plan.get(self.node.name, ScaleRequest())
        if isinstance(planned, ReadoutScale):
            return self._counted(planned.unit) if planned.counted else self._direct(planned.unit)
        if not isinstance(planned, ScaleRequest):
            raise misplanned(self.node.name, planned, "a ReadoutScale")
        finest = self._finest(self._fitted[0], planned.fill)
        complaint: OutOfRange | None = None
        for unit in self._coarser(finest):
            try:
                return self._direct(unit)
            except OutOfRange as error:
                complaint = error
        rule = self._counting_rule
        finest = self._finest(self._fit(rule)[0], planned.fill)
        try:
            return self._counted(finest)
        except OutOfRange as error:
            raise error from complaint

    def _finest(self, weights: np.ndarray, fill: float) -> float:
        levels = self.around.levels(self.node.name, entries(self.node))
        exact = dyadic(weights, levels) if fill == 1.0 else None
        return extent(weights, levels) / fill if exact is None else 2.0**-exact

    def _coarser(self, finest: float) -> Iterator[float]:
        """Units from the finest to the coarsest that a direct readout may have, rarely more than two of them."""
        unit = finest
        while unit <= COARSER * finest:
            yield unit
            reach = self._reach(np.asarray(self.grid.nearest(self._fitted[0] / unit)))
            unit *= max(1.002 * reach / min(self.limit, self.room << READOUT_SHIFTS[-1]), 1.01)

    def _reach(self, weight: np.ndarray) -> float:
        """How far an accumulator goes with these integer weights."""
        dense = integer(self.node, weight, np.zeros(len(self.node.bias)), 0, 1.0)
        _, a = bound(dense, self.steps, WIDE, self.around.emitted[self.node.source].interval)
        return float(max(-a.low.min(), a.high.max())) * self.readout.rule.normaliser(self.steps)

    @cached_property
    def _fitted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        return self._fit(self.readout.rule)

    def _fit(self, rule: ReadoutRule) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Real weights and a bias for every line, and the mean spikes that they see on the samples, if there are any.

        They are fitted to the real network's totals, and make up for errors of the layers before.
        """
        weights, biases, samples = entries(self.node), self.node.line_bias, self.around.samples
        if samples is None or not isinstance(self.node, g.Dense):
            return weights, biases, None
        seen = self.around.spikes(self.node)
        rates = np.einsum("bti,t->bi", seen, rule.weights(self.steps) / rule.normaliser(self.steps))
        weights, biases = fit_to_data(weights, biases, rates, samples.totals[self.readout.name])
        return weights, biases, rates

    def _rounded(
        self, weights: np.ndarray, biases: np.ndarray, seen: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weights on the grid, and the real biases that go with them, for inputs `seen`."""
        if seen is None:
            return self.grid.nearest(weights), biases
        return round_for_data(weights, biases, self.grid, seen, whole=False, lines=self.lines)

    def _layer(self, unit: float, bias_unit: float, weights: np.ndarray, bias: np.ndarray) -> QuantizedLayer:
        """The layer's integers; of a convolution's bias one a channel, which all its lines have."""
        channels = bias.reshape(len(self.node.bias), -1)[:, 0]
        return QuantizedLayer(
            self.node.name,
            self.grid,
            np.broadcast_to(unit, weights.shape),
            np.full(len(channels), 0.0 if self.to_output else bias_unit),
            self.grid.beyond(weights / unit),
            carried=channels,
        )

    def _direct(self, unit: float) -> Summed:
        """Weights and offsets of that unit. Raises OutOfRange for an accumulator that is not proved."""
        rule, (weights, biases, rates) = self.readout.rule, self._fitted
        normaliser = rule.normaliser(self.steps)
        seen = None if rates is None else rates * normaliser
        rounded, bias = self._rounded(weights / unit, biases * normaliser / unit, seen)
        offset, step, carried = np.zeros_like(bias), np.zeros_like(bias), np.zeros_like(bias)
        if self.to_output:
            carried = bias * unit / normaliser
        else:
            if np.abs(bias).max(initial=0) >= BIAS_LIMIT - HALF:  # the most of it in every step
                step = np.rint(bias / normaliser)
            offset = np.rint(bias - step * normaliser)
        dense = integer(self.node, rounded, step.reshape(len(self.node.bias), -1)[:, 0], 0, unit)

        def total(shift: int) -> p.Readout:
            half = 2 ** (shift - 1) if shift else 0  # the floor rounds to nearest
            return p.Readout(self.readout.name, dense.name, rule, shift, unit / normaliser * 2.0**shift, offset + half)

        source = self.around.emitted[self.node.source].interval
        _, a = bound(dense, self.steps, self.around.widths, source)
        last = READOUT_SHIFTS[-1]
        _, y = bound(total(last), self.steps, self.around.widths, a)
        if max(-y.low.min(), y.high.max()) > self.room:
            raise OutOfRange(f"readout {self.readout.name!r}: its total does not fit {self.room} at any shift")
        kept = carried if self.to_output else (offset + step * normaliser) * unit / normaliser
        layer = self._layer(unit, unit / normaliser, weights, kept)
        return Summed((dense,), Shiftable(total, unit / normaliser, READOUT_SHIFTS), layer, ReadoutScale(unit), carried)

    @property
    def _counting_rule(self) -> ReadoutRule:
        """The rule of the readout, if an accumulator holds a neuron that fires in every step; else equal weights."""
        rule = self.readout.rule
        return rule if rule.normaliser(self.steps) + HALF <= self.limit else Rate()

    def _counted(self, unit: float) -> Summed:
        """Spikes counted, then weighed in that unit."""
        rule = self._counting_rule
        weights, biases, rates = self._fit(rule)
        normaliser = rule.normaliser(self.steps)
        rounded, bias = self._rounded(weights / unit, biases / unit, rates)
        size = self.around.graph.ports[self.node.source].size
        count = f"{self.readout.name}.count"
        spikes = p.Sparse(f"{count}.spikes", self.node.source, _identity(size), np.zeros(size), delay=self.node.delay)
        source = bound(spikes, self.steps, self.around.widths, self.around.emitted[self.node.source].interval)[1]
        complaint: OutOfRange | None = None
        for shift, down in ((shift, down) for shift in READOUT_SHIFTS for down in range(-EXPONENTS[0] + 1)):
            half = np.full(size, 2 ** (shift - 1) if shift else 0)
            counts = p.Readout(f"{count}.total", spikes.name, rule, shift, 2.0**shift / normaliser, half)
            total_unit = unit * 2.0 ** (shift + down) / normaliser
            node = replace(self.node, source=counts.name, delay=0)
            weighed = integer(node, rounded, np.zeros(len(node.bias)), -down, total_unit)
            # No half in its own bias: Lava sends the weighted sum of synapses with a bias and an exponent as a message.
            lost = 0.5 if down else 0.0
            offset = np.zeros_like(bias) if self.to_output else np.rint(bias * unit / total_unit + lost)

            def total(
                shift: int, offset: np.ndarray = offset, unit: float = total_unit, source: str = weighed.name
            ) -> p.Sparse:
                half = 2 ** (shift - 1) if shift else 0
                lines = _identity(len(offset))
                return p.Sparse(self.readout.name, source, lines, offset + half, -shift, unit * 2.0**shift)

            try:
                seen = bound(counts, self.steps, self.around.widths, source)[1]
                totals = bound(weighed, self.steps, self.around.widths, seen)[1]
                _, y = bound(total(-EXPONENTS[0]), self.steps, self.around.widths, totals)
                if max(-y.low.min(), y.high.max()) > self.room:
                    raise OutOfRange(f"readout {self.readout.name!r}: its total does not fit {self.room} at any shift")
            except OutOfRange as error:
                complaint = error
                continue
            layer = self._layer(
                unit, total_unit, weights, bias * unit if self.to_output else (offset - lost) * total_unit
            )
            carried = bias * unit + lost * total_unit if self.to_output else np.zeros_like(bias)
            shifts = range(-EXPONENTS[0] + 1)
            return Summed(
                (spikes, counts, weighed),
                Shiftable(total, total_unit, shifts),
                layer,
                ReadoutScale(unit, counted=True),
                carried,
            )
        raise OutOfRange(
            explain(
                f"readout {self.readout.name!r}: {self.steps} time steps",
                f"too much for its widths ({complaint})",
                "what the widths of `neurokit.ir.fixed_point.Widths` hold",
                "use fewer time steps or neurons, smaller biases, or wider Widths if the target has them",
            )
        )


def _identity(size: int) -> Csr:
    return Csr(np.arange(size + 1), np.arange(size), np.ones(size), size)
