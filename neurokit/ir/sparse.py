"""Weights that are mostly absent: compressed rows, and the matrix product that does not care how weights are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Int32, Int64, Num

from neurokit.errors import GraphError, explain
from neurokit.ir.signals import frozen

#: A weight matrix `(out, in)` in either form.
Matrix = Any
#: Weights that arithmetic widens to 64 bits at a time: enough for speed, too few to count beside a large matrix.
BLOCK = 2**20


@dataclass(frozen=True, eq=False)
class Csr:
    """A matrix `(rows, width)` by compressed rows.

    Row `i` holds `values[k]` in column `columns[k]` for `k` in `starts[i]..starts[i + 1] - 1`, and zero elsewhere.
    Columns rise strictly within a row, so that equal matrices have equal arrays. Raises GraphError for anything else.
    """

    starts: Int64[np.ndarray, " rows_plus_1"]
    columns: Int32[np.ndarray, " stored"]
    values: Num[np.ndarray, " stored"]
    width: int

    def __post_init__(self) -> None:
        for name, dtype in (("starts", np.int64), ("columns", np.int32)):
            given = np.asarray(getattr(self, name))
            if given.ndim != 1 or given.dtype.kind not in "iu" or (given.size and given.max() > np.iinfo(dtype).max):
                raise GraphError(
                    explain(f"Csr.{name}", given, f"a vector that fits {np.dtype(dtype)}", "give integers")
                )
            object.__setattr__(self, name, frozen(given.astype(dtype, copy=False)))
        object.__setattr__(self, "values", frozen(self.values))
        starts, columns = self.starts, self.columns
        counted = starts.size > 1 and starts[0] == 0 and starts[-1] == len(columns) and (np.diff(starts) >= 0).all()
        if not counted or self.values.shape != columns.shape:
            raise GraphError(
                explain(
                    "Csr: (starts, columns, values)",
                    f"{starts.shape}, {columns.shape}, {self.values.shape}",
                    "starts that rise from 0 to the number of columns, one value a column",
                    "build it with `Csr.of`",
                )
            )
        rises = np.diff(columns, prepend=-1) > 0
        rises[starts[starts < len(columns)]] = True  # a row begins anywhere
        if not rises.all() or (columns < 0).any() or (columns >= self.width).any():
            raise GraphError(
                explain("Csr.columns", columns, f"0..{self.width - 1}, rising within a row", "build it with `Csr.of`")
            )

    @classmethod
    def of(cls, matrix: Any) -> Csr:
        """Of a NumPy array or a SciPy sparse matrix; zeros are left out, entries named twice are added."""
        rows = scipy.sparse.csr_array(matrix)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        return cls(rows.indptr.astype(np.int64), rows.indices, rows.data, rows.shape[1])

    def holding(self, values: Num[np.ndarray, " stored"]) -> Csr:
        """Other values in the same places, which are not looked at again; raises GraphError for another number."""
        if values.shape != self.values.shape:
            legal = f"{self.values.shape}, one a column"
            raise GraphError(explain("Csr.holding: values", values.shape, legal, "build it with `Csr.of`"))
        made = object.__new__(Csr)
        for name in ("starts", "columns", "width"):
            object.__setattr__(made, name, getattr(self, name))
        object.__setattr__(made, "values", frozen(values))
        return made

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.starts) - 1, self.width

    @cached_property
    def matrix(self) -> scipy.sparse.csr_array:
        """For arithmetic: SciPy's form, integers widened to 64 bits."""
        wide = np.int64 if self.values.dtype.kind in "iu" else np.float64
        return scipy.sparse.csr_array((self.values.astype(wide), self.columns, self.starts), shape=self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The whole matrix, zeros included."""
        whole = np.zeros(self.shape, dtype=self.values.dtype if dtype is None else dtype)
        whole[np.repeat(np.arange(len(whole)), np.diff(self.starts)), self.columns] = self.values
        return whole


def times(matrix: Matrix, x: np.ndarray) -> np.ndarray:
    """`matrix @ x` over the last axis of `x`, `(..., in)` to `(..., out)`, for both forms of a matrix."""
    if isinstance(matrix, np.ndarray):
        return np.asarray(x @ matrix.T)
    return np.asarray((matrix @ x.reshape(-1, x.shape[-1]).T).T).reshape(*x.shape[:-1], -1)


class Span(NamedTuple):
    """What `weight @ x` can be, line by line: its bounds, and that of the sum of magnitudes `abs(weight) @ abs(x)`."""

    low: Int64[np.ndarray, " out"]
    high: Int64[np.ndarray, " out"]
    reach: Int64[np.ndarray, " out"]


#: Integers `(*batch, in)` through synapses, `(*batch, out)`.
Map = Callable[[Int64[np.ndarray, "*batch in"]], Int64[np.ndarray, "*batch out"]]


def span_by(weigh: Map, weigh_magnitudes: Map, low: Int64[np.ndarray, " in"], high: Int64[np.ndarray, " in"]) -> Span:
    """Bounds of `weight @ x` for all `low <= x <= high`, given the maps by `weight` and by `abs(weight)`.

    With `c = low + high` and `d = high - low`, whose parities agree, `2 weight @ x` is within `weight @ c` minus and
    plus `abs(weight) @ d`.
    """
    middle = weigh(low + high)
    around, reach = weigh_magnitudes(np.stack([high - low, np.maximum(np.abs(low), np.abs(high))]))
    return Span(middle - around >> 1, middle + around >> 1, reach)


def span(weight: np.ndarray | Csr, low: Int64[np.ndarray, " in"], high: Int64[np.ndarray, " in"]) -> Span:
    """Bounds of `weight @ x` for all `low <= x <= high`, of integer weights; a few rows at a time are widened."""
    parts = [span_by(partial(times, block), partial(times, abs(block)), low, high) for block in _blocks(weight)]
    return Span(*(np.concatenate(bounds) for bounds in zip(*parts, strict=True)))


def _blocks(weight: np.ndarray | Csr) -> Iterator[Matrix]:
    """The rows of integer `weight`, about BLOCK entries at a time, as matrices of 64 bits."""
    rows = weight.shape[0]
    if isinstance(weight, np.ndarray):
        step = max(1, BLOCK // weight.shape[1])
        for row in range(0, rows, step):
            yield weight[row : row + step].astype(np.int64)
        return
    row = 0
    while row < rows:
        start = int(weight.starts[row])
        end = min(rows, max(row + 1, int(np.searchsorted(weight.starts, start + BLOCK, side="right")) - 1))
        stop = int(weight.starts[end])
        entries = weight.values[start:stop].astype(np.int64), weight.columns[start:stop]
        yield scipy.sparse.csr_array((*entries, weight.starts[row : end + 1] - start), shape=(end - row, weight.width))
        row = end
