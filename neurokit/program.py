"""Program: the integer network, the only thing that a target ever sees.

All values between Input and Output are integers. With `floor` for division by a power of two (an arithmetic right
shift), the nodes mean, in the local time `t = 0..T-1` of each layer:

    Input     x = round(real / scale), `low <= x <= high`, held over the window
    Dense     a = floor((weight @ x + bias) * 2**exponent)
    Spiking   m <- m + a; s = m >= threshold; m <- reset(m, s, threshold); m = 0 before t = 0
    Readout   y = floor((offset + sum_t w[t] * a[t]) / 2**shift)
    Product   y = floor(left * right / 2**shift)
    Output    real = scale * y + offset

`neurokit.reference` is the executable form of this table and `docs/program-format.md` the file form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int8, Int32, Int64

from neurokit.errors import GraphError, OutOfRange, UnsupportedNode, explain
from neurokit.integers import (
    EXPONENTS,
    PRODUCT_SHIFTS,
    READOUT_SHIFTS,
    Widths,
    bias_integers,
    integers,
    require_in,
    require_positive_scale,
    split_threshold,
)
from neurokit.neurons import IF
from neurokit.readouts import ReadoutRule
from neurokit.wiring import (
    Signal,
    Wire,
    one_source,
    present,
    require_finite,
    require_unread,
    through,
    two_totals,
    wire_up,
)

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class Input:
    """Integers `low <= x <= high` (per line), held over the window; one unit is worth `scale` in problem units."""

    name: str
    low: Int32[np.ndarray, " size"]
    high: Int32[np.ndarray, " size"]
    scale: float

    @property
    def sources(self) -> tuple[str, ...]:
        return ()

    def __post_init__(self) -> None:
        for bound in ("low", "high"):
            object.__setattr__(self, bound, integers(f"input {self.name!r}: {bound}", getattr(self, bound), np.int32))
        require_positive_scale(f"input {self.name!r}: scale", self.scale)
        if self.low.ndim != 1 or self.low.shape != self.high.shape or not self.low.size or (self.low > self.high).any():
            raise OutOfRange(
                explain(
                    f"input {self.name!r}: low and high",
                    (self.low, self.high),
                    "low <= high, one pair a line",
                    "swap them",
                )
            )

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return Wire(self.low.size, Signal.HELD)

    def encode(self, real: Float64[np.ndarray, "*batch size"]) -> Int64[np.ndarray, "*batch size"]:
        """Nearest integers of real values. Raises OutOfRange at the first value outside the declared range."""
        x = np.rint(np.asarray(real, dtype=np.float64) / self.scale)
        bad = np.argwhere((x < self.low) | (x > self.high))
        if len(bad):
            where = tuple(bad[0])
            low, high = self.low[where[-1]] * self.scale, self.high[where[-1]] * self.scale
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


@dataclass(frozen=True, eq=False)
class Dense:
    """Synapses: `a = floor((weight @ x + bias) * 2**exponent)`, 8-bit weights, exponent in -7..6."""

    name: str
    source: str
    weight: Int8[np.ndarray, "out in"]
    bias: Int32[np.ndarray, " out"]
    exponent: int = 0
    scale: float = 1.0  #: real value of one unit of `a`; for people, the arithmetic does not use it

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", integers(f"layer {self.name!r}: weight", self.weight, np.int8))
        object.__setattr__(self, "bias", bias_integers(f"layer {self.name!r}: bias", self.bias))
        if self.weight.ndim != 2 or not self.weight.size or self.bias.shape != self.weight.shape[:1]:
            raise GraphError(
                explain(
                    f"layer {self.name!r}: shapes of weight and bias",
                    (self.weight.shape, self.bias.shape),
                    "(out, in) and (out,)",
                    "transpose or reshape them",
                )
            )
        require_in(f"layer {self.name!r}: exponent", self.exponent, EXPONENTS, "move the rest into the weights")
        require_positive_scale(f"layer {self.name!r}: scale", self.scale)

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return through(self, self.weight, sources)


@dataclass(frozen=True)
class Spiking:
    """A population of neurons with an integer threshold `k * 2**e`; membrane 0 at the start of every window."""

    name: str
    source: str
    neuron: IF
    scale: float = 1.0  #: real value of one unit of the membrane

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        try:
            split_threshold(self.neuron.threshold)
        except OutOfRange as error:
            raise OutOfRange(f"layer {self.name!r}: {error}") from None
        if self.neuron.strict:
            raise UnsupportedNode(
                self.name, "IF", "a Program", "its threshold is strict", "Use strict=False and the threshold plus one."
            )
        # A threshold of 64.0 would turn the whole network into floats.
        object.__setattr__(self, "neuron", replace(self.neuron, threshold=int(self.neuron.threshold)))
        require_positive_scale(f"layer {self.name!r}: scale", self.scale)

    @property
    def threshold(self) -> int:
        return int(self.neuron.threshold)

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return Wire(one_source(self, sources, Signal.HELD, Signal.SERIES).size, Signal.SERIES)


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

    def wire(self, sources: Sequence[Wire]) -> Wire:
        size = one_source(self, sources, Signal.SERIES).size
        if self.offset.shape not in ((0,), (size,)):
            raise GraphError(
                explain(f"readout {self.name!r}: shape of offset", self.offset.shape, f"({size},) or (0,)", "match it")
            )
        return Wire(size, Signal.TOTAL)

    def finish(self, total: Any) -> Any:
        """What is sent for the weighted sum of a window: the offset added, then shifted."""
        return (total + self.offset if self.offset.size else total) >> self.shift


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

    def wire(self, sources: Sequence[Wire]) -> Wire:
        return two_totals(self, sources)


@dataclass(frozen=True)
class Output:
    """Back to problem units: `real = scale * y + offset`."""

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

    def decode(self, y: Int64[np.ndarray, "*batch size"]) -> Float64[np.ndarray, "*batch size"]:
        return np.asarray(y * self.scale + self.offset, dtype=np.float64)


ProgramNode = Input | Dense | Spiking | Readout | Product | Output


@dataclass(frozen=True, eq=False)
class Interval:
    """Closed integer bounds per line."""

    low: Int64[np.ndarray, " size"]
    high: Int64[np.ndarray, " size"]


@dataclass(frozen=True)
class Program:
    """An integer network over windows of `steps` time steps.

    `certificate` holds, for the state or output of every node, bounds proved by `neurokit.compilers.bounds.prove`
    for all inputs in the declared range. `provenance` says how the Program came to be (versions, seeds, recipe).

    Raises GraphError when nodes do not fit together, OutOfRange when a number does not fit where it is.
    """

    nodes: tuple[ProgramNode, ...]
    steps: int
    widths: Widths = field(default_factory=Widths)
    certificate: Mapping[str, Interval] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.steps, (int, np.integer)) or not 1 <= self.steps <= 2**14:
            raise GraphError(explain("Program.steps", self.steps, "1..16384 time steps", "choose a window, such as 32"))
        if not self.outputs:
            raise GraphError("the Program has no Output node; add one after the last node.")
        _ = self.wires
        require_unread(self.nodes, self.outputs)
        object.__setattr__(self, "certificate", MappingProxyType(dict(self.certificate)))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    @cached_property
    def wires(self) -> dict[str, Wire]:
        """What every node emits."""
        return wire_up(self.nodes)

    @cached_property
    def latency(self) -> dict[str, int]:
        """Chip steps by which each node's local time lags its input: one for every Dense on the longest way."""
        lag: dict[str, int] = {}
        for node in self.nodes:
            lag[node.name] = max((lag[s] for s in node.sources), default=0) + isinstance(node, Dense)
        return lag

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Input))

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Output))

    @property
    def spiking(self) -> tuple[Spiking, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Spiking))

    def __getitem__(self, name: str) -> ProgramNode:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(f"no node {name!r}; nodes are {', '.join(n.name for n in self.nodes)}")

    def encode(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Real samples, `(..., size)` per input, to integers; raises GraphError or OutOfRange on a bad sample."""
        sizes = {n.name: n.low.size for n in self.inputs}
        arrays = present(inputs, sizes, "the Program")
        return {n.name: n.encode(arrays[n.name]) for n in self.inputs}

    def save(self, path: str | Path) -> Path:
        """Write the Program as HDF5, whole or not at all; see `neurokit.program_file`."""
        from neurokit.program_file import save

        return save(self, path)

    @staticmethod
    def load(path: str | Path) -> Program:
        """Read a Program; raises ProgramError when the file is anything else."""
        from neurokit.program_file import load

        return load(path)
