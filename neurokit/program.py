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

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.neurons import IF
from neurokit.readouts import ReadoutRule
from neurokit.wiring import Signal, Wire, frozen, one_source, present, require_finite, require_unread, wire_up

if TYPE_CHECKING:
    from pathlib import Path

#: Exponents that a Dense may have: the exact 8-bit recipe spends one of Loihi's -8..7.
EXPONENTS = range(-7, 7)
#: Shifts of Readout (done by a Dense) and Product (done by the neuron).
READOUT_SHIFTS, PRODUCT_SHIFTS = range(8), range(32)
#: A bias travels as digits to the base 128 on up to three synapses.
BIAS_LIMIT = 2**20
#: A threshold is `k * 2**e`, so that one 8-bit synapse can subtract it.
THRESHOLD_MANTISSA, THRESHOLD_EXPONENTS = range(1, 256), range(8)


@dataclass(frozen=True)
class Widths:
    """Bits, sign included, of every kind of integer; leaving one is an error, never a wrap.

    synapse      weighted sum before the exponent (32-bit arithmetic, doubled by the exact 8-bit recipe)
    membrane     of a spiking neuron: 24 bits of which 6 are the fraction that Loihi keeps below the synaptic input
    accumulator  of a readout
    message      a graded spike
    product      before its shift
    """

    synapse: int = 31
    membrane: int = 18
    accumulator: int = 24
    message: int = 24
    product: int = 32

    def __post_init__(self) -> None:
        for name, bits in vars(self).items():
            if not 2 <= bits <= 32:
                raise OutOfRange(explain(f"Widths.{name}", bits, "2..32 bits", "declare what the target has"))

    def limit(self, kind: str) -> int:
        """Largest magnitude that is safe in both signs: `2**(bits - 1) - 1`."""
        return int(2 ** (getattr(self, kind) - 1) - 1)


def _integers(subject: str, values: object, dtype: type[np.signedinteger]) -> np.ndarray:
    """`values` as a read-only array of `dtype`; raises OutOfRange at the first that is not exactly representable."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        require_finite(subject, array)
    elif array.dtype.kind not in "iu":
        raise OutOfRange(explain(f"{subject}: dtype", array.dtype, "integers", "quantise the network first"))
    info = np.iinfo(dtype)
    bad = np.argwhere((array < info.min) | (array > info.max) | (array != np.round(array)))
    if len(bad):
        index = ", ".join(map(str, bad[0]))
        raise OutOfRange(
            explain(
                f"{subject}[{index}]",
                array[tuple(bad[0])],
                f"an integer in {info.min}..{info.max}",
                f"rescale the layer ({len(bad)} such entries)",
            )
        )
    return frozen(array.astype(dtype))


def _bias(subject: str, values: object) -> np.ndarray:
    """`values` as 32-bit integers that three digits to the base 128 can carry."""
    array = _integers(subject, values, np.int32)
    too_big = np.argwhere(np.abs(array.astype(np.int64)) >= BIAS_LIMIT)
    if len(too_big):
        index = ", ".join(map(str, too_big[0]))
        raise OutOfRange(
            explain(
                f"{subject}[{index}]", array[tuple(too_big[0])], f"below {BIAS_LIMIT} in magnitude", "rescale the layer"
            )
        )
    return array


def _in_range(subject: str, value: int, legal: range, remedy: str) -> None:
    if not isinstance(value, (int, np.integer)) or value not in legal:
        raise OutOfRange(explain(subject, value, f"an integer in {legal[0]}..{legal[-1]}", remedy))


def _positive(subject: str, value: float) -> None:
    if not np.isfinite(value) or value <= 0:
        raise OutOfRange(explain(subject, value, "a finite number > 0", "set the value of one integer unit"))


def split_threshold(threshold: float) -> tuple[int, int]:
    """`(k, e)` with `threshold == k * 2**e`, `1 <= k <= 255`, `0 <= e <= 7`; raises OutOfRange naming the nearest."""
    for e in THRESHOLD_EXPONENTS:
        k = threshold / 2**e
        if k == int(k) and int(k) in THRESHOLD_MANTISSA:
            return int(k), e
    legal = [k * 2**e for e in THRESHOLD_EXPONENTS for k in THRESHOLD_MANTISSA]
    nearest = min(legal, key=lambda value: abs(value - threshold))
    raise OutOfRange(
        explain(
            "threshold",
            threshold,
            "k * 2**e with 1 <= k <= 255 and 0 <= e <= 7",
            f"use {nearest}, the nearest legal one",
        )
    )


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
            object.__setattr__(self, bound, _integers(f"input {self.name!r}: {bound}", getattr(self, bound), np.int32))
        _positive(f"input {self.name!r}: scale", self.scale)
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
        object.__setattr__(self, "weight", _integers(f"layer {self.name!r}: weight", self.weight, np.int8))
        object.__setattr__(self, "bias", _bias(f"layer {self.name!r}: bias", self.bias))
        if self.weight.ndim != 2 or not self.weight.size or self.bias.shape != self.weight.shape[:1]:
            raise GraphError(
                explain(
                    f"layer {self.name!r}: shapes of weight and bias",
                    (self.weight.shape, self.bias.shape),
                    "(out, in) and (out,)",
                    "transpose or reshape them",
                )
            )
        _in_range(f"layer {self.name!r}: exponent", self.exponent, EXPONENTS, "move the rest into the weights")
        _positive(f"layer {self.name!r}: scale", self.scale)

    def wire(self, sources: Sequence[Wire]) -> Wire:
        source = one_source(self, sources, *Signal)
        if source.size != self.weight.shape[1]:
            raise GraphError(
                explain(
                    f"layer {self.name!r}: weight",
                    f"{self.weight.shape[1]} wide",
                    f"{source.size}, the size of {self.source!r}",
                    "match the two",
                )
            )
        return Wire(self.weight.shape[0], source.signal)


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
        # A threshold of 64.0 would turn the whole network into floats.
        object.__setattr__(self, "neuron", replace(self.neuron, threshold=int(self.neuron.threshold)))
        _positive(f"layer {self.name!r}: scale", self.scale)

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
        _in_range(
            f"readout {self.name!r}: shift", self.shift, READOUT_SHIFTS, "use smaller weights in the layer before it"
        )
        _positive(f"readout {self.name!r}: scale", self.scale)
        object.__setattr__(self, "offset", _bias(f"readout {self.name!r}: offset", self.offset))

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
        _in_range(f"product {self.name!r}: shift", self.shift, PRODUCT_SHIFTS, "shift its factors")
        _positive(f"product {self.name!r}: scale", self.scale)

    def wire(self, sources: Sequence[Wire]) -> Wire:
        left, right = sources
        if left != right or left.signal is not Signal.TOTAL:
            raise GraphError(
                f"node {self.name!r} (Product) multiplies two totals of one size; {self.left!r} is {left.size} lines "
                f"of {left.signal.value}, {self.right!r} is {right.size} lines of {right.signal.value}."
            )
        return left


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
