"""The nodes of a Program that hold no weights: Input, Readout, Sum, Product, Output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32, Int64

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.ir.fixed_point import (
    PRODUCT_SHIFTS,
    READOUT_SHIFTS,
    bias_integers,
    integers,
    require_in,
    require_positive_scale,
)
from neurokit.ir.signals import (
    PerColumn,
    Port,
    Signal,
    frozen,
    one_source,
    per_column,
    require_finite,
    summed,
    two_totals,
)
from neurokit.neurons.readouts import ReadoutRule


@dataclass(frozen=True, eq=False)
class Input:
    """Integers `x = round((real - offset) / scale)` with `low <= x <= high` (per line), held over the window.

    `scale` and `offset`, in problem units, are one number for all lines or one for each.
    """

    name: str
    low: Int32[np.ndarray, " size"]
    high: Int32[np.ndarray, " size"]
    scale: PerColumn
    offset: PerColumn = 0.0

    @property
    def sources(self) -> tuple[str, ...]:
        return ()

    def __post_init__(self) -> None:
        for bound in ("low", "high"):
            object.__setattr__(self, bound, integers(f"input {self.name!r}: {bound}", getattr(self, bound), np.int32))
        for key in ("scale", "offset"):
            value = np.asarray(getattr(self, key), dtype=np.float64)
            if value.shape not in ((), self.low.shape):
                legal = f"() or {self.low.shape}"
                raise GraphError(explain(f"input {self.name!r}: shape of {key}", value.shape, legal, "match it"))
            require_finite(f"input {self.name!r}: {key}", value)
            object.__setattr__(self, key, per_column(value))
        require_positive_scale(f"input {self.name!r}: scale", float(np.min(self.scale)))
        if self.low.ndim != 1 or self.low.shape != self.high.shape or not self.low.size or (self.low > self.high).any():
            raise OutOfRange(
                explain(
                    f"input {self.name!r}: low and high",
                    (self.low, self.high),
                    "low <= high, one pair a line",
                    "swap them",
                )
            )

    def port(self, sources: Sequence[Port]) -> Port:
        return Port(self.low.size, Signal.HELD)

    def encode(self, real: Float64[np.ndarray, "*batch size"]) -> Int64[np.ndarray, "*batch size"]:
        """Nearest integers of real values. Raises OutOfRange at the first value outside the declared range."""
        x = np.rint((np.asarray(real, dtype=np.float64) - self.offset) / self.scale)
        bad = np.argwhere((x < self.low) | (x > self.high))
        if len(bad):
            where = tuple(bad[0])
            low, high = (float(self.decode(end)[where[-1]]) for end in (self.low, self.high))
            raise OutOfRange(
                explain(
                    f"input {self.name!r}[{', '.join(map(str, where))}]",
                    np.asarray(real)[where],
                    f"{low:g}..{high:g}, the range this Program was compiled for",
                    "quantise again with a wider declared range, or mend the sample",
                )
            )
        encoded: np.ndarray = x.astype(np.int64)
        return encoded

    def decode(self, x: Int64[np.ndarray, "*batch size"]) -> Float64[np.ndarray, "*batch size"]:
        """The real values that integers stand for."""
        return np.asarray(x * self.scale + self.offset, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Readout:
    """`y = floor((offset + sum_t w[t] * a[t]) / 2**shift)` with the integer time weights of `rule`, shift in 0..7.

    `offset` is added once a window, where a bias of the Dense before is added at every step: it is the finer of the
    two. Empty, it is zero.
    """

    name: str
    source: str
    rule: ReadoutRule
    shift: int = 0
    scale: float = 1.0
    offset: Int32[np.ndarray, " size"] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        require_in(
            f"readout {self.name!r}: shift", self.shift, READOUT_SHIFTS, "use smaller weights in the layer before it"
        )
        require_positive_scale(f"readout {self.name!r}: scale", self.scale)
        object.__setattr__(self, "offset", bias_integers(f"readout {self.name!r}: offset", self.offset))

    def port(self, sources: Sequence[Port]) -> Port:
        size = one_source(self, sources, Signal.SERIES).size
        if self.offset.shape not in ((0,), (size,)):
            raise GraphError(
                explain(f"readout {self.name!r}: shape of offset", self.offset.shape, f"({size},) or (0,)", "match it")
            )
        return Port(size, Signal.TOTAL)

    def finish(self, total: Any) -> Any:
        """What is sent for the weighted sum of a window: the offset added, then shifted."""
        return (total + self.offset if self.offset.size else total) >> self.shift


@dataclass(frozen=True)
class Sum:
    """`y = sum of the sources`, line by line and step by step: several synapses on one membrane.

    Totals add up to a total; of the others a held value is there at every step. Every source is received at its own
    local time t, whatever its latency.
    """

    name: str
    sources: tuple[str, ...]
    scale: float = 1.0  #: real value of one unit, for people

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", tuple(self.sources))
        require_positive_scale(f"sum {self.name!r}: scale", self.scale)

    def port(self, sources: Sequence[Port]) -> Port:
        return summed(self, sources)


@dataclass(frozen=True)
class Product:
    """`y = floor(left * right / 2**shift)`, line by line, shift in 0..31."""

    name: str
    left: str
    right: str
    shift: int = 0
    scale: float = 1.0

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.left, self.right)

    def __post_init__(self) -> None:
        require_in(f"product {self.name!r}: shift", self.shift, PRODUCT_SHIFTS, "shift its factors")
        require_positive_scale(f"product {self.name!r}: scale", self.scale)

    def port(self, sources: Sequence[Port]) -> Port:
        return two_totals(self, sources)


@dataclass(frozen=True, eq=False)
class Output:
    """Back to problem units: `real = scale * y + offset`, with one offset for all lines or one for each."""

    name: str
    source: str
    scale: float = 1.0
    offset: float | Float64[np.ndarray, " size"] = 0.0

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        offset = np.asarray(self.offset, dtype=np.float64)
        require_finite(f"output {self.name!r}: (scale, offset)", np.array([self.scale, *offset.ravel()]))
        # What is the same for all lines is one number.
        same = offset.ndim == 0 or (offset.ndim == 1 and offset.size > 0 and (offset == offset[0]).all())
        object.__setattr__(self, "offset", float(offset.flat[0]) if same else frozen(offset))

    def port(self, sources: Sequence[Port]) -> Port:
        wire = one_source(self, sources, Signal.TOTAL)
        if np.shape(self.offset) not in ((), (wire.size,)):
            raise GraphError(
                explain(
                    f"output {self.name!r}: shape of offset", np.shape(self.offset), f"() or ({wire.size},)", "match it"
                )
            )
        return wire

    def decode(self, y: Int64[np.ndarray, "*batch size"]) -> Float64[np.ndarray, "*batch size"]:
        return np.asarray(y * self.scale + self.offset, dtype=np.float64)
