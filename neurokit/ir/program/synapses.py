"""The synapses of a Program: 8-bit weights, all of them, some of them, shared by a convolution, or recurrent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from jaxtyping import Int8, Int32, Int64

from neurokit.errors import GraphError, explain
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import DELAYS, EXPONENTS, bias_integers, integers, require_in, require_positive_scale
from neurokit.ir.signals import Port, through
from neurokit.ir.sparse import Csr, Matrix, Span, span, span_by, times


class Synapses:
    """What all synapses do, whatever their weights are stored as.

        a[t] = floor((weight @ x[t - delay] + bias) * 2**exponent)

    with x = 0 before t = 0. The exponent is in -7..6 and the floor acts on the sum. `delay`, 0..62, is beyond the one
    step that every synapse takes and that `Program.latency` counts; only what changes in time can be delayed.
    """

    name: str
    source: str
    bias: Int32[np.ndarray, " _"]
    exponent: int
    delay: int
    scale: float

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)`, lines."""
        raise NotImplementedError

    @property
    def matrix(self) -> Matrix:
        """The weights as a matrix `(out, in)` of 64-bit integers, dense or sparse; see `neurokit.ir.sparse`."""
        raise NotImplementedError

    @property
    def line_bias(self) -> Int64[np.ndarray, " out"]:
        """The bias of every line."""
        return self.bias.astype(np.int64)

    def weigh(self, x: Int64[np.ndarray, "*batch in"]) -> Int64[np.ndarray, "*batch out"]:
        """`weight @ x + bias`."""
        return np.asarray(times(self.matrix, x) + self.line_bias)

    def span(self, low: Int64[np.ndarray, " in"], high: Int64[np.ndarray, " in"]) -> Span:
        """What `weight @ x` can be for `low <= x <= high`, in memory that the weights do not add to."""
        raise NotImplementedError

    def port(self, sources: Sequence[Port]) -> Port:
        return through(self, self.shape, self.delay, sources)

    def _check(self) -> None:
        """What every kind checks of the fields that all have."""
        object.__setattr__(self, "bias", bias_integers(f"layer {self.name!r}: bias", self.bias))
        require_in(f"layer {self.name!r}: exponent", self.exponent, EXPONENTS, "move the rest into the weights")
        require_in(f"layer {self.name!r}: delay", self.delay, DELAYS, "insert a layer of neurons that pass it on")
        require_positive_scale(f"layer {self.name!r}: scale", self.scale)


@dataclass(frozen=True, eq=False)
class Dense(Synapses):
    """Synapses from every line to every line: `weight` is `(out, in)`, signed 8 bits; see Synapses."""

    name: str
    source: str
    weight: Int8[np.ndarray, "out in"]
    bias: Int32[np.ndarray, " out"]
    exponent: int = 0
    scale: float = 1.0  #: real value of one unit of `a`; for people, the arithmetic does not use it
    delay: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", integers(f"layer {self.name!r}: weight", self.weight, np.int8))
        self._check()
        if self.weight.ndim != 2 or not self.weight.size or self.bias.shape != self.weight.shape[:1]:
            raise GraphError(
                explain(
                    f"layer {self.name!r}: shapes of weight and bias",
                    (self.weight.shape, self.bias.shape),
                    "(out, in) and (out,)",
                    "transpose or reshape them",
                )
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.weight.shape[0], self.weight.shape[1]

    @property
    def matrix(self) -> Matrix:
        return self.weight.astype(np.int64)

    def span(self, low: Int64[np.ndarray, " in"], high: Int64[np.ndarray, " in"]) -> Span:
        return span(self.weight, low, high)


@dataclass(frozen=True, eq=False)
class Sparse(Synapses):
    """Synapses that are mostly absent: `weight` is a Csr `(out, in)` of signed 8-bit values; see Synapses."""

    name: str
    source: str
    weight: Csr
    bias: Int32[np.ndarray, " out"]
    exponent: int = 0
    scale: float = 1.0  #: as in Dense
    delay: int = 0

    def __post_init__(self) -> None:
        values = integers(f"layer {self.name!r}: weight", self.weight.values, np.int8)
        object.__setattr__(self, "weight", self.weight.holding(values))
        self._check()
        if self.bias.shape != self.weight.shape[:1] or not values.size:
            raise GraphError(
                explain(
                    f"layer {self.name!r}: shapes of weight and bias, and number of synapses",
                    (self.weight.shape, self.bias.shape, values.size),
                    "(out, in), (out,) and at least 1",
                    "transpose or reshape them",
                )
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.weight.shape

    @property
    def matrix(self) -> Matrix:
        return self.weight.matrix

    def span(self, low: Int64[np.ndarray, " in"], high: Int64[np.ndarray, " in"]) -> Span:
        return span(self.weight, low, high)


@dataclass(frozen=True, eq=False)
class Conv2d(Synapses):
    """Synapses that share their weights: a convolution of the source's lines taken as an image.

    kernel       `(out, in / groups, rows, columns)`, signed 8 bits
    bias         one per output channel
    convolution  image, stride, padding, dilation, groups; its equation stands there

    Lines of source and result are in the order channel, row, column. Otherwise as Synapses.
    """

    name: str
    source: str
    kernel: Int8[np.ndarray, "out in_per_group rows columns"]
    bias: Int32[np.ndarray, " out"]
    convolution: Convolution
    exponent: int = 0
    scale: float = 1.0  #: as in Dense
    delay: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", integers(f"layer {self.name!r}: kernel", self.kernel, np.int8))
        self._check()
        try:
            channels = self.convolution.output(self.kernel.shape)[0]
        except GraphError as error:
            raise GraphError(f"layer {self.name!r}: {error}") from None
        if self.bias.shape != (channels,):
            raise GraphError(
                explain(
                    f"layer {self.name!r}: shape of the bias", self.bias.shape, f"({channels},)", "match the kernel"
                )
            )

    @property
    def image(self) -> tuple[int, int, int]:
        """`(channels, rows, columns)` of the result."""
        return self.convolution.output(self.kernel.shape)

    @property
    def shape(self) -> tuple[int, int]:
        return int(np.prod(self.image)), self.convolution.size

    @cached_property
    def weight(self) -> Csr:
        """The matrix of the convolution, a row for every output line."""
        return self.convolution.matrix(self.kernel)

    @property
    def matrix(self) -> Matrix:
        return self.weight.matrix

    def span(self, low: Int64[np.ndarray, " in"], high: Int64[np.ndarray, " in"]) -> Span:
        kernel = self.kernel.astype(np.int64)
        return span_by(partial(self.convolution.slide, kernel), partial(self.convolution.slide, abs(kernel)), low, high)

    @property
    def line_bias(self) -> Int64[np.ndarray, " out"]:
        return np.repeat(self.bias.astype(np.int64), self.image[1] * self.image[2])


@dataclass(frozen=True, eq=False)
class Recurrent:
    """Synapses of a population onto itself, one step back: `r[t] = floor((weight @ s[t - 1]) * 2**exponent)`.

    `s[-1] = 0`, so nothing comes over from the window before. `weight` is `(n, n)`, signed 8 bits; exponent in -7..6.
    """

    weight: Int8[np.ndarray, "n n"]
    exponent: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", integers("recurrent weight", self.weight, np.int8))
        if self.weight.ndim != 2 or not self.weight.size or self.weight.shape[0] != self.weight.shape[1]:
            raise GraphError(explain("recurrent weight: shape", self.weight.shape, "(n, n)", "one row a neuron"))
        require_in("recurrent weight: exponent", self.exponent, EXPONENTS, "move the rest into the weights")

    @property
    def matrix(self) -> Matrix:
        return self.weight.astype(np.int64)
