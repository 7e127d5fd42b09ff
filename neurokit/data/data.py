"""OperatorData, TripleData and PointData: what a network learns from, with the input ranges that quantisers rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Float64, Int

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.ir.signals import PerColumn, frozen, per_column, refuse_first, require_finite

#: Lowest and highest value of every network input, by the input's name.
Domain = Mapping[str, tuple[PerColumn, PerColumn]]


@dataclass(frozen=True, eq=False)
class OperatorData:
    """Input functions at fixed sensors, and the answers at fixed locations, for every pair of the two.

    branch     values of `N` input functions at `m` sensors
    locations  `P` points in `d` dimensions at which the answers are known
    targets    the answers, one row a function, one column a location
    domain     declared range of the inputs `branch` and `trunk`, two numbers or one of both for every column: a promise
               to the quantiser, checked here
    axes       where the locations are a grid, the coordinates along each of its `d` axes, else empty: the locations are
               then all tuples of them, the last coordinate changing fastest. Separable networks read the axes.

    This is DeepXDE's `TripleCartesianProd` layout. Raises GraphError when shapes do not agree, OutOfRange when a
    value is not finite or leaves the declared range.
    """

    branch: Float64[np.ndarray, "N m"]
    locations: Float64[np.ndarray, "P d"]
    targets: Float64[np.ndarray, "N P"]
    domain: Domain
    provenance: Mapping[str, str] = field(default_factory=dict)
    axes: tuple[Float64[np.ndarray, " n"], ...] = ()

    def __post_init__(self) -> None:
        _own(self, "branch", "locations", "targets")
        if self.targets.shape != (len(self.branch), len(self.locations)):
            raise GraphError(
                explain(
                    "OperatorData.targets: shape",
                    self.targets.shape,
                    f"({len(self.branch)}, {len(self.locations)}): functions by locations",
                    "transpose it, or bring aligned samples as TripleData",
                )
            )
        object.__setattr__(self, "axes", tuple(frozen(np.asarray(axis, dtype=np.float64)) for axis in self.axes))
        if self.axes and not np.array_equal(grid(*self.axes), self.locations):
            raise GraphError(
                explain(
                    "OperatorData.axes",
                    f"a grid of {' x '.join(str(len(axis)) for axis in self.axes)}",
                    f"axes whose tuples, the last changing fastest, are the {len(self.locations)} locations",
                    "build the data by OperatorData.on_grid",
                )
            )
        _inside(self.domain, branch=self.branch, trunk=self.locations)

    @classmethod
    def on_grid(
        cls,
        branch: Float64[np.ndarray, "N m"],
        axes: Sequence[Float64[np.ndarray, " n"]],
        targets: Float64[np.ndarray, "N *grid"],
        domain: Domain,
        provenance: Mapping[str, str] | None = None,
    ) -> OperatorData:
        """Answers on the grid of `axes`: `targets[i, a, b]` is that of function i at `(axes[0][a], axes[1][b])`.

        Raises GraphError when the shape of the targets is not that of the grid.
        """
        shape = (len(branch), *(len(axis) for axis in axes))
        if np.shape(targets) != shape:
            raise GraphError(
                explain("targets on a grid: shape", np.shape(targets), f"{shape}: functions, then axes", "reorder axes")
            )
        flat = np.asarray(targets, dtype=np.float64).reshape(len(branch), -1)
        return cls(branch, grid(*axes), flat, domain, provenance or {}, tuple(axes))

    def __len__(self) -> int:
        """Number of functions."""
        return len(self.branch)

    def take(self, rows: Int[np.ndarray, " k"]) -> OperatorData:
        """The functions at `rows`, in that order."""
        return replace(self, branch=self.branch[rows], targets=self.targets[rows])

    def split(self, train: int) -> Split[OperatorData]:
        """The first `train` functions to train on, the others to test with."""
        rows = np.arange(len(self))
        return Split(train=self.take(rows[:train]), test=self.take(rows[train:]))

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """Arrays that broadcast to every pair, by input name: `branch (N, 1, m)` and `trunk (1, P, d)`."""
        return {"branch": self.branch[:, None, :], "trunk": self.locations[None, :, :]}

    @property
    def answers(self) -> Float64[np.ndarray, "N P 1"]:
        """Targets in the shape of a network's output."""
        return self.targets[..., None]

    #: Which inputs have one row a sample; the others are shared by all samples.
    sampled = ("branch",)


@dataclass(frozen=True, eq=False)
class TripleData:
    """Aligned samples of an operator: `targets[n]` is the answer of function `branch[n]` at `locations[n]`.

    Every function may be known at locations of its own; a function known at several stands in several rows. `domain`
    declares the ranges of the inputs `branch` and `trunk`. This is DeepXDE's `Triple` layout. Raises GraphError and
    OutOfRange as OperatorData.
    """

    branch: Float64[np.ndarray, "N m"]
    locations: Float64[np.ndarray, "N d"]
    targets: Float64[np.ndarray, "N 1"]
    domain: Domain
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _own(self, "branch", "locations", "targets")
        if not len(self.branch) == len(self.locations) == len(self.targets) or self.targets.shape[1] != 1:
            raise GraphError(
                explain(
                    "TripleData: shapes of branch, locations and targets",
                    (self.branch.shape, self.locations.shape, self.targets.shape),
                    "(N, m), (N, d) and (N, 1): one row a sample",
                    "align them, or bring functions by locations as OperatorData",
                )
            )
        _inside(self.domain, branch=self.branch, trunk=self.locations)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.branch)

    def take(self, rows: Int[np.ndarray, " k"]) -> TripleData:
        """The samples at `rows`, in that order."""
        return replace(self, branch=self.branch[rows], locations=self.locations[rows], targets=self.targets[rows])

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """Arrays by input name."""
        return {"branch": self.branch, "trunk": self.locations}

    @property
    def answers(self) -> Float64[np.ndarray, "N 1"]:
        """Targets in the shape of a network's output."""
        return self.targets

    sampled = ("branch", "trunk")


@dataclass(frozen=True, eq=False)
class PointData:
    """Aligned samples of a function: `y[n]` at the point `x[n]`.

    `domain` declares the range of the input `x`. Raises GraphError and OutOfRange as OperatorData.
    """

    x: Float64[np.ndarray, "N d"]
    y: Float64[np.ndarray, "N k"]
    domain: Domain
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _own(self, "x", "y")
        if len(self.x) != len(self.y):
            raise GraphError(
                explain("PointData.y: shape", self.y.shape, f"({len(self.x)}, k): one row a point", "align x and y")
            )
        _inside(self.domain, x=self.x)

    def __len__(self) -> int:
        """Number of points."""
        return len(self.x)

    def take(self, rows: Int[np.ndarray, " k"]) -> PointData:
        """The points at `rows`, in that order."""
        return replace(self, x=self.x[rows], y=self.y[rows])

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """Arrays by input name."""
        return {"x": self.x}

    @property
    def answers(self) -> Float64[np.ndarray, "N k"]:
        """Targets in the shape of a network's output."""
        return self.y

    sampled = ("x",)


Data = OperatorData | TripleData | PointData
D = TypeVar("D", OperatorData, TripleData, PointData)


@dataclass(frozen=True)
class Split(Generic[D]):
    """Samples to train on and samples to be judged on, with no sample in both.

    Choose settings on a part of `train` that `carve` holds out, never on `test`.
    """

    train: D
    test: D


def grid(*axes: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, "P d"]:
    """All tuples of the coordinates in `axes`, the last coordinate changing fastest."""
    return np.stack([c.ravel() for c in np.meshgrid(*axes, indexing="ij")], axis=1)


def carve(data: D, held_out: int, seed: int) -> tuple[D, D]:
    """`data` in two, at random: all but `held_out` samples, and the samples held out (a validation set, say).

    Raises OutOfRange unless both parts get at least one sample.
    """
    if not 1 <= held_out < len(data):
        raise OutOfRange(
            explain("held_out", held_out, f"1..{len(data) - 1} of the {len(data)} samples", "hold out fewer or more")
        )
    rows = np.random.default_rng(seed).permutation(len(data))
    return data.take(rows[held_out:]), data.take(rows[:held_out])


def _own(data: Data, *names: str) -> None:
    for name in names:
        array = np.asarray(getattr(data, name), dtype=np.float64)
        if array.ndim != 2 or not array.size:
            raise GraphError(
                explain(f"{type(data).__name__}.{name}: shape", array.shape, "two axes, none empty", "reshape it")
            )
        require_finite(f"{type(data).__name__}.{name}", array)
        object.__setattr__(data, name, frozen(array))
    ends = {name: (per_column(low), per_column(high)) for name, (low, high) in data.domain.items()}
    object.__setattr__(data, "domain", MappingProxyType(ends))
    object.__setattr__(data, "provenance", MappingProxyType(dict(data.provenance)))


def _inside(domain: Domain, **arrays: np.ndarray) -> None:
    if set(domain) != set(arrays):
        raise GraphError(
            explain("domain: inputs", sorted(domain), f"{sorted(arrays)}", "declare the range of every input")
        )
    for name, array in arrays.items():
        require_inside(f"input {name!r}", array, domain[name], "the declared range", "declare a wider range")


def require_inside(subject: str, array: np.ndarray, ends: tuple[PerColumn, PerColumn], whose: str, remedy: str) -> None:
    """Raise OutOfRange at the first entry of `array` that leaves `ends`; `whose` says in words what range that is.

    Raises GraphError for ends that are neither one number nor one for every column.
    """
    columns = array.shape[-1]
    for end in ends:
        if np.shape(end) not in ((), (columns,)):
            raise GraphError(
                explain(
                    f"{whose} of {subject}",
                    f"of shape {np.shape(end)}",
                    f"a lowest and a highest value of all columns, or {columns} of both: one a column",
                    "match it to the columns",
                )
            )
    bad = (array < ends[0]) | (array > ends[1])
    if bad.any():
        column = int(np.argwhere(bad)[0][-1])
        low, high = (float(np.broadcast_to(end, array.shape[-1:])[column]) for end in ends)
        which = f" in column {column}" if max(np.ndim(end) for end in ends) else ""
        refuse_first(bad, subject, array, f"{low:g}..{high:g}, {whose}{which}", f"{remedy} ({{count}} such values)")
