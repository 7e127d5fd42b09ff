"""MexicanHat: regression of a function of two variables.

    y = (1 - q) exp(-q) / (pi sigma**4),  q = (x1**2 + x2**2) / (2 sigma**2),  on [-1, 1] x [-1, 1]

the 2D Ricker wavelet, that is the negative Laplacian of a Gaussian of unit mass. Source: the regression problem of Wan,
Zhang, Karniadakis 2024 (arXiv 2411.07057), with sigma = 0.8 and 10,000 points. The square, the factor 1 / (pi sigma**4)
and the grid of 100 x 100 are those of the code that its first author published with a later paper (arXiv 2511.06614)
for the same function and sigma; that code trains on the points it tests with. Training on other points than those
tested is a choice made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from jaxtyping import Float64

from neurokit.data.data import PointData, Split, grid
from neurokit.data.recipe_checks import require_above_zero, require_least
from neurokit.errors import OutOfRange, explain


class Sampling(Protocol):
    """Which points to train on and which to test with."""

    def points(
        self, mesh: Float64[np.ndarray, "P 2"], train: int, rng: np.random.Generator
    ) -> tuple[Float64[np.ndarray, "train 2"], Float64[np.ndarray, "test 2"]]:
        """`train` points, and those to test with; `mesh` is the whole grid of [-1, 1] x [-1, 1]."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Trains on points drawn uniformly from the square, tests with the whole grid."""

    def points(
        self, mesh: Float64[np.ndarray, "P 2"], train: int, rng: np.random.Generator
    ) -> tuple[Float64[np.ndarray, "train 2"], Float64[np.ndarray, "test 2"]]:
        """Random points, and the grid."""
        return rng.uniform(-1.0, 1.0, size=(train, 2)), mesh


@dataclass(frozen=True)
class OnGrid:
    """Trains on points of the grid, drawn at random, and tests with all others of it."""

    def points(
        self, mesh: Float64[np.ndarray, "P 2"], train: int, rng: np.random.Generator
    ) -> tuple[Float64[np.ndarray, "train 2"], Float64[np.ndarray, "test 2"]]:
        """The grid in two. Raises OutOfRange unless both parts get at least one point."""
        if not train < len(mesh):
            raise OutOfRange(
                explain("MexicanHat.train", train, f"1..{len(mesh) - 1}: some of the grid's points", "train on fewer")
            )
        rows = rng.permutation(len(mesh))
        return mesh[rows[:train]], mesh[rows[train:]]


@dataclass(frozen=True)
class MexicanHat:
    """The 2D Ricker wavelet at points of a square: the recipe of the data set.

    sigma      width of the hat; its rim, where y is zero, has the radius sqrt(2) sigma
    side       points along a side of the grid on [-1, 1] x [-1, 1], edges included
    train      number of points to train on
    sampling   where they lie: Uniform() or OnGrid()

    Draw a validation set from the training points: `carve(split.train, 1000, seed)`. Raises OutOfRange for numbers
    that make no data set.
    """

    #: The kind of network that a run takes if none is said.
    suits: ClassVar[str] = "mlp"

    sigma: float = 0.8
    side: int = 100
    train: int = 10_000
    sampling: Sampling = Uniform()

    def __post_init__(self) -> None:
        require_above_zero(self, "sigma")
        require_least(self, side=2, train=1)

    def __call__(self, x: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, " *n"]:
        """The function at the points `x`."""
        q = np.sum(np.asarray(x) ** 2, axis=-1) / (2 * self.sigma**2)
        return np.asarray((1 - q) * np.exp(-q) / (np.pi * self.sigma**4))

    def generate(self, seed: int = 0) -> Split[PointData]:
        """Training and test points. Raises what the sampling raises."""
        axis = np.linspace(-1.0, 1.0, self.side)
        train, test = self.sampling.points(grid(axis, axis), self.train, np.random.default_rng(seed))
        made = {"problem": repr(self), "data_seed": str(seed)}

        def data(x: np.ndarray) -> PointData:
            return PointData(x, self(x)[:, None], {"x": (-1.0, 1.0)}, made)

        return Split(train=data(train), test=data(test))
