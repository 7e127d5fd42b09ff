"""Graph: a spiking network as frozen nodes in discrete time and float64, free of any framework.

Nodes are ordinary operations on named sources, in topological order; a branch is a node that two nodes read,
a merge a node with two sources. Every spiking layer lives in its own local time `t = 0..T-1`: that a hop costs a
step on a chip is a matter of a Program's latency, not of the mathematics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.neurons import Neuron, trainables
from neurokit.readouts import ReadoutRule
from neurokit.wiring import (
    Signal,
    Wire,
    frozen,
    one_source,
    require_finite,
    require_unread,
    through,
    two_totals,
    wire_up,
)


@dataclass(frozen=True)
class Input:
    """Real values in `[low, high]`, held over the window. The range is a promise that quantisation relies on."""

    name: str
    size: int
    low: float
    high: float

    @property
    def sources(self) -> tuple[str, ...]:
        return ()

    def __post_init__(self) -> None:
        if self.size < 1:
            raise GraphError(explain(f"input {self.name!r}: size", self.size, "at least 1", "declare its lines"))
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise OutOfRange(
                explain(f"input {self.name!r}: range", (self.low, self.high), "finite, low < high", "declare the range")
            )

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return Wire(self.size, Signal.HELD)


@dataclass(frozen=True, eq=False)
class Dense:
    """`a = weight @ x + bias`, on whatever its source emits."""

    name: str
    source: str
    weight: Float64[np.ndarray, "out in"]
    bias: Float64[np.ndarray, " out"]

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        for field in ("weight", "bias"):
            array = np.asarray(getattr(self, field), dtype=np.float64)
            require_finite(f"layer {self.name!r}: {field}", array)
            object.__setattr__(self, field, frozen(array))
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[:1]:
            raise GraphError(
                explain(
                    f"layer {self.name!r}: shapes of weight and bias",
                    (self.weight.shape, self.bias.shape),
                    "(out, in) and (out,)",
                    "transpose or reshape them",
                )
            )

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return through(self, self.weight, sources)


@dataclass(frozen=True)
class Spiking:
    """A population of neurons; state zero at the start of every window."""

    name: str
    source: str
    neuron: Neuron

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        for field, value in trainables(self.neuron).items():
            raise GraphError(explain(f"layer {self.name!r}: {field}", value, "a number", "trace a trained network"))

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return Wire(one_source(self, sources, Signal.HELD, Signal.SERIES).size, Signal.SERIES)


@dataclass(frozen=True)
class Readout:
    """`y = sum_t w[t] a[t] / sum_t w[t]` over the window, `w` from the rule."""

    name: str
    source: str
    rule: ReadoutRule

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return Wire(one_source(self, sources, Signal.SERIES).size, Signal.TOTAL)


@dataclass(frozen=True)
class Product:
    """`y = left * right`, line by line."""

    name: str
    left: str
    right: str

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.left, self.right)

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return two_totals(self, sources)


@dataclass(frozen=True)
class Output:
    """What the network answers with, in problem units: `scale * y + offset`."""

    name: str
    source: str
    scale: float = 1.0
    offset: float = 0.0

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        require_finite(f"output {self.name!r}: (scale, offset)", np.array([self.scale, self.offset]))

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return one_source(self, sources, Signal.TOTAL)


GraphNode = Input | Dense | Spiking | Readout | Product | Output


@dataclass(frozen=True)
class Graph:
    """A network and the number of time steps `T` of its window.

    Raises GraphError when nodes do not fit together.
    """

    nodes: tuple[GraphNode, ...]
    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise GraphError(explain("Graph.steps", self.steps, "at least 1 time step", "choose a window, such as 32"))
        if not self.outputs:
            raise GraphError("the Graph has no Output node; add one after the last node.")
        _ = self.wires
        require_unread(self.nodes, self.outputs)

    @cached_property
    def wires(self) -> dict[str, Wire]:
        """What every node emits."""
        return wire_up(self.nodes)

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Input))

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Output))

    def __getitem__(self, name: str) -> GraphNode:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(f"no node {name!r}; nodes are {', '.join(n.name for n in self.nodes)}")
