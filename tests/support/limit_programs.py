"""Random Programs that stand at the edge of a width: proved, and with one unit more of one bias no longer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from random_programs import Choices, Drawn, Seeded, build, halved, pick, population

from neurokit.errors import OutOfRange
from neurokit.ir.fixed_point import BIAS_LIMIT, Widths
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Output, Program, ProgramNode, Readout, Recurrent, Spiking, Synapses
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean, Rate

#: Widths of the chip, and those that fill the 32 bits of the twin's integers.
CHIP, FULL = Widths(), Widths(32, 32, 32, 32, 32)
#: Halvings after which a draw is given up: by then its weights are zeros.
PATIENCE = 200


@dataclass(frozen=True)
class Edge:
    """`within` has a certificate; `beyond`, with one bias a unit farther, can have none, as `complaint` says."""

    within: Program
    beyond: Program
    complaint: str


def edge(choose: Choices, *, widths: Widths | None = None, largest: int = 5) -> Edge | None:
    """A random Program as loud as its widths allow, and the step beyond them; None where no bias leads there."""
    widths = widths or _widths(choose)
    drawn = _alone(choose, widths) if choose.integer(0, 1) else build(choose, widths=widths, largest=largest)
    program = quietened(replace(drawn, nodes=tuple(_louder(choose, node, drawn.widths) for node in drawn.nodes)))
    if program is None:
        return None
    levers = [index for index, node in enumerate(program.nodes) if isinstance(node, Synapses)]
    index = pick(choose, levers)
    line, sign = choose.integer(0, program.nodes[index].bias.size - 1), pick(choose, (-1, 1))
    good, bad = int(program.nodes[index].bias[line]), sign * (BIAS_LIMIT - 1)
    if complaint(biased(program, index, line, bad)) is None:
        return None
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        if complaint(biased(program, index, line, middle)) is None:
            good = middle
        else:
            bad = middle
    within, beyond = (biased(program, index, line, value) for value in (good, bad))
    return Edge(replace(within, certificate=prove(within)), beyond, str(complaint(beyond)))


def complaint(program: Program) -> str | None:
    """What `prove` says against a Program, if anything."""
    try:
        prove(program)
    except OutOfRange as error:
        return str(error)
    return None


def quietened(program: Program) -> Program | None:
    """`program` with those synapses halved that drive the first node that could leave its width, until none could."""
    for _ in range(PATIENCE):
        error = complaint(program)
        if error is None:
            return program
        loud = re.match(r"node '(.*?)'", error)
        assert loud is not None, error
        chosen = drivers(program, loud[1])
        program = replace(program, nodes=tuple(_softer(n) if n.name in chosen else n for n in program.nodes))
    return None


def drivers(program: Program, name: str) -> set[str]:
    """The nodes with numbers of their own behind `name`: through Sums, Readouts and Products, and a population's."""
    node = program[name]
    if isinstance(node, (Synapses, Input)):
        return {name}
    return {name} | set().union(*(drivers(program, s) for s in node.sources if not isinstance(program[s], Spiking)))


def biased(program: Program, index: int, line: int, value: int) -> Program:
    """`program`, without a certificate, with another bias on one line of a node."""
    node = program.nodes[index]
    bias = node.bias.copy()
    bias[line] = value
    nodes = (*program.nodes[:index], replace(node, bias=bias), *program.nodes[index + 1 :])
    return replace(program, nodes=nodes, certificate={})


def _alone(choose: Choices, widths: Widths) -> Program:
    """One small population that sends spikes back to itself: what drives it and what it holds differ the most."""
    size, lines = choose.integer(1, 3), choose.integer(1, 2)
    low = choose.integers(-9, 0, (lines,))
    echo = Recurrent(choose.integers(-60, 60, (size, size)))
    nodes = (
        Input("x", low, low + choose.integers(0, 18, (lines,)), 1.0),
        Dense("d", "x", choose.integers(-60, 60, (size, lines)), choose.integers(-999, 999, (size,))),
        replace(population(choose, "s", "d", size), recurrent=echo),
        Dense("o", "s", choose.integers(-60, 60, (1, size)), [0], choose.integer(-7, 0)),
        Readout("r", "o", pick(choose, (Rate(), MemMean()))),
        Output("y", "r"),
    )
    return Program(nodes, choose.integer(2, 6), widths)


def _widths(choose: Choices) -> Widths:
    """The chip's, the widest, or others that no chip has: a narrow one beside wide ones is a limit of its own."""
    return pick(choose, (CHIP, FULL, Widths(*(choose.integer(6, 32) for _ in vars(CHIP)))))


def _louder(choose: Choices, node: ProgramNode, widths: Widths) -> ProgramNode:
    if isinstance(node, Input):
        limit, factor = widths.limit("message"), pick(choose, (1, 2**6, 2**14))
        low, high = (np.clip(x.astype(np.int64) * factor, -limit, limit) for x in (node.low, node.high))
        return replace(node, low=low, high=high)
    if isinstance(node, Synapses):
        bias = np.clip(node.bias.astype(np.int64) * pick(choose, (1, 2**6, 2**12)), 1 - BIAS_LIMIT, BIAS_LIMIT - 1)
        return replace(node, bias=bias, exponent=choose.integer(-7, 6))
    if isinstance(node, Spiking):
        return _livelier(choose, node)
    return node


def _livelier(choose: Choices, node: Spiking) -> Spiking:
    """`node` with a threshold from end to end of its range, and an echo as strong as what drives it."""
    thresholds = (1, node.threshold, 255 * 2**7) if isinstance(node.neuron, IF) else (1, node.threshold, 2**17 - 1)
    node = replace(node, neuron=replace(node.neuron, threshold=pick(choose, thresholds)))
    if node.recurrent is None:
        return node
    weight = np.clip(node.recurrent.weight.astype(np.int64) * pick(choose, (1, 2, 30)), -127, 127)
    return replace(node, recurrent=replace(node.recurrent, weight=weight, exponent=choose.integer(-7, 6)))


def _softer(node: ProgramNode) -> ProgramNode:
    if isinstance(node, Synapses) and node.exponent > 0:
        return replace(node, exponent=node.exponent - 1)
    return halved(node)


def seeded_edge(seed: int, **options: Any) -> Edge:
    """The first Edge that a seeded generator draws."""
    choose = Seeded(np.random.default_rng(seed))
    return next(found for found in iter(lambda: edge(choose, **options), 0) if found is not None)


@st.composite
def edges(draw: Callable[[Any], Any], *, widths: Widths | None = None, largest: int = 5) -> Edge:
    """Edges; a draw that leads to none is another's."""
    found = edge(Drawn(draw), widths=widths, largest=largest)
    return found if found is not None else seeded_edge(draw(st.integers(0, 2**32 - 1)), widths=widths, largest=largest)
