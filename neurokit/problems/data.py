"""OperatorData and PointData: what a network is trained on, and the input ranges that quantisation relies on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from jaxtyping import Float64, Int

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.wiring import frozen, require_finite

#: Lowest and highest value of every network input, by the input's name.
Domain = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class OperatorData:
    """Input functions at fixed sensors, and the answers at fixed locations, for every pair of the two.

    branch     values of `N` input functions at `m` sensors
    locations  `P` points in `d` dimensions at which the answers are known
    targets    the answers, one row a function, one column a location
    domain     declared range of the inputs `branch` and `trunk`: a promise to the quantiser, checked here

    This is DeepXDE's `TripleCartesianProd` layout. Raises GraphError when shapes do not agree, OutOfRange when a
    value is not finite or leaves the declared range.
    """

    branch: Float64[np.ndarray, "N m"]
    locations: Float64[np.ndarray, "P d"]
    targets: Float64[np.ndarray, "N P"]
    domain: Domain
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _own(self, "branch", "locations", "targets")
        if self.targets.shape != (len(self.branch), len(self.locations)):
            raise GraphError(
                explain(
                    "OperatorData.targets: shape",
                    self.targets.shape,
                    f"({len(self.branch)}, {len(self.locations)}): functions by locations",
                    "transpose it, or use aligned samples as PointData",
                )
            )
        _inside(self.domain, branch=self.branch, trunk=self.locations)

    def __len__(self) -> int:
        """Number of functions."""
        return len(self.branch)

    def take(self, rows: Int[np.ndarray, " k"]) -> OperatorData:
        """The functions at `rows`, in that order."""
        return replace(self, branch=self.branch[rows], targets=self.targets[rows])

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


Data = OperatorData | PointData
D = TypeVar("D", OperatorData, PointData)


@dataclass(frozen=True)
class Split:
    """Samples to train on and samples to be judged on, with no sample in both."""

    train: OperatorData
    test: OperatorData


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
    object.__setattr__(data, "domain", MappingProxyType(dict(data.domain)))
    object.__setattr__(data, "provenance", MappingProxyType(dict(data.provenance)))


def _inside(domain: Domain, **arrays: np.ndarray) -> None:
    if set(domain) != set(arrays):
        raise GraphError(
            explain("domain: inputs", sorted(domain), f"{sorted(arrays)}", "declare the range of every input")
        )
    for name, array in arrays.items():
        low, high = domain[name]
        bad = np.argwhere((array < low) | (array > high))
        if len(bad):
            raise OutOfRange(
                explain(
                    f"input {name!r}[{', '.join(map(str, bad[0]))}]",
                    array[tuple(bad[0])],
                    f"{low:g}..{high:g}, the declared range",
                    f"declare a wider range ({len(bad)} such values)",
                )
            )
