"""The nodes of a Graph that hold no weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.graph.synapses import Recurrent
from neurokit.neurons import Neuron, heaviside, trainables
from neurokit.readouts import ReadoutRule
from neurokit.wiring import Signal, Wire, one_source, require_finite, require_recurrent, summed, two_totals


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


@dataclass(frozen=True)
class Spiking:
    """A population of neurons; state zero at the start of every window. What `recurrent` adds joins the current."""

    name: str
    source: str
    neuron: Neuron
    recurrent: Recurrent | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        for field, value in trainables(self.neuron).items():
            raise GraphError(explain(f"layer {self.name!r}: {field}", value, "a number", "trace a trained network"))

    def wire(self, sources: Sequence[Wire]) -> Wire:
        size = one_source(self, sources, Signal.HELD, Signal.SERIES).size
        require_recurrent(self, None if self.recurrent is None else self.recurrent.weight, size)
        return Wire(size, Signal.SERIES)

    def start(self, zero: Any) -> Any:
        """The state before the first step."""
        return self.neuron.start(zero)

    def step(self, state: Any, a: Any) -> tuple[Any, Any, Any]:
        """`(membrane before the reset, spikes, state after it)` of one step with the current `a`."""
        return self.neuron.step(state, a, heaviside)


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
class Sum:
    """`y = sum of the sources`, line by line and step by step: several synapses on one membrane.

    Totals add up to a total; of the others a held value is there at every step.
    """

    name: str
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", tuple(self.sources))

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return summed(self, sources)


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
