"""Convolution: how a kernel slides over an image, and the matrix that does the same to its lines."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Num

from neurokit.errors import GraphError, explain
from neurokit.ir.sparse import Csr

#: Far beyond what a system of chips has neurons for.
MAX_LINES = 2**24


@dataclass(frozen=True)
class Convolution:
    """A cross-correlation in two dimensions, as PyTorch's Conv2d, on lines in the order channel, row, column.

    With the kernel `K` of shape `(out, in / groups, rows, columns)`, and c over the channels of the group of o:

        y[o, i, j] = sum_{c, p, q} K[o, c, p, q] * x[g(o) + c, i * s[0] - v[0] + p * d[0], j * s[1] - v[1] + q * d[1]]

    where s is the stride, v the padding, d the dilation, `g(o) = o // (out / groups) * (in / groups)` the first channel
    of the group, and x is 0 outside the image.

    image     `(channels, rows, columns)` of what it reads
    stride, padding, dilation  `(rows, columns)`: >= 1, >= 0, >= 1
    groups    parts of the channels that do not see each other; divides both channel counts

    Raises GraphError when a number is not such, or the kernel is larger than the padded image.
    """

    image: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        for field, count, least in (("image", 3, 1), ("stride", 2, 1), ("padding", 2, 0), ("dilation", 2, 1)):
            value = tuple(int(v) for v in getattr(self, field))
            if len(value) != count or min(value) < least:
                raise GraphError(
                    explain(f"Convolution.{field}", value, f"{count} integers >= {least}", "give it as PyTorch does")
                )
            object.__setattr__(self, field, value)
        if self.groups < 1 or self.image[0] % self.groups:
            raise GraphError(
                explain("Convolution.groups", self.groups, f"a divisor of {self.image[0]} channels", "choose one")
            )

    @property
    def size(self) -> int:
        """Lines that it reads."""
        return math.prod(self.image)

    def output(self, kernel: tuple[int, ...]) -> tuple[int, int, int]:
        """`(channels, rows, columns)` of what a kernel of this shape makes; raises GraphError if it does not fit."""
        if len(kernel) != 4 or kernel[1] * self.groups != self.image[0] or kernel[0] % self.groups or 0 in kernel:
            raise GraphError(
                explain(
                    "Convolution: shape of the kernel",
                    kernel,
                    f"(out, {self.image[0] // self.groups}, rows, columns), out a multiple of {self.groups}",
                    "match it to the image and the groups",
                )
            )
        made = []
        for axis in (0, 1):
            room = self.image[1 + axis] + 2 * self.padding[axis] - self.dilation[axis] * (kernel[2 + axis] - 1) - 1
            if room < 0:
                raise GraphError(
                    explain("Convolution: kernel", kernel, f"no larger than the padded image {self.image}", "pad more")
                )
            made.append(room // self.stride[axis] + 1)
        if kernel[0] * made[0] * made[1] > MAX_LINES:
            raise GraphError(
                explain("Convolution: lines of the result", (kernel[0], *made), f"at most {MAX_LINES}", "pad less")
            )
        return kernel[0], made[0], made[1]

    def matrix(self, kernel: Num[np.ndarray, "out in_per_group rows columns"]) -> Csr:
        """The matrix `(out * rows * columns of the answer, size)` of the same map."""
        out, high, wide = self.output(kernel.shape)
        _, depth, tall, broad = kernel.shape
        # One output channel's synapses; those of the others differ in their weights and in the group's first channel.
        i, j = (a[..., None, None, None] for a in np.ogrid[:high, :wide])
        c, p, q = np.ogrid[:depth, :tall, :broad]
        row = i * self.stride[0] - self.padding[0] + p * self.dilation[0]
        column = j * self.stride[1] - self.padding[1] + q * self.dilation[1]
        inside = (row >= 0) & (row < self.image[1]) & (column >= 0) & (column < self.image[2])
        shape = (high, wide, depth, tall, broad)
        inside = np.broadcast_to(inside, shape)
        line = np.broadcast_to((c * self.image[1] + row) * self.image[2] + column, shape)[inside].astype(np.int32)
        counts = np.tile(inside.sum(axis=(2, 3, 4)).ravel(), out)
        columns, values = np.empty(out * len(line), np.int32), np.empty(out * len(line), kernel.dtype)
        for o in range(out):
            part = slice(o * len(line), (o + 1) * len(line))
            columns[part] = line + o // (out // self.groups) * depth * self.image[1] * self.image[2]
            values[part] = np.broadcast_to(kernel[o], shape)[inside]
        for array in (columns, values):
            array.setflags(write=False)  # a Csr then has them as they are
        return Csr(np.concatenate([[0], np.cumsum(counts)]), columns, values, self.size)

    def slide(
        self, kernel: Num[np.ndarray, "out in_per_group rows columns"], x: Num[np.ndarray, "*batch size"]
    ) -> Num[np.ndarray, "*batch lines"]:
        """The map itself, without a matrix; sums are exact in the dtype of the two."""
        out, high, wide = self.output(kernel.shape)
        batch, groups = x.shape[:-1], self.groups
        image = x.reshape(*batch, groups, self.image[0] // groups, *self.image[1:])
        grouped = kernel.reshape(groups, out // groups, *kernel.shape[1:])
        y = np.zeros((*batch, groups, out // groups, high, wide), np.result_type(kernel, x))
        for p, q in np.ndindex(kernel.shape[2:]):
            (i, row), (j, column) = self._met(0, p, high), self._met(1, q, wide)
            y[..., i, j] += np.einsum("goc,...gchw->...gohw", grouped[..., p, q], image[..., row, column])
        return y.reshape(*batch, -1)

    def _met(self, axis: int, tap: int, made: int) -> tuple[slice, slice]:
        """Along one axis: the places of the answer for which that tap of the kernel lies on the image, and where."""
        stride, shift = self.stride[axis], tap * self.dilation[axis] - self.padding[axis]
        first = max(0, -(shift // stride))
        last = min(made - 1, (self.image[1 + axis] - 1 - shift) // stride)
        if last < first:
            return slice(0), slice(0)
        return slice(first, last + 1), slice(first * stride + shift, last * stride + shift + 1, stride)

    def words(self) -> dict[str, tuple[int, ...] | int]:
        """Its fields by name, for files."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
