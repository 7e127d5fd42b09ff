"""Weights that are mostly absent: compressed rows, and the matrix product that does not care how weights are stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Int32, Int64, Num

from neurokit.errors import GraphError, explain
from neurokit.wiring import frozen

#: A weight matrix `(out, in)` in either form.
Matrix = Any


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
            object.__setattr__(self, name, frozen(given.astype(dtype)))
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


def magnitudes(matrix: Matrix) -> Matrix:
    """`abs` entry by entry, in the form of `matrix`."""
    return abs(matrix)


def positive(matrix: Matrix) -> Matrix:
    """`max(w, 0)` entry by entry, in the form of `matrix`."""
    return np.maximum(matrix, 0) if isinstance(matrix, np.ndarray) else matrix.maximum(0)
