"""The nodes of a Graph that hold no weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.ir.graph.synapses import Recurrent
from neurokit.ir.signals import (
    PerColumn,
    Port,
    Signal,
    one_source,
    per_column,
    require_finite,
    require_recurrent,
    summed,
    two_totals,
)
from neurokit.neurons.models import Neuron, heaviside, trainables
from neurokit.neurons.readouts import ReadoutRule


@dataclass(frozen=True)
class Input:
    """Real values in `[low, high]`, held over the window, of which `(x - offset) / scale` is emitted.

    The range is a promise that quantisation relies on. Range, scale and offset are one for all columns or one for each;
    a column of its own range may be constant. Raises GraphError and OutOfRange for anything else.
    """

    name: str
    size: int
    low: PerColumn
    high: PerColumn
    scale: PerColumn = 1.0
    offset: PerColumn = 0.0

    @property
    def sources(self) -> tuple[str, ...]:
        return ()

    def __post_init__(self) -> None:
        if self.size < 1:
            raise GraphError(explain(f"input {self.name!r}: size", self.size, "at least 1", "declare its lines"))
        for field in ("low", "high", "scale", "offset"):
            value = np.asarray(getattr(self, field), dtype=np.float64)
            if value.shape not in ((), (self.size,)):
                legal = f"() or ({self.size},)"
                raise GraphError(explain(f"input {self.name!r}: shape of {field}", value.shape, legal, "match it"))
            object.__setattr__(self, field, per_column(value))
        low, high = (np.atleast_1d(end) for end in (self.low, self.high))
        ordered = low <= high if max(low.size, high.size) > 1 else low < high
        bad = ~(np.isfinite(low) & np.isfinite(high) & ordered)
        if bad.any():
            at = int(np.argmax(bad))
            ends = tuple(float(np.broadcast_to(end, bad.shape)[at]) for end in (low, high))
            column = f" of column {at}" if bad.size > 1 else ""
            raise OutOfRange(
                explain(f"input {self.name!r}: range{column}", ends, "finite, low < high", "declare the range")
            )
        if not (np.isfinite(self.offset).all() and np.isfinite(self.scale).all() and np.all(self.scale > 0)):
            found = (self.scale, self.offset)
            raise OutOfRange(explain(f"input {self.name!r}: (scale, offset)", found, "finite, scale > 0", "mend them"))

    def emit(self, x: Float64[np.ndarray, "*batch size"]) -> Float64[np.ndarray, "*batch size"]:
        """What the nodes behind it read of real values."""
        return np.asarray((x - self.offset) / self.scale)

    @property
    def emitted(self) -> tuple[Float64[np.ndarray, " size"], Float64[np.ndarray, " size"]]:
        """Lowest and highest value that every column emits."""
        low, high = (np.broadcast_to(np.asarray(end, dtype=np.float64), (self.size,)) for end in (self.low, self.high))
        return self.emit(low), self.emit(high)

    @property
    def reach(self) -> float:
        """Largest magnitude that any column emits."""
        low, high = self.emitted
        return float(max(np.abs(low).max(), np.abs(high).max()))

    def port(self, sources: Sequence[Port]) -> Port:
        return Port(self.size, Signal.HELD)


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

    def port(self, sources: Sequence[Port]) -> Port:
        size = one_source(self, sources, Signal.HELD, Signal.SERIES).size
        require_recurrent(self, None if self.recurrent is None else self.recurrent.weight, size)
        return Port(size, Signal.SERIES)

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

    def port(self, sources: Sequence[Port]) -> Port:
        return Port(one_source(self, sources, Signal.SERIES).size, Signal.TOTAL)


@dataclass(frozen=True)
class Sum:
    """`y = sum of the sources`, line by line and step by step: several synapses on one membrane.

    Totals add up to a total; of the others a held value is there at every step.
    """

    name: str
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", tuple(self.sources))

    def port(self, sources: Sequence[Port]) -> Port:
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

    def port(self, sources: Sequence[Port]) -> Port:
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

    def port(self, sources: Sequence[Port]) -> Port:
        return one_source(self, sources, Signal.TOTAL)
