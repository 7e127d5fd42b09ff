"""populations: what of a Program takes room on a chip: groups of neurons, and the synapses that feed them.

A Program's nodes become neurons and synapses as in `neurokit.processes.network.to_lava`:

    Spiking   one neuron a line; reset Subtract adds one synapse a line from each neuron to itself, and Recurrent one
              from every neuron to every neuron
    Readout   one neuron a line: its accumulator
    Product   one neuron a line
    Synapses  Dense, Sparse or Conv2d: they lie where the neurons are that they feed; with several readers, once for
              each. They have neurons of their own, one relay a line, where they feed other Synapses, an Output or
              several synapses in a row (negative exponent and a bias that does not ride on an Input)
    Sum       the synapses of all its sources; a relay as above
    Input     nothing: its spikes come from outside the cores, and so do the constant lines that carry biases
    Output    nothing

Assumed, because Intel has published none of it for Loihi 2: that an accumulator or a product is one neuron (Lava's
stock processes take two or three), that one core may hold neurons of several kinds, and that synapses are stored, zeros
of a Dense included; those of a Sparse apart for every neuron, as many for each as for the one that has most. Those of a
Conv2d are so too, its kernel written out, unless the chip holds a kernel once a core (`Chip.kernel_entry_bits`). How
many bytes that is, `neurokit.compilers.chip.synaptic_memory` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import scipy.sparse

from neurokit.compilers.lava.bias_digits import count_digits
from neurokit.compilers.lava.schedule import split
from neurokit.errors import UnsupportedNode
from neurokit.ir.fixed_point import EXPONENTS
from neurokit.ir.program import (
    Conv2d,
    Dense,
    Input,
    Output,
    Product,
    Program,
    ProgramNode,
    Readout,
    Recurrent,
    Sparse,
    Spiking,
    Sum,
    Synapses,
)
from neurokit.ir.signals import consumers
from neurokit.ir.weight_grid import weight_levels
from neurokit.neurons.models import Subtract

#: Bits that digits of biases, weights that pass a line on, and soft resets need at most.
WHOLE_WEIGHT = 8


@dataclass(frozen=True)
class Kernel:
    """The weights that the neurons of a convolution share.

    channels  of the result
    area      neurons a channel; they lie side by side
    taps      weights into one neuron: `in / groups * rows * columns`
    groups    parts of the channels, each with taps of its own
    """

    channels: int
    area: int
    taps: int
    groups: int = 1


@dataclass(frozen=True)
class Projection:
    """Synapses into a population.

    layer       the node whose synapses they are
    source      the population or Input whose lines they listen to
    lines       of the source; every neuron listens to all of them, or, one to one, neuron `i` to line `i` alone
    biases      constant lines beside them, which every neuron listens to
    reach       which neuron listens to which line, `(size, lines)`, where it is some of them only
    delay       steps beyond the one that every synapse takes
    bits        that its weights need, those of biases left out
    kernel      of a convolution; `reach` is known too
    """

    layer: str
    source: str
    lines: int
    biases: int = 0
    one_to_one: bool = False
    reach: scipy.sparse.csr_array | None = None
    delay: int = 0
    bits: int = WHOLE_WEIGHT
    kernel: Kernel | None = None

    @property
    def singles(self) -> int:
        """Lines that a neuron listens to by synapses of its own; the most that any neuron has."""
        if self.reach is not None:
            return int(np.diff(self.reach.indptr).max())
        return int(self.one_to_one)

    @property
    def shared(self) -> int:
        """Lines that all neurons listen to."""
        return self.biases + (0 if self.one_to_one or self.reach is not None else self.lines)

    @property
    def fan_in(self) -> int:
        """Lines that one neuron listens to, at the most."""
        return self.singles + self.shared


@dataclass(frozen=True)
class Population:
    """A group of `size` neurons of one kind, and what feeds them."""

    name: str
    size: int
    projections: tuple[Projection, ...]

    @property
    def shared_lines(self) -> dict[int, int]:
        """Lines that every neuron listens to, by the bits that their weights need."""
        found: dict[int, int] = {}
        for p in self.projections:
            for bits, lines in ((p.bits, p.shared - p.biases), (WHOLE_WEIGHT, p.biases)):
                if lines:
                    found[bits] = found.get(bits, 0) + lines
        return found


def populations(program: Program) -> tuple[Population, ...]:
    """The populations of a Program, in the order of its nodes.

    Raises UnsupportedNode for a node whose neurons are not known.
    """
    readers = consumers(program.nodes)
    made = []
    for node in program.nodes:
        feeds = tuple(program[name] for name in readers[node.name])
        population = neurons(node, program, feeds)
        if population is not None:
            made.append(population)
    return tuple(made)


def has_relay(program: Program, node: Synapses | Sum, feeds: tuple[ProgramNode, ...]) -> bool:
    """Whether Synapses or a Sum need neurons of their own to send their sums on."""
    rounds = isinstance(node, Synapses) and split(program, node)
    return rounds or any(isinstance(reader, (Synapses, Output)) for reader in feeds)


@singledispatch
def neurons(node: Any, program: Program, feeds: tuple[ProgramNode, ...]) -> Population | None:
    """The population of a node, or None if it has no neurons; `feeds` are the nodes that read it."""
    raise UnsupportedNode(
        node.name, type(node).__name__, "the placement", "its neurons are not known", "Add a rule to `neurons`."
    )


@neurons.register
def _(node: Input, program: Program, feeds: tuple[ProgramNode, ...]) -> None:
    return None


@neurons.register
def _(node: Output, program: Program, feeds: tuple[ProgramNode, ...]) -> None:
    return None


@neurons.register(Synapses)
@neurons.register(Sum)
def _(node: Synapses | Sum, program: Program, feeds: tuple[ProgramNode, ...]) -> Population | None:
    if not has_relay(program, node, feeds):
        return None
    into = (synapses(node),) if isinstance(node, Synapses) else _into(program, node)
    return Population(node.name, program.ports[node.name].size, into)


@neurons.register
def _(node: Spiking, program: Program, feeds: tuple[ProgramNode, ...]) -> Population:
    size = program.ports[node.name].size
    into = _into(program, node)
    if isinstance(node.neuron.reset, Subtract):
        into += (Projection(node.name, node.name, size, one_to_one=True),)
    if node.recurrent is not None:
        into += (Projection(f"{node.name} (recurrent)", node.name, size, bits=_bits(node.recurrent)),)
    return Population(node.name, size, into)


@neurons.register
def _(node: Readout, program: Program, feeds: tuple[ProgramNode, ...]) -> Population:
    into = _into(program, node)
    if node.offset.any():
        into += (Projection(node.name, f"{node.name} (offset)", 0, count_digits(node.offset)),)
    return Population(node.name, program.ports[node.name].size, into)


@neurons.register
def _(node: Product, program: Program, feeds: tuple[ProgramNode, ...]) -> Population:
    return Population(node.name, program.ports[node.name].size, _into(program, node))


def _into(program: Program, reader: ProgramNode) -> tuple[Projection, ...]:
    """The synapses through which the neurons of `reader` receive its sources."""
    found: tuple[Projection, ...] = ()
    for source in reader.sources:
        node = program[source]
        relays = isinstance(node, Synapses) and split(program, node)
        if isinstance(node, Synapses) and not relays:
            found += (synapses(node),)
        elif isinstance(node, Sum):
            found += _into(program, node)
        else:
            layer = source if relays else reader.name
            found += (Projection(layer, source, program.ports[source].size, one_to_one=True),)
    return found


@singledispatch
def synapses(node: Any) -> Projection:
    """What the neurons behind Synapses listen to."""
    raise UnsupportedNode(
        node.name, type(node).__name__, "the placement", "its synapses are not known", "Add a rule to `synapses`."
    )


@synapses.register
def _(node: Dense) -> Projection:
    return Projection(
        node.name, node.source, node.shape[1], count_digits(node.bias), delay=node.delay, bits=_bits(node)
    )


@synapses.register(Sparse)
@synapses.register(Conv2d)
def _(node: Sparse | Conv2d) -> Projection:
    stored = node.weight
    ones = np.ones(len(stored.columns), dtype=bool)
    reach = scipy.sparse.csr_array((ones, stored.columns, stored.starts), shape=stored.shape)
    biases = count_digits(node.line_bias.astype(np.int32))
    kernel = None
    if isinstance(node, Conv2d):
        channels, *image = node.image
        kernel = Kernel(channels, math.prod(image), math.prod(node.kernel.shape[1:]), node.convolution.groups)
    return Projection(
        node.name, node.source, stored.shape[1], biases, reach=reach, delay=node.delay, bits=_bits(node), kernel=kernel
    )


def _bits(node: Dense | Sparse | Conv2d | Recurrent) -> int:
    """Bits in which weights can be stored: those of their levels, or more where the exponent would leave its range.

    A chip aligns `b` bits with the upper ones of eight, `2**(8 - b)` times; the exponent takes that back.
    """
    if isinstance(node, Conv2d):
        levels, step = weight_levels(node.kernel)
    else:
        levels, step = weight_levels(node.weight.values if isinstance(node, Sparse) else node.weight)
    needed = WHOLE_WEIGHT - (step.bit_length() - 1) - (node.exponent - EXPONENTS[0])
    return min(WHOLE_WEIGHT, max(levels.bits, needed))
