"""Products: how far their factors are shifted, so that a product of 32 bits loses least.

A factor that is shifted by `s` bits is rounded to `2**s` units. Rounding errors are taken as independent of what they
are rounded from, uniform over a unit; then the shifts `l` and `r` of two factors add to the answer a mean square of

    sum_k D[k] * (E[right[k]**2] * unit_l**2 * (4**l - 1) + E[left[k]**2] * unit_r**2 * (4**r - 1)) / 12

with the mean squares E of the real lines on the samples, and of everything else by which line k is multiplied, D. The
two are chosen so that this is least among those whose product is proved to fit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from neurokit.compilers.quantization.calibration import Calibration
from neurokit.compilers.quantization.populations import Emitted, Surroundings
from neurokit.compilers.quantization.readouts import Shiftable
from neurokit.errors import OutOfRange
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir.fixed_point import PRODUCT_SHIFTS
from neurokit.ir.interval_analysis import bound
from neurokit.ir.signals import consumers


class Sizes:
    """Mean squares of the lines of totals: of the real network on samples, or of the proved bounds without any."""

    def __init__(self, graph: g.Graph, samples: Calibration | None, emitted: Mapping[str, Emitted]) -> None:
        self.graph, self.samples, self.emitted = graph, samples, emitted
        self.readers = consumers(graph.nodes)

    def of(self, name: str) -> Float64[np.ndarray, " lines"]:
        """Mean square of every line of a total."""
        if self.samples is not None:
            return self.samples.mean_square(name)
        if name not in self.emitted:  # not lowered yet
            return np.ones(self.graph.ports[name].size)
        sent, unit = self.emitted[name]
        return np.asarray(np.maximum(-sent.low, sent.high).astype(np.float64) ** 2 * unit**2)

    def behind(self, name: str) -> Float64[np.ndarray, " lines"]:
        """Mean square of what every line of a Product is multiplied by on its way to the answer."""
        lines = np.ones(self.graph.ports[name].size)
        readers = self.readers[name]
        reader = self.graph[readers[0]]
        if len(readers) > 1:
            return lines
        if isinstance(reader, g.Product):
            other = reader.right if reader.left == name else reader.left
            return np.asarray(self.of(other) * self.behind(reader.name))
        if isinstance(reader, g.Dense):
            return np.asarray((reader.weight**2).sum(axis=0))
        return lines

    def lines(self, name: str) -> Float64[np.ndarray, "lines lines"] | None:
        """Second moments of what the lines of a factor are multiplied by before they are added up.

        None without samples, or if the lines never meet. Factors of different axes of the samples are independent.
        """
        if self.samples is None:
            return None
        others: dict[tuple[int, ...], np.ndarray] = {}
        while True:
            readers = self.readers[name]
            reader = self.graph[readers[0]]
            if len(readers) > 1 or not isinstance(reader, g.Dense | g.Product):
                return None
            if isinstance(reader, g.Dense):
                moments = np.asarray(reader.weight.T @ reader.weight)
                for values in others.values():
                    moments = moments * (values.T @ values / len(values))
                return moments
            for factor in self._factors(reader.right if reader.left == name else reader.left):
                shape = self.samples.shapes[factor]
                others[shape] = others.get(shape, 1.0) * self.samples.totals[factor]
            name = reader.name

    def _factors(self, name: str) -> list[str]:
        """The totals of which a tree of Products is made."""
        node = self.graph[name]
        if not isinstance(node, g.Product):
            return [name]
        return [*self._factors(node.left), *self._factors(node.right)]


def share(
    product: g.Product, left: Shiftable, right: Shiftable, sizes: Sizes, around: Surroundings
) -> tuple[p.ProgramNode, p.ProgramNode]:
    """Both factors at their shifts. Raises OutOfRange if the product fits its width at none."""
    behind = sizes.behind(product.name)
    gain_left = float(np.sum(sizes.of(product.right) * behind)) * left.unit**2
    gain_right = float(np.sum(sizes.of(product.left) * behind)) * right.unit**2
    best: tuple[float, int, int] | None = None
    complaint: OutOfRange | None = None
    most = p.Product(product.name, product.left, product.right, PRODUCT_SHIFTS[-1])
    lefts, rights = ([(shift, _sent(f.make(shift), around)) for shift in f.shifts] for f in (left, right))
    for down, x in lefts:
        for other, y in rights:
            lost = gain_left * (4.0**down - 1) + gain_right * (4.0**other - 1)
            if best is not None and lost >= best[0]:
                break  # more of the right only loses more
            try:
                bound(most, around.graph.steps, around.widths, x, y)
            except OutOfRange as error:
                complaint = error
                continue
            best = (lost, down, other)
            break
    if best is None:
        assert complaint is not None, "a factor has shifts"
        raise complaint
    return left.make(best[1]), right.make(best[2])


def _sent(factor: p.ProgramNode, around: Surroundings) -> p.Interval:
    """What a factor sends."""
    sources = (around.emitted[source].interval for source in factor.sources)
    return bound(factor, around.graph.steps, around.widths, *sources)[1]
