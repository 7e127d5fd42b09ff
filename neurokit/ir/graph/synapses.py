"""The synapses of a Graph: real weights, all of them, some of them, shared by a convolution, or recurrent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64

from neurokit.errors import GraphError, explain
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import DELAYS, require_in
from neurokit.ir.signals import Port, frozen, require_finite, through
from neurokit.ir.sparse import Csr, Matrix, times


class Synapses:
    """What all synapses do, whatever their weights are stored as: `a[t] = weight @ x[t - delay] + bias`.

    x is 0 before t = 0. `delay`, 0..62, is in time steps of the window; only what changes in time can be delayed.
    """

    name: str
    source: str
    bias: Float64[np.ndarray, " _"]
    delay: int

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)`, lines."""
        raise NotImplementedError

    @property
    def matrix(self) -> Matrix:
        """The weights as a matrix `(out, in)`, dense or sparse; see `neurokit.ir.sparse`."""
        raise NotImplementedError

    @property
    def line_bias(self) -> Float64[np.ndarray, " out"]:
        """The bias of every line."""
        return self.bias

    def weigh(self, x: Float64[np.ndarray, "*batch in"]) -> Float64[np.ndarray, "*batch out"]:
        """`weight @ x + bias`."""
        return np.asarray(times(self.matrix, x) + self.line_bias)

    def port(self, sources: Sequence[Port]) -> Port:
        return through(self, self.shape, self.delay, sources)

    def _check(self, biases: int) -> None:
        """What every kind checks of the fields that all have."""
        bias = np.asarray(self.bias, dtype=np.float64)
        require_finite(f"layer {self.name!r}: bias", bias)
        object.__setattr__(self, "bias", frozen(bias))
        if bias.shape != (biases,):
            raise GraphError(explain(f"layer {self.name!r}: shape of the bias", bias.shape, f"({biases},)", "match it"))
        require_in(f"layer {self.name!r}: delay", self.delay, DELAYS, "insert a layer of neurons that pass it on")


@dataclass(frozen=True, eq=False)
class Dense(Synapses):
    """Synapses from every line to every line: `weight` is `(out, in)`; see Synapses."""

    name: str
    source: str
    weight: Float64[np.ndarray, "out in"]
    bias: Float64[np.ndarray, " out"]
    delay: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _real(f"layer {self.name!r}: weight", self.weight))
        if self.weight.ndim != 2 or np.shape(self.bias) != self.weight.shape[:1]:
            raise GraphError(
                explain(
                    f"layer {self.name!r}: shapes of weight and bias",
                    (self.weight.shape, np.shape(self.bias)),
                    "(out, in) and (out,)",
                    "transpose or reshape them",
                )
            )
        self._check(len(self.weight))

    @property
    def shape(self) -> tuple[int, int]:
        return self.weight.shape[0], self.weight.shape[1]

    @property
    def matrix(self) -> Matrix:
        return self.weight


@dataclass(frozen=True, eq=False)
class Sparse(Synapses):
    """Synapses that are mostly absent: `weight` is a Csr `(out, in)` of reals; see Synapses."""

    name: str
    source: str
    weight: Csr
    bias: Float64[np.ndarray, " out"]
    delay: int = 0

    def __post_init__(self) -> None:
        values = _real(f"layer {self.name!r}: weight", self.weight.values)
        object.__setattr__(self, "weight", self.weight.holding(values))
        self._check(self.weight.shape[0])

    @property
    def shape(self) -> tuple[int, int]:
        return self.weight.shape

    @property
    def matrix(self) -> Matrix:
        return self.weight.matrix


@dataclass(frozen=True, eq=False)
class Conv2d(Synapses):
    """Synapses that share their weights: a convolution of the source's lines taken as an image.

    kernel       `(out, in / groups, rows, columns)`
    bias         one per output channel
    convolution  image, stride, padding, dilation, groups; its equation stands there

    Lines of source and result are in the order channel, row, column. Otherwise as Synapses.
    """

    name: str
    source: str
    kernel: Float64[np.ndarray, "out in_per_group rows columns"]
    bias: Float64[np.ndarray, " out"]
    convolution: Convolution
    delay: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", _real(f"layer {self.name!r}: kernel", self.kernel))
        try:
            channels = self.image[0]
        except GraphError as error:
            raise GraphError(f"layer {self.name!r}: {error}") from None
        self._check(channels)

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

    @property
    def line_bias(self) -> Float64[np.ndarray, " out"]:
        return np.repeat(self.bias, self.image[1] * self.image[2])


@dataclass(frozen=True, eq=False)
class Recurrent:
    """Synapses of a population onto itself, one step back: `r[t] = weight @ s[t - 1]`, `s[-1] = 0`; weight `(n, n)`."""

    weight: Float64[np.ndarray, "n n"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _real("recurrent weight", self.weight))
        if self.weight.ndim != 2 or not self.weight.size or self.weight.shape[0] != self.weight.shape[1]:
            raise GraphError(explain("recurrent weight: shape", self.weight.shape, "(n, n)", "one row a neuron"))

    @property
    def matrix(self) -> Matrix:
        return self.weight


def _real(subject: str, values: object) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    require_finite(subject, array)
    return frozen(array)
