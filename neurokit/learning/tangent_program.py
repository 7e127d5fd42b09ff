"""TangentProgram: the fixed-point network of tangents beside a Program, with widths that are proved.

Every node gets a tangent of its own, an integer with a number of bits of fraction. For moves V of the weights, v of
the bias and o of the offset, with x the values of the Program and dx their tangents:

    Input          dx = 0
    Dense          da = weight @ dx + floor((V @ x + v) * 2**f)       f the fraction of dx; that of da is f - exponent
    Spiking        TangentNeuron
    Sum            dy = the sum of its sources, floored to the coarsest fraction of them
    Readout        dy = floor((o * 2**h + sum_t w[t] da[t]) / 2**cut)          h the fraction of da
    Product        dy = floor(dl * r / 2**cut_left) + floor(l * dr / 2**cut_right)
    Output         real = scale * dy / 2**fraction

Products with weights are exact: tangents round in neurons and where totals are cut. The floors of the Program itself
count as their mean, without a derivative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking, Sum
from neurokit.ir.tangent_neuron import TangentNeuron, finest_spike, tangent_neuron
from neurokit.learning.tangent_bounds import Reach, TangentWidths, TooWide, reaches, tangent_bounds
from neurokit.neurons.surrogates import Gaussian, Surrogate
from neurokit.simulator.plastic_weights import Plastic

#: Bits of fraction of tangent spikes, and of the moves of layers that receive an Input.
FRACTIONS = range(14)
#: How far a total may be cut.
CUTS = range(48)


@dataclass(frozen=True, eq=False)
class TangentProgram:
    """A Program and the network of its tangents; make it with `tangents`.

    tensors   what may move, by integers of magnitude up to `unit * largest`
    anywhere  whether the proof is for all legal weights or for those of `program`
    fraction  bits of fraction of every node's tangent; of an Input, that of the moves of the layers that receive it
    neurons   the tangent neurons of every Spiking
    cuts      by how many bits a Readout cuts its total, and a Product its two terms (left, right)
    reach     the magnitudes of the Program's values that the proof took for granted
    bounds    proved magnitudes of every node's tangent, per line: of a Spiking that of its membrane
    """

    program: Program
    tensors: tuple[Plastic, ...]
    largest: int
    anywhere: bool
    surrogate: Surrogate
    widths: TangentWidths
    fraction: Mapping[str, int]
    neurons: Mapping[str, TangentNeuron]
    cuts: Mapping[str, tuple[int, ...]]
    reach: Reach
    bounds: Mapping[str, int] = field(default_factory=dict)

    def moved(self, program: Program) -> TangentProgram:
        """The same tangent network beside a Program whose plastic tensors have moved.

        Fractions and tables stay. Raises OutOfRange when a total could now be larger than the proof took for granted,
        or, with `anywhere=False`, when the proof does not hold for the new weights.
        """
        for name, now in reaches(program, margin=0).items():
            if now > self.reach[name]:
                raise OutOfRange(
                    explain(f"node {name!r}: reach", now, f"at most {self.reach[name]}", "make its tangents anew")
                )
        made = replace(self, program=program)
        if self.anywhere:
            return made
        try:
            return replace(made, bounds=MappingProxyType(tangent_bounds(made)))
        except TooWide as wide:
            raise OutOfRange(str(wide)) from None

    def decode(self, output: Output, dy: np.ndarray) -> np.ndarray:
        """The derivative of a real output from the tangent of what it reads."""
        return np.asarray(dy * (output.scale * 2.0 ** -self.fraction[output.name]))


def tangents(
    program: Program,
    tensors: Sequence[Plastic],
    *,
    surrogate: Surrogate = Gaussian(),  # noqa: B008 (frozen)
    largest: int = 1,
    anywhere: bool = True,
    widths: TangentWidths = TangentWidths(),  # noqa: B008 (frozen)
) -> TangentProgram:
    """The network of tangents of `program` along moves of `tensors`, with as many bits of fraction as can be proved.

    surrogate  in units of the threshold; the same on both sides
    largest    magnitude of a direction's entries (1 for signs, the rank for low-rank ones)
    anywhere   True: the proof is for all weights within the tensors' legal integers, so nothing saturates wherever
               learning goes; False: for the weights as they are, which leaves some more bits of fraction, and
               `TangentProgram.moved` proves anew

    The proof is an interval analysis over all legal inputs and all directions. Raises OutOfRange when even the coarsest
    fractions leave a width, UnsupportedNode for a node that has no tangent here.
    """
    for node in program.nodes:
        if not isinstance(node, Input | Dense | Spiking | Sum | Readout | Product | Output) or (
            isinstance(node, Dense) and node.delay
        ):
            raise UnsupportedNode(
                node.name,
                type(node).__name__,
                "the tangent pass",
                "it has no rule",
                "Use Dense without delay, or SPSA.",
            )
    return _Choices(program, tuple(tensors), surrogate, largest, anywhere, widths).best()


class _Choices:
    """The free fractions of a tangent network, coarsened until the proof holds."""

    def __init__(
        self,
        program: Program,
        tensors: tuple[Plastic, ...],
        surrogate: Surrogate,
        largest: int,
        anywhere: bool,
        widths: TangentWidths,
    ) -> None:
        self.program, self.tensors, self.surrogate = program, tensors, surrogate
        self.largest, self.anywhere, self.widths = largest, anywhere, widths
        self.reach = reaches(program, margin=2)
        #: Bits that each Input and Spiking has, and that each Readout and Product cuts beyond what it must.
        self.bits = {n.name: FRACTIONS[-1] for n in program.nodes if isinstance(n, Input | Spiking)}
        self.cut = {n.name: 0 for n in program.nodes if isinstance(n, Readout | Product)}

    def best(self) -> TangentProgram:
        while True:
            made = self.derived()
            try:
                bounds = tangent_bounds(made)
            except TooWide as wide:
                self.coarsen(wide)
            else:
                return replace(made, bounds=MappingProxyType(bounds))

    def derived(self) -> TangentProgram:
        """Everything that follows from the choices."""
        fraction: dict[str, int] = {}
        neurons: dict[str, TangentNeuron] = {}
        cuts: dict[str, tuple[int, ...]] = {}
        for node in self.program.nodes:
            before = [fraction[source] for source in node.sources]
            if isinstance(node, Input):
                found = self.bits[node.name]
            elif isinstance(node, Dense):
                found = before[0] - node.exponent
            elif isinstance(node, Spiking):
                found = min(self.bits[node.name], finest_spike(node, before[0]))
                self.bits[node.name] = found
                neurons[node.name] = tangent_neuron(node, self.surrogate, before[0], found)
            elif isinstance(node, Readout):
                cuts[node.name] = (self.cut[node.name],)
                found = before[0] + node.shift - self.cut[node.name]
            elif isinstance(node, Product):
                found = min(before) + node.shift - self.cut[node.name]
                cuts[node.name] = (before[0] + node.shift - found, before[1] + node.shift - found)
            else:
                found = min(before)
            fraction[node.name] = found
        return TangentProgram(
            self.program,
            self.tensors,
            self.largest,
            self.anywhere,
            self.surrogate,
            self.widths,
            MappingProxyType(fraction),
            MappingProxyType(neurons),
            MappingProxyType(cuts),
            self.reach,
        )

    def coarsen(self, wide: TooWide) -> None:
        """Take one bit from the choice nearest to what was too wide: its own message, or what comes before it."""
        pending = [wide.node] if wide.message else list(self.program[wide.node].sources)
        while pending:
            node = self.program[pending.pop(0)]
            if node.name in self.bits and self.bits[node.name] > FRACTIONS[0]:
                self.bits[node.name] -= 1
                return
            if node.name in self.cut and self.cut[node.name] < CUTS[-1]:
                self.cut[node.name] += 1
                return
            pending += node.sources
        raise OutOfRange(str(wide))
