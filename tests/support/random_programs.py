"""Random Programs of every shape that the format allows, from a seed or from hypothesis, and samples for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from hypothesis import strategies as st

from neurokit.errors import OutOfRange
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.interval_analysis import prove
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
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import ALIF, IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate

#: Wide enough for loud networks, narrow enough to be broken by unproven ones.
ROOMY = Widths(synapse=32, membrane=28, accumulator=32, message=32, product=32)


class Choices(Protocol):
    """Where a random Program's decisions come from."""

    def integer(self, low: int, high: int) -> int: ...
    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray: ...


@dataclass(frozen=True)
class Seeded:
    """Decisions of a generator of random numbers."""

    rng: np.random.Generator

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
        return self.rng.integers(low, high + 1, shape)


@dataclass(frozen=True)
class Drawn:
    """Decisions of hypothesis, which it can shrink; arrays come from a seed that it draws."""

    draw: Callable[[Any], Any]

    def integer(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
        seed = self.draw(st.integers(0, 2**32 - 1))
        return np.random.default_rng(seed).integers(low, high + 1, shape)


def pick(choose: Choices, options: Sequence[Any]) -> Any:
    return options[choose.integer(0, len(options) - 1)]


def build(choose: Choices, *, widths: Widths | None = None, largest: int = 64) -> Program:
    """A Program with one or two branches of depth 1..4, not proved; `largest` bounds the layers' widths and `steps`."""
    steps = choose.integer(1, largest)
    factors = choose.integer(1, 2)
    tail = choose.integer(1, largest)
    nodes: list[ProgramNode] = []
    for name in ("b", "t")[:factors]:
        nodes += _branch(choose, name, tail, largest)
    last = "b.readout"
    if factors == 2 or choose.integer(0, 3) == 0:  # a Product may also square one branch
        nodes.append(Product("product", last, f"{'bt'[factors - 1]}.readout", shift=choose.integer(0, 12)))
        last = "product"
    if choose.integer(0, 1):
        nodes.append(_dense(choose, "sum", last, tail, choose.integer(1, 3), loudness=3))
        last = "sum"
    nodes.append(Output("y", last, scale=pick(choose, (1.0, 0.1, -2.5)), offset=pick(choose, (0.0, 0.3))))
    if choose.integer(0, 3) == 0:
        nodes.append(Output("z", "b.readout", offset=0.3 * np.arange(tail)))
    return Program(tuple(nodes), steps, widths or pick(choose, (Widths(), ROOMY)), provenance={"made": "at random"})


def _branch(choose: Choices, name: str, tail: int, largest: int) -> list[ProgramNode]:
    size, reach = choose.integer(1, largest), pick(choose, (1, 100, 2000))
    low = choose.integers(-reach, 0, (size,))
    by_line = choose.integers(1, 9, (size,)) / 4, choose.integers(-9, 9, (size,)) * 100.0
    scale, offset = pick(choose, ((1.0, 0.0), (1 / 300, 0.0), by_line))
    high = low + choose.integers(0, 2 * reach, (size,))
    nodes: list[ProgramNode] = [Input(name, low, high, scale, offset)]
    for depth in range(choose.integer(1, 4)):
        for hop in range(pick(choose, (1, 1, 1, 0, 2))):  # neurons may read neurons, and synapses synapses
            here, before = f"{name}.synapses{depth}{hop}", nodes[-1].name
            nodes.append(synapses(choose, here, before, size, largest, loudness=60, series=depth > 0))
            size = nodes[-1].shape[0]
            if choose.integer(0, 3) == 0:  # a second source of the same current, as late or later
                nodes += _merged(choose, here, before, nodes[-1], series=depth > 0)
        nodes.append(population(choose, f"{name}.spiking{depth}", nodes[-1].name, size))
        if depth == 0 and choose.integer(0, 3) == 0:  # a layer with two readers
            nodes.append(Readout(f"{name}.tap", nodes[-1].name, Rate()))
            nodes.append(Output(f"{name}.tapped", f"{name}.tap"))
            nodes.append(_dense(choose, f"{name}.after", f"{name}.spiking{depth}", size, size, loudness=60))
            nodes.append(Spiking(f"{name}.again", f"{name}.after", IF(32)))
    nodes.append(_dense(choose, f"{name}.out", nodes[-1].name, size, tail, loudness=8))
    offset = choose.integers(-3000, 3000, (pick(choose, (0, tail)),))
    rule, shift = pick(choose, (Rate(), MemMean())), choose.integer(0, 7)
    nodes.append(Readout(f"{name}.readout", f"{name}.out", rule, shift, offset=offset))
    return nodes


def population(choose: Choices, name: str, source: str, size: int) -> Spiking:
    """Neurons of any kind, leak and reset, one in four populations recurrent."""
    reset = pick(choose, (Subtract(), ToZero()))
    threshold = pick(choose, (1, 3 * 2**7, 64, 255, 255 * 2**7))
    alpha, beta = (Decay12(pick(choose, (0, 1, 2048, 3584, 3686, 4095, 4096))) for _ in range(2))
    neuron: Neuron = pick(
        choose,
        (
            IF(threshold, reset),
            LIF(threshold, reset, strict=True, beta=beta),
            CubaLIF(threshold, reset, strict=True, alpha=alpha, beta=beta),
        ),
    )
    recurrent = None
    if choose.integer(0, 3) == 0:
        recurrent = Recurrent(choose.integers(-60, 60, (size, size)), choose.integer(-7, 2))
    return Spiking(name, source, neuron, recurrent=recurrent)


def adaptive(choose: Choices, program: Program) -> Program:
    """`program`, not proved, with ALIF in the place of every LIF and CubaLIF, and of an IF now and then."""
    nodes: list[ProgramNode] = []
    for node in program.nodes:
        if isinstance(node, Spiking) and (node.leaky or choose.integer(0, 2) == 0):
            rho = Decay12(pick(choose, (0, 1, 2048, 3686, 4095, 4096)))
            beta = Decay12(pick(choose, (0, 1, 2048, 3686, 4095, 4096)))
            rise = pick(choose, (1, 100, 64 * node.threshold))
            neuron = ALIF(node.threshold, node.neuron.reset, True, beta, rho, rise)
            node = replace(node, neuron=neuron)
        nodes.append(node)
    return replace(program, nodes=tuple(nodes))


def synapses(
    choose: Choices, name: str, source: str, size: int, largest: int, loudness: int, *, series: bool
) -> Dense | Sparse | Conv2d:
    """Synapses of any kind onto up to `largest` lines; delayed now and then, if what they receive changes in time."""
    made: Dense | Sparse | Conv2d
    kind = choose.integer(0, 3)
    if kind == 0:
        weight = choose.integers(-loudness, loudness, (choose.integer(1, largest), size))
        weight *= choose.integers(0, 3, weight.shape) == 0
        weight[0, 0] = loudness  # at least one is there
        bias = choose.integers(-4 * loudness, 4 * loudness, (len(weight),))
        made = Sparse(name, source, Csr.of(weight), bias, choose.integer(-7, 2))
    elif kind == 1:
        channels = pick(choose, [d for d in range(1, size + 1) if size % d == 0])
        rows = pick(choose, [d for d in range(1, size // channels + 1) if size // channels % d == 0])
        image = (channels, rows, size // channels // rows)
        groups = pick(choose, [d for d in range(1, channels + 1) if channels % d == 0])
        padding = choose.integer(0, 1), choose.integer(0, 1)
        room = [extent + 2 * edge for extent, edge in zip(image[1:], padding, strict=True)]
        tall, wide = (choose.integer(1, min(3, extent)) for extent in room)
        dilation = (choose.integer(1, 2) if 2 * (tall - 1) < room[0] else 1), 1
        stride = choose.integer(1, 2), choose.integer(1, 2)
        kernel = choose.integers(-loudness, loudness, (groups, channels // groups, tall, wide))
        geometry = Convolution(image, stride, padding, dilation, groups)
        bias = choose.integers(-4 * loudness, 4 * loudness, (groups,))
        made = Conv2d(name, source, kernel, bias, geometry, choose.integer(-7, 2))
    else:
        made = _dense(choose, name, source, size, choose.integer(1, largest), loudness)
    return replace(made, delay=pick(choose, (0, 0, 1, 2, 62))) if series else made


def _merged(
    choose: Choices, name: str, source: str, first: Dense | Sparse | Conv2d, *, series: bool
) -> list[ProgramNode]:
    """A Sum of `first` and others beside it: as early, one step later, or delayed."""
    out, size = first.shape
    beside = _dense(choose, f"{name}.beside", source, size, out, loudness=30)
    late = _dense(choose, f"{name}.late", beside.name, out, out, loudness=5)
    if series:
        beside = replace(beside, delay=choose.integer(0, 5))
    chosen = pick(choose, ([beside], [beside, late]))
    return [*chosen, Sum(f"{name}.sum", (first.name, *(node.name for node in chosen)))]


def _dense(choose: Choices, name: str, source: str, size: int, width: int, loudness: int) -> Dense:
    exponent = choose.integer(-7, 2)
    bias = choose.integers(-4 * loudness, 4 * loudness, (width,))
    return Dense(name, source, choose.integers(-loudness, loudness, (width, size)), bias, exponent)


def proven(program: Program) -> Program:
    """`program` with its certificate; weights, biases and inputs are halved until it has one."""
    while True:
        try:
            return replace(program, certificate=prove(program))
        except OutOfRange:
            program = replace(program, nodes=tuple(halved(node) for node in program.nodes))


def halved(node: ProgramNode) -> ProgramNode:
    """`node` with its own numbers halved, toward zero."""
    if isinstance(node, Synapses):
        node = replace(node, bias=np.trunc(node.bias / 2))
    if isinstance(node, Dense):
        return replace(node, weight=np.trunc(node.weight / 2))
    if isinstance(node, Sparse):
        return replace(node, weight=replace(node.weight, values=np.trunc(node.weight.values / 2)))
    if isinstance(node, Conv2d):
        return replace(node, kernel=np.trunc(node.kernel / 2))
    if isinstance(node, Spiking) and node.recurrent is not None:
        return replace(node, recurrent=replace(node.recurrent, weight=np.trunc(node.recurrent.weight / 2)))
    if isinstance(node, Input):
        return replace(node, low=np.trunc(node.low / 2), high=np.trunc(node.high / 2))
    if isinstance(node, Readout):
        return replace(node, offset=np.trunc(node.offset / 2))
    return node


def random_program(rng: np.random.Generator, *, largest: int = 64) -> Program:
    """A proven Program from a seeded generator."""
    return proven(build(Seeded(rng), largest=largest))


def adaptive_program(rng: np.random.Generator, *, largest: int = 64) -> Program:
    """A proven Program from a seeded generator, with adaptive neurons."""
    return proven(adaptive(Seeded(rng), build(Seeded(rng), largest=largest)))


@st.composite
def programs(draw: Callable[[Any], Any], *, largest: int = 64) -> Program:
    """Proven Programs."""
    return proven(build(Drawn(draw), largest=largest))


@st.composite
def adaptive_programs(draw: Callable[[Any], Any], *, largest: int = 64) -> Program:
    """Proven Programs with adaptive neurons."""
    choose = Drawn(draw)
    return proven(adaptive(choose, build(choose, largest=largest)))


@st.composite
def unproven(draw: Callable[[Any], Any], *, largest: int = 8) -> Program:
    """Small Programs whose narrow widths some samples may leave."""
    narrow = Widths(*(draw(st.integers(8, 26)) for _ in vars(Widths())))
    choose = Drawn(draw)
    made = build(choose, widths=narrow, largest=largest)
    return adaptive(choose, made) if choose.integer(0, 3) == 0 else made


def random_inputs(
    program: Program, rng: np.random.Generator, *batches: tuple[int, ...], corners: bool = False
) -> dict[str, np.ndarray]:
    """Real samples in range, one batch shape per input (or one for all); at the range's ends if `corners`."""
    samples = {}
    for node, batch in zip(program.inputs, batches * (len(program.inputs) if len(batches) == 1 else 1), strict=True):
        x = rng.integers(node.low, node.high + 1, (*batch, node.low.size))
        if corners:
            x = np.where(rng.integers(0, 2, x.shape), node.low, node.high)
        samples[node.name] = node.decode(x)
    return samples
